"""Classical 3x3 kernels: applied to a picture, or as fixed or initial weights of a convolution.

Kernels are not flipped: as in a convolution layer, they are cross-correlated with the picture. So `sobel_x` is
positive where the picture gets brighter to the right.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.common.errors import InputError, did_you_mean


class Kernel(NamedTuple):
    """The weights are `values / divisor`; the divisor keeps `values` as printed in `source`."""

    values: tuple[tuple[float, ...], ...]
    source: str
    divisor: float = 1

    def tensor(self) -> Tensor:
        return torch.tensor(self.values, dtype=torch.float32) / self.divisor


# Kernels without an author are folklore; the source is then a page that shows them.
_POWELL = "Powell, Image Kernels Explained Visually, setosa.io/ev/image-kernels"
_GONZALEZ = "Gonzalez & Woods, Digital Image Processing, ch. 3"
CLASSICAL: dict[str, Kernel] = {
    "identity": Kernel(((0, 0, 0), (0, 1, 0), (0, 0, 0)), _POWELL),
    "box_blur": Kernel(((1, 1, 1), (1, 1, 1), (1, 1, 1)), _GONZALEZ, 9),
    "gaussian": Kernel(((1, 2, 1), (2, 4, 2), (1, 2, 1)), _GONZALEZ + ", binomial weights", 16),
    "sharpen": Kernel(((0, -1, 0), (-1, 5, -1), (0, -1, 0)), _POWELL),
    "outline": Kernel(((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)), _POWELL),
    "emboss": Kernel(((-2, -1, 0), (-1, 1, 1), (0, 1, 2)), _POWELL),
    "sobel_x": Kernel(((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), "Sobel & Feldman 1968, brighter to the right"),
    "sobel_y": Kernel(((-1, -2, -1), (0, 0, 0), (1, 2, 1)), "Sobel & Feldman 1968, brighter downwards"),
    "prewitt_x": Kernel(((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)), "Prewitt 1970, brighter to the right"),
    "prewitt_y": Kernel(((-1, -1, -1), (0, 0, 0), (1, 1, 1)), "Prewitt 1970, brighter downwards"),
    "laplacian": Kernel(((0, 1, 0), (1, -4, 1), (0, 1, 0)), _GONZALEZ + ", second derivative"),
}

# What `init=classical` fills with, in this order: a run keeps its weights when a kernel is added above.
FILLED = (
    *("identity", "box_blur", "gaussian", "sharpen", "outline", "emboss"),
    *("sobel_x", "sobel_y", "prewitt_x", "prewitt_y", "laplacian"),
)

# Counts the cells of a patch that match the left corner of the smiley's mouth.
MOUTH_CORNER = Kernel(((0, 0, 1), (1, 0, 0), (0, 1, 1)), "feature detector for the 7x7 smiley")


def named(name: str) -> Kernel:
    """The kernel of that name. Raises InputError, listing the names, if there is none."""
    known = CLASSICAL | {"mouth_corner": MOUTH_CORNER}
    if name not in known:
        raise InputError(f"There is no kernel '{name}'.{did_you_mean(name, known)}\nThere are: {', '.join(known)}.")
    return known[name]


def apply(image: Tensor, kernel: Tensor | Sequence[Sequence[float]], border: str = "edge") -> Tensor:
    """Cross-correlate `kernel` (k, k) with each channel of `image` (..., H, W) separately.

    `border`: "edge" replicates the border pixels and "zero" pads with zeros, which keep the size (an even kernel's
    odd line goes to the right and bottom); "valid" gives (..., H - k + 1, W - k + 1).
    """
    weight = torch.as_tensor(kernel, dtype=image.dtype, device=image.device)
    k = weight.shape[-1]
    x = image.reshape(-1, 1, *image.shape[-2:])
    if border != "valid":
        before, after = (k - 1) // 2, k // 2
        x = F.pad(x, (before, after, before, after), mode="replicate" if border == "edge" else "constant")
    y = F.conv2d(x, weight[None, None])
    return y.reshape(*image.shape[:-2], *y.shape[-2:])


def classical_(weight: Tensor) -> Tensor:
    """Fill `weight` (c_out, c_in, k, k): output channel i gets classical kernel i modulo their number.

    Weights larger than 3x3 hold the kernel at the centre (for even sizes at the tap above left of it, which is the
    centre under `same` padding). How it is spread over input channels differs:

    - up to 4 are a picture: each gets the kernel divided by their number, so that the layer applies the kernel to
      the mean of the channels;
    - more are feature maps. Equal shares would give channels i and i + 11 the same weights and gradients for ever,
      so each input channel gets the kernel times a normal factor of He's variance: the squared weights of an
      output channel sum to 2 on average;
    - 1x1 weights, including fully connected layers, cannot hold a kernel and get He's initialization (2015).

    Raises ValueError for 2x2 weights, and for those that are not square or along another number of axes.
    """
    c_out, c_in, k, *others = weight.shape
    if {k, *others} == {1}:
        return nn.init.kaiming_normal_(weight, nonlinearity="relu")
    if others != [k] or k < 3:
        raise ValueError(
            f"classical kernels are 3x3 and do not fit {'x'.join(map(str, (k, *others)))} weights; "
            "use square ones, model.kernel_size=3 or more, or init=he"
        )
    kernels = torch.stack([CLASSICAL[name].tensor() for name in FILLED]).to(weight)
    chosen = kernels[torch.arange(c_out, device=weight.device) % len(kernels)][:, None]
    if c_in <= 4:
        filled = (chosen / c_in).expand(-1, c_in, -1, -1)
    else:
        shares = torch.randn(c_out, c_in, 1, 1, device=weight.device, dtype=weight.dtype)
        filled = shares * (2 / c_in) ** 0.5 * chosen / chosen.norm(dim=(2, 3), keepdim=True)
    with torch.no_grad():
        return weight.copy_(centred(filled, k))


def centred(kernels: Tensor, size: int) -> Tensor:
    """`kernels` (..., 3, 3), zero-padded to (..., size, size), size >= 3."""
    before = (size - 1) // 2 - 1
    return F.pad(kernels, (before, size - 3 - before, before, size - 3 - before))


def freeze_classical(layer: nn.Conv2d) -> None:
    """Make `layer` a fixed bank of classical kernels: weights by `classical_`, bias 0, both frozen."""
    if layer.weight.shape[-1] < 3:
        raise InputError(
            f"model.first_layer=classical needs kernels of 3x3 or larger, the first layer has "
            f"model.kernel_size={layer.weight.shape[-1]}.\nUse model.kernel_size=3, or model.first_layer=learned."
        )
    classical_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    layer.requires_grad_(False)
