"""Which folders of an image folder are read by which path, where links lead to one by several."""

import os
from collections.abc import Sequence
from pathlib import Path

from cnnlab.common.errors import InputError
from cnnlab.datasets.splits import folders, hidden

ONE_CLASS = "Every image belongs to one class of one split"


class Places:
    """The folders that are read, each once, and by its own path before that of a link, whichever comes first: an image
    has the label of the class that it is stored in. `parts`: the splits' folders in `home`; "" is itself."""

    def __init__(self, home: Path, parts: Sequence[str]):
        self.home = home
        self.own: dict[tuple[int, int], str] = {}  # a folder on disk: the path without a link below its class folder
        self.linked: dict[tuple[int, int], str] = {}  # the others, which only links lead to
        # Of all classes, or of more than this set: a link to one of these leads round and round.
        for above in (home, *(home / part for part in parts), *home.resolve().parents):
            self.own.setdefault(_place(above), str(above))
        classes = [home / part / name for part in parts for name in folders(home / part)]
        for folder in sorted(classes, key=lambda folder: self._link(folder) is not None):
            for inner, below, _ in os.walk(folder):
                below[:] = [name for name in below if not hidden(name)]
                self.own.setdefault(_place(inner), inner)

    def elsewhere(self, inner: str, folder: Path) -> str | None:
        """The path by which `inner`, in the class folder `folder`, is read instead; None: by this one. Raises
        InputError where only links lead there, from two classes or splits."""
        place = _place(inner)
        path = self.own.get(place) or self.linked.setdefault(place, inner)
        if path == inner:
            return None
        if place not in self.own and not Path(path).is_relative_to(folder):
            raise InputError(
                f"{os.path.realpath(inner)} is in two classes or splits, by the links {self._link(Path(path))} and "
                f"{self._link(Path(inner))}.\n{ONE_CLASS}: remove one of the links."
            )
        return path

    def in_words(self, inner: str, path: str) -> str:
        """That `inner` is the folder that is read by `path`, and which of the two is the link."""
        link = self._link(Path(inner))
        if link is None:  # as where one is mounted on the other
            return f"{inner} is the same folder as {path}"
        return f"{link} is a link to {path}" if str(link) == inner else f"by the link {link}, {inner} is {path}"

    def _link(self, folder: Path) -> Path | None:
        """The last link on the way from `home` to the folder."""
        way = (path for path in (folder, *folder.parents) if path != self.home and path.is_relative_to(self.home))
        return next((path for path in way if path.is_symlink()), None)


def _place(folder: str | Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
