"""First-layer kernels and feature maps as image tensors for TensorBoard.

Images are float32 (3, H, W) in 0..1. NaN and infinity are magenta.
"""

import math

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import leaves, weight_layers
from cnnlab.networks.modules.table import NoActivation, layer_type
from cnnlab.networks.trace import Call, Recorder, mode

KERNELS = 64  # output channels drawn
CHANNELS = 16  # input channels of a kernel, or maps of a layer, drawn
SIDE = 24  # minimum size of a tile in pixels, reached by repeating cells
GAP = 2
BROKEN = (1.0, 0.0, 1.0)


def first_kernels(network: nn.Module) -> Tensor | None:
    """The kernels of the first convolution; None for a network without one."""
    first = next((m for m in weight_layers(network).values() if isinstance(m, nn.Conv2d)), None)
    return None if first is None else kernels(first.weight)


def kernels(weight: Tensor) -> Tensor:
    """`weight: (c_out, c_in, k, k)`: one colour tile per kernel for three input channels, else a row of c_in tiles.

    Zero is mid-grey; each output channel's kernel is scaled so that its largest weight is white or black.
    """
    weight = weight.detach().float()[:KERNELS]
    if weight.shape[1] == 3:
        return _grid(_signed(weight))
    c_in = weight.shape[1]
    tiles = _signed(weight)[:, :CHANNELS].flatten(0, 1)[:, None]
    return _grid(tiles, columns=min(c_in, CHANNELS) if c_in > 1 else None)


def feature_maps(network: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """The first convolution of every block and the activation after it, for one normalized `image: (C, H, W)`.

    A block is a module that contains convolutions; the network's last convolution is included. Keys are the modules'
    names. Runs the network once in evaluation mode, without changing it.
    """
    chosen = _chosen(network)
    pictures: dict[str, Tensor] = {}
    waiting = False

    def note(call: Call, output: Tensor) -> None:
        nonlocal waiting
        if isinstance(call.module, nn.Conv2d):
            waiting = call.name in chosen
            if waiting:
                pictures[call.name] = maps(output[0])
        elif waiting and _is_activation(call.module):
            pictures[call.name] = maps(output[0])
            waiting = False

    x = image[None]
    recorder = Recorder(x, note)
    with torch.no_grad(), mode(network, training=False), recorder.listening(network), recorder:
        network(x)
    return pictures


def _is_activation(module: nn.Module) -> bool:
    known = layer_type(module)
    return known is not None and known.role == "activation" and not isinstance(module, NoActivation)


def maps(values: Tensor) -> Tensor:
    """`values: (C, H, W)`, one tile per channel, with a common scale.

    0 is black if nothing is negative, else mid-grey.
    """
    values = values.detach().float()[:CHANNELS]
    finite = torch.where(values.isfinite(), values, 0.0)
    if bool((finite < 0).any()):
        return _grid(_signed(values[None])[0][:, None])
    return _grid((values / finite.max().clamp(min=1e-38))[:, None])


def picture(image: Tensor) -> Tensor:
    """A normalized `image: (C, H, W)`, rescaled so that its minimum is black and its maximum white."""
    image = image.detach().float()
    low, high = image.min(), image.max()
    return _grid(((image - low) / (high - low).clamp(min=1e-12))[:3][None])


def _chosen(network: nn.Module) -> set[str]:
    convolutions = [name for name, module in leaves(network) if isinstance(module, nn.Conv2d)]
    first_of_block: dict[str, str] = {}
    for name in convolutions:
        first_of_block.setdefault(name.rpartition(".")[0], name)
    return {*first_of_block.values(), *convolutions[-1:]}


def _signed(x: Tensor) -> Tensor:
    """(N, ...) -> 0..1 with 0 at 0.5, each of the N scaled separately."""
    size = torch.where(x.isfinite(), x, 0.0).abs().flatten(1).amax(1)
    # Scaled before shifting: the range from low to high may overflow float32.
    return 0.5 + 0.5 * (x / size.clamp(min=1e-38).view(-1, *[1] * (x.dim() - 1)))


def _grid(tiles: Tensor, columns: int | None = None) -> Tensor:
    """(N, 1 or 3, h, w) -> (3, H, W): enlarged tiles with white gaps, in rows of `columns`, or nearly square."""
    n, _, h, w = tiles.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    broken = ~tiles.isfinite().all(1, keepdim=True)
    tiles = tiles.nan_to_num(0.0, 0.0, 0.0).clamp(0, 1).expand(n, 3, h, w)
    tiles = torch.where(broken, torch.tensor(BROKEN, device=tiles.device).view(1, 3, 1, 1), tiles)
    zoom = max(1, math.ceil(SIDE / max(h, w)))
    tiles = tiles.repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    h, w = h * zoom + GAP, w * zoom + GAP
    sheet = tiles.new_ones(3, rows * h + GAP, columns * w + GAP)
    for i, tile in enumerate(tiles):
        top, left = GAP + i // columns * h, GAP + i % columns * w
        sheet[:, top : top + h - GAP, left : left + w - GAP] = tile
    return sheet
