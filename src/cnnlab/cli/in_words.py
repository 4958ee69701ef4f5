"""Composes by Hydra; what it cannot compose is told with what to type instead."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from cnnlab.claims.claim import RULES
from cnnlab.cli.overrides import parse, parser_of
from cnnlab.cli.own_configs import checked_when_read, misplaced
from cnnlab.cli.resolvers import CONFIGS
from cnnlab.cli.schema import no_section, unknown
from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.common.words import shown

SEARCHPATH = "hydra.searchpath"  # folders of one's own configs, beside --config-dir
# Sections in which `+key=value` may add keys; anywhere else a new key is a typo.
EXTENSIBLE = ("hydra.", "telemetry.statistics.")
# What to type in place of a whole section.
_INSTEAD = {
    "sweep": "Give one of them, e.g. sweep.dry_run=true.",
    "claim": "Give one of them, e.g. claim.guess=holds; or claim=null, to judge nothing.",
}


def in_words(
    loader: ConfigLoader, config_name: str, overrides: list[str], load: Callable[[], DictConfig]
) -> DictConfig:
    """What `load` composes of these overrides; InputError with a useful message where it cannot."""
    _check_choices(loader, overrides)
    with checked_when_read(loader) as read:
        try:
            config = load()
        except InputError:
            raise
        except MissingConfigException as error:
            raise InputError(_missing_choice(loader, overrides, error)) from error
        except ConfigCompositionException as error:
            raise InputError(_bad_override(loader, config_name, overrides, error)) from error
        except RecursionError as error:
            files = ", ".join(map(str, read))
            raise InputError(f"The defaults of these configs choose each other, in a circle: {files}.") from error
        except (OmegaConfBaseException, ValueError, OSError, YAMLError) as error:
            raise InputError(_first_line(error)) from error
        except (TypeError, AttributeError, LookupError, AssertionError) as error:  # of Hydra
            raise InputError(
                f"Hydra cannot make a config of {' '.join(overrides)[:100]} ({type(error).__name__})."
            ) from error
    for section in _INSTEAD:
        found = config.get(section, OmegaConf.create())
        if not isinstance(found, DictConfig) and (section, found) != ("claim", None):
            raise InputError(
                f"{section}={shown(found)} is not allowed: {section} is a section of settings.\n{_INSTEAD[section]}"
            )
    return config


def is_of_claim(key: str) -> bool:
    """Whether a claim may have this setting."""
    section, _, name = key.partition(".")
    return section == "claim" and name.partition(".")[0] in RULES


def is_own_group(group: str) -> bool:
    """Whether cnnlab has it, or one of Hydra's."""
    return (CONFIGS / group.partition("@")[0]).is_dir() or group.startswith("hydra/")


def _check_choices(loader: ConfigLoader, overrides: Sequence[str]) -> None:
    """InputError where something else than a name is chosen, such as null or two models."""
    for override in parse(parser_of(loader), overrides):
        group, value = override.key_or_group, override.value()
        several = value if isinstance(value, list) and group != "experiment" else []
        if is_own_group(group) and not override.is_delete() and (several or not isinstance(value, (str, list, dict))):
            choices = loader.get_group_options(group)
            sweep = f"; several are for a sweep, -m {group}={','.join(map(str, several))}" if several else ""
            raise InputError(f"{override.input_line}: a choice is one name{sweep}.\nThere are: {', '.join(choices)}.")


def _missing_choice(loader: ConfigLoader, overrides: Sequence[str], error: MissingConfigException) -> str:
    """For a missing `model/stackd3x3`: the group's choices and the closest match."""
    path = error.missing_cfg_file or ""
    group = next((g for g in _prefixes(path) if is_own_group(g)), path.rpartition("/")[0])
    name = path.removeprefix(f"{group}/")
    if not group:
        return _first_line(error)
    typed = f"{group}={name}" in [line.lstrip("+") for line in overrides]
    *between, short = name.removesuffix(".yaml").split("/")
    if between and not typed and is_own_group(between[-1]):
        line = short if between[-1] == group else f"override /{between[-1]}: {short}"
        return (
            f"A config of {group} chooses {between[-1]}={short} in its defaults as if that were a part of {group}.\n"
            f"Write\n  defaults:\n    - {line}"
        )
    if found := misplaced(loader, group, name):
        return f"{group}={name}: {found}"
    choices = error.options or loader.get_group_options(group)
    return f"{group}={name}: there is no such {group}.{did_you_mean(short, choices)}\nThere are: {', '.join(choices)}."


