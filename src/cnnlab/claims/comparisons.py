"""All comparisons that a claim stands for, from the runs of its sweep."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cnnlab.claims.axes import as_number, in_order, short_name
from cnnlab.claims.claim import ALL_RUNS, SLOPES, Claim
from cnnlab.claims.compared import Comparison, by_seed, value_of
from cnnlab.claims.decision import decide, decide_exactly, decide_share, decide_shares
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.groups import has_trained
from cnnlab.claims.interval import of_two, of_values
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord
from cnnlab.claims.slope import best_of, log_slope

ONE_SEED = "a single seed"  # how far another would be from it is not known


@dataclass(frozen=True)
class _Cell:
    """The runs at one point of the axes but the arms'; `place`: the point in words."""

    place: str
    arms: Mapping[str, Sequence[RunRecord]]


def comparisons(claim: Claim, experiment: Experiment) -> list[Comparison]:
    """In the order of the sweep: places, then keys, arms, and what they are compared with."""
    if claim.rule in SLOPES:
        return list(_slopes(claim, experiment))
    found = []
    for cell in _cells(claim, experiment, experiment.axes[1:]):
        for key in claim.keys:
            found += [_compare(claim, experiment, cell, key, arm, than) for arm, than in claim.pairs(cell.arms)]
    return found


def _compare(claim: Claim, experiment: Experiment, cell: _Cell, key: str, arm: str, than: str | float) -> Comparison:
    found = Comparison(
        key,
        arm=claim.call(arm),
        other=_other(claim, than),
        place=" ".join(filter(None, [_key_words(claim, key), cell.place])),
        margin=claim.margin,
        rule=claim.rule,
        is_=claim.is_,
    )
    runs = cell.arms.get(arm, ())
    if not runs:
        return replace(found, reason=f"there are no runs of {arm}")
    if claim.rule == "trained":
        return _trained(claim, found, runs, cell.arms.get(than) if isinstance(than, str) else None, than)
    target = claim.times * than if isinstance(than, int | float) else 0.0
    left = by_seed(runs, key, claim.is_, target)
    between = isinstance(than, str) and than in cell.arms
    others = cell.arms[str(than)] if between else runs
    if isinstance(than, int | float):
        right = dict.fromkeys(left, float(than))
    else:
        right = by_seed(others, key if between else than, _opposite(claim.is_))
    right = {seed: claim.times * value for seed, value in right.items()}
    # A run that failed, or has not run yet, may be the one that decides otherwise: what is left of an arm is not it.
    if len(left) < len(runs):
        return replace(found, n=len(left), reason=_lacking(key, len(left), len(runs)))
    if len(right) < len(others):
        other = (
            _lacking(key, len(right), len(others), than) if between else _lacking(str(than), len(right), len(others))
        )
        return replace(found, n=len(left), reason=other)
    found = replace(found, n=len(left), left=_mean(left.values()), right=_mean(right.values()))
    sign = -1 if claim.is_ == "lower" else 1
    if claim.rule == "exact":
        pairs = _pairs(left, right, by_seed_only=not between or experiment.paired)
        if not pairs:
            return replace(found, reason="they have no seed in common")
        return decide_exactly(found, [sign * _minus(a, b) for a, b in pairs])
    return _means(found, left, right, sign, paired=not between or experiment.paired)


def _means(
    found: Comparison, left: Mapping[str, float], right: Mapping[str, float], sign: int, *, paired: bool
) -> Comparison:
    if not all(map(math.isfinite, (*left.values(), *right.values()))):
        return replace(found, reason="a value is not a finite number")
    pairs = _pairs(left, right, by_seed_only=True) if paired else []
    if min(len(left), len(right)) < 2 or (paired and len(pairs) < 2):
        return replace(found, reason=ONE_SEED)
    if paired:
        return decide(found, of_values([sign * (a - b) for a, b in pairs]))
    return decide(found, of_two([sign * a for a in left.values()], [sign * b for b in right.values()]))


def _trained(
    claim: Claim, found: Comparison, runs: Sequence[RunRecord], others: Sequence[RunRecord] | None, than: str | float
) -> Comparison:
    left = _count(runs)
    if left[1] < len(runs) or not left[1]:
        return replace(found, reason="not every run has an accuracy")
    found = replace(found, n=left[1], left=left[0] / left[1])
    if others is None:
        if isinstance(than, str):
            return replace(found, reason=f"there are no runs of {than}")
        return decide_share(replace(found, right=float(than)), *left, float(than))
    right = _count(others)
    if right[1] < len(others) or not right[1]:
        return replace(found, reason=f"not every run of {than} has an accuracy")
    return decide_shares(replace(found, right=right[0] / right[1]), left, right)


