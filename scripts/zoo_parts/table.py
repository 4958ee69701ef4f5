"""docs/zoo.md from the cells."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

import timm
import torch
import torchvision

from zoo_parts.cell import Cell

HEAD = """# The zoo

What cnnlab says of networks that nobody here wrote, each number against a second method that shares no code with it.
`make zoo` writes this page; it was not edited. {date}, torch {torch}, torchvision {torchvision}, timm {timm}, one core.

{summary}

- **layers**: convolutions and full connections that `cnnlab.Probe` measured in one training step.
- **statistics**: how many numbers of these layers, all that the probe measures by default, equal those of a recorder
  that reads autograd's graph (`scripts/zoo_parts/recorder.py`): of pre-activation, activation and gradient, to which
  layer they belong included, and of the weights.
- **theory**: `cnnlab.theory.expected` with the weights as drawn, against 16 images of noise in training mode: largest
  |ln(measured / predicted)| over layers of pre-activation, activation and gradient deviation, and the share inside the
  band. Wrong is a factor of {too_far} outside it.
- **receptive field** in pixels, of the last map that a convolution or a pooling makes (of a transformer: the patches),
  against the extent of a gradient; place and size.
- **parameters** against the storages of the state dict, and torchvision's published number.
- **MACs** per image against fvcore's trace, and at full size torchvision's published number, to 1 %.
- **saved bytes** for the backward pass per image, as measured by cnnlab: against the tensors that autograd's nodes
  hold, for the small modules against what the allocator does not get back. Without a note a prediction is the same
  number.

A number has been checked unless a note says otherwise; notes are in cnnlab's words, or say what the second method
cannot see. Weights are random, dropout is 0, images have 64 to 224 pixels (published networks) or 20.
"""
COUNTED = {
    "checked": "checked",
    "partly": "checked as far as they go, with a note on the rest",
    "unknown": "not known, with cnnlab's reason",
    "unseen": "with no second method",
    "wrong": "WRONG",
}


def page(groups: Mapping[str, Mapping[str, Mapping[str, Cell]]], too_far: float) -> str:
    """`groups`: {title: {network: {column: cell}}}."""
    cells = [cell for rows in groups.values() for row in rows.values() for cell in row.values()]
    counts, networks = Counter(cell.kind for cell in cells), sum(len(rows) for rows in groups.values())
    parts = ", ".join(f"{counts[kind]} {words}" for kind, words in COUNTED.items())
    summary = f"**{networks} networks, {len(cells)} cells: {parts}.**"
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__}
    text = [HEAD.format(date=date.today(), summary=summary, too_far=too_far, **versions)]
    notes: dict[str, int] = {}
    for title, rows in groups.items():
        text.append(f"## {title}\n\n{_table(rows, notes)}\n")
    text.append("## Notes\n\n" + "\n".join(f"{number}. {note}" for note, number in notes.items()) + "\n")
    return "\n".join(text)


def _table(rows: Mapping[str, Mapping[str, Cell]], notes: dict[str, int]) -> str:
    columns = list(next(iter(rows.values())))
    lines = ["| network | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for network, row in rows.items():
        lines.append(f"| {network} | " + " | ".join(_text(row[column], notes) for column in columns) + " |")
    return "\n".join(lines)


def _text(cell: Cell, notes: dict[str, int]) -> str:
    """With the numbers of its notes, which cells share."""
    numbers = [notes.setdefault(note, len(notes) + 1) for note in cell.notes]
    return cell.text + "".join(f" <sup>{number}</sup>" for number in numbers)
