"""What the YAML files compute: folder names, the gain that suits an activation, and values once they are composed."""

import re
from hashlib import sha256
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.cli.versions import register_resolver
from cnnlab.common.errors import InputError


def register_resolvers() -> None:
    """What the YAML files compute: folder names, and the gain that suits an activation."""
    for name, function in {"slug": slug, "gain": _gain}.items():
        register_resolver(name, function, replace=True)


def register_summary_resolvers() -> None:
    """A design sheet's folder: the compared models, or the one; the initializer where the sheet depends on it."""
    register_resolver("designs", lambda compare, model: "_".join(compare or [model]), replace=True)
    register_resolver("initialized", lambda theory, init: f"_{init}" if theory else "", replace=True)


def slug(text: str, limit: int = 120) -> str:
    """A folder name of safe characters; a long one ends in a hash, since file systems stop at 255 bytes."""
    safe = re.sub(r"[^\w=,.+-]+", "-", text).strip("-.")
    if len(safe.encode()) <= limit:
        return safe
    kept = safe.encode()[: limit - 9].decode(errors="ignore")
    return f"{kept}-{sha256(text.encode()).hexdigest()[:8]}"


def _gain(activation: str) -> float:
    from cnnlab.networks.modules.moments import gain

    return gain(activation)


def resolved(job: DictConfig) -> dict[str, Any]:
    """The job as plain values; an interpolation that leads nowhere is the user's mistake."""
    try:
        return OmegaConf.to_container(job, resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise InputError(str(error).splitlines()[0]) from error
