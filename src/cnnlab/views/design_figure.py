"""Map size and receptive field, layer by layer."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnlab.designs.design import Design
from cnnlab.networks.geometry import Row
from cnnlab.views.labels import label

LINES = ("-", "--", "-.", ":")  # where curves coincide, the lower one shows between the dashes
NAMED = 16  # layers up to which their names fit on the axis


def design_figure(designs: Sequence[Design]) -> Figure:
    """One line per design over its convolutions and poolings; the height, if height and width differ."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    image = designs[0].image_shape[1]
    for number, design in enumerate(designs):
        rows = _steps(design)
        style = {"marker": "os^Dv"[number % 5], "linestyle": LINES[number % 4], "markersize": 4, "label": design.name}
        top.plot(range(len(rows) + 1), [image, *(row.output[1] for row in rows)], **style)
        seen = [(at, row.receptive_field[0]) for at, row in enumerate(rows, start=1) if row.receptive_field]
        bottom.plot([0, *(at for at, _ in seen)], [1, *(size for _, size in seen)], **style)
    bottom.axhline(image, color="#888888", linewidth=1, linestyle="--", label=f"the image, {image} pixels")
    top.set(title="Side of the map", ylabel="cells")
    bottom.set(title="Receptive field: what one cell sees", ylabel="pixels")
    for ax in (top, bottom):
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
    _name_layers(bottom, designs)
    return figure


def _steps(design: Design) -> list[Row]:
    steps = [row for row in design.rows if row.kind == "convolution" or row.kind.endswith(" pool")]
    return [row for row in steps if len(row.output) == 3]


def _name_layers(ax: Axes, designs: Sequence[Design]) -> None:
    rows = _steps(designs[0])
    if len(designs) == 1 and len(rows) <= NAMED:
        names = [f"{row.name.partition('.')[0]} {label(row)}" for row in rows]
        ax.set_xticks(range(len(rows) + 1), ["image", *names], rotation=35, ha="right", fontsize=8)
    else:
        ax.set_xlabel("layer: convolutions and poolings, 0 is the image")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
