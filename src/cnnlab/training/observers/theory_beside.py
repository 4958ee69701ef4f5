"""Theory at step 0: predicted curves beside the measured ones, log ratios, and a figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.telemetry.arms import write_run
from cnnlab.telemetry.by_depth import LOG10, charts, points, tag
from cnnlab.telemetry.recorder import Recorder
from cnnlab.theory import Expectation, by_depth, curve_and_band, log_ratios
from cnnlab.training.observers.observer import Observer
from cnnlab.training.trainer import Place

if TYPE_CHECKING:
    from cnnlab.views.gallery import Gallery


class TheoryBeside(Observer):
    """Draws the prediction and its band against depth in TensorBoard, and returns ln(measured / predicted) as
    `theory/log_ratio/<layer>` and the predictions. With a `gallery`, also saves a figure in the folder's `figures`,
    whose title says what is `known` of the network, as `describe` takes it; drawing takes half a second, for which the
    first step does not wait.

    `alone`: for a single run, the prediction is also a second curve in the logarithmic charts of the measurement,
    which takes a TensorBoard run of its own, `theory` in the run's `folder`; in a sweep this would double the runs.
    """

    def __init__(
        self,
        expectation: Expectation,
        recorder: Recorder,
        gallery: "Gallery | None",
        folder: Path,
        known: Mapping[str, str | None] = {},
        alone: bool = False,
    ):
        self.expectation, self.recorder, self.gallery, self.folder = expectation, recorder, gallery, folder
        self.known, self.alone = known, alone
        self.ratios: dict[str, float] = {}
        self.to_draw: Mapping[str, float] | None = None
        self.predicted = curve_and_band(expectation)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        if step > 0:
            return
        expected = by_depth(self.expectation)
        for part, curve in expected.items():
            self.recorder.draw_by_depth(curve, "init", part)
        if self.alone:
            drawn = charts(expected["_predicted"], "init")
            write_run(self.folder / "theory", {tag(name): points(drawn[name]) for name in drawn if LOG10 in name})
        self.ratios = log_ratios(self.expectation, values)
        self.recorder.dashboard.scalars(0, self.ratios)
        if self.gallery is not None:
            self.to_draw = values

    def resting(self, place: Place) -> None:
        if self.gallery is not None and self.to_draw is not None:
            self.gallery.theory(self.expectation, self.to_draw, self.folder / "figures", **self.known)
            self.to_draw = None

    def state(self) -> dict[str, Any]:
        return {"ratios": self.ratios}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.ratios = state["ratios"]

    def results(self, step: int) -> Mapping[str, Any]:
        return self.ratios | self.predicted
