"""All rules in order, and the combined diagnosis: what was found, with its causes."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median

from cnnlab.common.words import as_sentence, number, percent, plural
from cnnlab.diagnosis import learning, nonfinite, signal, units
from cnnlab.diagnosis.causes import causes
from cnnlab.diagnosis.causes.tried import instead
from cnnlab.diagnosis.context import Context
from cnnlab.diagnosis.evidence import LITTLE, Evidence
from cnnlab.diagnosis.finding import LEARNING, SEEN, URGENCY, Cause, Clue, Finding, Severity, told
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.run_history import PATIENCE

RULES: tuple[Callable[[Evidence], list[Finding]], ...] = (
    *units.RULES,
    *signal.RULES,
    *nonfinite.RULES,
    *learning.RULES,
)
# From this share of a batch with one answer on, accuracy is compared with it: how far between it and 1 is to be come.
ONE_CLASS, LEARNED = 0.75, 0.25
SAME_IMAGES = 10  # measured steps
# Findings that are judged at the first measured steps, whose harm training may undo.
EARLY = frozenset(
    {"vanishing_forward", "exploding_forward", "vanishing_backward", "exploding_backward", "saturation", "dead_units"}
    | {"large_updates", "symmetry"}
)


def diagnose(history: Iterable[Mapping[str, float]], context: Context) -> list[Finding]:
    """What is wrong with the run so far, most urgent first; empty if no rule fires.

    `history`: one mapping per logged step, with the keys of metrics.jsonl; rules whose statistics are missing do not
    fire. Findings with the likeliest cause come first, and by step where they share it.
    """
    run = Evidence.read(history, context)
    suspects = [_typeable(cause, context) for cause in causes(run)]
    found = [_explained(finding, suspects, run) for rule in RULES for finding in rule(run)]
    told = {f.causes[0].name for f in found if f.severity != "note" or not _matters(f.causes[0], run)}
    found += [_alone(cause, run) for cause in suspects if cause.seen >= SEEN and cause.name not in told]
    return sorted(sorted(found, key=lambda f: f.step), key=_urgency, reverse=True)


def _urgency(finding: Finding) -> tuple[int, tuple[bool, float]]:
    return -URGENCY.index(finding.severity), finding.causes[0].rank


def _explained(finding: Finding, suspects: list[Cause], run: Evidence) -> Finding:
    possible = tuple(cause for cause in suspects if finding.name in cause.explains)
    if not possible:
        # What was seen directly stands behind what nothing else explains: large weights behind a dead layer.
        seen = [cause for cause in suspects if cause.seen >= SEEN and finding.name in EARLY | LEARNING]
        possible = (seen[0],) if seen else (_unknown(run),)
    severity = finding.severity
    if finding.name in EARLY and severity == "problem":
        severity = _softened(possible[0], run)
    return replace(finding, causes=(instead(run, possible[0], suspects), *possible[1:]), severity=severity)


def _unknown(run: Evidence) -> Cause:
    """The honest answer, narrowed down by what the network can learn of a single batch."""
    clause = "not known: none of the causes that are looked for shows itself"
    own, reference = run.latest("check/one_batch"), run.latest("check/reference")
    if own < 1 and reference == 1:
        clue = Clue(
            0.5,
            "with AdamW and without regularization the network learns one batch by heart, with the run's own "
            "settings not",
        )
        return Cause(
            "unknown", f"{clause}; it lies in optimizer or regularization", Remedy("optimizer", "adamw"), (clue,)
        )
    if reference < 1 and run.latest("check/reference_unfinished") != 1:
        clause += "; not even one batch can be learned by heart, so it lies in the network or its initialization"
    told = run.skill(run.latest("check/baseline")) > LITTLE
    if own == 1 and not told:
        clause += "; one batch is learned by heart, so it lies in the images, the labels or their number"
    elif own == 1:
        clause += "; one batch is learned by heart, and a linear classifier learns from these images: it shows later on"
        if math.isnan(run.latest("check/usual_both")):
            clause += "; brief trainings with another optimizer or new weights were not made (train.log says why)"
    one_batch = "train with check=one_batch"
    if run.context.settings is None:
        one_batch = "train on one batch of 64 images alone, which a sound network learns by heart"
    return Cause("unknown", clause, Remedy(look=f"look at images, labels and outputs; {one_batch}"), ())


def _softened(cause: Cause, run: Evidence) -> Severity:
    """Of a finding that may have done no harm."""
    if run.overcome:
        return "note"
    if run.poor or run.steps < PATIENCE:
        return "problem"
    return "note" if cause.seen < SEEN else "warning"


def _alone(cause: Cause, run: Evidence) -> Finding:
    """A cause that was seen, as a finding of its own."""
    sentence = f"{as_sentence(cause.supporting[0])}."
    harmless = cause.meant or (run.overcome and not _matters(cause, run))
    severity = "problem" if run.poor or cause.misleads else "note" if harmless else "warning"
    return Finding(cause.name, severity, 0, sentence, (cause,))


def _matters(cause: Cause, run: Evidence) -> bool:
    """Whether it is told whatever was learned; a mistake is where the loop is the user's own."""
    return cause.misleads or (cause.mistake and run.context.settings is None)


