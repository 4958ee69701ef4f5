"""Getting the files of a set that torchvision knows, so that what lies in its place is always whole."""

import io
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.errors import InputError

# torchvision waits for ever where a network swallows what it is sent.
SILENCE = 10  # seconds


@dataclass(frozen=True)
class Files:
    """What a set consists of on disk, with md5 sums where they are known."""

    name: str
    home: Path  # dataset.root
    subfolder: str  # of home: where the files lie that are read
    names: Mapping[str, str | None]
    archives: Mapping[str, str]  # what is downloaded
    archive_subfolder: str
    url: str

    @property
    def folder(self) -> Path:
        return self.home / self.subfolder

    def complete(self) -> bool:
        return all((self.folder / name).is_file() for name in self.names)

    def fetch(self, dataset: Any) -> None:
        """Unpack or download what is missing.

        One process at a time, into a folder beside, and each file is moved to its place when it is whole: a
        download that is killed leaves nothing, and who finds all files finds them complete.
        """
        if self.complete():
            return
        from filelock import FileLock

        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with FileLock(self.home / f".{self.name}.lock"):
                if not self.complete():
                    self.refuse_damaged(self.home / self.archive_subfolder, self.archives)
                    self._download(dataset)
        except (OSError, RuntimeError, EOFError) as error:
            raise InputError(self._advice(error)) from error

    def _download(self, dataset: Any) -> None:
        with tempfile.TemporaryDirectory(dir=self.home, prefix=".download-") as beside:
            for archive in self.archives:
                there = self.home / self.archive_subfolder / archive
                if there.is_file():
                    copy = Path(beside, self.archive_subfolder, archive)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(there, copy)
            patience = socket.getdefaulttimeout()
            socket.setdefaulttimeout(SILENCE)
            try:
                # torchvision's progress bar is for people
                with nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO()):
                    dataset(beside, download=True)
            finally:
                socket.setdefaulttimeout(patience)
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in self.names:
                os.replace(Path(beside, self.subfolder, name), self.folder / name)

    def refuse_damaged(self, folder: Path, sums: Mapping[str, str | None]) -> None:
        """InputError for the first file that is there and is not what it should be."""
        from torchvision.datasets.utils import check_integrity

        for name, md5 in sums.items():
            path = folder / name
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
