"""Theory beside the measurement of step 0: twins of the charts against depth, log ratios, and one figure."""

from collections.abc import Mapping
from pathlib import Path

from cnnlab.telemetry.recorder import Telemetry
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.theory import Prediction, by_depth, log_ratios


def draw_twins(prediction: Prediction, telemetry: Telemetry) -> None:
    """`by_depth/activation_std_predicted@init` and the band's `_lower` and `_upper`, and so for every prediction."""
    for part, values in by_depth(prediction).items():
        telemetry.draw_by_depth(values, "init", part)


def compare(prediction: Prediction, measured: Mapping[str, float], dashboard: Dashboard) -> dict[str, float]:
    """ln(measured / predicted) by layer, drawn against depth; returns `theory/log_ratio/<layer>` and its kin."""
    ratios = log_ratios(prediction, measured)
    dashboard.scalars(0, ratios)
    return ratios


def draw_figure(prediction: Prediction, measured: Mapping[str, float], folder: Path, dashboard: Dashboard) -> None:
    """`figures/theory.png` in the run folder, and the same among TensorBoard's images."""
    # Imported here, since matplotlib takes half a second that runs of a sweep, which draw nothing, need not wait.
    from cnnlab.views.theory_figure import figure

    drawn = figure(prediction, measured)
    folder.mkdir(parents=True, exist_ok=True)
    drawn.savefig(folder / "theory.png", dpi=120)
    dashboard.figure("pictures/by_depth", drawn, 0)
