"""OmegaConf resolvers of the YAML files (folder names, gain of an activation), and the resolved config."""

import os
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.claims.axes import is_aside
from cnnlab.cli.versions import register_resolver
from cnnlab.common.errors import InputError
from cnnlab.runs.request import DESIGN

# In a wheel the configs are inside the package, in a checkout next to src/.
_PACKAGE = Path(__file__).resolve().parents[1]
CONFIGS = next(p for p in (_PACKAGE / "_configs", _PACKAGE.parents[1] / "configs") if p.is_dir())


def register_resolvers() -> None:
    """`slug`, `gain`, `positive`, `omp_threads`, `run_name` and `sweep_name`; for the folder of a summary `designs`,
    the names of the models, `matched`, the budget that they are matched in, and `initialized`, the initializer if
    theory is on."""
    register_resolver("slug", slug, replace=True)
    # Cached, since Hydra passes the cache of a sweep's config on to its jobs, whose overrides are others.
    register_resolver("sweep_name", _sweep_name, replace=True, use_cache=True)
    register_resolver("run_name", _run_name, replace=True)
    register_resolver("gain", _gain, replace=True)
    # Of what is no number, the check of its setting tells.
    register_resolver("positive", lambda number: isinstance(number, int | float) and number > 0, replace=True)
    register_resolver("omp_threads", _omp_threads, replace=True)
    register_resolver("designs", lambda compare, model: "_".join(compare or [model]), replace=True)
    register_resolver("matched", lambda match: f"_same_{match}" if match else "", replace=True)
    register_resolver("initialized", lambda theory, init: f"_{init}" if theory else "", replace=True)


def slug(text: str, limit: int = 120) -> str:
    """A folder name of safe characters; a long one is cut and hashed, since file systems allow 255 bytes.

    Brackets and quotes are dropped: `model.channels=[8,16]` is model.channels=8,16.
    """
    safe = re.sub(r"[^\w=,.+-]+", "-", re.sub(r"[\[\]'\"]", "", text)).strip("-.")
    if len(safe.encode()) <= limit:
        return safe
    kept = safe.encode()[: limit - 9].decode(errors="ignore")
    return f"{kept}-{sha256(text.encode()).hexdigest()[:8]}"


def _run_name(choices: Mapping[str, str], overrides: Sequence[str], seed: int) -> str:
    """The design, what was typed besides, and the seed; what distinguishes first, as TensorBoard cuts long names."""
    design, typed = "_".join(str(choices[group]) for group in DESIGN), []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element().lstrip("+~")
        if key not in DESIGN and not is_aside(key):
            typed.append(f"{key}={override.get_value_element_as_str()}")
    parts = [design, slug("_".join(typed), limit=80), f"seed{seed}"]  # if it is cut, the seed is still told
    return slug("_".join(filter(None, parts)))


def _sweep_name(overrides: Sequence[str], sweeper: Mapping[str, Any]) -> str:
    """What the sweep is about: its experiment, the settings that hold for all jobs, and the swept keys but the seed.

    Not the values of the swept keys, so that a longer list goes on in the same folder.
    """
    names, settings = [], []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element().lstrip("+")
        if key == "experiment":
            names.append(override.get_value_element_as_str())
        elif key != "seed" and not key.startswith(("sweep.", "claim.")):
            value = override.value()
            if not override.is_sweep_override():
                settings.append(f"{key}={override.get_value_element_as_str()}")
            elif isinstance(value, ChoiceSweep) and len(value.list) == 1:
                settings.append(f"{key}={next(override.sweep_string_iterator())}")
            else:
                names.append(key)
    if not names:
        names = list(sweeper.get("arms") or {}) or ["seed"]
    return slug(",".join([*names, *settings]))


def _omp_threads() -> int:
    """What $OMP_NUM_THREADS says of the outermost level, as of `2,1`; 1 where it says nothing, or no number."""
    outermost = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, int(outermost)) if outermost.isascii() and outermost.isdigit() else 1


def _gain(activation: str) -> float:
    from cnnlab.networks.modules.moments import gain

    return gain(activation)


def resolved(job: DictConfig) -> dict[str, Any]:
    """The job as plain Python values; InputError if an interpolation cannot be resolved."""
    try:
        return OmegaConf.to_container(job, resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise InputError(str(error).splitlines()[0]) from error
