"""Training loops in processes of their own, which take turns; see peers/clocked.py for their side."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

PEERS = Path(__file__).with_name("peers")
UNTIMED = 2  # first steps of each turn, in which caches and prefetched batches are those of a pause


# How threads wait is the child's own choice, or its `environment`'s; cnnlab's must not reach the others through this
# process, and the user's would be no default.
UNSET = {"OMP_WAIT_POLICY": None, "GOMP_SPINCOUNT": None}


class ChildFailed(Exception):
    """With what the process wrote: a refusal, or the last line of a traceback."""


class Child:
    """`python <arguments>` in a folder of its own. It must reach its first training step, of which `start_up` is the
    time since the process was started, in seconds."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str | None] | None = None):
        self._home = TemporaryDirectory()
        self._log = Path(self._home.name) / "output.log"
        self.peak = 0  # bytes of main memory, at most, so far
        their_reading, our_writing = os.pipe()
        our_reading, their_writing = os.pipe()
        pipes = {"BENCH_PIPES": f"{their_reading},{their_writing}"}
        changed = {**os.environ, **UNSET, **pipes, **(environment or {})}
        began = perf_counter()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                *(), cwd=self._home.name, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={key: value for key, value in changed.items() if value is not None},
                pass_fds=(their_reading, their_writing),
            )  # fmt: skip
        os.close(their_reading), os.close(their_writing)
        self._reading, self._writing = os.fdopen(our_reading), os.fdopen(our_writing, "w")
        try:
            self.turn(1, untimed=0)
        except BaseException:
            self.close()
            raise
        self.start_up = perf_counter() - began

    def turn(self, steps: int, untimed: int = UNTIMED) -> float:
        """Seconds for `steps` steps, after some that are not timed."""
        answer = self._ask(f"{untimed} {steps}")
        self.peak = max(self.peak, answer["peak"])
        return answer["seconds"]

    def accuracy(self) -> float:
        """On the test images, now."""
        return self._ask("evaluate")["accuracy"]

    def close(self) -> None:
        for pipe in (self._writing, self._reading):
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._home.cleanup()

    def _ask(self, line: str) -> dict[str, Any]:
        with suppress(BrokenPipeError):  # that it is gone is seen below, and told with its last words
            self._writing.write(line + "\n")
            self._writing.flush()
        answer = self._reading.readline()
        if not answer:
            code, written = self._process.wait(), self._log.read_text().strip().splitlines()
            told = written[-1:] if any("Traceback" in line for line in written) else written
            raise ChildFailed(" ".join(told)[:300] or f"it ended with {code} and said nothing")
        return json.loads(answer)


def script(name: str, *arguments: str) -> list[str]:
    return [str(PEERS / f"{name}.py"), *arguments]


@contextmanager
def started(
    commands: Mapping[str, tuple[Sequence[str], Mapping[str, str | None]]], failed: dict[str, str]
) -> Iterator[dict[str, Child]]:
    """All that can be started, one after the other; `failed` gets the others, with their last words."""
    children: dict[str, Child] = {}
    try:
        for name, (arguments, environment) in commands.items():
            print(f"  starting {name}", flush=True)
            try:
                children[name] = Child(arguments, environment)
            except ChildFailed as error:
                failed[name] = str(error)
                print(f"  {name} failed: {error}", flush=True)
        yield children
    finally:
        for child in children.values():
            child.close()


class Busy:
    """A program with a busy loop per core, which runs inside `with busy.at_work():`."""

    def __init__(self, cores: int):
        command = [sys.executable, *script("busy", str(cores))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say("off")  # it has started

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._say("on")
        try:
            yield
        finally:
            self._say("off")

    def close(self) -> None:
        self._process.communicate()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        self._process.stdout.readline()
