"""Dashboards, read back through TensorBoard's own server: what is asserted is what its pages would draw."""

import json
import math
import urllib.parse
from pathlib import Path

import pytest
import torch
from werkzeug.test import Client

from cnnlab.runs.request import Request
from cnnlab.telemetry import hparams
from cnnlab.telemetry.tensorboard import Dashboard, layout, tag

CONFIG = {"seed": 3, "model": {"kernel_size": [3, 5]}, "optimizer": {"lr": 0.1}, "init": {"std": 0.01}}


@pytest.fixture
def serve(tmp_path):
    """A function that asks a TensorBoard over `tmp_path`, without a socket."""
    from tensorboard import default, program
    from tensorboard.backend import application
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

    def ask(path: str, body: dict | None = None, **arguments):
        board = program.TensorBoard(plugins=default.get_plugins())
        board.configure(logdir=str(tmp_path))
        files = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
        files.Reload()
        provider = MultiplexerDataProvider(files, str(tmp_path))
        app = application.TensorBoardWSGIApp(board.flags, board.plugin_loaders, provider)
        url = path + ("?" + urllib.parse.urlencode(arguments) if arguments else "")
        client = Client(app)
        response = client.post(url, json=body) if body is not None else client.get(url)
        return json.loads(response.get_data())

    return ask


CHOICES = {"model": "stacked3x3", "init": "he", "dataset": "digits"}
ROWS = {
    "experimentName": "",
    "sliceSize": 10,
    "colParams": [],
    "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN", "STATUS_RUNNING"],
}


def _write(
    folder: Path, success: bool | None = True, accuracy: float | None = 0.9, sweep: bool = False, **typed: str
) -> None:
    board = Dashboard(folder)
    board.begin(Request(CHOICES, typed, list(typed) if sweep else [], CONFIG), theory=True)
    board.scalars(0, {"train/loss": 2.3, "activation/std/01_a": 1.0, "activation/nonfinite/01_a": math.nan})
    board.scalars(10, {"train/loss": 0.5})
    board.by_depth("activation_std@init", {"02_b": 0.5, "01_a": 1.0})
    if accuracy is not None:
        board.scalars(10, {"test/accuracy": accuracy})
    if success is None:
        board.writer.flush()
    else:
        board.end(success)


def test_accuracy_and_loss_are_the_two_sections_that_open(tmp_path, serve):
    _write(tmp_path / "run")
    sections = sorted({name.split("/")[0] for name in serve("/data/plugin/scalars/tags")["run"]})
    assert sections == ["Loss", "activation", "by_depth", "test"]
    points = serve("/data/plugin/scalars/scalars", run="run", tag="Loss/train")
    assert [(step, value) for _, step, value in points] == [(0, pytest.approx(2.3)), (10, 0.5)]


def test_every_curve_of_the_first_sections_sorts_before_any_other_key():
    others = ["test/loss", "train/epoch_loss", "optimizer/lr", "activation/std/01_a", "by_depth/activation_std@init"]
    assert [tag(key) for key in others] == others
    first = {tag(f"{split}/{what}") for split in ("train", "validation") for what in ("loss", "accuracy")}
    assert sorted([*others, *first])[:4] == sorted(first)
    assert {name.split("/")[0] for name in first} == {"Accuracy", "Loss"}


def test_by_depth_has_the_layer_as_its_step(tmp_path, serve):
    _write(tmp_path / "run", True, 0.9)
    points = serve("/data/plugin/scalars/scalars", run="run", tag="by_depth/activation_std@init")
    assert [(step, value) for _, step, value in points] == [(1, 1.0), (2, 0.5)]  # written from the last to the first


def test_one_row_a_run_also_for_a_crash_and_for_a_kill(tmp_path, serve):
    _write(tmp_path / "good", True, 0.9)
    _write(tmp_path / "crashed", False, None)
    _write(tmp_path / "killed", None, None)
    groups = serve("/data/plugin/hparams/session_groups", ROWS)["sessionGroups"]
    rows = {g["name"]: g for g in groups}
    assert set(rows) == {"good", "crashed", "killed"}
    for row in rows.values():
        assert row["hparams"]["model"] == "stacked3x3" and row["hparams"]["optimizer.lr"] == 0.1
        assert row["hparams"]["model.kernel_size"] == "[3,5]" and row["hparams"]["seed"] == "3"
    metrics = {m["name"]["tag"]: m["value"] for m in rows["good"]["metricValues"]}
    assert metrics["test/accuracy"] == pytest.approx(0.9)


