"""What was found wrong with the runs of a group, in words, and with how many of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnlab.claims.run_record import RunRecord

# What is said of runs without findings.
WITHOUT = {"healthy": "Nothing harmful was found.", "unknown": "Not trained, or not long enough to be judged."}


@dataclass(frozen=True)
class CommonFinding:
    """`count` of `of` diagnosed runs have it, `first` of them as the most urgent; the sentence, the likely cause in
    words and the remedy are those of one of them."""

    name: str
    count: int
    of: int
    first: int
    sentence: str
    because: str
    override: str

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()


def diagnoses(runs: Sequence[RunRecord]) -> list[CommonFinding]:
    """The most frequent finding first; `healthy` and `unknown` count the runs without any. Empty if none was judged."""
    diagnosed = [run.results for run in runs if "diagnosis/first" in run.results]
    names: dict[str, list[dict]] = {}
    for results in diagnosed:
        for name in _found(results) or [str(results["diagnosis/first"])]:
            names.setdefault(name, []).append(dict(results))
    common = [
        CommonFinding(
            name,
            len(those),
            len(diagnosed),
            sum(results["diagnosis/first"] == name for results in those),
            str(those[0].get(f"diagnosis/{name}", WITHOUT.get(name, ""))),
            str(those[0].get(f"diagnosis/{name}/because", "")),
            str(those[0].get(f"diagnosis/{name}/override", "")),
        )
        for name, those in names.items()
    ]
    return sorted(common, key=lambda finding: (-finding.first, -finding.count))


def _found(results: Mapping[str, Any]) -> list[str]:
    """Names of the findings but notes."""
    named = [key.split("/")[1] for key in results if key.startswith("diagnosis/") and key.endswith("/override")]
    return [name for name in named if results.get(f"diagnosis/{name}/severity") != "note"]
