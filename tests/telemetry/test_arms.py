"""Aggregates read back through TensorBoard's own reader."""

import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

from cnnlab.telemetry.arms import write_arms, write_run

CURVE = {
    "Loss/validation": [(10, 2.0), (20, 1.0)],
    "band/Loss/validation/low": [(10, 1.5)],
    "band/Loss/validation/high": [(10, 3)],
}
BANDS = {"Learning": ["Loss/validation", "Accuracy/validation"], "Depth": ["by_depth/x"]}


def _read(folder):
    return EventAccumulator(str(folder)).Reload()


def test_an_arm_is_a_run_with_its_curves_and_a_band_chart(tmp_path):
    write_arms(tmp_path / "arms", {"he": CURVE, "zeros": {}}, BANDS)
    found = _read(tmp_path / "arms" / "he")
    assert [(e.step, e.value) for e in found.Scalars("Loss/validation")] == [(10, 2.0), (20, 1.0)]
    layout = layout_pb2.Layout.FromString(found.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    (category,) = layout.category
    (series,) = category.chart[0].margin.series
    assert category.title == "Learning", "a chart without data would show an error"
    assert (series.value, series.lower, series.upper) == tuple(CURVE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arms"]


def test_an_earlier_report_s_arms_are_gone(tmp_path):
    write_arms(tmp_path / "arms", {"old": CURVE, "both": CURVE}, BANDS)
    write_arms(tmp_path / "arms", {"new": CURVE, "both": CURVE}, BANDS)
    assert sorted(path.name for path in (tmp_path / "arms").iterdir()) == ["both", "new"]
    assert len(list((tmp_path / "arms" / "both").iterdir())) == 1
    write_arms(tmp_path / "arms", {}, BANDS)
    assert not (tmp_path / "arms").exists()


def test_what_fails_half_way_leaves_the_earlier_arms(tmp_path):
    write_arms(tmp_path / "arms", {"old": CURVE}, BANDS)
    with pytest.raises(TypeError):
        write_arms(tmp_path / "arms", {"new": CURVE, "bad": {"tag": [(1, "x")]}}, BANDS)  # type: ignore[dict-item]
    assert [path.name for path in (tmp_path / "arms").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["arms"]


def test_a_run_of_its_own_replaces_the_earlier_one(tmp_path):
    write_run(tmp_path / "theory", {"a": [(1, 2.0)]})
    write_run(tmp_path / "theory", {"b": [(1, 3.0), (2, 4.0)]})
    found = _read(tmp_path / "theory")
    assert found.Tags()["scalars"] == ["b"] and found.Tags()["tensors"] == []
    assert [(e.step, e.value) for e in found.Scalars("b")] == [(1, 3.0), (2, 4.0)]


def test_names_become_safe_and_stay_distinct(tmp_path):
    write_arms(tmp_path / "arms", {"a/b": CURVE, "a:b": CURVE, "ä, lr=0.1": CURVE, "..": CURVE}, BANDS)
    assert sorted(path.name for path in (tmp_path / "arms").iterdir()) == ["a-b", "a-b_", "arm", "ä, lr=0.1"]


def test_it_needs_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, cnnlab.telemetry.arms; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "False", done.stderr
