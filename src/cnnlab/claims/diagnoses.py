"""What was found wrong with the runs of a group, in words, and with how many of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnlab.claims.run_record import RunRecord

HEALTHY = "healthy"


@dataclass(frozen=True)
class CommonFinding:
    """`count` of `of` diagnosed runs have it, `first` of them as the most urgent; the sentence and the remedy are those
    of one of them."""

    name: str
    count: int
    of: int
    first: int
    sentence: str
    override: str

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()


def diagnoses(runs: Sequence[RunRecord]) -> list[CommonFinding]:
    """The most frequent finding first; `healthy` counts the runs without any. Empty if no run was diagnosed."""
    diagnosed = [run.results for run in runs if "diagnosis/first" in run.results]
    names: dict[str, list[dict]] = {}
    for results in diagnosed:
        found = [key.split("/")[1] for key in results if key.startswith("diagnosis/") and key.endswith("/override")]
        for name in found or [HEALTHY]:
            names.setdefault(name, []).append(dict(results))
    common = [
        CommonFinding(
            name,
            len(those),
            len(diagnosed),
            sum(results["diagnosis/first"] == name for results in those),
            str(those[0].get(f"diagnosis/{name}", "No rule fired.")),
            str(those[0].get(f"diagnosis/{name}/override", "")),
        )
        for name, those in names.items()
    ]
    return sorted(common, key=lambda finding: (-finding.first, -finding.count))
