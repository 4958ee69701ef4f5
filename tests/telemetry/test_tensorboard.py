"""Dashboards, read back through TensorBoard's own server: what is asserted is what its pages would draw."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnlab.runs.request import Request
from cnnlab.telemetry.tensorboard import Dashboard, layout, tag

CONFIG = {"seed": 3, "model": {"kernel_size": [3, 5]}, "optimizer": {"lr": 0.1}, "init": {"std": 0.01}}
CHOICES = {"model": "stacked3x3", "init": "he", "dataset": "digits"}


def _write(folder: Path, sweep: bool = False, **typed: str) -> None:
    board = Dashboard(folder)
    board.begin(Request(CHOICES, typed, list(typed) if sweep else [], CONFIG), theory=True)
    board.scalars(0, {"train/loss": 2.3, "activation/std/01_a": 1.0, "activation/nonfinite/01_a": math.nan})
    board.scalars(10, {"train/loss": 0.5})
    board.by_depth("activation_std@init", {"02_b": 0.5, "01_a": 1.0})
    board.scalars(10, {"test/accuracy": 0.9})
    board.end(True)


def test_accuracy_and_loss_are_the_two_sections_that_open(tmp_path, serve):
    _write(tmp_path / "run")
    sections = sorted({name.split("/")[0] for name in serve("/data/plugin/scalars/tags")["run"]})
    assert sections == ["Loss", "activation", "by_depth, Step = layer", "test"]
    points = serve("/data/plugin/scalars/scalars", run="run", tag="Loss/train")
    assert [(step, value) for _, step, value in points] == [(0, pytest.approx(2.3)), (10, 0.5)]


def test_every_curve_of_the_first_sections_sorts_before_any_other_key():
    others = ["test/loss", "train/epoch_loss", "optimizer/lr", "activation/std/01_a", "by_depth/activation_std@init"]
    assert [tag(key) for key in others] == others
    first = {tag(f"{split}/{what}") for split in ("train", "validation") for what in ("loss", "accuracy")}
    assert sorted([*others, *first])[:4] == sorted(first)
    assert {name.split("/")[0] for name in first} == {"Accuracy", "Loss"}


def test_by_depth_has_the_layer_as_its_step(tmp_path, serve):
    _write(tmp_path / "run")
    points = serve("/data/plugin/scalars/scalars", run="run", tag="by_depth, Step = layer/activation_std@init")
    assert [(step, value) for _, step, value in points] == [(1, 1.0), (2, 0.5)]  # written from the last to the first


def test_a_chart_against_depth_says_what_its_axis_is(tmp_path, serve):
    _write(tmp_path / "run")
    tags = serve("/data/plugin/scalars/tags")["run"]
    assert "Step is the number of the layer" in tags["by_depth, Step = layer/activation_std@init"]["description"]
    assert not tags["Loss/train"]["description"]


def test_one_run_stays_one_run(tmp_path, serve):
    _write(tmp_path / "run")
    assert serve("/data/runs") == ["run"]


@pytest.mark.parametrize(("success", "status"), [(True, "STATUS_SUCCESS"), (False, "STATUS_FAILURE")])
def test_a_run_has_its_row_from_its_beginning_on(tmp_path, serve, success, status):
    asked = {"experimentName": "", "sliceSize": 10, "colParams": [], "allowedStatuses": [status, "STATUS_UNKNOWN"]}
    board = Dashboard(tmp_path / "run")
    board.begin(Request(CHOICES, config=CONFIG))
    (begun,) = serve("/data/plugin/hparams/session_groups", asked)["sessionGroups"]
    board.end(success)
    (ended,) = serve("/data/plugin/hparams/session_groups", asked)["sessionGroups"]
    assert begun["name"] == ended["name"] == "run" and begun["hparams"]["init"] == "he"
    assert [group["sessions"][0]["status"] for group in (begun, ended)] == ["STATUS_UNKNOWN", status]


def test_custom_scalars_have_a_layout_for_a_run_and_one_for_a_sweep(tmp_path, serve):
    _write(tmp_path / "run")
    (learning, theory) = serve("/data/plugin/custom_scalars/layout")["category"]
    assert "theory" in theory["title"]
    (series,) = theory["chart"][-1]["margin"]["series"]
    assert series == {
        "value": "by_depth, Step = layer/activation_std@init",
        "lower": "by_depth, Step = layer/activation_std_lower@init",
        "upper": "by_depth, Step = layer/activation_std_upper@init",
    }
    for chart in theory["chart"]:
        (series,) = chart["margin"]["series"]
        assert all(re.fullmatch(tag, tag) for tag in series.values()), "the page takes them for regular expressions"
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
    assert all("one curve per run" in category["title"] for category in categories)


def test_a_figure_is_drawn_as_an_image(tmp_path, serve):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().set_title("\u732b")  # which matplotlib's font lacks
    board = Dashboard(tmp_path / "run")
    board.figure("theory/signal", figure, 0)
    board.image("kernels", torch.rand(3, 4, 4), 0)
    board.text("diagnosis", "**healthy**")
    board.end(True)
    assert set(serve("/data/plugin/images/tags")["run"]) == {"theory/signal", "kernels"}
    assert "diagnosis/text_summary" in json.dumps(serve("/data/plugin/text/tags"))


def test_it_is_cut_to_what_it_was(tmp_path):
    """Also where the new file's name would sort before the old one's, as ...9.0 and ...10.0 of one second do."""
    dashboard = Dashboard(tmp_path)
    dashboard.scalars(0, {"a": 1.0})
    sizes = dashboard.sizes()
    dashboard.scalars(1, {"a": 2.0})
    dashboard.sizes()  # flushes
    (tmp_path / "events.out.tfevents.99.later").write_bytes(b"of an attempt that came to nothing")
    dashboard.cut(sizes)
    dashboard.scalars(1, {"a": 3.0})
    dashboard.end(True)
    assert not (tmp_path / "events.out.tfevents.99.later").exists()
    old, new = (int(path.name.split(".")[3]) for path in sorted(tmp_path.iterdir()))
    assert old < new
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("a")] == [(0, 1.0), (1, 3.0)]


def test_it_goes_on_at_once_where_the_clock_was_put_back(tmp_path):
    """Or where another machine goes on, whose clock is an hour behind."""
    dashboard = Dashboard(tmp_path)
    dashboard.scalars(0, {"a": 1.0})
    name = dashboard.file.path.name.split(".")
    later = dashboard.file.path.rename(tmp_path / ".".join([*name[:3], str(int(name[3]) + 3600), *name[4:]]))
    dashboard.file.path = later
    dashboard.cut(dashboard.sizes())
    dashboard.scalars(1, {"a": 2.0})
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("a")] == [(0, 1.0), (1, 2.0)]


def test_a_file_that_lost_its_end_is_not_filled_up_with_zeros(tmp_path):
    dashboard = Dashboard(tmp_path)
    dashboard.scalars(0, {"a": 1.0})
    (name, size), *_ = dashboard.sizes().items()
    dashboard.cut({name: size + 1000})
    assert (tmp_path / name).stat().st_size == size