def _typeable(cause: Cause, context: Context) -> Cause:
    """A network that was written elsewhere has no `model.norm` to type, and without a config nothing can be typed."""
    setting = cause.remedy.setting
    if context.settings is None or setting in context.settings or (context.settings and "." not in setting):
        return cause
    return replace(cause, remedy=replace(cause.remedy, exists=False))


def verdict(history: Iterable[Mapping[str, float]], context: Context) -> tuple[str, str]:
    """For a run without findings but notes: `healthy` or `unknown`, and one line with its key numbers."""
    run = Evidence.read(history, context)
    if run.context.planned_steps == 0:
        return "unknown", f"Not trained. {_nothing_found(run)}"
    share, accuracy = run.context.guessing, run.reached
    if not run.measured:
        reached = "" if math.isnan(accuracy) else f" Accuracy {percent(accuracy)} {run.reached_on}."
        return "unknown", f"Not known: no layer was measured, so no rule could look at one.{reached}"
    if share is None or math.isnan(accuracy):
        return "unknown", f"{_nothing_found(run)} No accuracy was recorded, so whether it learns is unknown."
    reached = f"Accuracy {percent(accuracy)} {run.reached_on}; guessing gives {percent(share)}."
    if run.unjudged:
        return "unknown", f"Not known: {run.unjudged}. {_nothing_found(run)} {reached}"
    if run.near_guessing:
        return "unknown", f"Not known yet. {_nothing_found(run)} {reached}"
    if (one := _favoured(run)) >= ONE_CLASS and accuracy - one <= LEARNED * (1 - one):
        same = f"{percent(one)} of a batch's images get one and the same answer, and {percent(accuracy)} are right"
        advice = "draw batches with all classes, and compare with the share of the largest"
        return "unknown", f"Not known: {same}, which may be no more than how frequent a class is: {advice}. {reached}"
    if _one_batch(run):
        same = "every measured step had the same images, so that this is one batch learned by heart, or all there are"
        advice = "draw another batch in each step (no next(iter(loader))), or record validation/accuracy"
        return "unknown", f"Not known: {same}: {advice}. {reached}"
    return "healthy", f"Healthy. {_nothing_found(run)} {reached}"


def _one_batch(run: Evidence) -> bool:
    """In a loop of one's own, whether each step was given the same images, and no others were ever asked."""
    if run.context.settings is not None or not math.isnan(run.latest("validation/accuracy")):
        return False
    seen = {tuple(m.scalars.get(f"images/{key}", math.nan) for key in ("mean", "std")) for m in run.measured}
    return len(run.measured) >= SAME_IMAGES and len(seen) == 1 and not any(map(math.isnan, next(iter(seen))))


def _favoured(run: Evidence) -> float:
    """Share of a batch's images that get the most frequent answer, in the later half of the measured steps; NaN where
    the classes' shares are known, or a single output has an answer of its own."""
    seen = run.values("output/favourite")
    known = run.context.largest_class_share is not None or run.context.outputs == 1 or run.context.batch_size == 1
    return math.nan if known or not seen else median(seen[len(seen) // 2 :])


def _nothing_found(run: Evidence) -> str:
    """Sentences: how much was looked at, and its key numbers."""
    said = f"Nothing harmful was found at {plural(len(run.measured), 'measured step')}."
    if run.measured and (profile := list(signal.signal(run.measured[-1]).values())):
        least, most = number(min(profile)), number(max(profile))
        sizes = least if least == most else f"between {least} and {most}"
        said += (
            f" At the last, {run.measured[-1].step}, the standard deviation of a layer's pre-activations is {sizes} "
            f"({plural(len(profile), 'layer')})."
        )
    if run.updated_elsewhere:
        said += " Updates were not measured: the optimizer takes its steps outside of watch()."
    losses = [record.loss for record in run.records if record.loss is not None]
    if losses:
        said += f" Training loss {number(losses[0])} at first, {number(run.recent('train/loss'))} at last."
    return said


@dataclass(frozen=True)
class Diagnosis:
    """The findings in your own training loop; prints remedies as torch code."""

    findings: list[Finding]
    summary: str

    @classmethod
    def of(cls, history: Iterable[Mapping[str, float]], context: Context) -> "Diagnosis":
        rows = list(history)
        return cls(diagnose(rows, context), verdict(rows, context)[1])

    def __str__(self) -> str:
        lines = [
            f"{i}. {f.title} {f.sentence}\n   likely cause: {f.cause}\n   try: {f.remedy.code}"
            for i, f in enumerate(told(self.findings), start=1)
        ]
        notes = [
            f"   note: {f.sentence}" + (f" Likely cause: {f.cause}." if f.causes[0].seen >= SEEN else "")
            for f in self.findings
            if f.severity == "note"
        ]
        return "\n".join([*(lines or [self.summary]), *notes])
