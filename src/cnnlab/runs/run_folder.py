"""The run folder: what a run leaves behind, and the only way in which report, predict and resume learn of it."""

import json
import math
import os
import platform
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cnnlab.common.errors import InputError


class RunFolder:
    """One run's files below `path`; their names and keys are the contract between the commands.

    `run.json` says running | completed | failed | interrupted | diverged. A killed process cannot say so: its
    status stays "running" while no process `pid` lives on `host`.
    """

    def __init__(self, path: Path):
        self.path = path
        self.status: dict[str, Any] = {}

    @contextmanager
    def opened(self, config: str | None, **facts: Any) -> Iterator["RunFolder"]:
        """Begin the run with its resolved `config` (YAML; None: it has none) and `facts`, and record how it ends."""
        blocked = next((p for p in (self.path, *self.path.parents) if p.exists()), self.path)
        if blocked.is_file():
            raise InputError(f"{self.path} cannot be a run folder: {blocked} is a file.\nGive another folder.")
        if (self.path / "run.json").exists():
            raise InputError(
                f"{self.path} already holds a run.\n"
                "Choose another hydra.run.dir (or hydra.sweep.dir), or delete that folder if you do not need it."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        if config is not None:
            (self.path / "config.yaml").write_text(config)
        self._update(
            status="running",
            config_hash=None if config is None else sha256(config.encode()).hexdigest()[:16],
            started=_now(),
            finished=None,
            error=None,
            **facts,
            **_surroundings(),
        )
        try:
            yield self
        except KeyboardInterrupt:
            self._update(status="interrupted", finished=_now())
            raise
        except BaseException as error:
            self._update(status="failed", finished=_now(), error=f"{type(error).__name__}: {error}")
            raise
        self._update(
            status="completed" if self.status["status"] == "running" else self.status["status"], finished=_now()
        )

    def diverged(self, reason: str) -> None:
        """The loss is no longer a number; the run ends with the results it has."""
        self._update(status="diverged", error=reason)

    def log(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """Append one logged step to metrics.jsonl."""
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "epoch": epoch, **plain(values)}) + "\n")

    def write_results(self, results: Mapping[str, Any]) -> None:
        write_json(self.path / "results.json", plain(results))

    def _update(self, **changes: Any) -> None:
        self.status |= changes
        write_json(self.path / "run.json", self.status)


def write_json(path: Path, content: Any) -> None:
    """Write beside and rename, so that nobody ever reads half a file."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
    os.replace(part, path)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN or infinity: they become "nan", "inf" and "-inf", which `float` reads back."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The logged steps of a run folder, numbers again; a last line cut short by a kill is left out."""
    rows = []
    for line in (path / "metrics.jsonl").read_text().splitlines():
        try:
            rows.append({k: float(v) for k, v in json.loads(line).items()})
        except json.JSONDecodeError:
            break
    return rows


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _surroundings() -> dict[str, Any]:
    """What someone who wants to repeat the run has to know."""
    packages = ("cnnlab", "torch", "torchvision", "hydra-core", "omegaconf", "tensorboard")
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "commit": _commit(),
    }


def _commit() -> str | None:
    """The commit of the checkout that cnnlab runs from, with "+changes" where files differ; None for a wheel."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here)]
    try:
        # A virtual environment may lie in somebody else's checkout, which then does not track this file.
        subprocess.run([*git, "ls-files", "--error-unmatch", __file__], capture_output=True, check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", ".", ":/configs"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+changes" if changed.stdout else "")
