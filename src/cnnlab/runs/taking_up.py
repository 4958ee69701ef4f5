"""Whether the run that a folder holds goes on with a config, or begins anew, and what to do where it does neither."""

import shlex
from pathlib import Path
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.runs.changes import config_hash, differences, extends, only_moved, read_config
from cnnlab.runs.status import FINISHED, LAST, being_run, real_status

OTHER = "Choose another hydra.run.dir (or hydra.sweep.dir), or delete that folder if you no longer need it."


def check_goes_on(folder: Path, config: str | None) -> dict[str, Any]:
    """The run.json of the run in `folder`; InputError unless the run can be taken up with this resolved `config` (YAML;
    None where a run from plain Python has none)."""
    run = real_status(folder)
    if run["status"] == "running":
        raise InputError(being_run(folder, run))
    if run["status"] == "damaged":
        raise InputError(f"{folder} cannot go on: its {run['error']}.\n{OTHER}")
    if config is None:
        raise InputError(f"{folder} already holds a run, which is {run['status']}.\nGive another folder.")
    as_begun = run.get("config_hash") == config_hash(config)
    known = config if as_begun else read_config(folder / "config.yaml")  # one that is damaged is written anew
    same = known is not None and only_moved(known, config)
    # More steps would change nothing after the one whose loss is not finite.
    longer = known is not None and run["status"] != "diverged" and extends(known, config)
    if not longer and (run["status"] in FINISHED or not same):
        raise InputError(_held(folder, run) if same else _other(folder, run, known, config))
    return run


def _held(folder: Path, run: dict[str, Any]) -> str:
    lines = [f"{folder} already holds a run.", OTHER]
    if run["status"] == "completed" and (folder / LAST).is_file():  # no check=
        again = shlex.quote(f"resume={folder}")
        lines.append(f"To train it further: {again} with a higher trainer.max_steps or trainer.epochs.")
    return "\n".join([*lines, *_diverged(run)])


def _other(folder: Path, run: dict[str, Any], known: str | None, config: str) -> str:
    """For settings that are not those of the run. With `resume=` nobody typed a folder that could be another."""
    lines = [
        f"{folder} already holds a run ({differences(known, config)}).",
        "A run goes on with the settings it began with; only more steps (trainer.max_steps, trainer.epochs) and "
        "another dataset.root are taken.",
        "For other settings choose another hydra.run.dir (or hydra.sweep.dir), without resume=, or delete that folder.",
    ]
    if known is not None and run.get("config_hash") not in (None, config_hash(known)):
        lines.append("The config.yaml there is not as the run wrote it. If you edited it, put back what it was.")
    elif run["status"] != "diverged" and (folder / LAST).is_file():
        lines.append(f"It can begin with these weights: init=checkpoint {shlex.quote(f'init.file={folder / LAST}')}")
    return "\n".join([*lines, *_diverged(run)])


def _diverged(run: dict[str, Any]) -> list[str]:
    return ["It diverged, so there is nothing to train further."] if run["status"] == "diverged" else []
