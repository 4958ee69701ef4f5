"""Mistakes of a trained network: the confusion matrix and the images with the highest loss, as figures."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import cross_entropy

from cnnlab.views.panels import as_written

NUMBERED = 20  # classes up to which counts fit into the cells
NAMED = 50  # classes up to which names fit on the axes


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
    side = min(14.0, 1.6 + 0.32 * len(names))
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=ax, shrink=0.8, label="share of the true class")
    right = counts.diagonal().sum().item() / max(1, counts.sum().item())
    ax.set_title(f"{len(labels):,} test images, {100 * right:.2f} % correct")
    ax.set(xlabel="predicted class", ylabel="true class")
    if len(columns) <= NAMED:
        ax.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(names)), names)
    if len(names) <= NUMBERED:
        for (row, column), count in _cells(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)
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
    images: Tensor, logits: Tensor, labels: Tensor, names: Sequence[str], count: int = 12, columns: int = 4
) -> Figure:
    """`images`: uint8 (N, C, H, W), grey or colour; `logits: (N, classes)` and `labels: (N,)` in the same order."""
    places, losses = most_mistaken(logits, labels, count)
    shares = logits.float().softmax(1)[places].nan_to_num(0.0).cpu()
    unknown = logits.isnan().any(1)[places].tolist()
    rows = max(1, -(-len(places) // columns))
    figure = Figure(figsize=(1.25 * columns, 1.75 * rows + 0.3), layout="constrained")
    figure.suptitle("The test images with the highest loss")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes:
        ax.axis("off")
    wrong = (shares.argmax(1) != labels[places].cpu()).tolist()
    for i, (ax, place) in enumerate(zip(axes, places.tolist(), strict=False)):
        pixels = images[place].cpu()
        ax.imshow(pixels.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=255)
        said = "no number" if unknown[i] else f"{names[int(shares[i].argmax())]} ({100 * shares[i].max():.0f} %)"
        colour = "#b03020" if wrong[i] or unknown[i] else "black"
        ax.set_title(f"true: {names[int(labels[place])]}\nsaid: {said}\nloss {losses[i]:.3g}", fontsize=8, color=colour)
    return figure
