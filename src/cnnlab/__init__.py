"""A laboratory for the design of convolutional networks.

Probe         measures every layer of any network in any training loop, and diagnoses it
initialize    initializes a network, by name of an initializer     expected    what theory predicts for it
sheet         shapes, receptive field, weights, MACs, memory       fit         trains it into a run folder
run           one run of `python -m cnnlab.train`                  load        the network of a run folder

All are imported lazily, so that a command reports a typo without waiting for torch.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import cnnlab.common.began  # noqa: F401  (notes the time)
from cnnlab.common.stopping import quiet_at_once

if TYPE_CHECKING:
    from cnnlab.cli.build import load_run as load
    from cnnlab.cli.named import expected, initialize
    from cnnlab.common.errors import InputError, NotApplicable
    from cnnlab.telemetry.probe import Probe
    from cnnlab.train import run
    from cnnlab.training.setup import Telemetry, fit
    from cnnlab.views.sheet import sheet

__version__ = "0.1.0"

if sys.argv[:1] == ["-m"]:  # so Python calls itself while it looks for `cnnlab.train` in this package
    quiet_at_once()

_HOMES = {
    "Probe": "telemetry.probe.Probe",
    "initialize": "cli.named.initialize",
    "expected": "cli.named.expected",
    "sheet": "views.sheet.sheet",
    "fit": "training.setup.fit",
    "Telemetry": "training.setup.Telemetry",
    "run": "train.run",
    "load": "cli.build.load_run",
    "InputError": "common.errors.InputError",
    "NotApplicable": "common.errors.NotApplicable",
}
__all__ = [
    "InputError",
    "NotApplicable",
    "Probe",
    "Telemetry",
    "expected",
    "fit",
    "initialize",
    "load",
    "run",
    "sheet",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cnnlab' has no attribute '{name}'")
    module, _, attribute = _HOMES[name].rpartition(".")
    return getattr(import_module(f"cnnlab.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
