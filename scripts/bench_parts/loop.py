"""What cnnlab's loop and its telemetry cost, beside a bare loop with the same network, batches, layout, precision."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from bench_parts.loops import bare_loop, cnnlab_loop, session
from bench_parts.settings import Settings, dataset, missing
from bench_parts.turns import Times, planned, take_turns

STEPS, ROUNDS, WARM_UP = 40, 7, 20
BARE = "bare loop"
VARIANTS = {
    BARE: (bare_loop, ["telemetry=off"]),
    "telemetry=off": (cnnlab_loop, ["telemetry=off"]),
    "telemetry=light": (cnnlab_loop, ["telemetry=light"]),
    "light, every step": (cnnlab_loop, ["telemetry=light", "telemetry.every=1"]),
}
# Of the bare loop's time, at most.
TARGETS = {"telemetry=off": 1.02, "telemetry=light": 1.04, "light, every step": 1.15}
NETWORKS = {
    "`stacked3x3`, digits": ("digits", ["model=stacked3x3"]),
    "`stacked3x3`, MNIST": ("mnist", ["model=stacked3x3"]),
    "`stacked3x3`, CIFAR-10": ("cifar10", ["model=stacked3x3"]),
    "`vgg`, CIFAR-10": ("cifar10", ["model=vgg"]),
}


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"tables": {}, "missing": []}
    steps, rounds = found["steps"], found["rounds"] = settings.of(STEPS, ROUNDS)
    for title, (data, overrides) in NETWORKS.items():
        images = dataset(data, settings)
        if images is None:
            found["missing"].append(missing(data, settings))
            continue
        print(f"  {title}", flush=True)
        found["tables"][title] = variants([*images, *overrides], settings, steps, rounds, [*VARIANTS])
    return found


def variants(
    overrides: list[str], settings: Settings, steps: int, rounds: int, names: Sequence[str], warm_up: int = WARM_UP
) -> Times:
    """Seconds per step and round of these `VARIANTS`, with the network and data of `overrides`."""
    common = settings.trainer(planned(steps, rounds, warm_up))
    with ExitStack() as stack:
        loops = {}
        for name in names:
            loop, own = VARIANTS[name]
            loops[name] = loop(stack.enter_context(session([*common, *overrides, *own])))
        return take_turns(loops, steps, rounds, warm_up)
