"""All faults, and the set to which each belongs."""

from random import Random

from diagnosis_parts.fault import Fault
from diagnosis_parts.faults_of_data import DATA
from diagnosis_parts.faults_of_networks import NETWORK
from diagnosis_parts.faults_of_training import NUMBER_FORMAT, OPTIMIZER
from diagnosis_parts.faults_of_weights import INITIALIZATION, ONE_LAYER
from diagnosis_parts.fresh_data import FRESH_DATA
from diagnosis_parts.fresh_networks import FRESH_NETWORK
from diagnosis_parts.fresh_training import (
    FRESH_INITIALIZATION,
    FRESH_NUMBER_FORMAT,
    FRESH_ONE_LAYER,
    FRESH_OPTIMIZER,
)

HALVES = ("dev", "once", "fresh")
SPLIT_SEED = 2027
SPLIT = {faults[0].family: faults for faults in (INITIALIZATION, ONE_LAYER, OPTIMIZER, NETWORK, DATA, NUMBER_FORMAT)}
_LATER = (FRESH_INITIALIZATION, FRESH_ONE_LAYER, FRESH_OPTIMIZER, FRESH_NETWORK, FRESH_DATA, FRESH_NUMBER_FORMAT)
FRESH = {faults[0].family: faults for faults in _LATER}
FAMILIES = {family: [*faults, *FRESH[family]] for family, faults in SPLIT.items()}
FAULTS: dict[str, Fault] = {fault.name: fault for faults in FAMILIES.values() for fault in faults}


def half_of(fault: Fault) -> str:
    """`fresh` of those that came afterwards. The others are drawn by the place in the family's list, so that the split
    holds when a name changes; half of each family is `dev`, and half `once`."""
    if fault in FRESH[fault.family]:
        return "fresh"
    family = SPLIT[fault.family]
    drawn = list(range(len(family)))
    Random(f"{SPLIT_SEED} {fault.family}").shuffle(drawn)
    return HALVES[drawn.index(family.index(fault)) % 2]
