"""What Hydra does not say about a mistake in somebody's own configs: the file, the line, and what to write."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from types import MethodType
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.plugins.config_source import ConfigSource
from omegaconf import DictConfig, OmegaConf

from cnnlab.cli.resolvers import CONFIGS
from cnnlab.common.errors import InputError

MOST_VALUES = 100_000  # in a file, with what its aliases repeat
_HEADER = re.compile(r"\s*#\s*@package\s+_global_\s*$")
# Integers of YAML 1.1 that nobody means: 010 is 8, and 1:30 is 90.
_OTHER_BASE = re.compile(r"[-+]?(0[0-7_]+|[0-9_]+(:[0-5]?[0-9])+)")


@contextmanager
def checked_when_read(loader: ConfigLoader) -> Iterator[list[Path]]:
    """Inside, each of somebody's own files is checked when Hydra reads it, so that none is blamed that was not chosen.
    Raises InputError; yields the list of those read."""
    repository: Any = loader.repository  # type: ignore[attr-defined]
    read: list[Path] = []

    def careful(self: Any, config_path: str) -> Any:
        name = f"{config_path.removesuffix('.yaml')}.yaml"
        for file in (folder / name for folder in _own(self.get_sources())):
            if os.path.isfile(file):
                read.append(file)
                _check(file, of_experiment=name.startswith("experiment/"))
                _check_is_used(file, CONFIGS / name)
        return type(self).load_config(self, config_path)

    # A method, since Hydra copies the repository, and gives the copy the folders of hydra.searchpath.
    repository.load_config = MethodType(careful, repository)
    try:
        yield read
    finally:
        del repository.load_config


def _own(sources: Iterable[ConfigSource]) -> Iterator[Path]:
    """The folders of somebody's own configs."""
    yield from (Path(each.path) for each in sources if each.scheme() == "file" and each.provider != "main")


def misplaced(loader: ConfigLoader, group: str, name: str) -> str | None:
    """What to do with a file of that name which Hydra does not find: its ending is old, or its folder is another."""
    if os.path.isfile(file := Path(f"{name.removesuffix('.yaml')}.yaml")):
        folder = file.parent.parent if file.parent.name == group else "FOLDER"
        return (
            "a choice is a name, and no file.\n"
            f"With {file.name} in a folder {group}, type --config-dir {folder} {group}={file.stem}"
        )
    for folder in _own(loader.get_sources()):
        if os.path.isfile(folder / group / f"{name}.yml"):
            return f"configs must end with .yaml.\nRename {name}.yml to {name}.yaml."
        if os.path.isfile(file := folder / f"{name}.yaml"):
            return f"it is looked for in {folder / group}.\nMove {file} there, or give --config-dir the folder above."
    return None


def check_given(loader: ConfigLoader, job: DictConfig) -> None:
    """Raise InputError for a setting that is still `???`: it has to be given, and was not."""
    own: Any = OmegaConf.to_container(OmegaConf.masked_copy(job, [str(key) for key in job if key != "hydra"]))
    if (key := next(_left_open(own), None)) is None:
        return
    chosen = [f"{group}/{name}.yaml" for group, name in job.hydra.runtime.choices.items()]
    files = (folder / name for folder in _own(loader.get_sources()) for name in chosen)
    name = key.rpartition(".")[2]
    line = re.compile(rf"\b{re.escape(name)}\b.*\?\?\?")
    leaves = next((file for file in files if file.is_file() and line.search(file.read_text(encoding="utf-8"))), None)
    where = f"\n{leaves} leaves it open (???)." if leaves else ""
    raise InputError(f"{key} has to be given: {key}=...{where}")


def _left_open(values: Any, key: str = "") -> Iterator[str]:
    """The dotted keys of `???`; of one in a list, that of the list."""
    if values == "???":
        yield key
    for name, value in values.items() if isinstance(values, dict) else ():
        yield from _left_open(value, f"{key}.{name}".lstrip("."))
    if isinstance(values, list) and any(True for value in values for _ in _left_open(value)):
        yield key


def _check_is_used(file: Path, theirs: Path) -> None:
    """Hydra reads cnnlab's own config of that name; nothing is lost where the two are the same."""
    if theirs.is_file() and theirs.read_bytes() != file.read_bytes():
        raise InputError(
            f"{file} would not be used: cnnlab has a {theirs.relative_to(CONFIGS)} as well.\n"
            f"Rename it, e.g. my_{file.name}, and choose it by that name."
        )


