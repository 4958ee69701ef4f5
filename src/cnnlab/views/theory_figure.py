"""Predicted and measured signal and gradient against depth."""

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnlab.common.words import plural
from cnnlab.theory.expectation import Expectation, Expected
from cnnlab.views.panels import SMALL, card_title
from cnnlab.views.tiles import CARD

NAMED = 16  # layers up to which their names fit on the axis
THEORY, MEASURED = "#2b6cb0", "#c05621"


def theory_figure(
    expectation: Expectation, measured: Mapping[str, float], network: str = "", narrow: bool = False
) -> Figure:
    """Activations on the left, gradients on the right. `measured`: under telemetry's keys, as from `Probe.read`.

    `network`: what is known of it, as from `describe`. `narrow`: as wide as a card of TensorBoard, one below the other.
    """
    drawn = Figure(figsize=(CARD, 5.6) if narrow else (12, 4.8), layout="constrained")
    left, right = drawn.subplots(2, 1) if narrow else drawn.subplots(1, 2)
    _panel(left, expectation, measured, "activation")
    _panel(right, expectation, measured, "gradient")
    left.set(title="Forward signal", ylabel="standard deviation of activations")
    right.set(title="Backward gradient", ylabel="standard deviation of d loss / d pre-activation")
    left.legend(frameon=False)
    beside = " and measurement" if measured else ""
    words = f"{network or describe(expectation)}: before the first step, theory{beside}"
    if narrow:
        card_title(drawn, words)
        for ax, name in ((left, "activations"), (right, "d loss / d pre-activation")):
            _small(ax, f"std of {name}")
        drawn.legend(*left.get_legend_handles_labels(), loc="outside lower left", frameon=False, fontsize=SMALL)
        left.get_legend().remove()
    else:
        drawn.suptitle(words)
    return drawn


def describe(
    expectation: Expectation, model: str | None = None, init: str | None = None, activation: str | None = None
) -> str:
    """`model=plain, init=xavier, 22 relu layers`, as far as it is known."""
    layers = expectation.layers.values()
    active = sum(layer.activation_std is not None for layer in layers)
    if activation is None or activation == "none":
        size = plural(len(layers), "layer")
    elif active == len(layers) - 1:
        size = f"{active} {activation} {'layer' if active == 1 else 'layers'}"
    else:
        size = f"{plural(len(layers), 'layer')} with {activation}"
    chosen = {"model": model, "init": init}
    return ", ".join([*(f"{group}={name}" for group, name in chosen.items() if name), size])


def _small(ax: Axes, label: str) -> None:
    ax.set_title(ax.get_title(), fontsize=SMALL, pad=3)
    ax.set_ylabel(label, fontsize=SMALL)
    ax.set_xlabel(ax.get_xlabel(), fontsize=SMALL)
    ax.tick_params(labelsize=SMALL - 1, which="both")


def _panel(ax: Axes, expectation: Expectation, measured: Mapping[str, float], what: str) -> None:
    keys = {key.rpartition("/")[2]: key for key in expectation.by_key() if key.startswith(f"{what}/")}
    names = list(keys)
    places = [list(expectation.layers).index(name) + 1 for name in names]
    expected = [_drawable(expectation.by_key()[key]) for key in keys.values()]
    values = [_positive(measured.get(key, math.nan)) for key in keys.values()]
    ax.set_yscale("log")
    lower, upper = [e.lower for e in expected], [e.upper for e in expected]
    ax.fill_between(
        places, lower, upper, color=THEORY, alpha=0.15, linewidth=0, label="band: nearly every such network"
    )
    line = {"color": THEORY, "linewidth": 1.5, "marker": "_", "markersize": 9}
    ax.plot(places, [e.value for e in expected], label="theory, mean over networks", **line)
    if measured:
        ax.plot(places, values, color=MEASURED, marker="o", markersize=5, linestyle="none", label="this network")
    ax.set_xlim(0.5, len(expectation.layers) + 0.5)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    zeros = sum(expectation.by_key()[key].value == 0 for key in keys.values())
    if zeros:
        note = f"theory: exactly 0 at {zeros} of {len(keys)} layers"
        ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", color=THEORY)
    if len(names) <= NAMED:
        ax.set_xticks(places, [name.partition("_")[2] for name in names], rotation=35, ha="right", fontsize=8)
    else:
        ax.set_xlabel("layer")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _drawable(expected: Expected) -> Expected:
    return Expected(_positive(expected.value), _positive(expected.lower), _positive(expected.upper))


def _positive(value: float) -> float:
    """NaN, which is not drawn, if not on a logarithmic axis."""
    return value if math.isfinite(value) and value > 0 else math.nan
