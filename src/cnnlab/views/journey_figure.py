"""One picture through every step of a network, as a figure."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.patches import Rectangle
from torch import Tensor

from cnnlab.common.words import plural, probability
from cnnlab.inference.follow import Journey, Step, Votes
from cnnlab.views import panels

_COLUMNS = 12  # channels drawn per map: the first ones, so that a column follows one channel up to the next convolution
_ROWS = 24
_LEFT, _CELL, _STRIP = 2.9, 0.82, 0.62  # inches: text, map, vector
_GAP = 0.07  # between maps, in maps
_VOTES, _CLASSES = 6, 4


@panels.as_written
def follow_figure(journey: Journey, shares: Tensor, classes: Sequence[str], pixels: Tensor, title: str) -> Figure:
    """One row per step, then the strongest votes and the probabilities.

    `shares`: (classes,) probabilities; `pixels`: uint8 (C, H, W), the network's input before normalization.
    """
    steps, hidden = _drawn(journey.steps)
    heights = [_STRIP if step.output.dim() == 1 else _CELL + 0.12 for step in steps]
    bottom = 2.5 if journey.votes else 2.2
    height = 0.75 + sum(heights) + 0.55 + bottom
    width = _LEFT + _COLUMNS * _CELL * (1 + _GAP) + 0.15
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.text(0.15 / width, 1 - 0.12 / height, title, fontsize=13, va="top", weight="bold")
    hint = "maps: red above 0, white 0, blue below 0, one scale per row"
    if any(len(s.output) > _COLUMNS for s in steps if s.output.dim() == 3):
        hint += f"; the first {_COLUMNS} channels of each map"
    if journey.votes:
        hint += "; votes: weight x input of the last layer, a class's logit is their sum and the bias"
    if hidden:
        hint += f"; {hidden} steps in between are not drawn"
    if journey.unseen:
        places = plural(journey.unseen, "place")
        hint += f"\nin {places}, a row does not follow from the one above: a branch, or a function that is not shown"
    figure.text(0.15 / width, 1 - 0.4 / height, hint, fontsize=9, va="top", color="#555555")
    top = height - 0.75
    for step, row in zip(steps, heights, strict=True):
        _row(figure, step, pixels, top, row, width, height)
        top -= row
    grid = figure.add_gridspec(
        1,
        2,
        width_ratios=(3.4, 1),
        left=0.2 / width,
        right=1 - 0.25 / width,
        top=(top - 0.55) / height,
        bottom=0.42 / height,
        wspace=0.06 + 0.014 * max(len(short(name)) for name in classes),
    )
    if journey.votes:
        _votes(figure, grid[0, 0], journey.votes, shares, classes)
    probability_bars(figure.add_subplot(grid[0, 1]), shares, classes, 10)
    return figure


def probability_bars(ax: Axes, shares: Tensor, classes: Sequence[str], top: int) -> None:
    """The `top` most probable classes as labelled bars, the most probable on top."""
    values, order = shares.sort(descending=True, stable=True)
    count = min(top, len(classes))
    ax.barh(range(count), values[:count].tolist(), color=["#1864ab"] + ["#a5c8e8"] * (count - 1), height=0.75)
    ax.set_yticks(range(count), [short(classes[int(i)]) for i in order[:count]], fontsize=8)
    ax.set_ylim(count - 0.4, -0.6)
    ax.set_xlim(0, 1.18)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=8)
    for i, value in enumerate(values[:count].tolist()):
        ax.text(value + 0.015, i, probability(value), va="center", fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title("probabilities", fontsize=9)


def short(name: str, limit: int = 16) -> str:
    """Cut in the middle: classes often begin alike (n02085620-Chihuahua), layers too, and differ in their ends."""
    if len(name) <= limit:
        return name
    end = limit // 2
    return f"{name[: limit - 1 - end]}…{name[-end:]}"


def _drawn(steps: list[Step]) -> tuple[list[Step], int]:
    """The steps to draw, and how many are left out.

    Of a very deep network as many convolutions as fit are drawn, evenly spaced and including the first and the last,
    each with its norm and activation.
    """
    shown = [s for s in steps if s.kind not in ("nothing", "padding") and s.output.dim() in (1, 3)]
    # The convolution that each step belongs to; 0 for steps that are always drawn.
    owner, current, count = [], 0, 0
    for step in shown:
        if step.kind == "convolution":
            current = count = count + 1
        elif step.kind not in ("norm", "activation"):
            current = 0
        owner.append(current)
    for kept in range(count, 0, -1):
        chosen = {0, *(round(1 + i * (count - 1) / max(1, kept - 1)) for i in range(kept))}
        drawn = [step for step, layer in zip(shown, owner, strict=True) if layer in chosen]
        if len(drawn) <= _ROWS:
            return drawn, len(shown) - len(drawn)
    return shown[:_ROWS], len(shown[_ROWS:])


def _row(figure: Figure, step: Step, pixels: Tensor, top: float, row: float, width: float, height: float) -> None:
    figure.text(0.15 / width, (top - 0.05) / height, step.name, fontsize=9, va="top", weight="bold")
    figure.text(
        0.15 / width, (top - 0.24) / height, step.words, fontsize=8, va="top", color="#333333", linespacing=1.25
    )

    across = _COLUMNS * (1 + _GAP) - _GAP
    flat = step.output.dim() == 1
    down = row - 0.18 if flat else _CELL
    # One Axes per row: one per map would take twelve times as long to draw.
    ax = figure.add_axes((_LEFT / width, (top - down) / height, across * _CELL / width, down / height))
    if flat:
        _strip(ax, step.output)
        return
    first = 1 if step.kind == "input" else 0  # column 0 of the input's row shows the picture
    scale = panels.largest(step.output)
    for column, channel in enumerate(step.output[: _COLUMNS - first], start=first):
        _map(ax, column, channel, scale, step.partial)
    if step.kind == "input":
        panels.picture(ax, pixels / 255, _extent(0, pixels[0]))
    ax.set(xlim=(0, across), ylim=(1, 0), aspect="auto")
    ax.axis("off")


def _extent(column: int, channel: Tensor) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a map centred in its unit square, filled along the longer side."""
    h, w = channel.shape
    across, down = w / max(h, w), h / max(h, w)
    left, up = column * (1 + _GAP) + (1 - across) / 2, (1 - down) / 2
    return left, left + across, up + down, up


