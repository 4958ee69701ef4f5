"""`resume=RUN`: the command that made a run, into the run's folder, so that it goes on where it was stopped."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from cnnlab.cli.overrides import as_text, parsed_or_none
from cnnlab.common.errors import InputError

KEY = "resume"
CODE = re.compile(r"_target_|telemetry\.statistics")  # in an override: it names a function to be called


def resumed(arguments: Sequence[str]) -> list[str]:
    """The arguments with `resume=RUN` replaced by that run's overrides and folder; what is typed beside it wins.

    Raises InputError if there is no such run, or it is to be swept.
    """
    asked = next((argument for argument in reversed(arguments) if argument.startswith(f"{KEY}=")), f"{KEY}=null")
    value = asked.partition("=")[2]
    rest = [argument for argument in arguments if not argument.startswith(f"{KEY}=")]
    if value in ("null", ""):
        return rest
    folder = Path(value.strip("'\""))
    if {"-m", "--multirun"} & set(rest):
        raise InputError(f"{asked} goes on with one run. A sweep goes on by itself, if its command is given again.")
    file = folder / "run.json"
    if not file.is_file():
        raise InputError(f"{asked}: that folder holds no run (no run.json).\nGive the folder that the run printed.")
    try:
        run = json.loads(file.read_text())
        lines, own = list(run["lines"]), run["config_dir"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(
            f"{asked}: its run.json does not say how it was started ({type(error).__name__}).\n"
            "Give the command that made it, with its folder as hydra.run.dir."
        ) from error
    typed = {_key(argument) for argument in rest}
    kept = [line for line in lines if _key(line) not in typed and not _key(line).startswith("hydra")]
    if own is not None and "--config-dir" not in typed:
        raise InputError(
            f"{asked}: it was started with configs and code of {own}, which would run.\n"
            f"If you trust them, say so by giving them again: --config-dir {own}"
        )
    if code := next((line for line in kept if CODE.search(line)), None):
        raise InputError(
            f"{asked}: it was started with {code}, which can run any code.\nIf you trust it, type that again beside it."
        )
    return [*rest, *kept, as_text("hydra.run.dir", str(folder))]


def _key(argument: str) -> str:
    override = parsed_or_none(argument)
    return argument.partition("=")[0] if override is None else override.key_or_group
