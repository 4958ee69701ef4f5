"""All faults, and the half to which each belongs."""

from random import Random

from diagnosis_parts.fault import Fault
from diagnosis_parts.faults_of_data import DATA
from diagnosis_parts.faults_of_networks import NETWORK
from diagnosis_parts.faults_of_training import NUMBER_FORMAT, OPTIMIZER
from diagnosis_parts.faults_of_weights import INITIALIZATION, ONE_LAYER

FAMILIES = {faults[0].family: faults for faults in (INITIALIZATION, ONE_LAYER, OPTIMIZER, NETWORK, DATA, NUMBER_FORMAT)}
FAULTS: dict[str, Fault] = {fault.name: fault for faults in FAMILIES.values() for fault in faults}
HALVES = ("dev", "once")
SPLIT_SEED = 2027


def half_of(fault: Fault) -> str:
    """Drawn by the place in the family's list, so that the split holds when a name changes; half of each family."""
    family = FAMILIES[fault.family]
    drawn = list(range(len(family)))
    Random(f"{SPLIT_SEED} {fault.family}").shuffle(drawn)
    return HALVES[drawn.index(family.index(fault)) % 2]
