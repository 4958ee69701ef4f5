"""Decoded image files, cached as one memory-mapped array until a file changes."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from cnnlab.common.errors import USUAL_SIZE, InputError
from cnnlab.common.words import memory, sides

DECODER = 4  # increment when decoding changes, to invalidate older arrays
FILES_PER_TASK = 256  # files per worker task
NAMED = 3  # of the files that cannot be used, in the message; a file lists all
NAME = 40  # characters of the folder's name in that of its array, of which some take four bytes of 255
PAGED, TOP = "paged", "top"
SERIAL_BYTES = 4_000_000  # below this total, decoding is faster than starting processes


@dataclass(frozen=True)
class ImageFile:
    path: str  # relative to the root
    label: int
    bytes: int
    changed: tuple[int, int]  # content and inode, ns; a copy can keep the former of what it replaces


def cache_folder() -> Path:
    """Raises InputError for a user without a home, as containers have, unless XDG_CACHE_HOME is set."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "cnnlab"
    try:
        return Path.home() / ".cache" / "cnnlab"
    except RuntimeError as error:
        raise InputError(
            "This user has no home folder, in which decoded images and locks are kept.\n"
            "Choose another: export XDG_CACHE_HOME=FOLDER"
        ) from error


class DecodedFiles:
    """The array of `files` in `root`, in their order; its name is a hash of everything that determines its bytes.

    Paths, sizes and modification times are hashed, not contents: under a second for 60,000 files.
    """

    def __init__(
        self, root: Path, files: Sequence[ImageFile], channels: int, size: int | None, background: str = "auto"
    ):
        self.root, self.files, self.channels, self.size, self.background = root, files, channels, size, background
        key = _digest(str(root.resolve()), channels, size, background)
        # One array per (folder, channels, size): after a change, the new one replaces the old.
        self.stem = re.sub(r"[^\w-]", "_", root.name)[:NAME] + "-" + key
        self.name = f"{self.stem}-{_digest(DECODER, *((f.path, f.bytes, f.changed) for f in files))}"
        self.folder = cache_folder()

    def load(self) -> np.ndarray:
        """uint8 (N, C, H, W), memory-mapped copy-on-write; decoded if not cached. Raises InputError."""
        from filelock import FileLock

        images = self._stored()
        if images is not None:
            return images
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{self.stem}.lock"):
                images = self._stored()  # another process may have decoded them meanwhile
                if images is None:
                    self._decode()
                    images = self._stored()
        except OSError as error:
            raise InputError(
                f"The decoded images cannot be written to {self.folder}: {error}\n"
                "Choose another cache folder: export XDG_CACHE_HOME=FOLDER"
            ) from error
        assert images is not None
        return images

    def remembered(self, key: str, make: Callable[[], Any]) -> Any:
        """`make()`, which reads every image, as JSON holds it; cached under `key` in a file next to the array."""
        path = self.folder / f"{self.name}.json"
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            known = {}
        if key not in known:
            known[key] = make()
            try:
                with _atomic_write(path) as part:
                    part.write_text(json.dumps(known))
            except OSError:  # not fatal: the next run computes them again
                return known[key]
        return known[key]

    def paged(self) -> int:
        """How many of the files have more pages or frames than the first, which is read."""
        return self.remembered(PAGED, lambda: 0)

    def top(self) -> int | None:
        """What is white in 16-bit greyscale files; None without such."""
        return self.remembered(TOP, lambda: None)

    def _stored(self) -> np.ndarray | None:
        path = self.folder / f"{self.name}.npy"
        try:
            images = np.load(path, mmap_mode="c")
        except (OSError, ValueError, EOFError):  # missing or truncated
            return None
        return np.asarray(images) if len(images) == len(self.files) else None

    def _decode(self) -> None:
        from joblib import Parallel, delayed

        from cnnlab.datasets.decode import decode_into

        paths = [str(self.root / file.path) for file in self.files]
        shape = (len(paths), *self._shape(paths))
        self._check_space(int(np.prod(shape)))
        jobs = 1 if sum(f.bytes for f in self.files) < SERIAL_BYTES else -1
        failed, tops, paged, sizes = list[tuple[str, str]](), dict[int, int](), 0, dict[str, tuple[int, int]]()
        for fragment in self.folder.glob(f".{self.stem}-*"):  # of a decoding that was killed; the lock is this one's
            fragment.unlink(missing_ok=True)
        with _atomic_write(self.folder / f"{self.name}.npy") as part, _progress(len(paths), self.root.name) as advance:
            np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape).flush()
            work = (
                delayed(decode_into)(part, i, paths[i : i + FILES_PER_TASK], self.channels, self.size, self.background)
                for i in range(0, len(paths), FILES_PER_TASK)
            )
            # joblib's workers do not require `if __name__ == "__main__"` in the calling script
            done: Any = Parallel(n_jobs=jobs, return_as="generator_unordered", idle_worker_timeout=5)(work)
            for told in done:
                advance(told.tried)
                failed, tops, paged = failed + told.failed, tops | told.tops, paged + told.paged
                sizes |= told.sizes
            if failed or sizes:
                decoded = dict.fromkeys(paths, (shape[3], shape[2])) | sizes
                for path, _ in failed:
                    del decoded[path]
                raise InputError(self._error_message(failed, decoded))
            # One scale for all, or a dark picture among bright ones would be as bright as they are.
            most = max(tops.values(), default=None)
            for i in (i for i, top in tops.items() if top != most):
                decode_into(part, i, paths[i : i + 1], self.channels, self.size, self.background, most)
            self.remembered(PAGED, lambda: paged)  # before others see the array
            self.remembered(TOP, lambda: most)
        for old in self.folder.glob(f"{self.stem}-*"):
            if not old.name.startswith(self.name):
                old.unlink(missing_ok=True)

    def _shape(self, paths: Sequence[str]) -> tuple[int, int, int]:
        """(C, H, W) of all images, if they have one: that of the first that can be decoded, so that all that cannot are
        counted."""
        from cnnlab.datasets.decode import decode, reason

        if self.size is not None:
            return self.channels, self.size, self.size
        failed = []
        for path in paths[:FILES_PER_TASK]:
            try:
                c, h, w = decode(path, self.channels, None, self.background).shape
                return c, h, w
            except Exception as error:
                failed.append((path, reason(error)))
        raise InputError(self._error_message(failed))

    def _error_message(self, failed: list[tuple[str, str]], decoded: Mapping[str, tuple[int, int]] = {}) -> str:
        """`decoded`: (width, height) of all others, which can be used if they have the size of most; empty: none of the
        first files can be decoded, and the others were not tried."""
        usual = max(Counter(decoded.values()).items(), key=itemgetter(1), default=((), 0))[0]
        others = [
            (path, f"{sides(size)} pixels, not {sides(usual)}") for path, size in decoded.items() if size != usual
        ]
        failed = sorted([*failed, *others])
        lines = [f"{path}: {reason}" for path, reason in failed[:NAMED]]
        tried = f"{len(self.files):,}" if decoded or len(failed) == len(self.files) else f"the first {len(failed):,}"
        head = f"{len(failed):,} of {tried} images cannot be used"
        if len(failed) > len(lines):
            every = self.folder / f"{self.stem}-unusable.txt"
            every.write_bytes(b"".join(os.fsencode(f"{path}\t{reason}\n") for path, reason in failed))
            head += f"; {every} lists them, e.g."
        else:
            head += ":"
        advice = "Repair or remove them"
        if others:
            advice += f", or resize all images to one size with dataset.size={min(USUAL_SIZE, *usual)}"
        return "\n".join([head, *lines, f"{advice}."])

    def _check_space(self, needed: int) -> None:
        # Writing a memory-mapped file to a full disk kills the process with SIGBUS.
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise InputError(
                f"The decoded images take {memory(needed)}; {self.folder} has {memory(free)} left.\n"
                "Give a smaller dataset.size, or another cache folder: export XDG_CACHE_HOME=FOLDER"
            )


@contextmanager
def _atomic_write(path: Path) -> Iterator[Path]:
    """A temporary file next to `path` that replaces it when the block succeeds, and is removed otherwise."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _progress(total: int, name: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(f"Decoding {escape(name)}", total=total)
        yield lambda count: bar.advance(task, count)


def _digest(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
