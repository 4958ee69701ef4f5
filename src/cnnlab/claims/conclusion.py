"""The answer in one sentence, and what has to be known to read it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cnnlab.claims.differences import MOST_SEEDS, Difference
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.groups import Group, ranked
from cnnlab.common.words import plural

NAMED = 4  # groups that a sentence names before it counts the others
STATES = ("diverged", "failed", "interrupted", "damaged", "running", "queued")
_STATE_WORDS = {"queued": "never ran", "running": "still running"}


def conclusion(groups: Sequence[Group], found: Sequence[Difference]) -> str:
    """One sentence. `found`: of all pairs, as from `differences`."""
    known = [group for group in ranked(groups) if group.mean is not None]
    if not any(group.n for group in groups):
        return f"No run has a result yet: {states_in_words([run.state for g in groups for run in g.runs])}."
    if not known:
        return f"No group is known: {found[0].reason if found else 'no value is a number'}."
    if len(known) == 1:
        return f"{_capital(known[0].name)}: {mean_in_words(known[0])}."
    if len(known) == 2:
        return _of_two(next(each for each in found if each.value is not None))
    return _of_many(known, found)


def caveats(experiment: Experiment, groups: Sequence[Group]) -> list[str]:
    """Sentences on runs that went wrong, are missing, or count only once, and on what a setting's name does not say."""
    states = [run.state for group in groups for run in group.runs]
    sentences = []
    if any(state in STATES for state in states):
        sentences.append(f"{_capital(states_in_words(states))}.")
    name = groups[0].metric.name if groups else ""
    if any(group.is_finite and run.state == "diverged" for group in groups for run in group.with_result):
        sentences.append(f"Diverged runs count with the {name} that they have.")
    empty = [group for group in groups if not group.n]
    if empty and len(empty) < len(groups):
        sentences.append(f"No result of {'; '.join(group.name for group in empty)}.")
    without = [group for group in groups if group.n and not group.is_finite]
    if without:
        of = "; ".join(
            f"{np.isfinite(g.values).tolist().count(False)} of {plural(g.n, 'run')} of {g.name}" for g in without
        )
        they = "they are" if len(without) > 1 else "it is"
        sentences.append(f"The {name} is not a number, or infinite, in {of}: without a mean, {they} not compared.")
    if experiment.repeats:
        count = len(experiment.repeats)
        sentences.append(f"{plural(count, 'run')} with config and seed of another count once.")
    said = [remark for group in groups for run in group.runs for remark in run.status.get("remarks", ())]
    return sentences + list(dict.fromkeys(said))


def states_in_words(states: Sequence[str]) -> str:
    """`12 runs: 8 completed, 1 diverged, 3 never ran`."""
    counts = Counter(states)
    names = [state for state in ("completed", *STATES) if counts[state]]
    words = ", ".join(f"{counts[state]} {_STATE_WORDS.get(state, state)}" for state in names)
    return f"{plural(len(states), 'run')}: {words}"


def mean_in_words(group: Group) -> str:
    """`97.91 %, 95 % 97.21 to 98.61, 6 seeds`."""
    assert group.mean is not None
    value, seeds = group.metric.value(group.mean), plural(group.n, "seed")
    if group.n == 1:
        return f"{value}, one seed: how far another would be from it is not known"
    if group.interval is None:
        return f"{value} in every run, {seeds}"
    return f"{value}, 95 % {group.metric.between(*group.interval)}, {seeds}"


def difference_in_words(found: Difference) -> str:
    """`0.42 points, 95 % 0.20 to 0.64`, as better minus other, or other minus better where smaller is better."""
    metric = found.better.metric
    assert found.value is not None
    of = "" if metric.is_share else f" in {metric.name}"
    if found.interval is None:
        return f"{metric.difference(metric.sign() * found.value)}{of}"
    low, high = signed_interval(found)
    return f"{metric.difference(metric.sign() * found.value)}{of}, 95 % {metric.between(low, high)}"


