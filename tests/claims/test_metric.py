"""Which way is better, and how values are written."""

import pytest

from cnnlab.claims.metric import Metric


@pytest.mark.parametrize("key", ["test/accuracy", "validation/accuracy", "test/accuracy@shift=4"])
def test_accuracies_are_percent_and_differ_in_points(key):
    metric = Metric(key)
    assert metric.higher_is_better and metric.sign() == 1 and metric.scale == 100
    assert metric.value(0.97914) == "97.91 %" and metric.difference(0.0042) == "0.42 points"
    assert metric.between(0.002, -0.0064) == "0.20 to -0.64"


@pytest.mark.parametrize(
    "key",
    [
        *("test/loss", "test/gap", "test/probability_error", "time/training_s", "telemetry/overhead"),
        *("model/macs", "model/parameters", "model/saved_bytes", "model/saved_bytes_measured"),
    ],
)
def test_costs_and_faults_are_better_when_smaller(key):
    metric = Metric(key)
    assert (
        metric.better == "lower"
        and metric.verb == "beats"
        and not metric.higher_is_better
        and metric.sign() == -1
        and metric.scale == 1
    )
    assert metric.value(0.0821) == "0.082" and metric.difference(0.0031) == "0.0031"


@pytest.mark.parametrize(
    "key",
    [
        *("model/parameters", "train/steps", "train/images", "test/images", "test/changed_images"),
        "test/chance",  # of always guessing the largest class
    ],
)
def test_what_follows_from_the_settings_and_the_data_alone_does_not_vary_between_seeds(key):
    assert not Metric(key).varies


@pytest.mark.parametrize("key", ["test/accuracy", "time/step_ms", "train/first_nonfinite_step", "test/noise_floor"])
def test_what_is_measured_varies_between_seeds(key):
    assert Metric(key).varies


@pytest.mark.parametrize(
    "key",
    [
        *("first_layer/recognized", "signal/variance_gain@init", "weight/std/01_conv@end"),
        *("model/receptive_field", "model/map_side", "model/map_cells", "model/field_shift"),
        "train/first_nonfinite_step",
    ],
)
def test_of_what_is_neither_the_higher_comes_first_and_does_not_beat_the_lower(key):
    metric = Metric(key)
    assert metric.better is None and metric.verb == "exceeds" and metric.higher_is_better and metric.sign() == 1


def test_names_are_words():
    assert Metric("time/training_s").name == "time training s" and Metric().title == "test accuracy (%)"


def test_whole_numbers_are_written_out_and_others_as_the_scatter_asks():
    assert [Metric("model/parameters").bare(value) for value in (26_870, 5.0, 0.0, 1.3e7)] == [
        "26,870", "5", "0", "13,000,000"
    ]  # fmt: skip
    loss = Metric("test/loss", step=0.0081)
    assert (loss.value(2.30131), loss.difference(0.0012), loss.between(2.2811, 2.3215)) == (
        *("2.3013", "0.0012"),
        "2.2811 to 2.3215",
    )
    assert Metric("test/accuracy", step=1e-6).value(0.97914) == "97.91 %"
