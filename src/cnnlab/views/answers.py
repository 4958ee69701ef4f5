"""What `python -m cnnlab.predict` leaves in its folder: figures, and images for TensorBoard."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.datasets.base import normalize
from cnnlab.evaluation.transforms import Variant
from cnnlab.inference.answer import ranked, softmax
from cnnlab.inference.follow import follow
from cnnlab.inference.prepare import Picture
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.views.journey_figure import follow_figure, step_images
from cnnlab.views.panels import save
from cnnlab.views.probabilities import probabilities_figure, variants_figure


@dataclass(frozen=True)
class Views:
    folder: Path
    network: nn.Module
    classes: Sequence[str]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def probabilities(self, pictures: Sequence[Picture], shares: Tensor, top: int) -> Path:
        """One figure of the pictures beside their probabilities; `shares`: (pictures, classes)."""
        pixels, names = [p.pixels for p in pictures], [p.path.name for p in pictures]
        return save(probabilities_figure(pixels, names, shares, self.classes, top), self.folder / "probabilities.png")

    def follow(self, pictures: Sequence[Picture], shares: Tensor) -> list[Path]:
        """A figure a picture; in TensorBoard also an image a layer, where the step is the picture's number."""
        dashboard, files = Dashboard(self.folder), []
        for number, (picture, row) in enumerate(zip(pictures, shares, strict=True)):
            journey = follow(self.network, normalize(picture.pixels[None], self.mean, self.std))
            title = f"{picture.path.name}: {self.classes[int(row.argmax())]}, probability {float(row.max()):.2f}"
            figure = follow_figure(journey, row, self.classes, picture.pixels, title)
            files.append(save(figure, self._file("follow", number, picture)))
            dashboard.figure("follow", figure, number)
            for tag, image in step_images(journey):
                dashboard.image(tag, image, number)
        dashboard.writer.close()
        return files

    def vary(
        self, pictures: Sequence[Picture], changes: Sequence[Variant], top: int
    ) -> tuple[list[list[dict[str, Any]]], list[Path]]:
        """For each picture what the network says of it unchanged and after each change, and a figure of that."""
        mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (self.mean, self.std))
        words = ["unchanged", *(change.words for change in changes)]
        records, files = [], []
        for number, picture in enumerate(pictures):
            plain = picture.pixels[None].float() / 255
            images = torch.cat([plain, *(change.change(plain) for change in changes)])
            shares = softmax(self.network, (images - mean) / std)
            title = f"{picture.path.name}, shifted, rotated and squashed"
            figure = variants_figure(list(images), words, shares, self.classes, title)
            files.append(save(figure, self._file("invariance", number, picture)))
            best = [ranked(row, self.classes, top) for row in shares]
            records.append(
                [{"change": w, "class": b[0][0], "probabilities": dict(b)} for w, b in zip(words, best, strict=True)]
            )
        return records, files

    def _file(self, what: str, number: int, picture: Picture) -> Path:
        name = re.sub(r"[^\w.-]+", "-", picture.path.stem)[:40]
        return self.folder / f"{what}_{number:02d}_{name}.png"