def _check(file: Path, of_experiment: bool = False) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        _check_aliases(file, node)
        content = yaml.load(text, _Strict)
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8. Save it as such.") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        words = error.problem or "it is not YAML"
        hint = "\nIndent with spaces; YAML allows no tabs." if "\\t" in words else ""
        raise InputError(f"{file}, line {line}: {words}.{hint}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: {next(iter(str(error).splitlines()), 'it is not YAML')}.") from error
    if content is not None and not isinstance(content, dict):
        raise InputError(f"{file} holds {_kind(content)}, and a config is lines of `key: value`.")
    if (key := next(_odd_keys(content), None)) is not None:
        raise InputError(f'{file}: the key {key[0]!r} is no text. Put it in quotes: "{key[0]}":')
    _check_numbers(file, node)
    _check_dots(file, content or {})
    _check_defaults(file, content or {})
    _check_header(file, text, needed=of_experiment and _sets(content or {}))


def _check_header(file: Path, text: str, needed: bool) -> None:
    """Hydra reads the line `# @package _global_` above all else alone; below a comment, say, or behind a byte order
    mark, it goes unread. `needed`: the config has settings of other sections than its own."""
    with_mark, above = text.startswith("\ufeff"), True
    for at, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if _HEADER.match(line):
            if with_mark:
                raise InputError(
                    f"{file}, line {at}: {line.strip()} is not read, since the file begins with a byte order mark.\n"
                    "Save it as UTF-8 without BOM."
                )
            if not above:
                raise InputError(
                    f"{file}, line {at}: {line.strip()} is read only where it is the first line.\nMove it there."
                )
            return
        above = above and (not line.strip() or re.match(r"\s*#\s*@", line) is not None)
    if needed:
        raise InputError(
            f"{file} does not begin with the line that puts an experiment's settings in place.\n"
            "Make this its first line:\n  # @package _global_"
        )


def _sets(content: Mapping[Any, Any]) -> bool:
    """Whether a config has settings, or takes another choice than a config below it."""
    entries = content.get("defaults", [])
    chosen = [str(key) for entry in entries if isinstance(entry, dict) for key in entry]
    return bool(content.keys() - {"defaults"}) or any(key.startswith("override ") for key in chosen)


def _check_aliases(file: Path, node: yaml.Node | None) -> None:
    """Aliases (`*name`) can expand to more than any memory holds, or contain themselves."""
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
    known[id(node)] = 1 + sum(_expanded(part, known) for part in _parts(node))
    return known[id(node)]


def _parts(node: yaml.Node | None) -> list[yaml.Node]:
    children = list(node.value) if isinstance(node, yaml.CollectionNode) else []
    return [part for child in children for part in (child if isinstance(child, tuple) else (child,))]


def _check_numbers(file: Path, node: yaml.Node | None) -> None:
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and _OTHER_BASE.fullmatch(node.value):
        raise InputError(
            f"{file}, line {node.start_mark.line + 1}: {node.value} is {yaml.safe_load(node.value)} in YAML.\n"
            f'Write the number that is meant, or the text in quotes: "{node.value}"'
        )
    for part in _parts(node):
        _check_numbers(file, part)


def _check_dots(file: Path, content: Mapping[Any, Any]) -> None:
    key = next((str(key) for key in content if "." in str(key)), None)
    if key is not None:
        section, _, rest = key.partition(".")
        raise InputError(
            f"{file}: a dot in a key, as in {key}, makes no section in YAML. Write\n  {section}:\n    {rest}: ..."
        )


def _check_defaults(file: Path, content: Mapping[Any, Any]) -> None:
    """A defaults list chooses by names, and YAML takes some words for others, such as off for False."""
    defaults = content.get("defaults", [])
    if not isinstance(defaults, list):
        raise InputError(
            f"{file}: its defaults are {_kind(defaults)}, and should be a list. Write\n"
            "  defaults:\n    - override /model: plain"
        )
    for group, value in (item for entry in defaults if isinstance(entry, dict) for item in entry.items()):
        if isinstance(value, (bool, int, float)):
            raise InputError(
                f"{file}: its defaults choose {value} for {group}, which is no name.\n"
                f'In YAML off, no, on and yes are booleans: put the name in quotes, e.g. {group}: "off"'
            )


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
    kinds = {list: "a list", dict: "a mapping", str: "a text", bool: "true or false", type(None): "empty"}
    return kinds.get(type(content), "a number")
