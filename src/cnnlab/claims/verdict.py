"""The verdict on a claim: one word, and one sentence with numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnlab.claims.claim import Claim
from cnnlab.claims.compared import Comparison
from cnnlab.claims.comparisons import comparisons
from cnnlab.claims.decision import holm
from cnnlab.claims.differences import MOST_SEEDS
from cnnlab.claims.experiment import Experiment
from cnnlab.common.words import plural

SHOWN = 3  # comparisons that a sentence describes before it counts the others


@dataclass(frozen=True)
class Verdict:
    """`word`: holds | does not hold | no difference that matters | holds only when | inconclusive | not known.
    `family`: the number of comparisons that Holm's method adjusted for; `alone`: the verdict if those are only its own,
    None where they are."""

    claim: Claim
    comparisons: tuple[Comparison, ...]
    family: int
    alone: "Verdict | None" = None

    @property
    def word(self) -> str:
        found = {each.outcome for each in self.comparisons}
        if len(found) == 1:
            (only,) = found
            return "not known" if only == "unknown" else only
        if "holds" in found and found & {"does not hold", "no difference that matters"}:
            return "holds only when"
        # Where it does not hold, whatever is still open cannot make it hold.
        for word in ("does not hold", "inconclusive", "unknown"):
            if word in found:
                return "not known" if word == "unknown" else word
        return "not known"  # nothing is compared, as where earlier versions ran a claim of an arm against itself

    @property
    def head(self) -> str:
        """The word; of `holds only when` with the places."""
        return f"{self.word} {self._places('holds')}" if self.word == "holds only when" else self.word

    @property
    def short(self) -> str:
        """The word, completed: `holds only when 22 layers (inconclusive: 14 layers)`, `inconclusive (needs about 14
        seeds; holds: 22 layers)`."""
        word, added = self.word, list[str]()
        if word == "holds only when":
            added = self._elsewhere("inconclusive", "unknown")
        elif word == "inconclusive":
            seeds = [each.seeds for each in self.comparisons if each.outcome == "inconclusive" and each.seeds]
            added = [seeds_in_words(max(seeds))] if seeds else []
            added += self._elsewhere("holds", "no difference that matters", "unknown")
        elif word == "does not hold":
            added = self._elsewhere("inconclusive", "unknown")
        if self.alone is not None and self.alone.head != self.head:
            added.append(f"judged alone: {self.alone.head}")
        return f"{self.head} ({'; '.join(added)})" if added else self.head

    @property
    def sentence(self) -> str:
        """The comparisons in words, those that hold first."""
        order = ("holds", "does not hold", "no difference that matters", "inconclusive", "unknown")
        sorted_ = sorted(self.comparisons, key=lambda each: order.index(each.outcome))
        shown = [in_words(each, self._several) for each in sorted_[:SHOWN]]
        rest = len(self.comparisons) - len(shown)
        return (
            "; ".join(shown or ["nothing is compared"])
            + (f"; and {plural(rest, 'more comparison')}" if rest > 0 else "")
            + "."
        )

    @property
    def guessed(self) -> str | None:
        """Who was right."""
        guess = self.claim.guess
        if guess is None:
            return None
        if guess == self.word:
            return f"You guessed '{guess}', and were right."
        return f"You guessed '{guess}'; the verdict is '{self.short}'."

    @property
    def _several(self) -> bool:
        return len({each.place for each in self.comparisons}) > 1

    def _elsewhere(self, *outcomes: str) -> list[str]:
        """`holds: 22 layers, 30 layers`, for those outcomes that occur."""
        words = {"unknown": "not known"}
        return [f"{words.get(each, each)}: {places}" for each in outcomes if (places := self._places(each))]

    def _places(self, outcome: str) -> str:
        """Where it has this outcome, by what distinguishes the comparisons."""
        own = [each for each in self.comparisons if each.outcome == outcome]
        several_arms = len({each.arm for each in self.comparisons}) > 1
        several_others = len({each.other for each in self.comparisons}) > 1
        words = []
        for each in own:
            parts = [each.place] if each.place and self._several else []
            parts += [each.arm] if several_arms else []
            parts += [f"against {each.other}"] if several_others else []
            words.append(" ".join(parts))
        return ("; " if any("," in word for word in words) else ", ").join(dict.fromkeys(words))


def judge(claim: Claim, experiment: Experiment) -> Verdict:
    """By Holm's method over the claim's own comparisons."""
    return _judged(claim, comparisons(claim, experiment))


def judge_all(claims: Sequence[tuple[Claim, Experiment]]) -> list[Verdict]:
    """By Holm's method over all comparisons of all claims."""
    found = [comparisons(claim, experiment) for claim, experiment in claims]
    adjusted = holm([each for own in found for each in own])
    family, rest = sum(each.p is not None for each in adjusted), iter(adjusted)
    verdicts = [
        Verdict(claim, tuple(next(rest) for _ in own), family) for (claim, _), own in zip(claims, found, strict=True)
    ]
    if len(claims) == 1:
        return verdicts
    return [replace(each, alone=_judged(each.claim, own)) for each, own in zip(verdicts, found, strict=True)]


def _judged(claim: Claim, found: Sequence[Comparison]) -> Verdict:
    adjusted = holm(found)
    return Verdict(claim, tuple(adjusted), sum(each.p is not None for each in adjusted))


def in_words(found: Comparison, with_place: bool = True) -> str:
    """`22 layers: he 94.90 %, xavier 11.35 %: 83.55 points, 95 % 82.90 to 84.20`"""
    place = f"{found.place}: " if found.place and with_place else ""
    names = f"{found.arm} " if found.arm else ""
    if found.outcome == "unknown":
        return f"{place}{names.strip()} not known ({found.reason})"
    assert found.left is not None and found.right is not None and found.value is not None
    what = "trained " if found.rule == "trained" else "slope " if found.rule.endswith("slope") else ""
    words = f"{place}{names}{what}{found.figure(found.left)}"
    if not found.other.replace(".", "").lstrip("-").isdigit():
        words += f", {found.other} {found.figure(found.right)}"
    else:
        words += f" (against {found.figure(found.right)})"
    if found.interval is not None:
        low, high = found.interval
        words += f": {found.difference(found.value)}, 95 % {found.bare(low)} to {found.bare(high)}"
    if found.outcome == "inconclusive" and found.seeds:
        words += f", {seeds_in_words(found.seeds)}"
    return words


def seeds_in_words(seeds: int) -> str:
    return f"needs more than {MOST_SEEDS:,} seeds" if seeds >= MOST_SEEDS else f"needs about {seeds:,} seeds"
