"""The probabilities of a trained network's classes, and how they are told."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from rich.table import Table
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import normalize
from cnnlab.inference.prepare import Picture


def probabilities(
    network: nn.Module, pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...], batch_size: int = 256
) -> Tensor:
    """Softmax of the logits as float64 (N, classes) on the CPU, for uint8 (N, C, H, W). InputError if not finite."""
    return softmax(network, normalize(pixels, mean, std), batch_size)


def softmax(network: nn.Module, x: Tensor, batch_size: int = 256) -> Tensor:
    """The same for images that are normalized already."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        shares = torch.cat([network(part.to(device)).double().softmax(1).cpu() for part in x.split(batch_size)])
    if not torch.isfinite(shares).all():
        raise InputError(
            "The network's answer is not a number: its weights are not finite, so the run diverged.\n"
            "Try an earlier state with checkpoint=best, or another run."
        )
    return shares


def ranked(shares: Tensor, classes: Sequence[str], top: int) -> list[tuple[str, float]]:
    """The `top` most probable classes of one image, the most probable first; `shares`: (classes,)."""
    values, order = shares.sort(descending=True, stable=True)
    return [(classes[int(i)], float(v)) for i, v in zip(order[:top], values[:top], strict=True)]


def table(pictures: Sequence[Picture], shares: Tensor, classes: Sequence[str], top: int) -> Table:
    """A row a class for one picture, a row a picture for more; `shares`: (pictures, classes)."""
    if len(pictures) == 1:
        found = Table("class", "probability", "", title=str(pictures[0].path))
        for name, share in ranked(shares[0], classes, top):
            found.add_row(name, f"{share:.4f}", "█" * round(30 * share))
        return found
    found = Table("picture", *("1st", "2nd", "3rd", *(f"{i}th" for i in range(4, top + 1)))[: min(top, len(classes))])
    for picture, row in zip(pictures, shares, strict=True):
        found.add_row(str(picture.path), *(f"{share:.2f} {name}" for name, share in ranked(row, classes, top)))
    return found


def record(picture: Picture, shares: Tensor, classes: Sequence[str], top: int) -> dict[str, object]:
    """What format=json says of one picture: its file, class, the `top` probabilities in falling order, the words."""
    best = ranked(shares, classes, top)
    return {"image": str(picture.path), "class": best[0][0], "probabilities": dict(best), "words": picture.words}


def variants_table(title: str, variants: Sequence[Mapping[str, Any]]) -> Table:
    """The class of the picture and of each changed version, those that lose the picture's own class in colour."""
    found = Table("change", "class", "probability", title=title)
    for variant in variants:
        share = variant["probabilities"][variant["class"]]
        lost = variant["class"] != variants[0]["class"]
        found.add_row(variant["change"], variant["class"], f"{share:.2f}", style="yellow" if lost else "")
    return found
