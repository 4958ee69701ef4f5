"""What Hydra does not say about a mistake in somebody's own configs: the file, the line, and what to write."""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader

from cnnlab.common.errors import InputError

MOST_FILES = 500  # a folder with more is not one of configs
MOST_VALUES = 100_000  # in a file, with what its aliases repeat


def check_sizes(loader: ConfigLoader) -> None:
    """InputError for a file whose aliases (`*name`) expand to more than any memory holds, or contain themselves."""
    for file in _files(loader):
        try:
            node = yaml.compose(file.read_text(), yaml.SafeLoader)
        except (OSError, ValueError, yaml.YAMLError):  # `mistake` tells, if it is chosen
            continue
        if _expanded(node, {}) > MOST_VALUES:
            raise InputError(
                f"{file}: its aliases (*name) repeat each other, and stand for more than {MOST_VALUES:,} values.\n"
                "Write out what is meant."
            )


def _expanded(node: yaml.Node | None, known: dict[int, float]) -> float:
    """How many values a node stands for; inf if it contains itself."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = inf  # while it is counted
    children = list(node.value) if isinstance(node, yaml.CollectionNode) else []
    pairs = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
    known[id(node)] = 1 + sum(_expanded(part, known) for part in pairs)
    return known[id(node)]


def has_old_ending(loader: ConfigLoader, group: str, name: str) -> bool:
    """Whether there is such a .yml, which Hydra does not read."""
    return any((folder / group / f"{name}.yml").is_file() for folder in _folders(loader))


def mistake(loader: ConfigLoader) -> str | None:
    """About the first file that is not YAML, or not `key: value` lines; None if there is none."""
    for file in _files(loader):
        try:
            content = yaml.load(file.read_text(), _Strict)
        except UnicodeDecodeError:
            return f"{file} is not UTF-8. Save it as such."
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            words = error.problem or "it is not YAML"
            hint = "\nIndent with spaces; YAML allows no tabs." if "\\t" in words else ""
            return f"{file}, line {line}: {words}.{hint}"
        except (yaml.YAMLError, ValueError) as error:
            return f"{file}: {next(iter(str(error).splitlines()), 'it is not YAML')}."
        if content is not None and not isinstance(content, dict):
            return f"{file} holds {_kind(content)}, and a config is lines of `key: value`."
        if (key := next(_odd_keys(content), None)) is not None:
            return f'{file}: the key {key[0]!r} is no text. Put it in quotes: "{key[0]}":'
    return None


class _Strict(yaml.SafeLoader):
    """Refuses a key that is given twice, as Hydra does."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int, float, bool, type(None))):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _odd_keys(content: Any) -> Iterator[tuple[Any]]:
    if isinstance(content, Mapping):
        yield from ((key,) for key in content if not isinstance(key, (str, int, float, bool)))
        content = list(content.values())
    for value in content if isinstance(content, list) else ():
        yield from _odd_keys(value)


def _kind(content: Any) -> str:
    return {list: "a list", str: "a text", bool: "true or false"}.get(type(content), "a number")


def unquoted_choice(loader: ConfigLoader) -> str | None:
    """About the first defaults list that names a choice by a boolean or a number, such as `override /telemetry: off`,
    where YAML takes the word for False; None if there is none."""
    for file in _files(loader):
        for group, value in _choices(file):
            if isinstance(value, (bool, int, float)):
                return (
                    f"{file}: its defaults choose {value} for {group}, which is no name.\n"
                    f'In YAML off, no, on and yes are booleans: put the name in quotes, e.g. {group}: "off"'
                )
    return None


def _files(loader: ConfigLoader) -> Iterator[Path]:
    for folder in _folders(loader):
        yield from sorted(islice(folder.rglob("*.yaml"), MOST_FILES))


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
