"""Mean and band over seeds, by hand."""

import math

import pytest

from cnnlab.claims.curves import depth_profile, learning_curve
from cnnlab.claims.groups import Group
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord


def _run(tmp_path, name: str, rows: list[dict], results: dict) -> RunRecord:
    run = RunRecord(name, tmp_path, results=results)
    run.__dict__["history"] = rows
    return run


def test_a_curve_is_the_mean_of_the_runs_that_got_there(tmp_path):
    one = [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 0.5}, {"step": 20, "other": 3.0}]
    two = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": math.nan}]
    band = learning_curve(
        Group("a", {}, Metric(), (_run(tmp_path, "1", one, {}), _run(tmp_path, "2", two, {}))), "loss"
    )
    assert (band.x, band.mean, band.low, band.high) == ((10, 20), (2.0, 0.5), (1.0, 0.5), (3.0, 0.5))
    assert not learning_curve(Group("a", {}, Metric(), ()), "loss")


def test_a_profile_has_measurement_and_theory_by_the_layer_s_number(tmp_path):
    first = {
        "activation/std/01_conv1@init": 1.0,
        "preactivation/std/01_conv1@init": 9.0,
        "preactivation/std/02_logits@init": 4.0,
        "activation/std/01_conv1@end": 7.0,
        "activation/std/01_conv1.call2@init": 99.0,
        "theory/activation_std/01_conv1": 1.5,
        "theory/activation_std_lower/01_conv1": 1.0,
        "theory/activation_std_upper/01_conv1": 2.0,
        "gradient/std/02_logits@init": 0.5,
    }
    second = first | {"activation/std/01_conv1@init": 3.0, "theory/activation_std_upper/01_conv1": 2.5}
    runs = [_run(tmp_path, "1", [], first), _run(tmp_path, "2", [], second)]
    found = depth_profile(runs, "activation")
    assert (found.init.x, found.init.mean, found.init.low, found.init.high) == (
        (1, 2),
        (2.0, 4.0),
        (1.0, 4.0),
        (3.0, 4.0),
    )
    assert found.end.mean == (7.0,) and found.layers == {1: "conv1", 2: "logits"}

    assert (found.theory.mean, found.theory.low, found.theory.high) == ((1.5,), (1.0,), (2.5,))
    assert depth_profile(runs, "gradient").init.mean == (0.5,) and not depth_profile(runs, "gradient").theory


@pytest.mark.parametrize("missing", ["_lower", "_upper"])
def test_theory_without_a_band_is_not_drawn(tmp_path, missing):
    results = {f"theory/gradient_std{part}/01_a": 1.0 for part in ("", "_lower", "_upper") if part != missing}
    assert not depth_profile([_run(tmp_path, "1", [], results)], "gradient").theory


def test_a_layer_s_name_may_begin_like_the_mark_of_a_second_call(tmp_path):
    results = {f"activation/std/{layer}@init": 1.0 for layer in ("01_stem.callback.conv", "02_b", "01_stem.call2")}
    found = depth_profile([_run(tmp_path, "1", [], results)], "activation")
    assert found.layers == {1: "stem.callback.conv", 2: "b"}
