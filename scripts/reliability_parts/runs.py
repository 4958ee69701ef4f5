"""Real runs, each in a process of its own that is forked from this one, so that it need not import torch again."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from PIL import Image
from sklearn.datasets import load_digits

import cnnlab.train
from cnnlab.views import gallery, report  # noqa: F401  (imported before the forks)

# Batch norm, dropout, augmentation: what has a state beside the weights. Pictures, so that drawing takes its time.
COMMON = ("model.norm=batch", "model.dropout=0.2", "trainer.batch_size=32", "telemetry.every=9", "seed=1")
OFTEN = ("trainer.checkpoint_minutes=0.004", "telemetry.pictures=true")
SETUPS: dict[str, tuple[str, ...]] = {
    "digits, SGD": ("dataset.size=12", "augmentation=digits", "trainer.max_steps=90", *COMMON, *OFTEN),
    "digits, AdamW, bf16": (
        *("dataset.size=12", "optimizer=adamw", "scheduler=cosine", "trainer.precision=bf16", "trainer.epochs=2"),
        *(*COMMON, *OFTEN, "evaluation=invariance", "evaluation.images=60"),
    ),
    "pictures, decoded": ("dataset=image_folder", "dataset.root=pictures", "trainer.epochs=6", *COMMON, *OFTEN),
}


@dataclass(frozen=True)
class Reference:
    """The run that was never stopped, and how long it took."""

    folder: Path
    seconds: float


def pictures(folder: Path) -> None:
    """400 digits as PNG files, in folders of their class."""
    digits = load_digits()
    for i, (image, label) in enumerate(zip(digits.images[:400], digits.target[:400], strict=True)):
        place = folder / ("test" if i % 5 == 0 else "train") / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype("uint8")).resize((24, 24)).save(place / f"{i}.png")


def start(arguments: Sequence[str], home: Path) -> int:
    """Start `python -m cnnlab.train` with these arguments in `home`; returns the process."""
    process = os.fork()
    if process:
        return process
    try:
        os.setsid()
        os.chdir(home)
        log = os.open("output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1), os.dup2(log, 2)
        torch.set_num_threads(1)
        sys.argv = ["cnnlab.train", *arguments]
        cnnlab.train.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    os._exit(code)


def wait(process: int) -> int:
    """Its exit code; that of a signal is negative."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def reference(name: str, home: Path) -> Reference:
    """Made twice, since the first also fills caches."""
    for trial in range(2):
        folder = home / f"reference {name} {trial}"
        os.environ["XDG_CACHE_HOME"] = str(home / f"cache {name} {trial}")
        began = perf_counter()
        code = wait(start(command(name, folder), home))
        if code != 0:
            raise RuntimeError(f"the reference run of {name} ended with {code}: {(home / 'output.log').read_text()}")
    return Reference(folder, perf_counter() - began)


def command(name: str, folder: Path) -> list[str]:
    return [*SETUPS[name], f'hydra.run.dir="{folder}"']
