"""Bytes that the forward pass saves for the backward pass: predicted from the layers, and measured.

Parameters and buffers are not counted; a tensor that two layers save counts once, for the first. Predictions are for
eager PyTorch in float32, contiguous, on the CPU (on CUDA dropout's mask takes 1 byte per unit instead of 4).
"""

from collections import Counter
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import weight_of
from cnnlab.networks.modules.table import FLOAT, Saved, layer_type
from cnnlab.networks.trace import IMAGE, Call, Recorder, mode


@dataclass(frozen=True)
class Kept:
    """Bytes that a layer adds: per image, and per batch (batch norm's mean and std)."""

    image: int
    batch: int = 0


def predicted(calls: list[Call]) -> list[Kept | None]:
    """One entry per call; None from the first call without a formula, since what it saves counts no more below."""
    found: list[Kept | None] = []
    storages, needing, kept = [IMAGE], [False], set[int]()  # by place + 1, the image first; ids of kept storages
    for place, call in enumerate(calls):
        needs_gradient = any(needing[i + 1] for i in call.inputs) or any(
            p.requires_grad for p in call.module.parameters()
        )
        saved = _saved(call, needs_gradient)
        if saved is None:
            return found + [None] * (len(calls) - len(found))
        before = storages[call.inputs[0] + 1]
        after = before if saved.reuses else place
        new = {before: prod(call.input)} if saved.input else {}
        new |= {after: prod(call.output)} if saved.output else {}
        found.append(Kept(FLOAT * sum(n for key, n in new.items() if key not in kept) + saved.image, saved.batch))
        kept |= new.keys()
        storages.append(after)
        needing.append(needs_gradient)
    return found


def _saved(call: Call, needs_gradient: bool) -> Saved | None:
    known = layer_type(call.module)
    if known is not None and known.role == "weights" and weight_of(call.module) is None:
        return None  # computing the weights saves more
    saved = known.saved(call) if known else None
    return saved if saved is None or needs_gradient else Saved(reuses=saved.reuses)


def measured(network: nn.Module, batch: Tensor) -> dict[str, int]:
    """Bytes that autograd saves for `batch` (N, C, H, W) in training mode, by the layer or function that saved them
    first, named as in the trace.

    Those that save nothing are left out. Running statistics and the random state are preserved.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    own = {t.untyped_storage().data_ptr() for t in [*network.parameters(), *buffers.values()]}
    seen: dict[int, int] = {}
    by_layer: Counter[str] = Counter()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen.setdefault(storage.data_ptr(), storage.nbytes())
        return tensor

    def note(name: str) -> None:
        by_layer[name] += sum(seen.values()) - by_layer.total()

    recorder = Recorder(batch, note)
    devices = [batch.device] if batch.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        mode(network, training=True),
        recorder.listening(network),
        recorder,
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.enable_grad(),
    ):
        torch.func.functional_call(network, buffers, (batch,))
    return {name: size for name, size in by_layer.items() if size}
