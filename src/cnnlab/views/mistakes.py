"""Mistakes of a trained network: the confusion matrix and the images with the highest loss, as figures."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import cross_entropy

from cnnlab.common.words import plural
from cnnlab.views.journey_figure import short
from cnnlab.views.panels import SMALL, as_written, card_title, picture
from cnnlab.views.tiles import CARD

NUMBERED = 20  # classes up to which counts fit into the cells
NAMED = 50  # classes up to which names fit on the axes
LONGEST = 12  # characters of a name above a picture


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """Counts (classes, classes + 1): row = true class, column = predicted class, the last one for images without a
    prediction, where a logit is NaN. `logits: (N, classes)`, `labels: (N,)`."""
    classes = logits.shape[1]
    said = torch.where(logits.isnan().any(1), classes, logits.argmax(1))
    return torch.bincount(labels * (classes + 1) + said, minlength=classes * (classes + 1)).view(classes, classes + 1)


@as_written
def confusion_figure(logits: Tensor, labels: Tensor, names: Sequence[str]) -> Figure:
    counts = confusion(logits, labels).cpu()
    columns = [*names, "no number"] if counts[:, -1].any() else list(names)
    counts = counts[:, : len(columns)]
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    # A card holds the ten classes of most data sets; more are readable at the picture's own size.
    side = min(14.0, max(CARD, 0.9 + 0.26 * len(names)))
    figure = Figure(figsize=(side, side + 0.6), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=ax, location="bottom", aspect=40)
    bar.set_label("share of the true class", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    right = counts.diagonal().sum().item() / max(1, counts.sum().item())
    card_title(figure, f"{plural(len(labels), 'test image')}, {100 * right:.2f} % correct")
    ax.set_xlabel("predicted class", fontsize=SMALL)
    ax.set_ylabel("true class", fontsize=SMALL)
    ax.tick_params(labelsize=SMALL)
    if len(columns) <= NAMED:
        ax.set_xticks(range(len(columns)), map(short, columns), rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(names)), map(short, names))
    if len(names) <= NUMBERED:
        for (row, column), count in _cells(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=SMALL - 1)
    return figure


def _cells(counts: Tensor) -> list[tuple[tuple[int, int], int]]:
    return [((i, j), count) for i, row in enumerate(counts.tolist()) for j, count in enumerate(row) if count]


def most_mistaken(logits: Tensor, labels: Tensor, count: int = 20) -> tuple[Tensor, Tensor]:
    """The `count` images with the highest loss, highest first: (indices, losses). NaN counts as infinite."""
    losses = cross_entropy(logits.float(), labels, reduction="none").nan_to_num(torch.inf, torch.inf)
    highest = losses.topk(min(count, len(losses)))
    return highest.indices, highest.values


@as_written
def mistaken_figure(
    images: Tensor, logits: Tensor, labels: Tensor, names: Sequence[str], count: int = 12, columns: int = 3
) -> Figure:
    """`images`: uint8 (N, C, H, W); `logits: (N, classes)` and `labels: (N,)` in the same order."""
    places, losses = most_mistaken(logits, labels, count)
    shares = logits.float().softmax(1)[places].nan_to_num(0.0).cpu()
    unknown = logits.isnan().any(1)[places].tolist()
    rows = max(1, -(-len(places) // columns))
    figure = Figure(figsize=(CARD, 1.62 * rows + 0.35), layout="constrained")
    card_title(figure, "The test images with the highest loss; red where the answer is wrong")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes:
        ax.axis("off")
    wrong = (shares.argmax(1) != labels[places].cpu()).tolist()
    for i, (ax, place) in enumerate(zip(axes, places.tolist(), strict=False)):
        picture(ax, images[place] / 255)
        said = "no number" if unknown[i] else short(names[int(shares[i].argmax())], LONGEST)
        sure = "" if unknown[i] else f"{100 * shares[i].max():.0f} %, "
        colour = "#b03020" if wrong[i] or unknown[i] else "black"
        words = f"true: {short(names[int(labels[place])], LONGEST)}\nsaid: {said}\n{sure}loss {losses[i]:.3g}"
        ax.set_title(words, fontsize=SMALL, color=colour, pad=2)
    return figure
