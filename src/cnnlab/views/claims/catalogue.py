"""All claims, run or not: an entry each, how they are counted, and what to know before one reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnnlab.claims.claim import Claim
from cnnlab.claims.metric import Metric
from cnnlab.claims.verdict import Verdict
from cnnlab.common.words import plural
from cnnlab.views.claims.verdict_look import LOOKS, NOT_RUN

HEADINGS = {"text": "Claims of the text", "beyond": "Claims beyond it"}


@dataclass(frozen=True)
class ClaimEntry:
    """`name`: of its YAML; `verdict`: None where it was not run; `expected`: in words, before it ran; `seconds`: of all
    its runs; `facts`: {heading: text}, under what circumstances they ran; `report`: of its sweep, as it is linked;
    `tuned`: what was chosen for each arm, in words."""

    name: str
    claim: Claim
    command: str
    expected: str = ""
    verdict: Verdict | None = None
    runs: int = 0
    seconds: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    report: Path | None = None
    tuned: str = ""

    @property
    def word(self) -> str:
        return self.verdict.word if self.verdict else NOT_RUN

    @property
    def short(self) -> str:
        return self.verdict.short if self.verdict else NOT_RUN

    @property
    def evidence(self) -> str:
        return self.verdict.sentence if self.verdict else ""

    @property
    def margin(self) -> str:
        """The smallest difference that matters; empty where there is none."""
        claim = self.claim
        if not claim.margin or claim.rule == "trained":
            return ""
        share = Metric(claim.keys[0]).is_share and not claim.rule.endswith("slope")
        points = f"{100 * claim.margin:g}"
        return f"{points} point{'s' * (points != '1')}" if share else f"{claim.margin:g}"

    @property
    def cost(self) -> str:
        """`12 runs, 3.4 minutes`"""
        if not self.runs:
            return ""
        return plural(self.runs, "run") + ("" if self.seconds is None else f", {time_in_words(self.seconds)}")


def counted(entries: Sequence[ClaimEntry]) -> dict[str, int]:
    """{verdict: number of claims}, of those that occur."""
    words = [entry.word for entry in entries]
    return {word: words.count(word) for word in LOOKS if word in words}


def grouped(entries: Sequence[ClaimEntry]) -> dict[str, list[ClaimEntry]]:
    """{heading: entries}"""
    groups = {heading: [e for e in entries if e.claim.of == of] for of, heading in HEADINGS.items()}
    return {heading: own for heading, own in groups.items() if own}


def introduction(entries: Sequence[ClaimEntry], facts: Mapping[str, str]) -> list[str]:
    """Paragraphs: what a verdict is, for how many comparisons it allows, and how often it is wrong.

    `facts`: `false_verdicts` ("3 of 200 (1.5 %)") and `false_verdicts_how`, a sentence; the others are not read.
    """
    found = [
        "Each sentence was made a sweep, a comparison, and a smallest difference that matters, before anything ran. "
        "The 95 % interval of the difference is judged against that smallest difference, not against zero. The "
        "sentence holds where the whole interval is beyond it, does not hold where the interval is short of it; no "
        "difference that matters: the interval lies within it on both sides; inconclusive: it reaches across. Holds "
        "only when: in some of the places compared, not in others; where it holds in none and does not in some, it "
        "does not hold, whatever others are. Where nothing is estimated, as of sizes and weight "
        "counts, every run decides."
    ]
    families = {entry.verdict.family for entry in entries if entry.verdict}
    if families:
        found.append(
            f"All p values are adjusted together by Holm's method, for {plural(max(families), 'comparison')}; what "
            "does not survive it is inconclusive. The intervals shown are not adjusted. The command of a claim judges "
            "it alone, for its own comparisons only; where that gives another verdict, it is added."
        )
    if "false_verdicts" in facts:
        how = facts.get("false_verdicts_how", "")
        found.append(f"False verdicts of claims whose two arms are equal: {facts['false_verdicts']}. {how}".strip())
    return found


def summary(entries: Sequence[ClaimEntry]) -> str:
    """`45 claims: ✓ 30 holds, ✗ 5 does not hold; all runs together took 2.1 hours.`"""
    counts = ", ".join(f"{LOOKS[word].sign}\u00a0{number} {word}" for word, number in counted(entries).items())
    known = [entry.seconds for entry in entries if entry.seconds is not None]
    time = f"; all runs together took {time_in_words(sum(known))}" if known else ""
    return f"{plural(len(entries), 'claim')}: {counts}{time}."


def other_facts(facts: Mapping[str, str]) -> dict[str, str]:
    """Without what the introduction says."""
    return {heading: text for heading, text in facts.items() if not heading.startswith("false_verdicts")}


def time_in_words(seconds: float) -> str:
    """`42 s`, `3.4 minutes`, `2.1 hours`"""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
