"""Weights from files, as people have them."""

import pickle

import pytest
import torch
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.networks.pretrained import load_weights


def network(classes=5):
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, classes))


def same(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


NOTHING = torch.empty(0)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"network": state, "epoch": 3},
        lambda state: {"state_dict": state},
        lambda state: {"model": prefixed(state, "module.")},
        lambda state: {"model_state_dict": state, "optimizer_state_dict": {"state": {}}, "epoch": 3, "loss": 0.5},
        lambda state: {"net": state, "acc": 91.0},
        lambda state: {"weights": state, "epoch": 3},
        lambda state: {"model": state, "model_ema": prefixed(state, "module.")},
        lambda state: prefixed(state, "_orig_mod."),
        lambda state: prefixed(state, "module._orig_mod."),
        lambda state: {"state_dict": prefixed(state, "model."), "pytorch-lightning_version": "2.4", "epoch": 3},
    ],
)
def test_a_state_dict_is_found_wherever_it_is_kept(wrapped, tmp_path):
    source, target = network(), network()
    source[1].running_mean.fill_(3)
    torch.save(wrapped(source.state_dict()), tmp_path / "a.pt")
    assert not same(source, target)
    load_weights(target, NOTHING, str(tmp_path / "a.pt"))
    assert same(source, target)


def told(file, target=None, **settings):
    with pytest.raises(InputError) as error:
        load_weights(target or network(), NOTHING, file and str(file), **settings)
    assert len(str(error.value).splitlines()) <= 5
    return " ".join(str(error.value).split())


def test_what_does_not_fit_is_named_and_nothing_is_loaded(tmp_path):
    file = tmp_path / "a.pt"
    torch.save(network(7).state_dict(), file)
    target = network(5)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    words = told(file, target)
    assert "2 differences" in words and "3.bias is (7,) in the file and (5,) in the network" in words
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())
    torch.save({"3.weight": torch.ones(1), "extra": torch.ones(1)}, file)
    assert "0.bias is missing in the file" in told(file)
    torch.save(network().state_dict() | {"extra": torch.ones(1)}, file)
    assert "1 difference, e.g. extra is not in the network" in told(file)


def test_a_new_head_for_other_classes(tmp_path):
    source, target = network(7), network(5)
    torch.save(source.state_dict(), tmp_path / "a.pt")
    head = target[3].weight.detach().clone()
    load_weights(target, NOTHING, str(tmp_path / "a.pt"), skip=["3.*"])
    assert torch.equal(target[0].weight, source[0].weight) and torch.equal(target[3].weight, head)


def test_what_is_skipped_may_begin_otherwise(tmp_path):
    source, target = network(7), network(5)
    state = prefixed(source.state_dict(), "model.") | {"criterion.weight": torch.ones(7)}
    torch.save({"state_dict": state}, tmp_path / "a.pt")
    load_weights(target, NOTHING, str(tmp_path / "a.pt"), skip=["3.*", "criterion.*"])
    assert torch.equal(target[0].weight, source[0].weight)


def test_names_that_are_the_networks_keep_their_beginning(tmp_path):
    """Both fit in part: what fits best is taken."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.a = nn.Parameter(torch.randn(2, 2)), nn.Linear(2, 2)

    source, target = (nn.ModuleDict({"a": Scaled()}) for _ in range(2))
    assert [*source.state_dict()] == ["a.weight", "a.a.weight", "a.a.bias"]  # without a., a.weight would fit, too
    torch.save(source.state_dict(), tmp_path / "a.pt")
    load_weights(target, NOTHING, str(tmp_path / "a.pt"))
    assert same(source, target)


def test_the_names_in_the_file_are_told(tmp_path):
    torch.save(prefixed(network().state_dict(), "model.") | {"n": torch.ones(1)}, tmp_path / "a.pt")
    words = told(tmp_path / "a.pt")
    assert "The file holds model.0.weight, model.0.bias, model.1.weight, " in words and " and 4 more" in words
    state = network().state_dict()
    torch.save({"generator": state, "critic": state, "epoch": 3}, tmp_path / "b.pt")
    words = told(tmp_path / "b.pt")
    assert "several state_dicts, generator, critic, not one" in words and "keys are generator, critic, epoch" in words


class Evil:
    def __reduce__(self):
        return print, ("this ran",)


def test_what_could_run_is_not_loaded(tmp_path, capsys):
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"network": Evil()}, tmp_path / "evil2.pt")
    torch.save(network(), tmp_path / "whole.pt")
    (tmp_path / "text.pt").write_text("hello")
    for name in ("evil.pt", "evil2.pt", "whole.pt", "text.pt"):
        assert "cannot be read as weights" in told(tmp_path / name), name
    assert capsys.readouterr().out == ""


def test_other_mistakes_are_told(tmp_path):
    assert "init.file=outputs/runs/" in told(None)
    assert "no such file" in told(tmp_path / "gone.pt")
    assert "is a folder. Give a file in it" in told(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    torch.save({}, best := tmp_path / "checkpoints" / "best.pt")
    assert told(tmp_path).endswith(f"is the folder of a run. Give its weights: init.file={best}")
    torch.save({"epoch": 3}, tmp_path / "number.pt")
    assert "holds no state_dict" in told(tmp_path / "number.pt")


def test_a_name_that_no_file_system_takes_is_one_that_is_not_there():
    with pytest.raises(InputError, match="no such file"):
        load_weights(network(), NOTHING, 300 * "a")
