"""Mistakes in the settings of a launcher, found before the first job."""

import importlib
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from cnnlab.cli.refusal import Refusal
from cnnlab.common.checks import Rule, check_rules
from cnnlab.common.errors import InputError

TEXT = Rule("text", lambda v: isinstance(v, str))
MAPPING = Rule("a mapping, {key: value}", lambda v: isinstance(v, dict))


def plain_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without OmegaConf's containers, which other libraries do not take for lists and mappings."""
    return {k: OmegaConf.to_container(v, resolve=True) if OmegaConf.is_config(v) else v for k, v in values.items()}


def check_settings(values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Refuse the first of `hydra.launcher`'s values that breaks its rule."""
    try:
        check_rules(values, rules, "hydra.launcher.")
    except InputError as error:
        raise Refusal(str(error)) from None


def require(library: str, launcher: str) -> Any:
    """The imported `library`, an optional extra of cnnlab; Refusal if it is not installed."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise Refusal(
            f"hydra/launcher={launcher} needs {library}, which cannot be imported: {error}\n"
            f"Install it: pip install 'cnnlab[{launcher}]'"
        ) from None
