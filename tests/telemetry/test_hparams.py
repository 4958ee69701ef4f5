"""Rows and columns of the HPARAMS tab, as TensorBoard's own server gives them."""

import pytest
from torch.utils.tensorboard import SummaryWriter

from cnnlab.runs.request import Request
from cnnlab.telemetry import hparams

CONFIG = {
    "seed": 123456789,
    "model": {"kernel_size": [3, 5], "norm": None, "dropout": 0.5},
    "optimizer": {"lr": 0.1, "nesterov": True},
    "init": {"std": 0.01},
    "trainer": {"precision": "fp32", "epochs": 3},
}
CHOICES = {"model": "stacked3x3", "init": "he", "dataset": "digits", "trainer": "default"}
ROWS = {
    "experimentName": "",
    "sliceSize": 10,
    "colParams": [],
    "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN", "STATUS_RUNNING"],
}


@pytest.fixture
def write(tmp_path):
    """write(run, success, accuracy, sweep, **typed): an event file with a row; without `success` it never ended."""

    def write(
        run: str, success: bool | None = True, accuracy: float | None = 0.9, sweep: bool = False, **typed: str
    ) -> None:
        board = SummaryWriter(str(tmp_path / run))
        request = Request(CHOICES, typed, list(typed) if sweep else [], CONFIG)
        for summary in (hparams.experiment(request.swept), hparams.start(hparams.row(request), run)):
            board._get_file_writer().add_summary(summary)
        if accuracy is not None:
            board.add_scalar("test/accuracy", accuracy, 10)
        if success is not None:
            board._get_file_writer().add_summary(hparams.end(success))
        board.close()

    return write


def _groups(serve) -> dict[str, dict]:
    return {group["name"]: group for group in serve("/data/plugin/hparams/session_groups", ROWS)["sessionGroups"]}


def test_one_row_a_run_also_for_a_crash_and_for_a_kill(write, serve):
    write("good", True, 0.9)
    write("crashed", False, None)
    write("killed", None, None)
    rows = _groups(serve)
    status = {name: row["sessions"][0]["status"] for name, row in rows.items()}
    assert status == {"good": "STATUS_SUCCESS", "crashed": "STATUS_FAILURE", "killed": "STATUS_UNKNOWN"}
    for row in rows.values():
        assert row["hparams"]["model"] == "stacked3x3" and row["hparams"]["optimizer.lr"] == 0.1
    metrics = {m["name"]["tag"]: m["value"] for m in rows["good"]["metricValues"]}
    assert metrics == {"test/accuracy": pytest.approx(0.9)}
    assert sorted(serve("/data/runs")) == ["crashed", "good", "killed"], "one run stays one run"


def test_measures_are_numbers_and_names_are_words(write, serve):
    write("run")
    row = _groups(serve)["run"]["hparams"]
    assert (row["init.std"], row["trainer.epochs"], row["optimizer.lr"]) == (0.01, 3.0, 0.1)
    assert row["seed"] == "123456789", "as a number it would read 1.2346e+8"
    assert (row["model.kernel_size"], row["model.dropout"], row["trainer.precision"]) == ("[3,5]", "0.5", "fp32")
    assert not {"model.norm", "trainer", "optimizer.momentum", "optimizer.nesterov"} & row.keys(), "not set, not asked"


def _columns(serve) -> dict[str, bool]:
    experiment = serve("/data/plugin/hparams/experiment", {"experimentName": ""})
    assert [m["displayName"] for m in experiment["metricInfos"]][:2] == ["test accuracy", "test loss"]
    return {info["name"]: info.get("differs", False) for info in experiment["hparamInfos"]}


def test_a_sweep_has_the_columns_that_it_varies_and_its_rows_fill_them(write, serve):
    for lr in ("0.1", "0.2"):
        write(lr, sweep=True, **{"init": "he", "optimizer.lr": lr})
    assert _columns(serve) == {"init": True, "optimizer.lr": True}
    for name, group in _groups(serve).items():
        assert group["hparams"]["init"] == "he" and group["hparams"]["optimizer.lr"] == 0.1  # CONFIG's
        assert group["hparams"]["overrides"] == f"optimizer.lr={name}"


def test_a_sweep_over_many_settings_shows_five_columns(write, serve):
    swept = ["init", "optimizer.lr", "model.dropout", "seed", "trainer.epochs", "init.std", "model.kernel_size"]
    write("run", sweep=True, **dict.fromkeys(swept, "1"))
    assert _columns(serve) == {name: name in swept[:5] for name in swept}


def test_single_runs_have_the_design_and_the_overrides_as_columns(write, serve):
    write("a", **{"model.kernel_size": "[3,5]"})
    write("b", **{"init": "he", "seed": "3"})
    assert _columns(serve) == dict.fromkeys(("model", "init", "dataset", "overrides"), True)
    rows = _groups(serve)
    assert rows["a"]["hparams"]["overrides"] == "model.kernel_size=[3,5]"
    assert rows["b"]["hparams"]["overrides"] == "seed=3", "the initializer has a column of its own"


def test_a_row_has_choices_and_settings_that_were_typed():
    typed = {"telemetry.every": "5", "evaluation": "none"}
    row = hparams.row(Request({"evaluation": "none"}, typed, config={"telemetry": {"every": 5}}))
    assert row == {"telemetry.every": "5", "evaluation": "none", "overrides": "telemetry.every=5 evaluation=none"}


def test_a_run_of_plain_python_has_an_empty_row():
    assert hparams.row(Request()) == {"overrides": ""}
