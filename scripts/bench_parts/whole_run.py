"""Whole commands on MNIST: from the command to the first step, and to 99 % of the test images, with one recipe."""

from typing import Any

from bench_parts.children import Child, ChildFailed
from bench_parts.peers_side_by_side import DEFAULT, DEFAULT_BF16, PLAIN, commands
from bench_parts.settings import Settings, dataset, missing

STEPS, STARTS = 1686, 3  # two epochs of cnnlab's 54,000 training images
GOAL, EVERY = 0.99, 200
VARIANTS = (PLAIN, "Lightning, statistics of every layer by hooks", DEFAULT, "cnnlab, every step", DEFAULT_BF16)


def measure(settings: Settings) -> dict[str, Any]:
    """`--steps` changes the recipe here; `--rounds` is the number of starts."""
    if (dataset("mnist", settings)) is None:
        return {"runs": {}, "missing": [missing("mnist", settings)], "failed variants": {}}
    steps, starts = settings.of(STEPS, STARTS)
    found: dict[str, Any] = {"recipe": steps, "runs": {}, "missing": [], "failed variants": {}}
    chosen = {n: c for n, c in commands("mnist", "stacked3x3", steps + 1, settings).items() if n in VARIANTS}
    times: dict[str, list[float]] = {name: [] for name in chosen}
    for number in range(starts):
        for name, command in chosen.items():
            if name in found["failed variants"]:
                continue
            print(f"  {name}, start {number + 1} of {starts}", flush=True)
            try:
                child = Child(*command)
            except ChildFailed as error:
                found["failed variants"][name] = str(error)
                continue
            times[name].append(child.start_up)
            if number == starts - 1:
                found["runs"][name] = {"start_up": times[name], **to_goal(child, steps)}
            child.close()
    return found


def to_goal(child: Child, steps: int) -> dict[str, Any]:
    """Training time until the first look, one in every `EVERY` steps, that finds the goal; the looks take no time."""
    seconds, done, reached = 0.0, 1, None
    accuracy = 0.0
    while done < steps:
        turn = min(EVERY, steps - done)
        seconds, done = seconds + child.turn(turn, untimed=0), done + turn
        accuracy = child.accuracy()
        if reached is None and accuracy >= GOAL:
            reached = {"seconds": seconds, "steps": done}
    return {"goal": reached, "seconds": seconds, "accuracy": accuracy}
