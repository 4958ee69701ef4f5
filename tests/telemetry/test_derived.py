"""Arithmetic for all layers at once gives what each statistic gives alone."""

import pickle
from typing import Any, NamedTuple

import pytest
import torch

from cnnlab.common.errors import InputError
from cnnlab.telemetry import statistics
from cnnlab.telemetry.derived import Derived, Group, Step, blocks, derived, number, together
from cnnlab.telemetry.statistics import STATISTICS

DERIVED = [(w, n, f) for w, group in STATISTICS.items() for n, f in group.items() if isinstance(f, Derived)]


@pytest.mark.parametrize("what, name, statistic", DERIVED, ids=[f"{what}-{name}" for what, name, _ in DERIVED])
def test_together_is_as_alone(what, name, statistic):
    layers = [torch.relu(torch.randn(shape)) for shape in ((4, 3, 5, 5), (16, 16, 28, 28), (1, 3, 5, 5))]
    layers += [torch.zeros(3, 4, 1, 1), torch.full((3, 4, 2, 2), torch.nan), 1e4 + torch.randn(2, 2, 3, 3)]
    if what == "output":
        layers = [x.flatten(1) for x in layers]
    arguments = [(x, x / 3, x / 5) if what == "weight" else (x,) for x in layers]
    group = Group({name: statistic})
    step = Step({(what, f"{k}"): group(*given) for k, given in enumerate(arguments)})
    ((keys, values),) = blocks({what: group}, [step])
    alone = torch.stack([statistic(*given) for given in arguments])
    assert keys == tuple(f"{what}/{name}/{k}" for k in range(6))
    torch.testing.assert_close(values, alone[None], equal_nan=True)


def _found(device: str) -> tuple[tuple[str, ...], torch.Tensor]:
    torch.manual_seed(0)
    maps, rows = torch.randn(4, 3, 6, 6).relu().to(device), torch.randn(4, 5).to(device)
    given = {
        "weight": (maps, maps / 3, maps / 5),
        "output": (rows,),
        "bias": (rows[0],),
        "saturation": (maps, 0.0, 1.0),
    }
    groups = {what: Group(statistics) for what, statistics in STATISTICS.items()}
    step = Step({(what, "01_a"): group(*given.get(what, (maps,))) for what, group in groups.items()})
    ((keys, values),) = blocks(groups, [step, step])
    assert values.device.type == device
    return keys, values


def test_numbers_that_stay_on_their_device_give_the_same(monkeypatch):
    """What a GPU gets, on a CPU: nothing is read."""
    keys, values = _found("cpu")
    monkeypatch.setattr(statistics, "number", lambda x: x)
    stayed, same = _found("cpu")
    assert stayed == keys
    torch.testing.assert_close(same, values, equal_nan=True, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same():
    (keys, values), (others, same) = _found("cpu"), _found("cuda")
    assert keys == others
    torch.testing.assert_close(same.cpu(), values, equal_nan=True, rtol=1e-5, atol=1e-6)


class Both(NamedTuple):
    total: Any
    count: Any


def test_each_reduction_is_made_once_and_each_arithmetic_done_once():
    reduced, combined = [], []

    def both(x: torch.Tensor) -> Both:
        reduced.append(x)
        return Both(number(x.sum()), x.numel())

    @derived(both)
    def middle(x: Both) -> torch.Tensor:
        combined.append(x)
        return x.total / x.count

    @derived(lambda x: number(x.amax()), both)
    def above(high: torch.Tensor, x: Both) -> torch.Tensor:
        return high - x.total / x.count

    groups = {"a": Group({"middle": middle, "above": above, "low": torch.amin}), "b": Group({"middle": middle})}
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0, 7.0])
    full = Step({("a", "1"): groups["a"](x), ("b", ""): groups["b"](y)}, {"loss": torch.tensor(9.0)})
    assert len(reduced) == 2 and not combined
    steps = [full, full, Step({("b", ""): groups["b"](x)}), Step(), full]
    rows = [dict(zip(keys, row, strict=True)) for keys, values in blocks(groups, steps) for row in values.tolist()]
    one = {"loss": 9.0, "a/middle/1": 1.5, "a/above/1": 0.5, "a/low/1": 1.0, "b/middle": 4.0}
    assert rows == [one, one, {"b/middle": 1.5}, {}, one]
    assert len(combined) == 3, "once for each of three blocks that have it"
    assert middle(y) == 4 and above(x) == 0.5 and middle(y).dim() == 0


def test_a_statistic_is_pickled_by_name():
    assert pickle.loads(pickle.dumps(statistics.std)) is statistics.std


def test_numbers_of_the_cpu_follow_those_of_another_device():
    here, there = torch.tensor(1.0), torch.tensor(2.0, device="meta")
    assert [value.device.type for value in together([here, there, here])] == ["meta"] * 3
    assert together(alone := [here, here]) is alone
    group = Group({"mean": torch.mean})
    step = Step({("activation", "01_a"): group(torch.ones(2, device="meta"))}, {"train/loss": here, "seen": there})
    ((keys, values),) = blocks({"activation": group}, [step])
    assert keys == ("train/loss", "seen", "activation/mean/01_a") and values.device.type == "meta"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_layers_may_be_on_different_devices(order):
    """Numbers of the CPU are floats, and those of another device tensors, whichever layer comes first."""
    group = Group({"mean": statistics.mean, "std": statistics.std, "largest": statistics.largest})
    tensors = [torch.ones(2), torch.ones(2, device="meta")]
    found = {("activation", f"0{i}_a"): group(tensors[i]) for i in order}
    ((keys, values),) = blocks({"activation": group}, [Step(found)])
    assert len(keys) == 6 and values.device.type == "meta" and values.shape == (1, 6)


@pytest.mark.parametrize(("statistic", "says"), [(lambda x: x, r"a tensor \(4,\)"), (lambda x: "much", "a str")])
def test_a_statistic_that_is_no_number_is_told_with_its_key(statistic, says):
    group = Group({"odd": statistic})
    found = {("activation", f"0{size}_a"): group(torch.ones(size)) for size in (3, 4)}
    with pytest.raises(InputError, match=f"The statistic activation/odd/0[34]_a returns {says}.\nIt must return one"):
        blocks({"activation": group}, [Step(found)])


def test_a_statistic_may_return_a_python_number():
    group = Group({"count": lambda x: x.numel()})
    ((_, values),) = blocks({"activation": group}, [Step({("activation", "01_a"): group(torch.ones(3))})] * 2)
    assert values.tolist() == [[3.0], [3.0]]
