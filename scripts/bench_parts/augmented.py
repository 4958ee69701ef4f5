"""The share of augmentation, and of taking a batch's images, in a training step."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

from bench_parts.loops import cnnlab_loop, session
from bench_parts.settings import Settings, dataset
from bench_parts.turns import planned, take_turns
from cnnlab.training.session import Session

STEPS, ROUNDS, WARM_UP = 30, 5, 20
NETWORK = "model=vgg"
NOISE = ["dataset=noise", "dataset.images=20000"]


def batches_alone(session: Session) -> Iterator[object]:
    for epoch in count():
        yield from session.batches.epoch(epoch)


STEP = "step without augmentation"
VARIANTS = {
    STEP: (cnnlab_loop, "none"),
    "step with `flip_translate`": (cnnlab_loop, "flip_translate"),
    "batch alone": (batches_alone, "none"),
    "batch alone with `flip_translate`": (batches_alone, "flip_translate"),
}


def measure(settings: Settings) -> dict[str, Any]:
    images = dataset("cifar10", settings)
    found: dict[str, Any] = {"data": "random images of CIFAR-10's shape" if images is None else "CIFAR-10"}
    steps, rounds = found["steps"], found["rounds"] = settings.of(STEPS, ROUNDS)
    common = [*settings.trainer(planned(steps, rounds, WARM_UP)), *(images or NOISE), NETWORK, "telemetry=off"]
    with ExitStack() as stack:
        loops = {
            name: loop(stack.enter_context(session([*common, f"augmentation={augmentation}"])))
            for name, (loop, augmentation) in VARIANTS.items()
        }
        found["times"] = take_turns(loops, steps, rounds, WARM_UP)
    return found
