"""`python -m cnnlab.predict`: class probabilities of pictures, one picture through every layer, and its variants."""

from pathlib import Path

from omegaconf import DictConfig

from cnnlab.cli.compose import resolved
from cnnlab.cli.entry import entry
from cnnlab.cli.schema import BOOL, Rule, check_rules, either, list_of, number, one_of, whole

_TEXT = Rule("text", lambda v: isinstance(v, str) and bool(v))
RULES = {
    "run": Rule("the folder that a training run printed, e.g. run=outputs/runs/...", _TEXT.holds),
    "image": either(
        Rule("a picture, e.g. image=cat.png, a pattern in quotes, e.g. 'image=photos/*.png'", _TEXT.holds),
        Rule("a list of them", lambda v: list_of(_TEXT).holds(v) and bool(v)),
    ),
    "checkpoint": one_of("last", "best"),
    "top": whole(1),
    "format": one_of("table", "json"),
    **dict.fromkeys(("invert", "follow", "invariance"), BOOL),
    "shifts": list_of(whole(1)),
    "rotations": list_of(number(0, 180, above=True)),
    "squashes": list_of(number(0, 1, above=True)),
}


def check(jobs: list[DictConfig]) -> None:
    for job in jobs:
        check_rules(resolved(job), RULES)

    from cnnlab.cli.build import load_run
    from cnnlab.datasets.pictures import header
    from cnnlab.evaluation.invariance import Invariance

    for job in jobs:
        _, run = load_run(Path(job.run), job.checkpoint)
        if job.invariance:
            Invariance(job.shifts, job.rotations, job.squashes).check(run.image_shape)
        for path in _paths(job):
            header(path)


def task(config: DictConfig) -> None:
    import torch
    from hydra.core.hydra_config import HydraConfig

    from cnnlab.cli.build import load_run
    from cnnlab.evaluation.transforms import variants
    from cnnlab.inference.answer import probabilities
    from cnnlab.inference.prepare import prepare
    from cnnlab.views.answers import Views

    network, run = load_run(Path(config.run), config.checkpoint)
    pictures = [prepare(path, run.image_shape, run.mean, run.std, config.invert) for path in _paths(config)]
    pixels = torch.stack([picture.pixels for picture in pictures])
    shares = probabilities(network, pixels, run.mean, run.std)
    views = Views(Path(HydraConfig.get().runtime.output_dir), network, run.classes, run.mean, run.std)
    files = [views.probabilities(pictures, shares, config.top)]
    if config.follow:
        files += views.follow(pictures, shares)
    changed = None
    if config.invariance:
        changes = variants(config.shifts, config.rotations, config.squashes)
        changed, drawn = views.vary(pictures, changes, config.top)
        files += drawn
    _tell(config, pictures, shares, run.classes, changed or [], files)


def _paths(config: DictConfig) -> list[Path]:
    from cnnlab.datasets.pictures import find

    patterns = [config.image] if isinstance(config.image, str) else config.image
    return list(dict.fromkeys(path for pattern in patterns for path in find(pattern)))


def _tell(config: DictConfig, pictures, shares, classes, changed, files: list[Path]) -> None:
    import json
    import sys

    from rich.console import Console

    from cnnlab.inference.answer import record, table, variants_table

    for picture in pictures:
        for word in picture.words:
            print(f"{picture.path}: {word}", file=sys.stderr)
    if config.format == "json":
        records = [record(p, row, classes, config.top) for p, row in zip(pictures, shares, strict=True)]
        for one, variants in zip(records, changed, strict=False):
            one["variants"] = variants
        answer = {
            "run": config.run,
            "checkpoint": config.checkpoint,
            "images": records,
            "files": [str(f) for f in files],
        }
        print(json.dumps(answer, indent=2))
        return
    console = Console()
    console.print(table(pictures, shares, classes, config.top))
    for picture, variants in zip(pictures, changed, strict=False):
        console.print(variants_table(str(picture.path), variants))
    for path in files:
        print(path)
    if config.follow:
        print(f"tensorboard --logdir {files[0].parent}")


def main() -> None:
    entry("predict", task, check)


if __name__ == "__main__":
    main()
