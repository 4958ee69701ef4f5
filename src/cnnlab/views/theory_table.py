"""Theory for a network before its first step, as a table for the design sheet."""

import math

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cnnlab.common.words import two_digits
from cnnlab.theory import Expectation, Expected
from cnnlab.theory.theory_report import TheoryReport

SHOWN = 24  # layers shown of a longer network, half from its beginning and half from its end

LEGEND = (
    "signal: standard deviation of a layer's activations, or of its output if no activation follows. gradient: that "
    "of d loss / d pre-activation for this batch; it is inversely proportional to batch size. band: contains nearly "
    "every such network, whatever the seed."
)
NO_GRADIENT = (
    " ?: no formula, since weights below the last layer have non-zero mean, or batch norm divides channels by "
    "variances that differ widely."
)


def theory_table(found: TheoryReport, full: bool = False) -> RenderableType:
    """One row per layer with weights, for terminals of 80 columns or more."""
    if found.expectation is None:
        return Text(f"No theory for init={found.init} here: {found.reason}.", style="bold")
    title = Text(f"Theory before the first step, init={found.init} on {found.images} training images\n", style="bold")
    if found.remark:
        title.append(f"{found.remark}\n", style="not bold yellow")
    unknown = any(math.isnan(layer.gradient_std.value) for layer in found.expectation.layers.values())
    legend = Text(f"{LEGEND}{NO_GRADIENT}" if unknown else LEGEND, style="dim")
    return Group(title, _layers(found.expectation, full), "", legend)


def _layers(expectation: Expectation, full: bool) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    drawn.add_column("layer", overflow="fold")
    for heading in ("signal\nstd", "\nband", "gradient\nstd", "\nband"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    rows = [
        (name, *_cells(layer.activation_std or layer.preactivation_std), *_cells(layer.gradient_std))
        for name, layer in expectation.layers.items()
    ]
    hidden = 0 if full or len(rows) <= SHOWN + 1 else len(rows) - SHOWN
    for at, row in enumerate(rows):
        if hidden and at == SHOWN // 2:
            drawn.add_row(Text(f"... {hidden} more, full=true", style="dim"))
        if not hidden or not SHOWN // 2 <= at < len(rows) - SHOWN // 2:
            drawn.add_row(*row)
    return drawn


def _cells(expected: Expected) -> tuple[str, str]:
    if math.isnan(expected.value):
        return "?", ""
    if expected.value == 0:
        return "0", ""
    return two_digits(expected.value), f"{two_digits(expected.lower)} to {two_digits(expected.upper)}"
