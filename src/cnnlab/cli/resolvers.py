"""OmegaConf resolvers of the YAML files (folder names, gain of an activation), and the resolved config."""

import re
from hashlib import sha256
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.cli.versions import register_resolver
from cnnlab.common.errors import InputError


def register_resolvers() -> None:
    """`slug` and `gain`."""
    register_resolver("slug", slug, replace=True)
    register_resolver("gain", _gain, replace=True)


def register_summary_resolvers() -> None:
    """`designs`, `initialized`: the model names, and the initializer if theory is on, for the summary's folder name."""
    register_resolver("designs", lambda compare, model: "_".join(compare or [model]), replace=True)
    register_resolver("initialized", lambda theory, init: f"_{init}" if theory else "", replace=True)


def slug(text: str, limit: int = 120) -> str:
    """A folder name of safe characters; a long one is cut and hashed, since file systems allow 255 bytes."""
    safe = re.sub(r"[^\w=,.+-]+", "-", text).strip("-.")
    if len(safe.encode()) <= limit:
        return safe
    kept = safe.encode()[: limit - 9].decode(errors="ignore")
    return f"{kept}-{sha256(text.encode()).hexdigest()[:8]}"


def _gain(activation: str) -> float:
    from cnnlab.networks.modules.moments import gain

    return gain(activation)


def resolved(job: DictConfig) -> dict[str, Any]:
    """The job as plain Python values; InputError if an interpolation cannot be resolved."""
    try:
        return OmegaConf.to_container(job, resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise InputError(str(error).splitlines()[0]) from error
