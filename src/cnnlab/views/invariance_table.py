"""Accuracy on changed test images, as a table."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnnlab.common.words import accuracy_percent, plural
from cnnlab.evaluation.invariance import IMAGES

ACCURACY, CONSISTENCY = "test/accuracy@", "test/consistency@"


def invariance_table(results: Mapping[str, Any]) -> Table | None:
    """A row for each kind and amount in the results; None where no changed images were evaluated."""
    names = [key.removeprefix(ACCURACY) for key in results if key.startswith(ACCURACY)]
    if not names:
        return None
    images = results.get(IMAGES)  # unknown of an evaluation of one's own
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("test images" if images is None else plural(images, "test image"))
    for heading in ("accuracy", "same answer as unchanged"):
        table.add_column(heading, justify="right")
    if images == results.get("test/images"):
        table.add_row("unchanged", accuracy_percent(results["test/accuracy"]), "")
    for name in names:
        shares = (results.get(what + name) for what in (ACCURACY, CONSISTENCY))
        table.add_row(_words(name), *("" if share is None else accuracy_percent(share) for share in shares))
    return table


def _words(name: str) -> str:
    """Of `shift=4`; each is the mean over its directions."""
    kind, _, amount = name.partition("=")
    if kind == "squash":
        return f"height or width squashed to {100 * float(amount):g} %"
    words = {
        "shift": f"shifted by {amount} px",
        "rotation": f"rotated by {amount}°",
        "permute": "pixels in random order",
    }
    return words.get(kind, name)
