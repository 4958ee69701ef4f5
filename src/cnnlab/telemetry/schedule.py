"""The steps at which a run is measured, drawn and diagnosed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Measured steps: every `every`-th, the last, and with `early` also 0, 1, 2, 4, 8, ..."""

    every: int
    steps: int
    early: bool = True

    def __call__(self, step: int) -> bool:
        return step % self.every == 0 or step == self.steps - 1 or (self.early and step & (step - 1) == 0)


def log_schedule(total_steps: int, between: int = 4) -> set[int]:
    """Steps 0 and `total_steps - 1`, and `between` powers of two in between, evenly on a log scale.

    An early telemetry schedule measures powers of two anyway.
    """
    last = max(0, total_steps - 1)
    exponents = [i for i in range(last.bit_length()) if 2**i < last]
    count = min(between, len(exponents))
    chosen = [exponents[round((i + 1) * len(exponents) / count) - 1] for i in range(count)]
    return {0, last, *(2**i for i in chosen)}
