"""Claims as they stand in `configs/experiment`, before anything runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cnnlab.claims.claim import Claim, read_claim
from cnnlab.common.errors import InputError

COMMAND = re.compile(r"python -m cnnlab\.train -m .*")


@dataclass(frozen=True)
class StatedClaim:
    """`name`: of its YAML. From the comment on top of it: `command`, and `expected`, in words. `data`: the data set."""

    name: str
    claim: Claim
    command: str
    expected: str
    data: str


def stated_claims(folder: Path) -> Iterator[StatedClaim]:
    """Of every YAML in `folder` that has a claim, by name. Raises InputError for a claim that cannot be read."""
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        content: dict[str, Any] = yaml.safe_load(text)
        if "claim" not in content:
            continue
        try:
            claim = read_claim(content["claim"])
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        comment = _comment(text)
        command = COMMAND.search(comment)
        expected = " ".join(comment.partition("Expected:")[2].split())
        line = command[0] if command else f"python -m cnnlab.train -m experiment={path.stem}"
        yield StatedClaim(path.stem, claim, line, expected, _choice(content, "dataset"))


def _comment(text: str) -> str:
    """The lines at the top, without their signs."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return "\n".join(lines)


def _choice(content: Mapping[str, Any], group: str) -> str:
    """What the defaults list chooses for the group; empty for the usual."""
    entries = [entry for entry in content.get("defaults", []) if isinstance(entry, dict)]
    return next((str(value) for entry in entries for key, value in entry.items() if key.endswith(f"/{group}")), "")
