"""A finding: what is wrong, in one sentence with numbers, and what may have caused it, the likeliest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cnnlab.diagnosis.remedies import Remedy

# A note tells what was found and did no harm: a problem at the start that training overcame.
Severity = Literal["problem", "warning", "note"]
URGENCY: tuple[Severity, ...] = ("problem", "warning", "note")

# Names of findings, by what they say: little was learned; the signal or the gradient changes its scale.
LEARNING = frozenset({"loss_at_chance", "little_learned", "too_few_steps", "below_baseline", "collapsed"})
GRADIENTS = frozenset({"vanishing_backward", "exploding_backward"})
SIGNALS = GRADIENTS | {"vanishing_forward", "exploding_forward", "saturation", "non_finite"}

# Points from which a cause counts as seen, and is told even where no rule found its consequences.
SEEN = 9


class Clue(NamedTuple):
    """Evidence in words, and how far it speaks for a cause (> 0) or against it (< 0).

    9 and more: seen directly, as a softmax in the outputs. 5: strong. 2: fits, as other causes would. `direct`: of the
    run itself, not of trials after it.
    """

    points: float
    text: str
    direct: bool = True


@dataclass(frozen=True)
class Cause:
    """A possible cause in a clause, what to change, and the evidence. `explains`: names of the findings that it would
    lead to. `mistake`: of the code, also where the network learns in spite of it. `misleads`: the accuracy that was
    measured is not that of single images, whatever it is. `meant`: it was done on purpose, as far as it shows."""

    name: str
    clause: str
    remedy: Remedy
    clues: tuple[Clue, ...]
    explains: frozenset[str] = LEARNING
    mistake: bool = False
    misleads: bool = False
    meant: bool = False

    @property
    def points(self) -> float:
        return sum(clue.points for clue in self.clues)

    @property
    def seen(self) -> float:
        """Its points without those of trials after the run."""
        return sum(clue.points for clue in self.clues if clue.direct)

    @property
    def rank(self) -> tuple[bool, float]:
        """What was seen directly comes before what trials point to."""
        return self.seen >= SEEN, self.points

    @property
    def supporting(self) -> list[str]:
        return [clue.text for clue in sorted(self.clues, reverse=True) if clue.points > 0 and clue.text]

    @property
    def opposing(self) -> list[str]:
        return [clue.text for clue in sorted(self.clues) if clue.points < 0 and clue.text]


@dataclass(frozen=True)
class Finding:
    """`step`: the first logged step that shows it. `causes`: the first is to be tried first; a rule leaves them to
    `diagnose`. `numbers`: those of the sentence, for tables and tests."""

    name: str
    severity: Severity
    step: int
    sentence: str
    causes: tuple[Cause, ...] = ()
    numbers: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize() + "."

    @property
    def cause(self) -> str:
        return self.causes[0].clause

    @property
    def remedy(self) -> Remedy:
        return self.causes[0].remedy


def told(findings: Sequence[Finding]) -> list[Finding]:
    """Those that are more than notes."""
    return [finding for finding in findings if finding.severity != "note"]


def flat(findings: Sequence[Finding], without: str) -> dict[str, float | str]:
    """Keys for results.json. `diagnosis/first`: the most urgent finding's name, or `without` if there are only notes:
    healthy or unknown."""
    found = told(findings)
    result: dict[str, float | str] = {"diagnosis/first": found[0].name if found else without}
    result["diagnosis/count"] = len(found)
    for finding in findings:
        result[f"diagnosis/{finding.name}"] = finding.sentence
        result[f"diagnosis/{finding.name}/severity"] = finding.severity
        result[f"diagnosis/{finding.name}/step"] = finding.step
        result[f"diagnosis/{finding.name}/cause"] = finding.causes[0].name
        result[f"diagnosis/{finding.name}/because"] = finding.cause
        result[f"diagnosis/{finding.name}/override"] = finding.remedy.override
    return result