def _map(ax: Axes, column: int, channel: Tensor, scale: float, partial: tuple[bool, bool]) -> None:
    extent = _extent(column, channel)
    panels.signed(ax, channel, scale, extent)
    left, right, bottom, top = extent
    frame = {"fill": False, "edgecolor": "#999999", "linewidth": 0.5, "clip_on": False}
    ax.add_patch(Rectangle((left, top), right - left, bottom - top, **frame))
    h, w = (bottom - top) / channel.shape[0], (right - left) / channel.shape[1]
    cut = {"fill": False, "edgecolor": panels.MARK, "linewidth": 0.9, "clip_on": False}
    if partial[0]:
        ax.add_patch(Rectangle((left, bottom - h), right - left, h, **cut))
    if partial[1]:
        ax.add_patch(Rectangle((right - w, top), w, bottom - top, **cut))


def _strip(ax: Axes, values: Tensor) -> None:
    panels.bare(ax)
    few = len(values) <= 20
    # 1.6 keeps the strongest colour light enough for numbers.
    limit = (panels.largest(values) or 1.0) * (1.6 if few else 1)
    ax.imshow(values.nan_to_num()[None].numpy(), cmap=panels.SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    if few:
        panels.write(ax, [values.tolist()], size=8)


def _votes(figure: Figure, place: SubplotSpec, votes: Votes, shares: Tensor, classes: Sequence[str]) -> None:
    """For each of the most probable classes, its strongest votes as bars to the right (for) and left (against)."""
    best = [int(k) for k in shares.argsort(descending=True, stable=True)[:_CLASSES]]
    listed = {k: votes.strongest(k, _VOTES) for k in best}
    limit = panels.largest(torch.tensor([value for items in listed.values() for _, value in items])) or 1.0
    grid = place.subgridspec(1, len(best), wspace=0.12)
    for column, k in enumerate(best):
        ax, items = figure.add_subplot(grid[0, column]), listed[k]
        values = [value for _, value in items]
        ax.barh(range(len(items)), values, color=["#c92a2a" if v > 0 else "#1864ab" for v in values], height=0.42)
        for i, (source, value) in enumerate(items):
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            ax.text(-1.27 * limit, i - 0.44, f"{source}: {value:+.2g}", fontsize=7, va="center", bbox=box)
        ax.set_xlim(-1.3 * limit, 1.3 * limit)
        ax.set_ylim(len(items) - 0.4, -0.8)
        panels.bare(ax)
        logit = float(votes.bias[k] + votes.contributions[k].sum())
        rest = logit - float(votes.bias[k]) - sum(values)
        ax.set_title(f"votes for {short(classes[k])}\nlogit {logit:.3g}", fontsize=9)
        ax.set_xlabel(
            f"{len(values)} strongest {sum(values):+.2g}, others {rest:+.2g},\nbias {float(votes.bias[k]):+.2g}",
            fontsize=7.5,
        )
