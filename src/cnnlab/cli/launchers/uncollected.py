"""Imported first by a process that only imports and forks: it never searches for garbage, and its forks search only
what they make themselves, so that what was imported stays shared."""

import atexit
import gc
import os

gc.disable()
os.register_at_fork(before=gc.freeze, after_in_child=gc.enable)
atexit.register(gc.unfreeze)  # or C++ would report what is left over as lost