def _slopes(claim: Claim, experiment: Experiment) -> Iterator[Comparison]:
    """Slope of ln y over ln of `claim.over`, one per seed, against a number; y is the key itself, or with best_slope
    the value of the arms' axis at which the key is best."""
    assert claim.over is not None
    others = [axis for axis in experiment.axes[1:] if axis != claim.over]
    key, than = claim.keys[0], float(claim.than[0])
    for cell in _cells(claim, experiment, others):
        groups = {"": [r for runs in cell.arms.values() for r in runs]} if claim.rule == "best_slope" else cell.arms
        for arm, runs in groups.items():
            if claim.arms and arm and arm not in claim.arms:
                continue
            found = Comparison(
                key, claim.call(arm), f"{than:g}", cell.place, margin=claim.margin, rule=claim.rule, is_=claim.is_
            )
            known, points = sum(value_of(run, key, "equal") is not None for run in runs), _points(claim, experiment)
            if known < points:  # without some of its points a slope is another one
                yield replace(found, n=len(_of_seeds(runs)), reason=_lacking(key, known, points))
                continue
            slopes = [_slope(claim, experiment, key, own) for own in _of_seeds(runs).values()]
            if not all(map(math.isfinite, slopes)) or len(slopes) < 2:
                yield replace(found, n=len(slopes), reason=_no_slope(claim, slopes))
                continue
            sign = -1 if claim.is_ == "lower" else 1
            found = replace(found, n=len(slopes), left=_mean(slopes), right=than)
            yield decide(found, of_values([sign * (slope - than) for slope in slopes]))


def _slope(claim: Claim, experiment: Experiment, key: str, runs: Sequence[RunRecord]) -> float:
    """Of the runs of one seed."""
    assert claim.over is not None
    by_x: dict[float, list[RunRecord]] = {}
    for run in runs:
        by_x.setdefault(_as_x(claim, run.labels[claim.over]), []).append(run)
    if claim.rule == "slope":
        return log_slope({x: _value(run, key) for x, (run, *_) in by_x.items()})
    best: dict[float, float] = {}
    for x, own in by_x.items():
        scores = {float(run.labels[experiment.axes[0]]): _value(run, key) for run in own}
        peak = best_of(scores, Metric(key).sign())
        # Where nothing trains, the best is whatever chance made it.
        best[x] = math.nan if peak is None or not any(map(has_trained, own)) else peak
    return log_slope(best)


def _value(run: RunRecord, key: str) -> float:
    value = value_of(run, key, "equal")
    return math.nan if value is None else value


def _points(claim: Claim, experiment: Experiment) -> int:
    """How many runs a slope is of: every seed at every level of what it is measured over, and with best_slope of the
    arms' axis."""
    axes = [claim.over, *(experiment.axes[:1] if claim.rule == "best_slope" else [])]
    levels = [{run.labels[axis] for run in experiment.measured} for axis in axes if axis is not None]
    return len(_of_seeds(experiment.measured)) * math.prod(map(len, levels))


def _no_slope(claim: Claim, slopes: Sequence[float]) -> str:
    if len(slopes) < 2:
        return ONE_SEED
    if claim.rule == "best_slope":
        return "somewhere nothing trained, or the best value is at an end of the grid and the true one may be outside"
    return "a value is not positive"


def _cells(claim: Claim, experiment: Experiment, axes: Sequence[str]) -> Iterator[_Cell]:
    """In the order of the levels: numbers by size, words as they come."""
    runs, first = experiment.measured, experiment.axes[0] if experiment.axes else None
    levels = {axis: in_order([run.labels[axis] for run in runs]) for axis in axes}
    points: dict[tuple[str, ...], dict[str, list[RunRecord]]] = {}
    for run in sorted(runs, key=lambda run: [levels[axis].index(run.labels[axis]) for axis in axes]):
        arms = points.setdefault(tuple(run.labels[axis] for axis in axes), {})
        arms.setdefault(run.labels[first] if first else ALL_RUNS[0], []).append(run)
    for point, arms in points.items():
        words = [_words(claim, axis, value, levels[axis]) for axis, value in zip(axes, point, strict=True)]
        yield _Cell(", ".join(words), arms)


def _words(claim: Claim, axis: str, value: str, among: Sequence[str]) -> str:
    own = claim.call(value)
    return own if own != value else short_name(axis, value, among)


def _key_words(claim: Claim, key: str) -> str:
    return claim.call(key) if len(claim.keys) > 1 else ""


def _other(claim: Claim, than: str | float) -> str:
    words = f"{than:g}" if isinstance(than, int | float) else claim.call(than)
    return words if claim.times == 1 else f"{claim.times:g} x {words}"


def _as_x(claim: Claim, value: str) -> float:
    """A level as a number: itself, or the number in its words ("22 layers")."""
    number = as_number(value)
    if number is None:
        number = next((n for n in map(as_number, claim.call(value).split()) if n is not None), None)
    return math.nan if number is None else number


def _of_seeds(runs: Sequence[RunRecord]) -> Mapping[str | None, list[RunRecord]]:
    found: dict[str | None, list[RunRecord]] = {}
    for run in runs:
        found.setdefault(run.seed, []).append(run)
    return found


def _count(runs: Sequence[RunRecord]) -> tuple[int, int]:
    known = [answer for answer in map(has_trained, runs) if answer is not None]
    return sum(known), len(known)


def _pairs(left: Mapping[str, float], right: Mapping[str, float], *, by_seed_only: bool) -> list[tuple[float, float]]:
    """Of the same seed; or each of the one with each of the other."""
    if by_seed_only:
        return [(left[seed], right[seed]) for seed in left if seed in right]
    return [(a, b) for a in left.values() for b in right.values()]


def _minus(a: float, b: float) -> float:
    return 0.0 if a == b else a - b  # also of two infinities


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


def _opposite(is_: str) -> str:
    return {"higher": "lower", "lower": "higher"}.get(is_, is_)


def _lacking(key: str, known: int, runs: int, arm: str | float = "") -> str:
    of = f" of {arm}" if arm else ""
    return f"{runs - known} of {runs} runs{of} have no {key}" if known else f"no run{of} has {key}"
