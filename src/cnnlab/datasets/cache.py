"""Decoded image files, kept as one memory-mapped array until a file changes."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import Moments

DECODER = 1  # raised when decoding changes, so that older arrays are not used
TOGETHER = 256  # files that a process decodes before it reports
SERIAL_BYTES = 4_000_000  # files of less than this in all are decoded sooner than processes start


@dataclass(frozen=True)
class ImageFile:
    path: str  # below the root
    label: int
    bytes: int
    changed: int  # ns


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnlab"


class DecodedFiles:
    """The array of `files` below `root`, in their order, with a name made of everything that decides its bytes.

    Paths, sizes and times of change are compared, not contents: under a second for 60,000 files.
    """

    def __init__(self, root: Path, files: Sequence[ImageFile], channels: int, size: int | None):
        self.root, self.files, self.channels, self.size = root, files, channels, size
        place = _digest(str(root.resolve()), channels, size)
        # One array a folder, channels and size: a new one replaces the one of the folder as it was.
        self.stem = re.sub(r"[^\w-]", "_", root.name) + "-" + place
        self.name = f"{self.stem}-{_digest(DECODER, *((f.path, f.bytes, f.changed) for f in files))}"
        self.folder = cache_folder()

    def load(self) -> np.ndarray:
        """uint8 (N, C, H, W), memory-mapped; what is written to it stays in this process. Decodes if it must."""
        from filelock import FileLock

        images = self._stored()
        if images is not None:
            return images
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{self.stem}.lock"):
                images = self._stored()  # another process may have been at it
                if images is None:
                    self._decode()
                    images = self._stored()
        except OSError as error:
            raise InputError(
                f"The decoded images cannot be written to {self.folder}: {error}\n"
                "Name a folder for them: export XDG_CACHE_HOME=FOLDER"
            ) from error
        assert images is not None
        return images

    def remembered(self, key: str, moments: Callable[[], Moments]) -> Moments:
        """`moments()`, which reads every image, kept in a file beside the array under `key`."""
        path = self.folder / f"{self.name}.json"
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            known = {}
        if key not in known:
            known[key] = moments()
            try:
                with _replacing(path) as part:
                    part.write_text(json.dumps(known))
            except OSError:  # a cache that cannot be written costs the next run some time, not this one its numbers
                return known[key]
        mean, std = known[key]
        return tuple(mean), tuple(std)

    def _stored(self) -> np.ndarray | None:
        path = self.folder / f"{self.name}.npy"
        try:
            images = np.load(path, mmap_mode="c")
        except (OSError, ValueError, EOFError):  # absent, or cut off by whoever copied it
            return None
        return np.asarray(images) if len(images) == len(self.files) else None

    def _decode(self) -> None:
        from joblib import Parallel, delayed

        from cnnlab.datasets.decode import decode_into

        paths = [str(self.root / file.path) for file in self.files]
        shape = (len(paths), *self._shape(paths[0]))
        self._check_space(int(np.prod(shape)))
        jobs = 1 if sum(f.bytes for f in self.files) < SERIAL_BYTES else -1
        failed: list[tuple[str, str]] = []
        with _replacing(self.folder / f"{self.name}.npy") as part, _progress(len(paths), self.root.name) as advance:
            np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape).flush()
            work = (
                delayed(decode_into)(part, i, paths[i : i + TOGETHER], self.channels, self.size)
                for i in range(0, len(paths), TOGETHER)
            )
            # joblib's workers need no `if __name__ == "__main__"` in the script of whoever calls this
            done: Any = Parallel(n_jobs=jobs, return_as="generator_unordered", idle_worker_timeout=5)(work)
            for count, bad in done:
                advance(count)
                failed += bad
            if failed:
                raise InputError(self._complaint(failed, shape))
        for old in self.folder.glob(f"{self.stem}-*"):
            if not old.name.startswith(self.name):
                old.unlink(missing_ok=True)

    def _shape(self, first: str) -> tuple[int, int, int]:
        """(C, H, W) of all images."""
        from cnnlab.datasets.decode import decode, reason

        if self.size is not None:
            return self.channels, self.size, self.size
        try:
            c, h, w = decode(first, self.channels, None).shape
        except Exception as error:
            raise InputError(self._complaint([(first, reason(error))], None)) from error
        return c, h, w

    def _complaint(self, failed: list[tuple[str, str]], shape: tuple[int, ...] | None) -> str:
        lines = [f"{path}: {reason}" for path, reason in sorted(failed)[:3]]
        head = f"{len(failed):,} of {len(self.files):,} images cannot be used" + (", e.g." if len(failed) > 3 else ":")
        side = min(shape[2:]) if shape else 64
        one_size = "" if self.size else f"; dataset.size={side} brings images of all sizes to one"
        return "\n".join([head, *lines, f"Repair or remove them{one_size}."])

    def _check_space(self, needed: int) -> None:
        # A memory-mapped file that meets a full disk ends the process without a word.
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise InputError(
                f"The decoded images take {needed / 1e9:,.1f} GB; {self.folder} has {free / 1e9:,.1f} GB left.\n"
                "Give a smaller dataset.size, or a roomier folder: export XDG_CACHE_HOME=FOLDER"
            )


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when the block ends well, and goes away when not."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _progress(total: int, name: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(f"Decoding {name}", total=total)
        yield lambda count: bar.advance(task, count)


def _digest(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
