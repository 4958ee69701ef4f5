"""Bytes that the forward pass saves for the backward pass: predicted from the layers, and measured.

Parameters and buffers are not counted; a tensor that two layers save counts once, for the first. Predictions are for
eager PyTorch in float32, contiguous, on the CPU (on CUDA dropout's mask takes 1 byte per unit instead of 4).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from weakref import ref

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import weight_of
from cnnlab.networks.modules.table import FLOAT, Saved, layer_type
from cnnlab.networks.trace import IMAGE, Call, Recorder, Trace, eager, mode, untouched, unwrapped, zero_images


@dataclass(frozen=True)
class Kept:
    """Bytes that a layer adds: per image, and per batch (batch norm's mean and std)."""

    image: int
    batch: int = 0


def predicted(passage: Trace) -> list[Kept | None]:
    """One entry per call; None from the first call without a formula, since what it saves counts no more below.

    What the output does not depend on is let go with its graph.
    """
    calls, used = passage.calls, passage.used()
    found: list[Kept | None] = []
    storages, needing, kept = [IMAGE], [False], set[int]()  # by place + 1, the image first; ids of kept storages
    for place, call in enumerate(calls):
        trained = any(p.requires_grad for p in call.module.parameters())
        needs_gradient = place in used and (trained or any(needing[i + 1] for i in call.inputs))
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
    known = layer_type(call.module) if call.inputs else None
    if known is not None and known.role == "weights" and weight_of(call.module) is None:
        return None  # computing the weights saves more
    saved = known.saved(call) if known else None
    return saved if saved is None or needs_gradient else Saved(reuses=saved.reuses)


def confirmed(network: nn.Module, image_shape: tuple[int, int, int], kept: Sequence[Kept | None]) -> bool:
    """Whether training saves what is predicted. A forward method may do what no trace of layers shows, such as
    checkpointing, which saves little and computes again."""
    return sum(per_image(network, image_shape).values()) == sum(k.image for k in kept if k)


def per_image(network: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """`measured`, per layer and training image: half the difference between batches of four and of two."""
    two, four = (measured(network, zero_images(network, image_shape, n)) for n in (2, 4))
    return {name: (size - two.get(name, 0)) // 2 for name, size in four.items()}


def measured(network: nn.Module, batch: Tensor) -> dict[str, int]:
    """Bytes that autograd saves for `batch` (N, C, H, W) in training mode, by the layer or function that saved them
    first, named as in the trace.

    Those that save nothing are left out. Running statistics and the random state are preserved.
    """
    network = unwrapped(network)
    saved: list[ref[_Saved]] = []  # dead if the graph that it was saved for is: nothing led from there to the output
    names: list[str] = []

    def pack(tensor: Tensor) -> _Saved:
        held = _Saved(tensor.detach())  # an output's own graph would keep itself alive
        saved.append(ref(held))
        return held

    def note(call: Call, output: object) -> None:
        names.extend([call.name] * (len(saved) - len(names)))

    recorder = Recorder(batch, note)
    with (
        untouched(network, batch) as buffers,
        mode(network, training=True),
        eager(),
        recorder.listening(network),
        recorder,
        torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.tensor),
        torch.enable_grad(),
    ):
        output = torch.func.functional_call(network, buffers, (batch,))
    recorder.forget()
    own = {t.untyped_storage()._cdata for t in [*network.parameters(), *buffers.values()]}
    by_layer: Counter[str] = Counter()
    for name, reference in zip(names, saved, strict=False):
        held = reference()
        if held is not None and (storage := held.tensor.untyped_storage())._cdata not in own:
            own.add(storage._cdata)
            by_layer[name] += storage.nbytes()
    del output
    return dict(by_layer)


@dataclass(eq=False)
class _Saved:
    """Lives as long as the graph that needs the tensor."""

    tensor: Tensor
