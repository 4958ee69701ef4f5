import pytest
import torch

from cnnlab.common.threads import computing_with


@pytest.mark.parametrize("asked, inside", [(3, 3), (None, 2)])
def test_inside_and_only_inside(asked, inside):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), computing_with(asked):
            assert torch.get_num_threads() == inside
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
