"""Keeps what an earlier, unfinished attempt at a job left behind, before the job is done again."""

import os
import shutil
from itertools import count
from pathlib import Path

ATTEMPTS = "attempts"


def set_aside(folder: Path, sweep: Path) -> Path | None:
    """Pack `folder` into `<sweep>/attempts/<name>.<k>.tar` and remove it; None if there was nothing.

    An archive, not a folder, so that neither TensorBoard nor a report takes it for a run.
    """
    if not folder.exists():
        return None
    name = folder.relative_to(sweep).as_posix().replace("/", "_")
    home = sweep / ATTEMPTS
    home.mkdir(exist_ok=True)
    kept = next(path for k in count(1) if not (path := home / f"{name}.{k}.tar").exists())
    # Complete before the folder goes, so that a kill in between loses nothing.
    part = shutil.make_archive(str(kept.with_suffix(".part")), "tar", root_dir=folder.parent, base_dir=folder.name)
    os.replace(part, kept)
    shutil.rmtree(folder)
    return kept
