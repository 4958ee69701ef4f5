"""Every pooling of the table against a naive loop over its windows."""

import pytest
import torch

from cnnlab.networks.modules.poolings import POOLING_TYPES, POOLINGS
from cnnlab.networks.modules.table import pooling_layer

OF_WINDOW = {"max": torch.amax, "mean": torch.mean, "sum": torch.sum}


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("side", [2, 4, 5, 7])
def test_a_pooling_takes_what_is_in_the_window(name, side):
    x = torch.randn(2, 3, side, side)
    cells, of_window = range(0, side, 2), OF_WINDOW[name]
    naive = torch.stack(
        [torch.stack([of_window(x[:, :, i : i + 2, j : j + 2], (2, 3)) for j in cells], -1) for i in cells], -2
    )
    torch.testing.assert_close(pooling_layer(name)(x), naive)


@pytest.mark.parametrize("name", POOLINGS)
def test_the_table_says_what_it_takes(name):
    assert POOLING_TYPES[POOLINGS[name].layer].takes(pooling_layer(name)) == name
