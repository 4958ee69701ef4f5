"""What is compared: one numeric key of results.json, which way is better, and how its values are written."""

from dataclasses import dataclass
from typing import Literal

from cnnlab.common.words import number, to_within

# Of what else there is of a model, its receptive field, maps and shift, neither way is better.
COSTS = ("time/", "telemetry/overhead", "model/parameters", "model/macs", "model/saved_bytes")
FAULTS = ("loss", "error", "gap", "nonfinite/", "noise_floor")  # not first_nonfinite_step
SETTLED = ("model/", "train/steps", "train/images", "test/images", "test/changed_images", "test/chance")


@dataclass(frozen=True)
class Metric:
    """`key`: e.g. test/accuracy, a share of 1 that is shown in percent. `step`: the difference that numbers of other
    keys are to show, as the scatter between runs; None where it is not known."""

    key: str = "test/accuracy"
    step: float | None = None

    @property
    def is_share(self) -> bool:
        return "accuracy" in self.key

    @property
    def better(self) -> Literal["higher", "lower"] | None:
        """Which way is better; None where neither is, as of a statistic of the weights."""
        if self.is_share:
            return "higher"
        return "lower" if self.key.startswith(COSTS) or any(word in self.key for word in FAULTS) else None

    @property
    def higher_is_better(self) -> bool:
        """Also where neither way is: then the highest comes first."""
        return self.better != "lower"

    @property
    def varies(self) -> bool:
        """Whether it can differ between seeds; what follows from the settings and the data alone cannot."""
        return not self.key.startswith(SETTLED)

    @property
    def verb(self) -> str:
        return "beats" if self.better else "exceeds"

    @property
    def title(self) -> str:
        return f"{self.name} (%)" if self.is_share else self.name

    @property
    def name(self) -> str:
        return self.key.replace("/", " ").replace("_", " ")

    @property
    def scale(self) -> float:
        """From the value in results.json to the value on a figure's axis."""
        return 100.0 if self.is_share else 1.0

    def sign(self) -> int:
        """1 where larger is better, -1 where smaller is."""
        return 1 if self.higher_is_better else -1

    def bare(self, value: float, digits: int = 2) -> str:
        """Without unit: 97.91 for an accuracy of 0.9791; whole numbers as they are."""
        value += 0.0  # -0 is 0
        if self.is_share:
            return f"{100 * value:.{digits}f}"
        if float(value).is_integer() and abs(value) < 1e15:
            return f"{value:,.0f}"
        return number(value) if self.step is None else to_within(value, self.step)

    def value(self, value: float) -> str:
        """97.91 %, 0.082."""
        return f"{self.bare(value)} %" if self.is_share else self.bare(value)

    def difference(self, value: float) -> str:
        """0.42 points, 0.0031."""
        return f"{self.bare(value)} points" if self.is_share else self.bare(value)

    def between(self, low: float, high: float) -> str:
        """97.21 to 98.61."""
        return f"{self.bare(low)} to {self.bare(high)}"
