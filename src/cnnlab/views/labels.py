"""Short labels for layers."""

from cnnlab.common.words import same_or_both, sides
from cnnlab.networks.geometry import Row


def label(row: Row) -> str:
    """A short label: conv1 3x3 /2, relu, max pool 2x2, pad 1+2 (top left + bottom right); (2) where it runs again."""
    return _label(row) + (f" ({row.call})" if row.call > 1 else "")


def _label(row: Row) -> str:
    name = row.name.rpartition(".")[2]
    if row.kind == "convolution":
        step = f" /{same_or_both(row.stride)}" if row.stride and row.stride != (1, 1) else ""
        return f"{name} {sides(row.kernel) if row.kernel else ''}{step}"
    if row.kind.endswith(" pool"):
        return f"{row.kind} {sides(row.kernel) if row.kernel else ''}"
    if row.kind.endswith(" activation"):
        return row.kind.partition(" ")[0]
    if row.kind == "padding" and row.before and row.after:
        return f"pad {same_or_both(row.before)}+{same_or_both(row.after)}"
    return name
