"""Theory for a design sheet, with the initializer and number of images it is based on."""

from dataclasses import asdict, dataclass
from typing import Any

from cnnlab.runs.run_folder import plain
from cnnlab.theory.expectation import Expectation


@dataclass(frozen=True)
class TheoryReport:
    """For initializer `init`, on `images` images; `remark`: what its name does not say. Where `expectation` is None,
    `reason` is a clause that says why."""

    init: str
    images: int
    expectation: Expectation | None
    reason: str = ""
    remark: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, under telemetry's keys: {"activation/std/01_block1.conv1": {"value", "lower", "upper"}, ...}."""
        found = self.expectation.by_key() if self.expectation else {}
        expected = {key: plain(asdict(values)) for key, values in found.items()}
        return {"images": self.images, "expected": expected, "does_not_apply": self.reason or None}
