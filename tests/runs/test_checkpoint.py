"""Checkpoints are written whole and read without running code."""

import pytest
import torch

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
