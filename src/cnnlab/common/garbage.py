"""Imports without the search for cyclic garbage: torch makes half a million objects, all of which stay, and searching
through them again and again takes a fifth of its import; freeing them one by one at the end, another second."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module


def import_uncollected(*modules: str) -> None:
    """Import those that are missing; what was made until then is never searched again. Raises ImportError."""
    missing, enabled = [module for module in modules if module not in sys.modules], gc.isenabled()
    if not missing:
        return
    gc.disable()
    try:
        for module in missing:
            import_module(module)
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # or C++ would report what is left over as lost
        if enabled:
            gc.enable()


def leave_to_the_system() -> None:
    """For a command: what is there when it ends is not searched, and goes with the process."""
    atexit.unregister(_leave)
    atexit.register(_leave)  # so early that it comes last


def _leave() -> None:
    gc.freeze()
    with suppress(OSError, ValueError):  # closed
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # C++ reports there what it takes for lost
