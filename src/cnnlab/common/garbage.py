"""Imports without the search for cyclic garbage: torch makes half a million objects, all of which stay, and searching
through them again and again takes a fifth of its import."""

import atexit
import gc
import sys
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
