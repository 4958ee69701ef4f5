"""Arithmetic for all layers at once gives what each statistic gives alone."""

import pickle

import pytest
import torch

from cnnlab.telemetry import statistics
from cnnlab.telemetry.derived import Derived, Reduced, blocks, derived
from cnnlab.telemetry.statistics import STATISTICS

DERIVED = [(w, n, f) for w, group in STATISTICS.items() for n, f in group.items() if isinstance(f, Derived)]


@pytest.mark.parametrize("what, name, statistic", DERIVED, ids=[f"{what}-{name}" for what, name, _ in DERIVED])
def test_together_is_as_alone(what, name, statistic):
    layers = [torch.relu(torch.randn(shape)) for shape in ((4, 3, 5, 5), (16, 16, 28, 28), (1, 3, 5, 5))]
    layers += [torch.zeros(3, 4, 1, 1), torch.full((3, 4, 2, 2), torch.nan), 1e4 + torch.randn(2, 2, 3, 3)]
    if what == "output":
        layers = [x.flatten(1) for x in layers]
    arguments = [(x, x / 3, x / 5) if what == "weight" else (x,) for x in layers]
    found = {f"{k}": Reduced(statistic.combine, statistic.reduce(*given)) for k, given in enumerate(arguments)}
    ((keys, values),) = blocks([found])
    alone = torch.stack([statistic(*given) for given in arguments])
    assert keys == ("0", "1", "2", "3", "4", "5")
    torch.testing.assert_close(values, alone[None], equal_nan=True)


def test_numbers_of_one_arithmetic_are_computed_in_one_call():
    calls = []

    @derived(lambda x: (x.sum(), x.numel()))
    def middle(total, count):
        calls.append(total)
        return total / count

    @middle.of
    def first(pair):
        return pair[0]

    def found(x):
        y = torch.tensor([5.0])
        return {
            "a": Reduced(middle.combine, middle.reduce(x)),
            "b": x.amax(),
            "c": Reduced(first.combine, first.reduce((y, x))),
        }

    one, two = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])
    steps = [found(one), found(two), {"b": one.amin()}, {}, found(one)]
    rows = [dict(zip(keys, row, strict=True)) for keys, values in blocks(steps) for row in values.tolist()]
    first_row = {"a": 1.5, "b": 2.0, "c": 5.0}
    assert rows == [first_row, {"a": 3.0, "b": 4.0, "c": 5.0}, {"b": 1.0}, {}, first_row]
    assert len(calls) == 2 and first((two, one)) == 3 and first.__name__ == "first"


def test_a_statistic_is_pickled_by_name():
    assert pickle.loads(pickle.dumps(statistics.std)) is statistics.std
