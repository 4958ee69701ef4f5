"""What the training loop can step, by calling it."""

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from cnnlab.common.errors import InputError
from cnnlab.common.steps_alone import check_steps_alone

WEIGHTS = [torch.nn.Parameter(torch.ones(2))]


def test_usual_ones_step_alone_and_so_does_nothing_at_all():
    optimizer = torch.optim.AdamW(WEIGHTS)
    for part in (optimizer, StepLR(optimizer, 3), None):
        check_steps_alone(part)


@pytest.mark.parametrize(
    ("part", "lacks"),
    [
        (torch.optim.LBFGS(WEIGHTS), "LBFGS.step() cannot be called alone: missing a required argument: 'closure'"),
        (ReduceLROnPlateau(torch.optim.SGD(WEIGHTS, 0.1)), "missing a required argument: 'metrics'"),
    ],
)
def test_what_asks_for_more_is_told(part, lacks):
    with pytest.raises(InputError) as told:
        check_steps_alone(part)
    assert lacks in str(told.value) and "cnnlab.Probe" in str(told.value)
