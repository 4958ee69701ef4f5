"""The gain of layers: the deviation of their weights times the root of their fan-in."""

import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.logged_step import Record
from cnnlab.diagnosis.signal import signal


def gains_of(run: Evidence, record: Record) -> dict[str, float]:
    """By layer, deviation of the weights times the root of their fan-in; without frozen ones, whose outputs count."""
    fan_in, stds, frozen = run.context.fan_in, record.of("weight/std"), run.context.frozen
    return {k: _gain(std, fan_in[k]) for k, std in stds.items() if k in fan_in and std > 0 and k not in frozen}


def factors_of(first: Record, gains: Mapping[str, float]) -> dict[str, float]:
    """What each layer makes of the one before, over what its weights make of it."""
    sizes = signal(first)
    return {k: sizes[k] / sizes[before] / gains[k] for before, k in pairwise(sizes) if gains.get(k, 0) > 0}


def median_gain(run: Evidence) -> float | None:
    """Deviation of the weights times the root of their fan-in, median over the hidden layers."""
    if run.first is None:
        return None
    stds = list(run.first.of("weight/std").items())[:-1]
    gains = [_gain(std, run.context.fan_in[k]) for k, std in stds if k in run.context.fan_in]
    return median(gains) if gains else None


def _gain(std: float, fan_in: int) -> float:
    return std * math.sqrt(fan_in)
