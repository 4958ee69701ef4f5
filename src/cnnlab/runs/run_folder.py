"""The run folder: everything that a run leaves behind, and all that other commands read of it."""

import errno
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.common.stopping import heard
from cnnlab.runs.changes import config_hash
from cnnlab.runs.environment import environment
from cnnlab.runs.status import FINISHED, LAST
from cnnlab.runs.taking_up import check_goes_on

FILES = ("config.yaml", "metrics.jsonl", "results.json")


class RunFolder:
    """One run's files in `path`; their names and keys are the interface between the commands.

    Status in `run.json`: running | completed | failed | interrupted | diverged. After a kill it
    stays "running", although no process `pid` exists on `host`.
    """

    def __init__(self, path: Path):
        self.path = path
        self.status: dict[str, Any] = {}
        self.resumed = False  # whether an earlier attempt is taken up
        self._before: dict[str, str] = {}  # what is to be there again, if it cannot be

    @contextmanager
    def opened(self, config: str | None, **facts: Any) -> Iterator["RunFolder"]:
        """Start the run with its resolved `config` (YAML or None) and `facts`; record its end. Raises InputError.

        A run of the same config that was stopped is taken up, if it has a checkpoint, as is one that ended, with a
        config that only asks for more steps; one that was stopped before its first checkpoint starts anew.
        """
        blocked = next((p for p in (self.path, *self.path.parents) if os.path.exists(p)), self.path)
        if blocked.is_file():
            raise InputError(f"{self.path} cannot be a run folder: {blocked} is a file.\nGive another folder.")
        facts |= environment()
        self.path.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(self.path):
            attempts = self._take_up(config) if (self.path / "run.json").exists() else []
            if not attempts and (foreign := next((name for name in FILES if (self.path / name).exists()), None)):
                raise InputError(
                    f"{self.path} holds a {foreign} that is not of a run, and would be overwritten.\n"
                    "Give a folder of its own, e.g. hydra.run.dir=outputs/runs/mine."
                )
            # run.json first: by it a folder is known as a run's, should the process be killed here.
            self._update(
                status="running",
                config_hash=None if config is None else config_hash(config),
                started=_now(),
                finished=None,
                error=None,
                attempts=attempts,
                **facts,
            )
        try:
            if config is not None:
                write_text(self.path / "config.yaml", config)
            yield self
        except KeyboardInterrupt as error:
            heard()
            self._update(status="interrupted", finished=_now(), error=str(error) or None)
            raise
        except OSError as error:
            told = self._full(error) or error
            self._update(status="failed", finished=_now(), error=str(told) if told is not error else _words(error))
            raise told from error
        except BaseException as error:
            if isinstance(error, InputError) and self._before:
                for name, text in self._before.items():
                    write_text(self.path / name, text)
                raise
            self._update(status="failed", finished=_now(), error=_words(error))
            raise
        status = self.status["status"]
        self._update(status="completed" if status == "running" else status, finished=_now())

    def _take_up(self, config: str | None) -> list[dict[str, Any]]:
        """Check that the run that is there can go on, or begin anew; returns how its attempts ended."""
        run, there = check_goes_on(self.path, config), self.path / "config.yaml"
        # One that took no step has neither an optimizer nor a schedule to go on with.
        self.resumed = (self.path / LAST).is_file() and run.get("steps") != 0
        if not self.resumed:
            left = [self.path / name for name in ("metrics.jsonl", "results.json", LAST)]
            for path in (*self.path.glob("events.out.tfevents.*"), *left):
                path.unlink(missing_ok=True)
        if self.resumed:
            kept_files = (self.path / "run.json", there)
            self._before = {p.name: p.read_text(encoding="utf-8", errors="replace") for p in kept_files if p.is_file()}
        kept = ("started", "finished", "status", "error", "steps")
        return [*run.get("attempts", []), {key: run.get(key) for key in kept}]

    def goes_on(self) -> None:
        """The earlier attempt was taken up."""
        self._before = {}

    def sizes(self, *names: str) -> dict[str, int]:
        """Bytes of those of the files that exist."""
        return {name: size_on_disk(path) for name in names if (path := self.path / name).is_file()}

    def cut(self, name: str, size: int) -> list[dict[str, float]]:
        """Shorten a log to its first `size` bytes, and read its rows. Raises InputError where it is shorter."""
        path = self.path / name
        found = path.stat().st_size if path.is_file() else 0
        if found < size:
            raise InputError(
                f"{path} has {found} bytes, and had {size} at the last checkpoint: it was changed since.\n"
                "The run cannot go on; train it anew in another folder."
            )
        if path.is_file():
            os.truncate(path, size)
        return read_metrics(self.path) if size else []

    def _full(self, error: OSError) -> InputError | None:
        """What to say where the disk, or one's share of it, is full, or a file as large as it may be."""
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return None
        if error.errno == errno.EFBIG:
            why = f"A file in {self.path} would be larger than `ulimit -f`, or that disk, allows."
            again = "once that is allowed"
        else:
            free = shutil.disk_usage(self.path).free / 2**20
            why = f"No space left for {self.path}: {free:.0f} MiB are free on that disk."
            again = "when there is"
        return InputError(
            f"{why}\nThe run goes on from its last checkpoint {again}: python -m cnnlab.train resume={self.path}"
        )

    def planned(self, steps: int) -> None:
        """Record the number of training steps, by which others see how far the run is."""
        self._update(steps=steps)

    def diverged(self, reason: str) -> None:
        """Record that the loss is not finite; the run ends with the results it has."""
        self._update(status="diverged", error=reason)

    def log(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """Append one logged step to metrics.jsonl."""
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "epoch": epoch, **plain(values)}) + "\n")

    def write_results(self, results: Mapping[str, Any]) -> None:
        write_json(self.path / "results.json", plain(results))

    def _update(self, **changes: Any) -> None:
        self.status |= changes
        try:
            write_json(self.path / "run.json", self.status)
        except OSError as error:
            if self._full(error) is None or self.status["status"] == "running":
                raise
            # How it ended has room in the file that is there, whose last block is longer than its text.
            with (self.path / "run.json").open("r+") as file:
                file.write(json.dumps(self.status, indent=2, allow_nan=False) + "\n")
                file.truncate()


