"""How two resolved configs differ, and whether one only asks for more steps than the other."""

import os
import shlex
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from cnnlab.common.errors import InputError
from cnnlab.common.words import shown

NAMED = 3  # differing settings in a message
LENGTH = ("trainer.max_steps", "trainer.epochs")
PLACE = {"dataset.root"}  # where images lie; a run that goes on checks that they are those that it began with


def config_hash(text: str) -> str:
    """Of a resolved config, YAML."""
    return sha256(text.encode()).hexdigest()[:16]


def read_config(path: Path) -> str | None:
    """The text of a run's config.yaml; None where there is none. InputError where it holds no settings."""
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.safe_load(text)
        if isinstance(found, dict):
            return text
        why = "it is empty" if found is None else "it holds no settings by name"
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except yaml.MarkedYAMLError as error:
        at = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        why = f"{at}{error.problem or 'it is not YAML'}"
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
    raise InputError(
        f"{path} is damaged ({why}).\nPut back a copy of it. A run that was stopped writes it anew when it goes on by "
        f"its own command alone, {shlex.quote(f'resume={path.parent}')}."
    )


def differences(there: str | None, now: str) -> str:
    """Of two configs as YAML: `optimizer.lr is 0.05 there and 0.1 now`. None: of a run whose config is lost."""
    if there is None:
        return "its config is not known"
    before, after = _settings(there), _settings(now)
    keys = _changed(before, after)
    named = [f"{key} is {shown(before.get(key))} there and {shown(after.get(key))} now" for key in keys[:NAMED]]
    return ", ".join([*named, *([f"and {len(keys) - NAMED} more"] if len(keys) > NAMED else [])])


def only_moved(there: str, now: str) -> bool:
    """Whether the configs are of one run, whose images may lie elsewhere now."""
    return set(_changed(_settings(there), _settings(now))) <= PLACE


def same_places(there: str, cwd: str, now: str) -> bool:
    """Whether the configs differ at most in how they write where the images lie: that of a run that was started in the
    folder `cwd`, and one of this working folder."""
    return _placed(there, cwd) == _placed(now, os.getcwd())


def _placed(text: str, cwd: str) -> dict[str, Any]:
    settings = _settings(text)
    places = {key: os.path.join(cwd, os.path.expanduser(str(settings[key]))) for key in PLACE & settings.keys()}
    return settings | places


def extends(there: str, now: str) -> bool:
    """Whether the second config is the first with more steps, and perhaps its images elsewhere."""
    before, after = _settings(there), _settings(now)
    changed = set(_changed(before, after)) - PLACE
    if not changed or changed - set(LENGTH):
        return False
    (steps, more_steps), (epochs, more_epochs) = ((before.get(key), after.get(key)) for key in LENGTH)
    if steps is None and more_steps is None:
        return epochs is not None and more_epochs is not None and epochs < more_epochs
    # Steps against epochs: how many steps an epoch has is not known here.
    return steps is not None and more_steps is not None and steps < more_steps


def _settings(text: str) -> dict[str, Any]:
    return dict(_flat(yaml.safe_load(text)))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]


def _flat(values: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
