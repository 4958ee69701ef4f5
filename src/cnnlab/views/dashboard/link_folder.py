"""A folder of links to runs, which TensorBoard reads: their names there are the names that it shows."""

import os
from collections.abc import Mapping
from pathlib import Path


def link(place: Path, folders: Mapping[str, Path]) -> None:
    """Make `place` hold a link for each name, which may have slashes, to its folder; links that are there stay, so that
    TensorBoard goes on reading them."""
    for name, folder in folders.items():
        path = place / name
        if not path.is_symlink():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(folder.resolve(), path, target_is_directory=True)
