"""The operation that makes NaN or infinity, in networks and optimizers into which one was put."""

import pytest
import torch
from torch import nn

from cnnlab.training.first_nonfinite import FirstNonFinite


class Through(nn.Module):
    """A linear layer, and a function behind it."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(4, 4), function

    def forward(self, x):
        return self.function(self.layer(x))


def _found(function, optimizer=torch.optim.SGD, x=None, **numbers):
    torch.manual_seed(0)
    network = Through(function)
    made = optimizer(network.parameters(), lr=0.1, **numbers)
    with FirstNonFinite().of(made) as looking:
        network(torch.rand(8, 4) if x is None else x).sum().backward()
        made.step()
    return looking.found


@pytest.mark.parametrize(
    ("function", "operation", "dtype"),
    [
        (lambda x: x / (x - x), "div", "float32"),
        (lambda x: (x - x).log(), "log", "float32"),
        (lambda x: (x - 5).sqrt(), "sqrt", "float32"),
        (lambda x: (x - x).abs().sqrt(), "div", "float32"),  # of the gradient: 1 / (2 sqrt(0))
        (lambda x: (x * 1e5).half().float(), "to_copy", "float16"),
        (lambda x: ((x + 2).half() * 6e4).float(), "mul", "float16"),
    ],
)
def test_the_first_operation_is_named_with_its_type(function, operation, dtype):
    found = _found(function)
    assert (found.operation, found.dtype, found.updating) == (operation, dtype, False)


def test_the_size_of_what_went_in_tells_an_overflow_from_a_division_by_zero():
    assert _found(lambda x: x * 1e30 * 1e30).largest > 1e29
    assert _found(lambda x: x / (x - x)).largest < 10


def test_the_optimizers_own_division():
    """Adam without eps: the root of squares that are 0."""
    found = _found(lambda x: x * 0, torch.optim.Adam, eps=0.0)
    assert found.updating and found.largest < 10


def test_what_is_in_place_is_looked_at_before():
    def divided(x):
        y = x.clone()
        return y.div_(y - y)

    assert _found(divided).operation == "div"


def test_nothing_is_found_where_all_is_finite_or_meant():
    assert _found(torch.relu) is None
    mask = torch.tensor([True, False, False, False])
    assert _found(lambda x: x.masked_fill(mask, -torch.inf).softmax(1)) is None


def test_what_came_in_is_not_blamed_on_the_first_to_get_it():
    assert _found(torch.relu, x=torch.full((8, 4), torch.nan)) is None