def signed_interval(found: Difference) -> tuple[float, float]:
    """Positive where the better is better."""
    assert found.interval is not None
    low, high = sorted(found.better.metric.sign() * end for end in found.interval)
    return low, high


def seeds_that_would_tell(found: Difference) -> str:
    """How many seeds would tell, of an inconclusive pair."""
    if found.seeds is None:
        return "equal means: no number of seeds would tell"
    if found.seeds >= MOST_SEEDS:
        return f"more than {MOST_SEEDS:,} seeds each would be needed"
    return f"about {found.seeds:,} seeds each would tell"


def _of_two(found: Difference) -> str:
    better, other = found.better, found.other
    if found.method == "paired":
        seeds = f"{found.pairs} pairs of seeds"
    else:
        seeds = f"{better.n} seeds each" if better.n == other.n else f"{better.n} and {other.n} seeds"
    beats = f"{better.name} {better.metric.verb} {other.name}"
    match found.verdict:
        case "different":
            return f"{beats} by {difference_in_words(found)}, {seeds}."
        case "inconclusive":
            words = f"{difference_in_words(found)}, {seeds}; {seeds_that_would_tell(found)}"
            return f"No difference found between {better.name} and {other.name} ({words})."
        case "exact":
            which = "in every pair" if found.method == "paired" else "no run of either differs from its group's mean"
            return f"{beats} by exactly {difference_in_words(found)}, {seeds}: {which}."
        case "equal" if found.method == "paired":
            return f"{better.name} and {other.name} are equal in every pair ({seeds})."
        case "equal":
            return f"{better.name} and {other.name} are equal: every run gave {better.metric.value(better.mean or 0)}."
    means = " and ".join(f"{g.name} {g.metric.value(g.mean or 0)} ({plural(g.n, 'seed')})" for g in (better, other))
    return f"Whether {better.name} and {other.name} differ is not known ({found.reason}): {means}."


def _of_many(known: Sequence[Group], found: Sequence[Difference]) -> str:
    best, pairs = known[0], [each for each in found if each.better is known[0]]
    lower = [each for each in pairs if each.is_real]
    open_ = [each.other.name for each in pairs if each.verdict == "inconclusive"]
    equal = [each.other.name for each in pairs if each.verdict == "equal"]
    unknown = [each.other.name for each in pairs if each.verdict == "unknown"]
    tested = sum(each.p is not None for each in found)
    holm = f" (Holm over {tested} pairs)" if tested > 1 else ""
    mean, metric = best.metric.value(best.mean or 0), best.metric
    if len(equal) == len(pairs):
        how = " in every pair of seeds, with mean" if pairs[0].method == "paired" else ":"
        return f"All {len(known)} arms are equal{how} {mean}."
    what = f"{'highest' if metric.higher_is_better else 'lowest'} mean {metric.name}, {mean}"
    if len(lower) == len(pairs):
        near = lower[0]
        return (
            f"{best.name} {metric.verb} all {len(lower)} others ({mean}); the next, {near.other.name}, by "
            f"{difference_in_words(near)}{holm}."
        )
    sentence = f"{best.name} has the {what} ({plural(best.n, 'seed')})"
    if equal:
        sentence += f"; equal to it: {_some(equal)}"
    if open_:
        sentence += f"; not distinguishable from it: {_some(open_)}"
    if unknown:
        sentence += f"; not compared: {_some(unknown)}"
    if lower:
        sentence += f"; {'beaten' if metric.better else 'lower'}: {_some([each.other.name for each in lower])}"
    return f"{sentence}{holm}."


def _some(names: Sequence[str]) -> str:
    if len(names) <= NAMED + 1:
        return "; ".join(names) if any("," in name for name in names) else ", ".join(names)
    return f"{'; '.join(names[:NAMED])} and {len(names) - NAMED} others"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith(("all runs", "this run")) else text
