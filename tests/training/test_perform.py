"""One job: train, check, or train and repair."""

import json

import pytest

from cnnlab.cli.compose import compose_run
from cnnlab.training.perform import perform

SMALL = ["dataset.size=8", "model.channels=[4]", "model.convs_per_block=1", "trainer.max_steps=3"]


@pytest.mark.parametrize(
    "overrides, keys, missing",
    [
        ([], {"test/accuracy", "diagnosis/first"}, {"check/", "diagnosis/repair"}),
        (["check=one_batch"], {"check/one_batch/learned"}, {"test/", "diagnosis/"}),
        (["check=range_test"], {"check/range_test/best"}, {"test/", "diagnosis/"}),
        (["repair=true", "init=zeros"], {"test/accuracy", "diagnosis/repair/kept"}, {"check/"}),
    ],
)
@pytest.mark.parametrize("show", [True, False])
def test_each_does_what_was_asked_and_prints_it_where_it_is_to(tmp_path, capsys, overrides, keys, missing, show):
    config, request, _ = compose_run("train", [*SMALL, *overrides])
    results = perform(config, request, tmp_path / "run", pictures=False, show=show)
    assert keys <= results.keys() and not any(key.startswith(tuple(missing)) for key in results)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "completed"
    assert bool(capsys.readouterr().out) is show
