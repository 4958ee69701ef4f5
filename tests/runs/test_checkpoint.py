"""Checkpoints are written whole and read without running code."""

from collections import deque

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.runs import checkpoint


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "checkpoints" / "last.pt"
    checkpoint.save(path, {"network": {"w": torch.arange(3)}, "step": 4})
    got = checkpoint.load(path)
    assert torch.equal(got["network"]["w"], torch.arange(3)) and got["step"] == 4
    assert [p.name for p in path.parent.iterdir()] == ["last.pt"]


def test_a_missing_one_is_told_with_those_there_are(tmp_path):
    checkpoint.save(tmp_path / "last.pt", {})
    with pytest.raises(InputError, match=r"No checkpoint .*best.pt\.\nThere are: last\."):
        checkpoint.load(tmp_path / "best.pt")


@pytest.mark.parametrize("content", [b"", b"abc", b"\x89PNG\r\n", "half"])
def test_a_damaged_one_is_told_by_name(tmp_path, content):
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"network": {"w": torch.randn(1000)}})
    path.write_bytes(path.read_bytes()[:2000] if content == "half" else content)
    with pytest.raises(InputError, match=r"last.pt cannot be read .*damaged"):
        checkpoint.load(path)


def test_a_flipped_bit_is_found(tmp_path):
    """torch reads the numbers as they are, and returns others."""
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"network": {"w": torch.ones(1000)}})
    content = bytearray(path.read_bytes())
    content[content.index(torch.ones(9).numpy().tobytes()) + 6] ^= 1
    path.write_bytes(content)
    assert not torch.equal(torch.load(path, weights_only=True)["network"]["w"], torch.ones(1000))
    with pytest.raises(InputError, match=r"last.pt cannot be read \(BadZipFile\).*damaged"):
        checkpoint.load(path)


def test_one_of_a_newer_version_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    checkpoint.save(tmp_path / "last.pt", {})
    monkeypatch.undo()
    with pytest.raises(InputError, match="has format 99.*newer"):
        checkpoint.load(tmp_path / "last.pt")


def test_what_could_run_code_is_not_read(tmp_path):
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    torch.save({"network": Harm()}, tmp_path / "last.pt")
    with pytest.raises(InputError, match="cannot be read"):
        checkpoint.load(tmp_path / "last.pt")


def test_another_thing_that_torch_can_read_is_no_checkpoint(tmp_path):
    for content in (torch.ones(3), [1, 2]):
        torch.save(content, tmp_path / "last.pt")
        with pytest.raises(InputError, match="is not a cnnlab checkpoint"):
            checkpoint.load(tmp_path / "last.pt")


def test_numbers_of_numpy_are_read_by_anybody(tmp_path):
    path = tmp_path / "last.pt"
    state = {
        "mean": [np.float32(0.5)],
        "classes": [np.str_("a")],
        "groups": [{"lr": np.float64(0.1), "t": (np.int64(2),)}],
    }
    network = nn.BatchNorm2d(2).state_dict()
    checkpoint.save(path, {"network": network, **state})
    found = torch.load(path, weights_only=True)
    assert {key: found[key] for key in state} == {"mean": [0.5], "classes": ["a"], "groups": [{"lr": 0.1, "t": (2,)}]}
    assert found["network"]._metadata == network._metadata and checkpoint.foreign(path) == []


def test_what_it_could_not_be_read_for_is_named(tmp_path):
    checkpoint.save(tmp_path / "last.pt", {"optimizer": {"seen": deque([1])}})
    assert checkpoint.foreign(tmp_path / "last.pt") == ["collections.deque"]
