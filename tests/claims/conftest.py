"""Groups in memory, from their values."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cnnlab.claims.groups import Group
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord


@pytest.fixture(scope="session")
def group() -> Callable[..., Group]:
    """group(name, values, key): one run for each value, seeds 0, 1, ...; a value of None is a failed run."""

    def group(name: str, values: Sequence[float | None], key: str = "test/accuracy") -> Group:
        runs = [
            RunRecord(
                f"{name}{seed}",
                Path(name),
                seed=str(seed),
                status={"status": "failed" if value is None else "completed"},
                results={} if value is None else {key: value},
            )
            for seed, value in enumerate(values)
        ]
        return Group(name, {"model": name}, Metric(key), tuple(runs))

    return group
