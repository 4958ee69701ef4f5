"""Which device a run uses, with and without CUDA."""

import pytest
import torch

from cnnlab.common.device import choose_device
from cnnlab.common.errors import InputError


@pytest.mark.parametrize(
    "name, available, device",
    [
        ("auto", False, "cpu"),
        ("auto", True, "cuda"),
        ("cpu", False, "cpu"),
        ("cpu", True, "cpu"),
        ("cuda", True, "cuda"),
    ],
)
def test_auto_takes_cuda_where_there_is_one_and_a_name_is_obeyed(monkeypatch, name, available, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device(name) == torch.device(device)


def test_cuda_without_one_is_told_with_what_to_type(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="trainer.device=cuda, but this PyTorch sees no CUDA device") as error:
        choose_device("cuda")
    assert "trainer.device=cpu" in str(error.value) and "trainer.device=auto" in str(error.value)