def _prefixes(path: str) -> list[str]:
    """Of a/b/c/d: a/b/c, a/b, a."""
    return [str(folder) for folder in Path(path).parents if folder != Path()]


def _bad_override(loader: ConfigLoader, config_name: str, overrides: list[str], error: Exception) -> str:
    """Name the override that does not fit; valid keys come from the same config without value overrides."""
    parsed = parser_of(loader).parse_overrides(overrides)
    if foreign := _of_other_commands(loader, config_name, parsed):
        left = " ".join(line for line in overrides if line not in foreign)
        rest = f", and give the rest alone: {left}" if left else ""
        it = "it" if len(foreign) == 1 else "them"
        return f"{config_name} does not take {', '.join(foreign)}.\nLeave {it} out{rest}."
    choices = [o.input_line or "" for o in parsed if is_own_group(o.key_or_group) or o.key_or_group == SEARCHPATH]
    try:
        config = loader.load_configuration(config_name, choices, RunMode.RUN)
    except ConfigCompositionException:
        words = _first_line(error)
        if not words.startswith(("In '", "Multiple values")) or "override" not in words:
            return words
        return (
            f"{words}\nIn a config of your own, another choice is `- override /model: plain`, with the slash; "
            "an experiment begins with\n  # @package _global_"
        )
    known = [key for key in _keys(config) if not key.startswith("hydra.")]
    known += [str(group) for group in config.hydra.runtime.choices if "/" not in str(group)]
    if "claim" in config:
        known = list(dict.fromkeys([*known, *(f"claim.{name}" for name in RULES)]))
    for override in parsed:
        key = override.key_or_group
        section = config.get(key.partition(".")[0])
        if "." in key and key.partition(".")[0] in config and not isinstance(section, DictConfig):
            return no_section(key.partition(".")[0], section)
        found = OmegaConf.select(config, key, default=_MISSING, throw_on_resolution_failure=False)
        if found is _MISSING and not key.startswith(EXTENSIBLE) and not is_own_group(key):
            group = key.partition(".")[0]
            typed = "." in key and any(each.key_or_group == group for each in parsed)
            return unknown(key, known, f"{group}={config.hydra.runtime.choices[group]}" if typed else "")
    return _of_hydra(parsed, _first_line(error))


def _of_hydra(parsed: Sequence[Override], words: str) -> str:
    """What Hydra says, in `words`, of a setting of its own; with what to type where that is known."""
    for line, key, value in ((o.input_line, o.key_or_group, o.value()) for o in parsed):
        if f"'{key}'" in words and words.startswith("Could not override"):
            return f"{words}\nThere is no such setting. If it is to be added, type +{line}"
        if value is None and f"'{key}'" in words:
            return f"{line}: it cannot be without a value. Give one, or leave it out."
    return words


def _of_other_commands(loader: ConfigLoader, config_name: str, parsed: Sequence[Override]) -> list[str]:
    """The overrides of groups that this command's config does not have, as summary's no optimizer."""
    try:
        config = loader.load_configuration(config_name, [], RunMode.RUN)
    except ConfigCompositionException:  # it is somebody's own, and to blame itself
        return []
    known = {str(key) for key in [*config, *config.hydra.runtime.choices]}
    groups = [(override, override.key_or_group.partition(".")[0]) for override in parsed]
    return [o.input_line or "" for o, group in groups if group not in known and (CONFIGS / group).is_dir()]


_MISSING = object()


def _first_line(error: BaseException) -> str:
    """Of its message; with that of its cause, where Hydra says no more than what was typed."""
    lines = str(error).splitlines() or [type(error).__name__]
    words = " ".join(lines[:2] if lines[0].endswith(":") else lines[:1])
    return f"{words}: {_first_line(error.__cause__)}" if error.__cause__ and words.startswith("Error merg") else words


def _keys(config: DictConfig, prefix: str = "") -> list[str]:
    """Every settable key, dotted."""
    keys: list[str] = []
    for name in config:
        value: Any = config._get_node(name)
        if isinstance(value, DictConfig) and not value._is_none():
            keys += _keys(value, f"{prefix}{name}.")
        elif not str(name).startswith("_"):
            keys.append(f"{prefix}{name}")
    return keys
