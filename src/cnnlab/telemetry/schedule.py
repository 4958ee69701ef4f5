"""At which steps a run is measured, and at which it is drawn and judged."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Steps that are measured: every `every`-th, the last, and with `early` also 0, 1, 2, 4, 8, ..."""

    every: int
    steps: int
    early: bool = True

    def __call__(self, step: int) -> bool:
        return step % self.every == 0 or step == self.steps - 1 or (self.early and step & (step - 1) == 0)


def log_schedule(total_steps: int, between: int = 4) -> set[int]:
    """Steps 0 and `total_steps - 1` and a few powers of two between, evenly on a log scale.

    Powers of two are steps that an early telemetry schedule measures anyway.
    """
    last = max(0, total_steps - 1)
    exponents = [i for i in range(last.bit_length()) if 2**i < last]
    count = min(between, len(exponents))
    chosen = [exponents[round((i + 1) * len(exponents) / count) - 1] for i in range(count)]
    return {0, last, *(2**i for i in chosen)}