def test_one_run_stays_one_run(tmp_path, serve):
    _write(tmp_path / "run", True, 0.9)
    assert serve("/data/runs") == ["run"]


def _columns(serve) -> dict[str, bool]:
    experiment = serve("/data/plugin/hparams/experiment", {"experimentName": ""})
    assert [m["displayName"] for m in experiment["metricInfos"]][:2] == ["test accuracy", "test loss"]
    return {info["name"]: info.get("differs", False) for info in experiment["hparamInfos"]}


def test_a_sweep_has_the_columns_that_it_varies_and_its_rows_fill_them(tmp_path, serve):
    for lr in ("0.1", "0.2"):
        _write(tmp_path / lr, sweep=True, **{"init": "he", "optimizer.lr": lr})
    assert _columns(serve) == {"init": True, "optimizer.lr": True}
    for group in serve("/data/plugin/hparams/session_groups", ROWS)["sessionGroups"]:
        assert group["hparams"]["init"] == "he" and group["hparams"]["optimizer.lr"] == 0.1  # CONFIG's
        assert group["hparams"]["overrides"] == f"optimizer.lr={group['name']}"


def test_single_runs_have_the_design_and_the_overrides_as_columns(tmp_path, serve):
    _write(tmp_path / "a", **{"model.kernel_size": "[3,5]"})
    _write(tmp_path / "b", **{"init": "he", "seed": "3"})
    assert set(_columns(serve)) == {"model", "init", "dataset", "overrides"}
    rows = {g["name"]: g["hparams"] for g in serve("/data/plugin/hparams/session_groups", ROWS)["sessionGroups"]}
    assert rows["a"]["overrides"] == "model.kernel_size=[3,5]" and rows["b"]["overrides"] == "seed=3"


def test_custom_scalars_have_a_layout_for_a_run_and_one_for_a_sweep(tmp_path, serve):
    _write(tmp_path / "run")
    (learning, layers, theory) = serve("/data/plugin/custom_scalars/layout")["category"]
    assert "a curve a layer" in layers["title"] and "theory" in theory["title"]
    (series,) = theory["chart"][-1]["margin"]["series"]
    assert series == {"value": "by_depth/activation_std@init", "lower": "by_depth/activation_std_lower@init"} | {
        "upper": "by_depth/activation_std_upper@init"
    }
    asked = {"run": "run", "tag": learning["chart"][0]["multiline"]["tag"][0]}
    assert set(serve("/data/plugin/custom_scalars/scalars", **asked)["tag_to_events"]) == {"Loss/train"}


def test_no_chart_asks_for_curves_that_are_not_drawn():
    assert "theory" not in " ".join(layout(sweep=False, layers=True, theory=False))
    for sweep in (False, True):
        (only,) = layout(sweep=sweep, layers=False, theory=False)
        assert "Learning" in only


def test_the_layout_of_a_sweep_has_a_curve_a_run(tmp_path, serve):
    _write(tmp_path / "run", sweep=True, init="he")
    categories = serve("/data/plugin/custom_scalars/layout")["category"]
    assert all("a curve a run" in category["title"] for category in categories)


def test_a_row_has_choices_and_settings_that_were_typed():
    typed = {"telemetry.every": "5", "evaluation": "none"}
    row = hparams.row(Request({"evaluation": "none"}, typed, config={"telemetry": {"every": 5}}))
    assert row == {"telemetry.every": "5", "evaluation": "none", "overrides": "telemetry.every=5 evaluation=none"}


def test_a_figure_is_drawn_as_an_image(tmp_path, serve):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2])
    board = Dashboard(tmp_path / "run")
    board.figure("theory/signal", figure, 0)
    board.image("kernels", torch.rand(3, 4, 4), 0)
    board.text("diagnosis", "**healthy**")
    board.end(True)
    assert set(serve("/data/plugin/images/tags")["run"]) == {"theory/signal", "kernels"}
    assert "diagnosis/text_summary" in json.dumps(serve("/data/plugin/text/tags"))
