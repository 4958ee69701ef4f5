"""The output of `python -m cnnlab.predict`: tables and figures."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch import Tensor, nn

from cnnlab.common.words import probability, readable, shortened
from cnnlab.datasets.base import normalize
from cnnlab.evaluation.transforms import Variant
from cnnlab.inference.answer import probabilities, ranked, softmax
from cnnlab.inference.follow import follow
from cnnlab.inference.prepare import Picture
from cnnlab.runs.trained import TrainedRun
from cnnlab.views.journey_figure import follow_figure
from cnnlab.views.panels import save
from cnnlab.views.probabilities import probabilities_figure, variants_figure


class Answers:
    """The `top` most probable classes of each of the `pictures`; `shares`: (pictures, classes)."""

    def __init__(self, folder: Path, network: nn.Module, run: TrainedRun, pictures: Sequence[Picture], top: int):
        self.folder, self.network, self.run, self.pictures, self.top = folder, network, run, pictures, top
        pixels = torch.stack([picture.pixels for picture in pictures])
        self.shares = probabilities(network, pixels, run.mean, run.std)
        self.files: list[Path] = []
        self.variants: list[list[dict[str, Any]]] = []  # per picture: unchanged, and after each change

    def draw_probabilities(self) -> None:
        """One figure of all pictures with their probabilities."""
        pixels, names = [p.pixels for p in self.pictures], [readable(p.path.name) for p in self.pictures]
        figure = probabilities_figure(pixels, names, self.shares, self.run.classes, self.top)
        self.files.append(save(figure, self.folder / "probabilities.png"))

    def follow(self) -> None:
        """One figure per picture."""
        for number, (picture, row) in enumerate(zip(self.pictures, self.shares, strict=True)):
            journey = follow(self.network, normalize(picture.pixels[None], self.run.mean, self.run.std))
            best = self.run.classes[int(row.argmax())]
            title = f"{readable(picture.path.name)}: {best}, probability {probability(float(row.max()))}"
            figure = follow_figure(journey, row, self.run.classes, picture.pixels, title)
            self.files.append(save(figure, self._file("follow", number, picture)))

    def vary(self, changes: Sequence[Variant]) -> None:
        """The network's answers for each picture after each change, with a figure."""
        mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (self.run.mean, self.run.std))
        words = ["unchanged", *(change.words for change in changes)]
        for number, picture in enumerate(self.pictures):
            plain = picture.pixels[None].float() / 255
            images = torch.cat([plain, *(change.change(plain) for change in changes)])
            shares = softmax(self.network, (images - mean) / std)
            title = f"{readable(picture.path.name)}, shifted, rotated and squashed"
            figure = variants_figure(list(images), words, shares, self.run.classes, title)
            self.files.append(save(figure, self._file("invariance", number, picture)))
            answers = [ranked(row, self.run.classes, self.top) for row in shares]
            self.variants.append(
                [{"change": w, "class": a[0][0], "probabilities": dict(a)} for w, a in zip(words, answers, strict=True)]
            )

    def print_tables(self) -> None:
        self._print_remarks()
        console = Console()
        console.print(probabilities_table(self.pictures, self.shares, self.run.classes, self.top))
        for picture, variants in zip(self.pictures, self.variants, strict=False):
            console.print(variants_table(readable(picture.path), variants))
        for path in self.files:
            print(shortened(path))

    def print_json(self, run: str, checkpoint: str) -> None:
        self._print_remarks()
        images = []
        for picture, row in zip(self.pictures, self.shares, strict=True):
            best = ranked(row, self.run.classes, self.top)
            answer = {
                "class": best[0][0],
                "probabilities": dict(best),
                "words": picture.words,
                "unlike": picture.unlike,
            }
            images.append({"image": str(picture.path), **answer})
        for image, variants in zip(images, self.variants, strict=False):
            image["variants"] = variants
        files = [str(path) for path in self.files]
        print(json.dumps({"run": run, "checkpoint": checkpoint, "images": images, "files": files}, indent=2))

    def _print_remarks(self) -> None:
        """On stderr; what is true of several pictures once."""
        console = Console(stderr=True, highlight=False)
        for picture in self.pictures:
            if picture.unlike:
                console.print(f"[yellow]{escape(f'{readable(picture.path)} is {picture.unlike}.')}[/]", soft_wrap=True)
        names: dict[str, list[str]] = {}
        for picture in self.pictures:
            for word in picture.words:
                names.setdefault(word, []).append(readable(picture.path))
        for word, of in names.items():
            more = f" and {len(of) - 1:,} more" if len(of) > 1 else ""
            console.print(escape(f"{of[0]}{more}: {word}"), soft_wrap=True)
        if not self.run.look:
            told = "This run of an older cnnlab cannot tell whether a picture is like its training images."
            console.print(told, soft_wrap=True)

    def _file(self, what: str, number: int, picture: Picture) -> Path:
        name = re.sub(r"[^\w.-]+", "-", picture.path.stem)[:40]
        return self.folder / f"{what}_{number:02d}_{name}.png"


def probabilities_table(pictures: Sequence[Picture], shares: Tensor, classes: Sequence[str], top: int) -> Table:
    """One row per class for a single picture, else one row per picture; `shares`: (pictures, classes)."""
    if len(pictures) == 1:
        found = Table("class", "probability", "", title=escape(readable(pictures[0].path)))
        for name, share in ranked(shares[0], classes, top):
            found.add_row(escape(name), probability(share, 4), "█" * round(30 * share))
        return found
    ranks = ["1st", "2nd", "3rd", *(f"{i}th" for i in range(4, top + 1))]
    unlike = any(picture.unlike for picture in pictures)
    found = Table()
    found.add_column("picture", overflow="fold")
    for rank in ranks[: min(top, len(classes))]:
        found.add_column(rank)
    if unlike:
        found.add_column("like the training images")
    for picture, row in zip(pictures, shares, strict=True):
        answers = [f"{probability(share)} {escape(name)}" for name, share in ranked(row, classes, top)]
        like = ["[yellow]no[/]" if picture.unlike else "yes"] if unlike else []
        found.add_row(escape(readable(picture.path)), *answers, *like)
    return found


def variants_table(title: str, variants: Sequence[Mapping[str, Any]]) -> Table:
    """The class of the picture and of each changed version, highlighted where it differs from the former."""
    found = Table("change", "class", "probability", title=escape(title))
    for variant in variants:
        share = variant["probabilities"][variant["class"]]
        lost = variant["class"] != variants[0]["class"]
        found.add_row(variant["change"], escape(variant["class"]), probability(share), style="yellow" if lost else "")
    return found
