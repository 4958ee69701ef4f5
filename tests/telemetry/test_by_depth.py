"""Charts against depth: values by hand, and what their names say."""

import math
import subprocess
import sys

import pytest
import torch

from cnnlab.telemetry import by_depth
from cnnlab.telemetry.statistics import std


def _std(**layers: float) -> dict[str, float]:
    return {f"activation/std/{layer[1:]}": value for layer, value in layers.items()}


def test_signal_and_gradient_have_a_logarithmic_twin_in_which_nothing_is_missing():
    values = _std(_01_a=100.0, _02_b=0.0, _03_c=1e-30, _04_d=math.inf, _05_e=math.nan)
    drawn = by_depth.charts(values, "init")
    assert list(drawn) == ["activation_std@init", "activation_std_log10@init"]
    assert list(drawn["activation_std@init"].values())[:4] == [100.0, 0.0, 1e-30, math.inf]
    assert drawn["activation_std_log10@init"] == pytest.approx(
        {"01_a": 2.0, "02_b": by_depth.FLOOR, "03_c": -30.0, "04_d": math.nan, "05_e": math.nan}, nan_ok=True
    )


def test_a_zero_is_drawn_below_every_deviation_that_float32_can_tell_from_it():
    least = torch.tensor(1.0)
    while std(least / 2 * torch.tensor([1.0, -1.0])) > 0:
        least = least / 2
    smallest = std(least * torch.tensor([1.0, -1.0])).item()
    assert 0 < smallest < 1e-20
    assert math.log10(smallest) - 2 > by_depth.FLOOR


@pytest.mark.parametrize("part", ["_lower", "_upper", "_predicted"])
def test_the_curves_of_theory_have_no_twin_of_their_own(part):
    assert list(by_depth.charts({"gradient/std/01_a": 1.0}, "init", part)) == [f"gradient_std{part}@init"]


def test_a_layer_that_ran_again_is_drawn_by_its_first_call():
    layers = {"weight/std/01_a": 1.0, "activation/std/01_a": 2.0, "activation/std/01_a.call2": 3.0}
    assert by_depth.charts(layers, "end")["activation_std@end"] == {"01_a": 2.0}


def test_points_ascend_by_the_number_of_the_layer():
    assert by_depth.points({"10_c": 1.0, "02_b": 2.0, "01_a": 3.0}) == [(1, 3.0), (2, 2.0), (10, 1.0)]


def test_its_section_says_what_the_axis_is_and_where_zero_is():
    linear, logarithmic = (by_depth.tag(name) for name in ("weight_std@end", "gradient_std_log10@end"))
    assert linear == "by_depth, Step = layer/weight_std@end"
    assert logarithmic == "by_depth log10, Step = layer, 0 drawn at -25/gradient_std_log10@end"
    assert "0 is drawn" not in by_depth.description("weight_std@end") and "-25" not in linear
    said = by_depth.description("gradient_std_log10@end")
    assert "number of the layer" in said and "exactly 0 is drawn at -25" in said and "outliers" in said


def test_it_needs_no_torch():
    code = "import sys, cnnlab.telemetry.by_depth; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_a_layers_later_calls_have_no_place_of_their_own_and_a_name_is_no_call():
    values = {f"activation/std/{layer}": 1.0 for layer in ("01_net.callback", "02_a", "02_a.call2")}
    assert list(by_depth.charts(values, "init")["activation_std@init"]) == ["01_net.callback", "02_a"]
