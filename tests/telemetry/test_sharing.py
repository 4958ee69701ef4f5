import torch

from cnnlab.telemetry.sharing import shared, sharing


def _counted():
    calls = []

    @shared
    def total(x: torch.Tensor) -> torch.Tensor:
        calls.append(x)
        return x.sum()

    return total, calls


def test_inside_each_tensor_is_computed_once():
    total, calls = _counted()
    x, y = torch.ones(3), torch.ones(4)
    with sharing():
        assert [total(x).item(), total(y).item(), total(x).item()] == [3, 4, 3]
    assert [c is x for c in calls] == [True, False]


def test_outside_nothing_is_remembered():
    total, calls = _counted()
    x = torch.ones(3)
    with sharing():
        total(x)
    x += 1
    assert total(x) == 6 and total(x) == 6 and len(calls) == 3
    with sharing():
        assert total(x) == 6


def test_a_tensor_that_is_gone_is_not_taken_for_a_new_one_at_its_place():
    total, _ = _counted()
    with sharing():
        for k in range(50):  # each could get the id of the one before it
            assert total(torch.full((4,), float(k))).item() == 4 * k
