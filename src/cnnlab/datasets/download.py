"""Getting the files of a set that torchvision knows, so that what lies in its place is always whole."""

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
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.datasets.cache import cache_folder

# torchvision waits for ever where a network swallows what it is sent.
SILENCE = 10.0  # seconds


@dataclass(frozen=True)
class Files:
    """What a set consists of on disk."""

    name: str
    home: Path  # dataset.root
    subfolder: str  # of home: where the files lie that are read
    names: Mapping[str, str | None]  # of those files, with md5 sums where they are known
    archives: Sequence[str]  # what is downloaded and unpacked
    archive_subfolder: str
    url: str

    @property
    def folder(self) -> Path:
        return self.home / self.subfolder

    def missing(self) -> list[str]:
        return [name for name in self.names if not (self.folder / name).is_file()]

    def fetch(self, dataset: Any) -> None:
        """Unpack archives that someone put in their place, and let torchvision's class download what is missing.

        One process at a time, into a folder beside, and each file is moved to its place when it is whole: a
        download that is killed leaves nothing, and who finds all files finds them complete.
        """
        if not self.missing():
            return
        from filelock import FileLock

        new = [folder for folder in (self.home, *self.home.parents) if not folder.exists()]
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            self.home.mkdir(parents=True, exist_ok=True)
            # Not in the folder itself, which a failed download should leave as it was.
            place = sha256(f"{self.home.resolve()} {self.name}".encode()).hexdigest()[:16]
            with FileLock(cache_folder() / f"{place}.lock"), self._beside() as beside:
                self._unpack(beside)
                if not all((beside / self.subfolder / name).is_file() for name in self.missing()):
                    with _impatient():
                        dataset(beside, download=True)
                self.folder.mkdir(parents=True, exist_ok=True)
                for name in self.missing():
                    os.replace(beside / self.subfolder / name, self.folder / name)
        except (OSError, RuntimeError, EOFError, HTTPException) as error:
            for folder in new:
                with suppress(OSError):  # another process may have put something there by now
                    folder.rmdir()
            raise InputError(self._advice(error)) from error

    @contextmanager
    def _beside(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.home, prefix=".download-") as folder:
            yield Path(folder)

    def _unpack(self, beside: Path) -> None:
        from torchvision.datasets.utils import extract_archive

        target = beside / self.archive_subfolder
        target.mkdir(parents=True, exist_ok=True)
        for path in (self.home / self.archive_subfolder / archive for archive in self.archives):
            if self.missing() and path.is_file():
                try:
                    extract_archive(str(path), str(target))
                except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
                    raise InputError(
                        f"{path} is damaged: {error}.\nDelete it and run again, or copy it anew."
                    ) from error

    def refuse_damaged(self) -> None:
        """InputError for the first file that has not its md5 sum."""
        from torchvision.datasets.utils import check_integrity

        for name, md5 in self.names.items():
            path = self.folder / name
            if path.is_file() and not check_integrity(str(path), md5):
                raise InputError(
                    f"{path} is damaged: its {path.stat().st_size:,} bytes have not the md5 sum {md5}.\n"
                    "Delete it and run again, or copy it anew."
                )

    def _advice(self, error: Exception) -> str:
        cause = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        return (
            f"dataset={self.name} is not in {self.home}, and getting it failed: {cause}\n"
            f"Fetch {', '.join(self.archives)}\n"
            f"from {self.url} where there is internet, and put them into {self.home / self.archive_subfolder},\n"
            f"or give dataset.root=FOLDER where FOLDER/{self.subfolder} holds {', '.join(list(self.names)[:2])}, ...\n"
            "dataset=digits needs no download."
        )


@contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a silent server, and show torchvision's progress bars only where somebody watches."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        with nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)
