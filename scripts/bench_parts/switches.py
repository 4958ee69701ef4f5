"""What each setting brings on which network: its time over that of NCHW, fp32, the default optimizer."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench_parts.loops import bare_loop, cnnlab_loop, session
from bench_parts.settings import Settings
from bench_parts.turns import Times, planned, take_turns
from cnnlab.training.session import Session

STEPS, ROUNDS, WARM_UP = 8, 5, 8
CONFIGS = Path(__file__).with_name("configs")
NETWORKS = ("stacked3x3", "single5x5", "vgg", "plain", "resnet18")
BASE = "NCHW, fp32"
PLAIN = ["trainer.channels_last=false", "trainer.precision=fp32", "telemetry=off"]
EVERY = ["telemetry=light", "telemetry.every=1"]


def in_place(session: Session) -> None:
    for module in session.network.modules():
        if hasattr(module, "inplace"):
            module.inplace = True


def optimizer_with(flag: str, session: Session) -> None:
    """As `torch.optim.SGD(..., fused=True)`; its implementation is chosen at every step."""
    assert session.trainer.optimizer is not None
    for group in session.trainer.optimizer.param_groups:
        group[flag] = True


def as_it_is(session: Session) -> None:
    pass


# {name: (overrides, what is changed in the session)}
VARIANTS: dict[str, tuple[list[str], Callable[[Session], None]]] = {
    BASE: ([], as_it_is),
    "channels_last": (["trainer.channels_last=true"], as_it_is),
    "bf16": (["trainer.precision=bf16"], as_it_is),
    "both": (["trainer.channels_last=true", "trainer.precision=bf16"], as_it_is),
    "one thread": ([], as_it_is),
    "fused optimizer": ([], partial(optimizer_with, "fused")),
    "foreach optimizer": ([], partial(optimizer_with, "foreach")),
    "in-place activations": ([], in_place),
    "torch.compile": (["trainer.compile=true"], as_it_is),
    "every step measured": (EVERY, as_it_is),
    "every step measured, in-place": (EVERY, in_place),
}


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"tables": {}, "failed variants": {}}
    steps, rounds = found["steps"], found["rounds"] = settings.of(STEPS, ROUNDS)
    for network in NETWORKS:
        print(f"  {network}", flush=True)
        times, failed = _variants(network, settings, steps, rounds)
        found["tables"][network] = times
        found["failed variants"] |= {f"{network}, {name}": why for name, why in failed.items()}
    return found


def _variants(network: str, settings: Settings, steps: int, rounds: int) -> tuple[Times, dict[str, str]]:
    """A variant that cannot take its first steps, as where there is no compiler, is left out, with the reason."""
    images = ["dataset=noise", "dataset.images=2000"]  # of CIFAR-10's shape; what is on them takes no time
    common = [*settings.trainer(planned(steps, rounds, WARM_UP) + 1), *images, f"model={network}", *PLAIN]
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        loops = {}
        for name, (own, change) in VARIANTS.items():
            opened = stack.enter_context(session(["--config-dir", str(CONFIGS), *common, *own]))
            change(opened)
            loop = (cnnlab_loop if own == EVERY else bare_loop)(opened)
            try:
                next(loop)
                loops[name] = loop
            except Exception as error:
                if name == BASE:
                    raise
                failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
                print(f"  {name} failed: {failed[name]}", flush=True)
        before = {
            name: partial(torch.set_num_threads, 1 if name == "one thread" else settings.threads) for name in loops
        }
        return take_turns(loops, steps, rounds, WARM_UP, before), failed
