"""Links into TensorBoard: which runs, in which colours."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from cnnlab.views.dashboard.addresses import COLOURS, addresses, colour_group
from cnnlab.views.dashboard.chosen_runs import ChosenRuns


def _chosen(names, **levels):
    return ChosenRuns({name: Path(name) for name in names}, {key.replace("__", "."): v for key, v in levels.items()})


def _query(address):
    return {key: value[0] for key, value in parse_qs(urlsplit(address).query).items()}


def test_one_run_has_curves_layers_pictures_and_its_diagnosis():
    found = addresses(_chosen(["x"]))
    assert list(found) == [
        *("learning curves", "signal and gradient against depth", "every layer at every step"),
        *("in the band of theory", "pictures", "diagnosis"),
    ]
    query = _query(found["learning curves"])
    assert [card["tag"] for card in json.loads(query["pinnedCards"])][:2] == ["Accuracy/validation", "Loss/validation"]
    assert query["smoothing"] == "0" and "runColorGroup" not in query
    assert all(urlsplit(address).path == "/" and urlsplit(address).fragment for address in found.values())


def test_means_and_runs_are_told_apart():
    runs = ["init=he,seed=0", "init=he,seed=1", "mean of he"]
    found = addresses(_chosen(runs, init=("he",)))
    shown = {name: re.compile(_query(found[name])["runFilter"]) for name in found if re.search("every run|mean", name)}
    assert len(shown) == 4
    for name, pattern in shown.items():
        assert [run for run in runs if pattern.search(run)] == (runs[:2] if "every run" in name else runs[2:])


def _group(pattern, name):
    """As TensorBoard does: runs whose groups are equal share a colour, those that do not match have none."""
    found = re.search(pattern, name)
    return found and found.groups()


def test_up_to_seven_arms_have_a_colour_each():
    names = [f"init={init},seed={seed}" for init in ("he", "zeros") for seed in range(3)]
    pattern = colour_group(_chosen(names, init=("he", "zeros")), names)
    assert pattern and len({_group(pattern, name) for name in names}) == 2
    assert _group(pattern, names[0]) == _group(pattern, names[2]) == ("init=he",)
    single = ["a,seed=0", "b,seed=0"]
    assert colour_group(_chosen(single), single) is None


@pytest.mark.parametrize("mean", [False, True])
def test_more_arms_are_coloured_by_the_first_setting_that_seven_colours_can_tell(mean):
    kernels, inits = range(COLOURS + 1), ("he", "he_normal", "zeros")
    levels = {"model__kernel_size": tuple(map(str, kernels)), "init": inits}
    names = [f"model.kernel_size={k},init={init}" for k in kernels for init in inits]
    if mean:
        names = [f"mean of kernel_size={k}, {init}" for k in kernels for init in inits]
    pattern = colour_group(_chosen(names, **levels), names)
    assert pattern and [_group(pattern, name) for name in names] == [(init,) for _ in kernels for init in inits]


def test_numbers_of_two_settings_are_not_mixed_up():
    names = [f"model.kernel_size={k},optimizer.lr={lr},seed=0" for k in (3, 5) for lr in (3, 5, 7, 9)]
    pattern = colour_group(_chosen(names, model__kernel_size=("3", "5"), optimizer__lr=("3", "5", "7", "9")), names)
    assert pattern and [_group(pattern, name) for name in names] == [("3",)] * 4 + [("5",)] * 4


def test_where_no_setting_has_few_values_each_run_has_its_own():
    names = [f"lr={i}" for i in range(20)]
    assert colour_group(_chosen(names, lr=tuple(map(str, range(20)))), names) is None
