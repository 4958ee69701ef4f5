"""The same network, batches and threads in other people's libraries: time per step, start-up, memory."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from bench_parts.children import Child, script, started
from bench_parts.settings import Settings, dataset, missing, peers_root
from bench_parts.turns import Times

STEPS, ROUNDS, WARM_UP, TURN = 20, 7, 20, 10
PLAIN = "plain PyTorch script"
PEERS = {
    PLAIN: ("plain", []),
    "plain PyTorch script, one worker": ("plain", ["--workers", "1"]),
    "Lightning": ("with_lightning", []),
    "Lightning, statistics of every layer by hooks": ("with_lightning", ["--statistics"]),
    "fastai": ("with_fastai", []),
    "fastai, `ActivationStats`": ("with_fastai", ["--statistics"]),
}
BF16 = "trainer.precision=bf16"
LAB = {
    "cnnlab, telemetry=off": ["telemetry=off"],
    "cnnlab, light (the default)": [],
    "cnnlab, every step": ["telemetry.every=1"],
    "cnnlab, telemetry=off, bf16": ["telemetry=off", BF16],
    "cnnlab, light, bf16": [BF16],
    "cnnlab, every step, bf16": ["telemetry.every=1", BF16],
}
DEFAULT, DEFAULT_BF16 = "cnnlab, light (the default)", "cnnlab, light, bf16"
# How many times as fast as the plain script the default must be.
TARGETS = {DEFAULT: 1.25, DEFAULT_BF16: 2.2}
MEMORY_TARGET = 1.1
PRESETS = {"`stacked3x3`, MNIST": ("mnist", "stacked3x3"), "`vgg`, CIFAR-10": ("cifar10", "vgg")}

Commands = Mapping[str, tuple[list[str], dict[str, str]]]


def commands(data: str, network: str, steps: int, settings: Settings) -> Commands:
    """Of every peer and of cnnlab, with a schedule over `steps` steps. cnnlab's are those of a user, but for pictures,
    which a run reports apart."""
    root, images = str(peers_root(data, settings)), dataset(data, settings) or []
    environment = {"OMP_NUM_THREADS": str(settings.threads)}
    same = ["--data", data, "--root", root, "--network", network, "--steps", str(steps), "--device", settings.device]
    lab = [*images, f"model={network}", *settings.trainer(steps), "telemetry.pictures=false"]
    return {
        **{name: (script(file, *same, *own), environment) for name, (file, own) in PEERS.items()},
        **{name: (script("lab", *lab, *own), environment) for name, own in LAB.items()},
    }


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"tables": {}, "missing": [], "failed variants": {}}
    steps, rounds = found["steps"], found["rounds"] = settings.of(STEPS, ROUNDS)
    for title, (data, network) in PRESETS.items():
        if dataset(data, settings) is None:
            found["missing"].append(missing(data, settings))
            continue
        print(f"  {title}", flush=True)
        planned = 2 * (WARM_UP + steps * rounds)  # with the steps that are not timed
        failed: dict[str, str] = {}
        with started(commands(data, network, planned, settings), failed) as children:
            if PLAIN in failed:
                raise RuntimeError(f"the {PLAIN}, with which all are compared: {failed[PLAIN]}")
            found["tables"][title] = {
                "times": alternate(children, steps, rounds),
                "peak": {name: child.peak for name, child in children.items()},
                "start_up": {name: child.start_up for name, child in children.items()},
            }
        found["failed variants"] |= {f"{title}, {name}": why for name, why in failed.items()}
    return found


def alternate(children: Mapping[str, Child], steps: int, rounds: int, warm_up: int = WARM_UP) -> Times:
    """Seconds per step of each, per round."""
    for child in children.values():
        child.turn(min(warm_up, steps))
    times: Times = {name: [] for name in children}
    for _ in range(rounds):
        turns = [min(TURN, steps - done) for done in range(0, steps, TURN)]
        seconds = [[(name, child.turn(turn)) for name, child in children.items()] for turn in turns]
        for name, own in times.items():
            own.append(sum(s for n, s in chain(*seconds) if n == name) / steps)
    return times
