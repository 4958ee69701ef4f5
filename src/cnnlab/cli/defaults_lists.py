"""What Hydra does not say about a mistake in a config's defaults list: the file, and what to write."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader


def unquoted_choice(loader: ConfigLoader) -> str | None:
    """About the first defaults list that names a choice by a boolean or a number, such as `override /telemetry: off`,
    where YAML takes the word for False; None if there is none."""
    for folder in _folders(loader):
        for file in sorted(folder.rglob("*.yaml")):
            for group, value in _choices(file):
                if isinstance(value, (bool, int, float)):
                    return (
                        f"{file}: its defaults choose {value} for {group}, which is no name.\n"
                        f'In YAML off, no, on and yes are booleans: put the name in quotes, e.g. {group}: "off"'
                    )
    return None


def _folders(loader: ConfigLoader) -> Iterator[Path]:
    for element in loader.get_search_path().get_path():
        if element.path.startswith("file://") and element.provider != "main":  # those that users write
            yield Path(element.path.removeprefix("file://"))


def _choices(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, ValueError, yaml.YAMLError):  # Hydra reports what it cannot read
        return
    defaults = content.get("defaults") if isinstance(content, dict) else None
    for entry in defaults if isinstance(defaults, list) else []:
        yield from entry.items() if isinstance(entry, dict) else ()
