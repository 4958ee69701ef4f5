"""Theory at step 0: predicted curves beside the measured ones, log ratios, and a figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.telemetry.recorder import Recorder
from cnnlab.theory import Expectation, by_depth, curve_and_band, log_ratios
from cnnlab.training.observers.observer import Observer

if TYPE_CHECKING:
    from cnnlab.views.gallery import Gallery


class TheoryBeside(Observer):
    """Draws `by_depth/activation_std_predicted@init` and the band's `_lower` and `_upper` in TensorBoard, and returns
    ln(measured / predicted) as `theory/log_ratio/<layer>` and the predictions. With a `gallery`, also saves a figure
    in `folder`."""

    def __init__(self, expectation: Expectation, recorder: Recorder, gallery: "Gallery | None", folder: Path):
        self.expectation, self.recorder, self.gallery, self.folder = expectation, recorder, gallery, folder
        self.ratios: dict[str, float] = {}
        self.predicted = curve_and_band(expectation)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        if step > 0:
            return
        for part, expected in by_depth(self.expectation).items():
            self.recorder.draw_by_depth(expected, "init", part)
        self.ratios = log_ratios(self.expectation, values)
        self.recorder.dashboard.scalars(0, self.ratios)
        if self.gallery is not None:
            self.gallery.theory(self.expectation, values, self.folder)

    def state(self) -> dict[str, Any]:
        return {"ratios": self.ratios}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.ratios = state["ratios"]

    def results(self, step: int) -> Mapping[str, Any]:
        return self.ratios | self.predicted
