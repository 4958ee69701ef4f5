"""Downloads the files of torchvision's data sets; a file in its final place is always complete."""

import gzip
import io
import os
import socket
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, suppress
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from shlex import quote
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import reading
from cnnlab.datasets.cache import cache_folder

# torchvision sets no timeout: it waits forever for a server that does not answer.
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Files:
    """The files of a data set on disk."""

    name: str
    home: Path  # dataset.root
    subfolder: str  # of home: where the files that are read are stored
    names: Mapping[str, str | None]  # file name -> MD5 checksum, None if unknown
    archives: Sequence[str]  # what is downloaded and unpacked
    archive_subfolder: str
    source: str  # its class in torchvision.datasets

    @property
    def folder(self) -> Path:
        return self.home / self.subfolder

    def missing(self) -> list[str]:
        return [name for name in self.names if not (self.folder / name).is_file()]

    @property
    def dataset(self) -> Any:
        """torchvision's class, which takes 2 s to import."""
        import torchvision.datasets

        return getattr(torchvision.datasets, self.source)

    def fetch(self) -> None:
        """Unpack archives that the user put in place, and let torchvision's class download what is missing.

        One process at a time; into a temporary folder from which complete files are moved, so that a killed download
        leaves no partial file. Raises InputError.
        """
        with reading():  # a folder that may not be looked into
            if not self.missing():
                return
            self._refuse_misplaced()
        from filelock import FileLock

        lacking: list[str] = []
        new = [folder for folder in (self.home, *self.home.parents) if not folder.exists()]
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            self.home.mkdir(parents=True, exist_ok=True)
            # The lock is in the cache folder, so that a failed download leaves `home` unchanged.
            key = sha256(f"{self.home.resolve()} {self.name}".encode()).hexdigest()[:16]
            with FileLock(cache_folder() / f"{key}.lock"), self._temporary_folder() as temporary:
                self._unpack(temporary)
                lacking = [name for name in self.missing() if not (temporary / self.subfolder / name).is_file()]
                if lacking:
                    with _with_timeout():
                        self.dataset(temporary, download=True)
                self.folder.mkdir(parents=True, exist_ok=True)
                for name in self.missing():
                    os.replace(temporary / self.subfolder / name, self.folder / name)
        except (OSError, RuntimeError, EOFError, HTTPException) as error:
            for folder in new:
                with suppress(OSError):  # not empty: another process is using it
                    folder.rmdir()
            raise InputError(self._advice(error, lacking)) from error

    @contextmanager
    def _temporary_folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.home, prefix=".download-") as folder:
            yield Path(folder)

    def _unpack(self, folder: Path) -> None:
        from torchvision.datasets.utils import extract_archive

        target = folder / self.archive_subfolder
        target.mkdir(parents=True, exist_ok=True)
        for archive in self.archives:
            path = self._archive(archive)
            if self.missing() and path.is_file():
                if not path.stat().st_size:  # gzip would make an empty file of it
                    raise InputError(f"{path} is empty.\nDelete it and run again, or copy it again.")
                try:
                    extract_archive(str(path), str(target))
                except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
                    raise InputError(
                        f"{path} is damaged: {error}.\nDelete it and run again, or copy it again."
                    ) from error

    def _archive(self, name: str) -> Path:
        return self.home / self.archive_subfolder / name

    def _refuse_misplaced(self) -> None:
        """Raise InputError if all that is missing lies near where it is looked for, or is called as others unpack it:
        it may be somebody's own, and a download would take its place. Which set it is, the names do not say."""
        if all(self._archive(archive).is_file() for archive in self.archives):
            return
        found = {name: self._elsewhere(name) for name in self.missing()}
        moves = [(path, self.folder / (name + ".gz" * (path.suffix == ".gz"))) for name, path in found.items() if path]
        if not found or len(moves) < len(found):  # none where another command has just downloaded them
            return
        way = "; ".join(["mkdir -p " + quote(str(self.folder)), *(_move(*move) for move in moves)])
        if self.home.as_posix().endswith(f"/{self.subfolder}"):
            way = f"dataset.root={self.home.parents[self.subfolder.count('/')]}"
        raise InputError(
            f"dataset={self.name} reads {self.folder / next(iter(found))}, ...; there is {moves[0][0]}, ...\n"
            f"If these files are of {self.source}: {way}\n"
            "If not, give another dataset.root, to which it is downloaded."
        )

    def _elsewhere(self, name: str) -> Path | None:
        """The file `name`, or its archive, in another folder or with a dot, as many programs unpack MNIST's; also in a
        folder that is called as the archive, or as the one in it."""
        folders = [self.folder, *(folder for folder in self.folder.parents if folder.is_relative_to(self.home))]
        unpacked = [called for archive in self.archives for called in _spelled(archive.removesuffix(".gz"))]
        unpacked = [called.removesuffix(".tar") for called in unpacked]
        inner = ["", *unpacked, self.subfolder, *(f"{called}/{self.subfolder}" for called in unpacked)]
        names = [spelled + end for spelled in _spelled(name) for end in ("", ".gz")]
        paths = (folder / below / spelled for below in inner for folder in folders for spelled in names)
        own = (self.folder / name, self._archive(f"{name}.gz"))
        return next((path for path in paths if path.is_file() and path not in own), None)

    def remedy(self, *names: str) -> str:
        """What to do about damaged files: an archive that was kept may make them again as they are."""
        kept = [archive for archive in self.archives if archive.removesuffix(".gz") in names or len(self.archives) == 1]
        paths = [str(path) for path in map(self._archive, kept) if path.is_file()]
        it, of = ("it", "that archive too") if len(names) == 1 else ("both", "the archives too")
        plain = f"Delete {it} and run again, or copy {it} again."
        if not paths:
            return plain
        return f"{plain} If this comes again, delete {of}: {', '.join(paths)}"

    def refuse_damaged(self) -> None:
        """Raise InputError for the first file whose MD5 checksum is wrong."""
        from torchvision.datasets.utils import check_integrity

        for name, md5 in self.names.items():
            path = self.folder / name
            if path.is_file() and not check_integrity(str(path), md5):
                raise InputError(
                    f"{path} is damaged: its {path.stat().st_size:,} bytes do not have the MD5 checksum {md5}.\n"
                    f"{self.remedy(name)}"
                )

    def _advice(self, error: Exception, lacking: Sequence[str]) -> str:
        """`lacking`: the files that were not there after the archives had been unpacked."""
        lines = str(error).strip().splitlines()
        cause = lines[-1] if lines else type(error).__name__
        url = self.dataset.mirrors[0] if hasattr(self.dataset, "mirrors") else self.dataset.url
        head = f"dataset={self.name} is not in {self.home}"
        absent = [archive for archive in self.archives if not self._archive(archive).is_file()]
        if lacking and not absent:
            head = f"{self._archive(self.archives[0])} is there, but does not hold {self.subfolder}/{lacking[0]}"
        return (
            f"{head}, and downloading it failed: {cause}\n"
            f"Download {', '.join(absent or self.archives)}\n"
            f"from {url} on a machine with internet access, put them in {self.home / self.archive_subfolder},\n"
            f"or set dataset.root=FOLDER where FOLDER/{self.subfolder} has {', '.join(list(self.names)[:2])}, ...\n"
            "dataset=digits needs no download."
        )


def _spelled(name: str) -> tuple[str, str]:
    return name, name.replace("-idx", ".idx")


def _move(file: Path, to: Path) -> str:
    """The command for it, also where a folder has the name of the file, packed or not: it goes aside."""
    folder, before = to.with_name(to.name.removesuffix(".gz")), ""
    if folder.is_dir():
        aside = folder.with_name(f"{folder.name}.folder")
        before = f"mv {quote(str(folder))} {quote(str(aside))}; "
        file = aside / file.relative_to(folder) if file.is_relative_to(folder) else file
    return f"{before}mv {quote(str(file))} {quote(str(to))}"


@contextmanager
def _with_timeout() -> Iterator[None]:
    """Time out on a server that does not answer; hide torchvision's progress bars if stderr is not a terminal."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        with nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)