class Unwritten(RunFolder):
    """A run folder that another process writes; nothing is written here."""

    @contextmanager
    def opened(self, config: str | None, **facts: Any) -> Iterator[RunFolder]:
        self.status = {"status": "running"}
        yield self

    def cut(self, name: str, size: int) -> list[dict[str, float]]:
        return []

    def log(self, step: int, epoch: int, values: Mapping[str, float]) -> None: ...

    def write_results(self, results: Mapping[str, Any]) -> None: ...

    def _update(self, **changes: Any) -> None:
        self.status |= changes


def mark_failed(path: Path, reason: str) -> None:
    """Record how a run of this process ended, if it has not: one of the processes that did it, which cannot."""
    try:
        run = json.loads((path / "run.json").read_text())
    except FileNotFoundError:
        return
    if run["pid"] == os.getpid() and run["status"] not in FINISHED:
        write_json(path / "run.json", run | {"status": "failed", "finished": _now(), "error": reason})


def mark_interrupted(path: Path, reason: str) -> bool:
    """Correct the run.json of a run that was killed; False, and no change, unless it exists and says running.

    For a caller who knows that the process is gone, which on another machine the pid cannot tell.
    """
    try:
        run = json.loads((path / "run.json").read_text())
    except (FileNotFoundError, ValueError):
        return False
    if run["status"] != "running":
        return False
    write_json(path / "run.json", run | {"status": "interrupted", "finished": _now(), "error": reason})
    return True


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """For what two processes must not do at once; where the system has no locks, they may."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def size_on_disk(path: Path) -> int:
    """A file's bytes, when a power failure would leave them."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


def write_text(path: Path, text: str) -> None:
    """Write atomically, so that nobody reads a partial file, also after a power failure."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    os.replace(part, path)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Non-finite floats, which JSON lacks, become "nan", "inf" and "-inf", which `float` parses."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The logged steps of a run folder, as floats, up to a line that a kill or somebody damaged."""
    rows = []
    for line in (path / "metrics.jsonl").read_text().splitlines():
        try:
            rows.append({k: float(v) for k, v in json.loads(line).items()})
        except (ValueError, TypeError, AttributeError):  # no JSON, no numbers, no object
            break
    return rows


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
