"""Panels shared by several figures, with consistent colours: picture, signed map, table of numbers."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from cnnlab.common.words import names_in_any_script
from cnnlab.views.tiles import INK, in_colour

DPI = 120
SIGNED = "RdBu_r"  # blue below zero, white at zero, red above
MARK = "#e8590c"
TITLE, SMALL = 9, 8  # points: 12 and 11 pixels
_GREY = ListedColormap(["#ededed"])
# A decorator of figures with names that users gave: a $ in them begins no formula.
as_written = rc_context({"text.parse_math": False})


def save(figure: Figure, path: Path, dpi: float = DPI) -> Path:
    """Write a PNG and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with names_in_any_script():
        figure.savefig(path, dpi=dpi)
    return path


def card_title(figure: Figure, text: str) -> None:
    """Above everything, in as many lines as it takes."""
    width, height = figure.get_size_inches()
    # A layout engine leaves room for a title that has no height of its own.
    place = {} if figure.get_layout_engine() else {"y": 1 - 0.05 / height, "va": "top"}
    figure.suptitle("\n".join(wrap(text, int(14 * width))), fontsize=TITLE, x=0.07 / width, ha="left", **place)


def bare(ax: Axes) -> None:
    """No ticks, a thin frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color("#999999")


Extent = tuple[float, float, float, float]  # left, right, bottom, top, as imshow has it


def picture(ax: Axes, image: Tensor, extent: Extent | None = None) -> None:
    """`image`: (C, H, W) in 0..1, as `in_colour`; values outside are clipped."""
    bare(ax)
    pixels = in_colour(image.detach().float().cpu().clamp(0, 1))
    if len(pixels) == 1:
        ax.imshow(pixels[0].numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
    else:
        ax.imshow(pixels.permute(1, 2, 0).numpy(), interpolation="nearest", extent=extent)


def signed(ax: Axes, values: Tensor, largest: float, extent: Extent | None = None) -> None:
    """`values` (H, W), white at 0, full colour at `largest`; non-finite cells are grey."""
    bare(ax)
    values = values.detach().float().cpu()
    limit = largest if largest > 0 else 1.0
    ax.imshow(
        values.nan_to_num(0, 0, 0).numpy(), cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest", extent=extent
    )
    if not torch.isfinite(values).all():
        hidden = torch.where(torch.isfinite(values), torch.nan, 0.0)
        ax.imshow(hidden.numpy(), cmap=_GREY, interpolation="nearest", extent=extent)


def numbers(ax: Axes, values: Sequence[Sequence[float]], size: float = 9) -> None:
    """A k x k table, each cell with its number and colour."""
    table = torch.tensor(values, dtype=torch.float32)
    # 1.6: the strongest colour stays light enough for dark text.
    signed(ax, table, 1.6 * largest(table))
    write(ax, table.tolist(), size)


def write(ax: Axes, values: Sequence[Sequence[float]], size: float, colour: str = INK) -> None:
    """Write each cell's number."""
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            ax.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=size, color=colour)


def mark(ax: Axes, row: float, column: float, size: int) -> None:
    """A frame around the size x size cells starting at (row, column), and a ring around it if too small to see."""
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, fill=False, edgecolor=MARK, linewidth=1.8))
    side = max(ax.get_xlim()) + 0.5
    if size < 0.08 * side:
        middle = (column + (size - 1) / 2, row + (size - 1) / 2)
        ax.add_patch(Circle(middle, 0.06 * side, fill=False, edgecolor=MARK, linewidth=1.5))


def largest(values: Tensor) -> float:
    """Largest finite magnitude; 0 if there is none."""
    finite = values.detach()[torch.isfinite(values.detach())]
    return float(finite.abs().max()) if finite.numel() else 0.0
