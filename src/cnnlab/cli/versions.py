"""Differences between Hydra 1.3 and 1.4; delete this module when support for 1.3 is dropped."""

from collections.abc import Iterator
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

_HYDRA_1_3 = hydra.__version__.startswith("1.3.")

# 1.3 warns if hydra.main lacks it, 1.4 if it is given; either way the installed version's defaults apply.
VERSION_BASE: dict[str, Any] = {"version_base": None} if _HYDRA_1_3 else {}

# OmegaConf 2.4 (with Hydra 1.4) reuses the name register_resolver, which is a legacy function in 2.3.
register_resolver = getattr(OmegaConf, "register_new_resolver" if _HYDRA_1_3 else "register_resolver")


def allowed_targets(config: DictConfig) -> dict[str, Any]:
    """Arguments for `instantiate`: Hydra 1.4 calls only listed targets, and the YAML may name any module.

    Hydra's own blocklist (os.system, eval, ...) still applies unless its checks are switched off.
    """
    return {} if _HYDRA_1_3 else {"_execution_whitelist_": list(_targets(OmegaConf.to_container(config, resolve=True)))}


def _targets(values: Any) -> Iterator[str]:
    """Every `_target_`, nested ones included, except modules that can delete files, which 1.3 blocks as well."""
    if isinstance(values, dict):
        target = values.get("_target_")
        if isinstance(target, str) and not {"os", "posix", "nt", "shutil"} & set(target.split(".")):
            yield target
        values = list(values.values())
    for value in values if isinstance(values, list) else ():
        yield from _targets(value)
