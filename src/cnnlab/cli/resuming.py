"""`resume=RUN` and `reproduce=RUN`: the command that made a run, into its folder, or into a new one to compare."""

import json
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import yaml

from cnnlab.cli.in_words import SEARCHPATH
from cnnlab.cli.overrides import as_text, key_of, text_of
from cnnlab.common.errors import InputError
from cnnlab.runs.reproducing import recorded
from cnnlab.runs.status import check_no_part

RESUME, REPRODUCE = "resume", "reproduce"
IMAGES = ("dataset", "dataset.root")
OWN = {"--config-dir", "-cd"}
# In an override: it names a function to be called, or a folder whose configs may.
CODE = re.compile(r"_target_|telemetry\.statistics|^hydra\.searchpath")


def resumed(arguments: Sequence[str], config_dir: str | Path | None = None) -> list[str]:
    """The arguments, with `resume=RUN` replaced by that run's overrides and folder, and `reproduce=RUN` preceded by its
    overrides; what is typed beside them wins. Its images are read where they were, also from another working folder.
    `config_dir`: of one's own configs, where no flag among the arguments gives it.

    Raises InputError if there is no such run, if it is to be swept, or if code from elsewhere would run.
    """
    if others := [type(argument).__name__ for argument in arguments if not isinstance(argument, str)]:
        raise InputError(f"An override is a text, not of type {others[0]}.\nWrite cnnlab.run('model=vgg', 'seed=1').")
    asked = [argument for argument in arguments if key_of(argument) in (RESUME, REPRODUCE) and text_of(argument)]
    rest = [argument for argument in arguments if key_of(argument) not in (RESUME, REPRODUCE)]
    if empty := next((each for each in arguments if each in (f"{RESUME}=", f"{REPRODUCE}=")), None):
        raise InputError(
            f"{empty} names no run. Give the folder that a training run printed, e.g. {empty}outputs/runs/..."
        )
    if not asked:
        return rest
    if len(asked) > 1:
        raise InputError(f"{' and '.join(asked)}: give one of them.")
    if {"-m", "--multirun"} & set(rest):
        raise InputError(f"{asked[0]} is about one run. A sweep goes on by itself, if its command is given again.")
    folder = Path(text_of(asked[0]))
    key = key_of(asked[0])
    if "${" in asked[0]:
        raise InputError(f"{asked[0]}: a run is given by its path as it is, without ${{...}}.\nType the whole path.")
    lines, own, cwd = _started(asked[0], folder, leave_out=(RESUME, key))
    if key == REPRODUCE:
        recorded(folder)
    typed = {key_of(argument): argument for argument in rest}
    if key == RESUME and (other := typed.get("hydra.run.dir")):
        raise InputError(f"{asked[0]} goes on in that folder. Leave out {other}.")
    kept = [line for line in lines if key_of(line) not in typed and _is_kept(line)]
    if own is not None and config_dir is None and not OWN & typed.keys():
        raise InputError(
            f"{asked[0]}: it was started with configs and code of {own}, which would run.\n"
            f"If you trust them, say so by giving them again: --config-dir {shlex.quote(own)}\n"
            f"In Python: cnnlab.run({asked[0]!r}, config_dir={own!r})"
        )
    if code := next((line for line in kept if CODE.search(line)), None):
        raise InputError(
            f"{asked[0]}: it was started with {code}, which can run any code.\n"
            "If you trust it, type that again beside it."
        )
    if typed.keys().isdisjoint(IMAGES) and (root := _root(folder, cwd)) is not None:
        kept = [*(line for line in kept if key_of(line) != "dataset.root"), as_text("dataset.root", str(root))]
    if key == RESUME:
        return [*rest, *kept, as_text("hydra.run.dir", str(folder))]
    return [*rest, *kept, as_text(REPRODUCE, str(folder.absolute()))]  # a resumed run may be so from another folder


def _is_kept(line: str) -> bool:
    """Of Hydra's settings, only where the run's configs are."""
    return not key_of(line).startswith("hydra") or key_of(line) == SEARCHPATH


def _started(asked: str, folder: Path, leave_out: Sequence[str]) -> tuple[list[str], str | None, str | None]:
    """The overrides that a run was started with, the folder of its own configs, and where it was started; None for one
    of an older cnnlab."""
    file = folder / "run.json"
    if not os.path.isfile(file):
        check_no_part(folder, f"{asked}: that")
        raise InputError(f"{asked}: that folder holds no run (no run.json).\nGive the folder that the run printed.")
    try:
        run = json.loads(file.read_text())
        if "status" in run and "lines" not in run:
            raise InputError(
                f"{asked}: it was made by cnnlab.fit in a program, not by a command.\n"
                "Run the program again, with another folder."
            )
        lines = [str(line) for line in run["lines"] if key_of(str(line)) not in leave_out]
        return lines, run["config_dir"], run.get("cwd")
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(
            f"{asked}: its run.json does not say how it was started.\n"
            "Give the command that made it, with its folder as hydra.run.dir."
        ) from error


def _root(folder: Path, cwd: str | None) -> Path | None:
    """Where the run's images are, if `dataset.root` means another place from here; None too where they are gone: with
    the working folder, they may have been moved to this one."""
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        root = Path(config["dataset"]["root"]).expanduser()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, yaml.YAMLError):
        return None  # a set without a root, or what the run will tell
    if cwd is None or root.is_absolute() or Path(cwd) == Path.cwd():
        return None
    return there if (there := Path(cwd, root)).exists() else None
