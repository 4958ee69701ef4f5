"""What Hydra 1.3 and 1.4 want said differently; without 1.3 this file goes."""

from collections.abc import Iterator
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

_OLD = hydra.__version__.startswith("1.3.")

# 1.3 warns of a main without it, 1.4 of one with it; both then mean the version that is installed.
VERSION_BASE: dict[str, Any] = {"version_base": None} if _OLD else {}

# OmegaConf 2.4, which comes with 1.4, took the old name back; 2.3 has something older under it.
register_resolver = getattr(OmegaConf, "register_new_resolver" if _OLD else "register_resolver")


def permission(config: DictConfig) -> dict[str, Any]:
    """For `instantiate`, of which 1.4 wants to know what it may call: what the YAML names, since that may be anyone's.

    Whatever we say, Hydra refuses what runs commands or text (os.system, eval), as long as its checks stay on.
    """
    return {} if _OLD else {"_execution_whitelist_": list(_targets(OmegaConf.to_container(config, resolve=True)))}


def _targets(values: Any) -> Iterator[str]:
    """Every `_target_`, also of a section within the section, but none that could delete files: so 1.3 has it, too."""
    if isinstance(values, dict):
        target = values.get("_target_")
        if isinstance(target, str) and not {"os", "posix", "nt", "shutil"} & set(target.split(".")):
            yield target
        values = list(values.values())
    for value in values if isinstance(values, list) else ():
        yield from _targets(value)
