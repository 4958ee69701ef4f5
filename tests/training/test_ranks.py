"""What two processes tell each other."""

import os
import time

import pytest
import torch
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.training.ranks import ALONE, Agreed, Lost, mean

ROWS = torch.arange(24.0).view(8, 3)


def _talk(ranks, rows):
    own = rows[4 * ranks.rank : 4 * ranks.rank + 4]
    narrow = own.t().contiguous().t()  # not contiguous
    found = {
        "all": ranks.rows(narrow, None, "x"),
        "some": ranks.rows(own, 6, "x"),
        "few": ranks.rows(own, 2, "x"),
        "scalar": ranks.rows(torch.ones(5), None, "x"),
        "everyone": ranks.everyone(torch.tensor([float(ranks.rank)]), "y"),
        "mean": mean(ranks, {"a": torch.tensor(1.0 + ranks.rank), "b": torch.tensor(0.0)}),
        "told": ranks.tell({"rank": ranks.rank}),
        "agreed": [ranks.agree(15 * ranks.rank, False), ranks.agree(0, ranks.rank == 0), ranks.agree(0, False)],
    }
    ranks.agree(0, False)
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.1)
    plain, _ = ranks.wrapped(network, False)
    plain(own).mean().backward()
    found["gradients"] = [p.grad for p in network.parameters()]
    frozen = nn.Linear(3, 2).requires_grad_(False)
    found["frozen"] = ranks.wrapped(frozen, False)[1](own).shape
    return found


def test_what_they_tell_each_other(by_two):
    first, second = by_two(_talk, ROWS)
    assert torch.equal(first["all"], ROWS) and torch.equal(first["some"], ROWS[:6])
    assert torch.equal(first["few"], ROWS[:2]) and len(first["scalar"]) == 5
    for found in (first, second):
        assert found["everyone"].tolist() == [[0.0], [1.0]]
        assert found["mean"] == {"a": torch.tensor(1.5), "b": torch.tensor(0.0)}
        assert found["told"] == {"rank": 0}
        assert found["agreed"] == [(0, False), (15, False), (0, True)], "one call later, in both"
        assert found["frozen"] == (4, 2)
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.1)
    network(ROWS).mean().backward()
    for parameter, one, two in zip(network.parameters(), first["gradients"], second["gradients"], strict=True):
        torch.testing.assert_close(one, parameter.grad)
        assert torch.equal(one, two)


def _misunderstand(ranks):
    with pytest.raises(InputError, match="did not run the same layers"):
        ranks.rows(torch.ones(2, 2), None, f"layer {ranks.rank}")
    ranks.everyone(torch.ones(1), "together again")
    with ranks.naming_the_lost():
        if ranks.rank == 1:
            time.sleep(0.2)
            os._exit(5)
        try:
            with ranks.naming_the_lost():
                ranks.everyone(torch.ones(1), "never")
        except Lost as lost:
            raise InputError(f"seen: {lost}") from lost  # before the parent says it


def test_values_of_different_layers_are_never_put_together_and_the_lost_are_named(by_two):
    with pytest.raises((InputError, RuntimeError), match=r"rank 1 of 2"):
        by_two(_misunderstand)


def test_one_process_is_its_own_whole():
    assert ALONE.agree(2, True) == Agreed(2, True) and ALONE.collect(3) == [3] and ALONE.tell(4) == 4
    assert torch.equal(ALONE.rows(ROWS, 2, "x"), ROWS[:2]) and ALONE.everyone(ROWS, "x").shape == (1, 8, 3)
    assert mean(ALONE, {"a": torch.tensor(1.0)}) == {"a": torch.tensor(1.0)}
    network = nn.Linear(3, 2)
    assert ALONE.wrapped(network, False) == (network, network)
    with pytest.raises(ZeroDivisionError), ALONE.naming_the_lost():
        _ = 1 / 0
