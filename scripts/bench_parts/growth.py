"""How the cost of measuring every step grows with depth, width and batch size, of `stacked3x3` on digits."""

from typing import Any

from bench_parts.loop import BARE, variants
from bench_parts.settings import Settings

STEPS, ROUNDS, WARM_UP = 20, 5, 10
EVERY = "light, every step"
SLOW = "optimizer.lr=0.001"  # or 16 convolutions diverge, which ends cnnlab's loop
LINES = {
    "convolutions": {2 * n: [f"model.convs_per_block={n}"] for n in (1, 2, 4, 8)},
    "channels of the first block": {n: [f"model.channels=[{n},{2 * n}]"] for n in (8, 16, 32, 64)},
    "images in a batch": {n: [f"trainer.batch_size={n}"] for n in (16, 64, 256)},
}


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"lines": {}}
    steps, rounds = found["steps"], found["rounds"] = settings.of(STEPS, ROUNDS)
    for line, points in LINES.items():
        found["lines"][line] = {}
        for value, overrides in points.items():
            print(f"  {value} {line}", flush=True)
            found["lines"][line][str(value)] = variants(
                [*overrides, SLOW], settings, steps, rounds, [BARE, EVERY], WARM_UP
            )
    return found
