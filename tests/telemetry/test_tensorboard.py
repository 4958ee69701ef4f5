"""Dashboards, read back through TensorBoard's own server: what is asserted is what its pages would draw."""

import json
import math
import urllib.parse
from pathlib import Path

import pytest
import torch
from werkzeug.test import Client

from cnnlab.telemetry import hparams
from cnnlab.telemetry.tensorboard import Dashboard, tag

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


def _write(folder: Path, success: bool | None, accuracy: float | None) -> None:
    board = Dashboard(folder)
    board.begin({"model": "stacked3x3", "init": "he", "dataset": "digits"}, CONFIG)
    board.scalars(0, {"train/loss": 2.3, "activation/std/01_a": 1.0, "activation/nonfinite/01_a": math.nan})
    board.scalars(10, {"train/loss": 0.5})
    board.by_depth("activation_std@init", {"01_a": 1.0, "02_b": 0.5})
    if accuracy is not None:
        board.scalars(10, {"test/accuracy": accuracy})
    if success is None:
        board.writer.flush()
    else:
        board.end(success)


def test_curves_have_their_values_and_whole_run_sections_sort_first(tmp_path, serve):
    _write(tmp_path / "run", True, 0.9)
    tags = list(serve("/data/plugin/scalars/tags")["run"])
    assert sorted(tags)[:2] == ["Test/accuracy", "Train/loss"]
    points = serve("/data/plugin/scalars/scalars", run="run", tag="Train/loss")
    assert [(step, value) for _, step, value in points] == [(0, pytest.approx(2.3)), (10, 0.5)]


def test_by_depth_has_the_layer_as_its_step(tmp_path, serve):
    _write(tmp_path / "run", True, 0.9)
    points = serve("/data/plugin/scalars/scalars", run="run", tag="by_depth/activation_std@init")
    assert [(step, value) for _, step, value in points] == [(1, 1.0), (2, 0.5)]


def test_one_row_a_run_also_for_a_crash_and_for_a_kill(tmp_path, serve):
    _write(tmp_path / "good", True, 0.9)
    _write(tmp_path / "crashed", False, None)
    _write(tmp_path / "killed", None, None)
    groups = serve(
        "/data/plugin/hparams/session_groups",
        {
            "experimentName": "",
            "sliceSize": 10,
            "colParams": [],
            "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN", "STATUS_RUNNING"],
        },
    )["sessionGroups"]
    rows = {g["name"]: g for g in groups}
    assert set(rows) == {"good", "crashed", "killed"}
    for row in rows.values():
        assert row["hparams"]["model"] == "stacked3x3" and row["hparams"]["optimizer.lr"] == 0.1
        assert row["hparams"]["model.kernel_size"] == "[3,5]" and row["hparams"]["seed"] == 3
    metrics = {m["name"]["tag"]: m["value"] for m in rows["good"]["metricValues"]}
    assert metrics["Test/accuracy"] == pytest.approx(0.9)


def test_one_run_stays_one_run(tmp_path, serve):
    _write(tmp_path / "run", True, 0.9)
    assert serve("/data/runs") == ["run"]


def test_custom_scalars_have_a_layout(tmp_path, serve):
    _write(tmp_path / "run", True, 0.9)
    titles = [c["title"] for c in serve("/data/plugin/custom_scalars/layout")["category"]]
    assert titles == ["Learning", "Signal", "Theory at initialization, against depth"]


def test_a_swept_setting_outside_the_columns_gets_one():
    row = hparams.row({}, {"telemetry": {"every": 5}}, ["telemetry.every", "model"])
    assert row == {"telemetry.every": "5"}


def test_tags_of_layers_are_keys():
    assert tag("activation/std/01_a") == "activation/std/01_a" and tag("train/loss") == "Train/loss"


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
