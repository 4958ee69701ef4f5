"""All faults, and the set to which each belongs."""

from diagnosis_parts.common_data import COMMON_DATA
from diagnosis_parts.common_networks import COMMON_NETWORK
from diagnosis_parts.common_training import (
    COMMON_INITIALIZATION,
    COMMON_NUMBER_FORMAT,
    COMMON_ONE_LAYER,
    COMMON_OPTIMIZER,
)
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
from diagnosis_parts.later_data import LATER_DATA
from diagnosis_parts.later_networks import LATER_NETWORK
from diagnosis_parts.later_training import LATER_INITIALIZATION, LATER_NUMBER_FORMAT, LATER_ONE_LAYER, LATER_OPTIMIZER
from diagnosis_parts.latest_data import LATEST_DATA
from diagnosis_parts.latest_networks import LATEST_NETWORK
from diagnosis_parts.latest_training import (
    LATEST_INITIALIZATION,
    LATEST_NUMBER_FORMAT,
    LATEST_ONE_LAYER,
    LATEST_OPTIMIZER,
)
from diagnosis_parts.newer_data import NEWER_DATA
from diagnosis_parts.newer_networks import NEWER_NETWORK
from diagnosis_parts.newer_training import NEWER_INITIALIZATION, NEWER_NUMBER_FORMAT, NEWER_ONE_LAYER, NEWER_OPTIMIZER
from diagnosis_parts.once_data import ONCE_DATA
from diagnosis_parts.once_networks import ONCE_NETWORK
from diagnosis_parts.once_training import ONCE_INITIALIZATION, ONCE_NUMBER_FORMAT, ONCE_ONE_LAYER, ONCE_OPTIMIZER
from diagnosis_parts.rare_data import RARE_DATA
from diagnosis_parts.rare_networks import RARE_NETWORK
from diagnosis_parts.rare_training import RARE_INITIALIZATION, RARE_NUMBER_FORMAT, RARE_ONE_LAYER, RARE_OPTIMIZER

SETS = ("dev", "once", "rare")
_KNOWN = (
    *(INITIALIZATION, ONE_LAYER, OPTIMIZER, NETWORK, DATA, NUMBER_FORMAT),
    *(FRESH_INITIALIZATION, FRESH_ONE_LAYER, FRESH_OPTIMIZER, FRESH_NETWORK, FRESH_DATA, FRESH_NUMBER_FORMAT),
    *(LATER_INITIALIZATION, LATER_ONE_LAYER, LATER_OPTIMIZER, LATER_NETWORK, LATER_DATA, LATER_NUMBER_FORMAT),
    *(NEWER_INITIALIZATION, NEWER_ONE_LAYER, NEWER_OPTIMIZER, NEWER_NETWORK, NEWER_DATA, NEWER_NUMBER_FORMAT),
    *(LATEST_INITIALIZATION, LATEST_ONE_LAYER, LATEST_OPTIMIZER, LATEST_NETWORK, LATEST_DATA, LATEST_NUMBER_FORMAT),
    *(COMMON_INITIALIZATION, COMMON_ONE_LAYER, COMMON_OPTIMIZER, COMMON_NETWORK, COMMON_DATA, COMMON_NUMBER_FORMAT),
)
_ONCE = (ONCE_INITIALIZATION, ONCE_ONE_LAYER, ONCE_OPTIMIZER, ONCE_NETWORK, ONCE_DATA, ONCE_NUMBER_FORMAT)
_RARE = (RARE_INITIALIZATION, RARE_ONE_LAYER, RARE_OPTIMIZER, RARE_NETWORK, RARE_DATA, RARE_NUMBER_FORMAT)
FAMILIES: dict[str, list[Fault]] = {}
for _faults in (*_KNOWN, *_ONCE, *_RARE):
    FAMILIES.setdefault(_faults[0].family, []).extend(_faults)
FAULTS: dict[str, Fault] = {fault.name: fault for faults in FAMILIES.values() for fault in faults}
_SET_OF = {fault.name: "once" for faults in _ONCE for fault in faults}
_SET_OF |= {fault.name: "rare" for faults in _RARE for fault in faults}


def set_of(fault: Fault) -> str:
    """`once` and `rare` of those by somebody who had not seen the rules; `dev` of all that were looked at for them."""
    return _SET_OF.get(fault.name, "dev")
