"""First-layer kernels and feature maps as image tensors for TensorBoard.

Images are float32 (3, H, W) in 0..1. NaN and infinity are magenta.
"""

import math
from textwrap import wrap
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.colors import to_rgb
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from cnnlab.networks.layers import leaves, weight_layers
from cnnlab.networks.modules.table import NoActivation, layer_type
from cnnlab.networks.trace import Call, Recorder, mode

# TensorBoard shows an image 350 pixels wide, without interpolation: a figure of this width in inches has a pixel for
# each at matplotlib's 100 dots per inch, and text that can be read.
CARD = 3.5
INK, NOT_FINITE = "#222222", "#ff00ff"  # of figures, too
KERNELS = 64  # output channels drawn
CHANNELS = 16  # input channels of a kernel, or maps of a layer, drawn
SIDE = 24  # minimum size of a tile in pixels, reached by repeating cells
GAP = 2
PIXELS, LINE = round(100 * CARD), 52  # of a card: its width, and the characters that fit
FONT = findfont("DejaVu Sans")  # of the figures
BROKEN = to_rgb(NOT_FINITE)


class Sheet(NamedTuple):
    """`pixels`: (3, H, W) in 0..1; `words` say what the shades mean."""

    pixels: Tensor
    words: str

    def titled(self, title: str) -> np.ndarray:
        """(3, H, W), uint8: title and words above the picture, as wide as a card of TensorBoard, or as `pixels`.

        Not by matplotlib, which would take longer for the pictures of a run than its training.
        """
        pixels = (255 * self.pixels.permute(1, 2, 0).cpu().numpy()).astype(np.uint8)
        height, width = pixels.shape[:2]
        wide = max(width, PIXELS)
        high = round(wide * height / width)
        scale = wide / PIXELS
        lines = wrap(f"{title}: {self.words}", LINE)
        top = round(scale * (8 + 16 * len(lines)))
        drawn = Image.new("RGB", (wide, top + high), "white")
        drawn.paste(Image.fromarray(pixels).resize((wide, high), Image.Resampling.NEAREST), (0, top))
        font = ImageFont.truetype(FONT, scale * 12)
        ImageDraw.Draw(drawn).text((7 * scale, 4 * scale), "\n".join(lines), INK, font)
        return np.asarray(drawn).transpose(2, 0, 1)


def first_kernels(network: nn.Module) -> Sheet | None:
    """The kernels of the first convolution; None for a network without one."""
    first = next((m for m in weight_layers(network).values() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        return None
    c_out, c_in = first.weight.shape[:2]
    rows = "" if c_in in (1, 3) else f", a row each with {_of(min(c_in, CHANNELS), c_in)} input channels"
    words = f"{_of(min(c_out, KERNELS), c_out)}{rows}, each scaled by its largest weight; grey is 0"
    return Sheet(kernels(first.weight), words)


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


def feature_maps(network: nn.Module, image: Tensor) -> dict[str, Sheet]:
    """The first convolution of every block and the activation after it, for one normalized `image: (C, H, W)`.

    A block is a module that contains convolutions; the network's last convolution is included. Keys are the modules'
    names. Runs the network once in evaluation mode, without changing it.
    """
    chosen = _chosen(network)
    pictures: dict[str, Sheet] = {}
    waiting = False

    def note(call: Call, output: Tensor) -> None:
        nonlocal waiting
        if isinstance(call.module, nn.Conv2d):
            waiting = call.name in chosen
            if waiting:
                pictures[call.name] = _sheet(output[0])
        elif waiting and _is_activation(call.module):
            pictures[call.name] = _sheet(output[0])
            waiting = False

    x = image[None]
    recorder = Recorder(x, note)
    with torch.no_grad(), mode(network, training=False), recorder.listening(network), recorder:
        network(x)
    return pictures


def _sheet(values: Tensor) -> Sheet:
    zero = "grey" if bool((values < 0).any()) else "black"
    return Sheet(maps(values), f"{_of(min(len(values), CHANNELS), len(values))}, on one scale; {zero} is 0")


def _of(drawn: int, there: int) -> str:
    return f"all {there}" if drawn == there else f"{drawn} of {there}"


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
    return _grid(in_colour((image - low) / (high - low).clamp(min=1e-12))[None])


def in_colour(image: Tensor) -> Tensor:
    """`image: (C, H, W)` -> (1 or 3, H, W): two channels are red and green, of more than three the first three."""
    return torch.cat([image, torch.zeros_like(image[:1])]) if len(image) == 2 else image[:3]


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
