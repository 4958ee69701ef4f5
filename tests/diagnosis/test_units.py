"""Symmetry and dead units."""

from math import nan

from cnnlab.diagnosis.units import dead, symmetry

ZERO = {
    "weight_distinct": (nan, nan, nan, nan),
    "weight_std": (0.0, 0.0, 0.0, 0.0),
    "preactivation_largest": (0.0, 0.0, 0.0, 0.0),
    "activation_dead": (1.0, 1.0, 1.0),
    "weight_update_ratio": (nan, nan, nan, nan),
}


def test_healthy_units_say_nothing(row, evidence):
    run = evidence(row(0), row(100))
    assert symmetry(run) == dead(run) == []


def test_zero_weights_without_any_gradient(row, evidence):
    [found] = symmetry(evidence(row(0, weight_gradient_std=(0.0,) * 4, **ZERO), initializer="zeros"))
    assert found.numbers["zero"] == 3
    assert "only the last bias" in found.sentence and "11 %" in found.sentence


def test_zero_weights_whose_last_layer_learns_as_with_sigmoid(row, evidence):
    run = evidence(row(0, weight_gradient_std=(0.0, 0.0, 0.0, 1e-3), **ZERO), activation="sigmoid")
    assert "only 04_head.logits gets a gradient" in symmetry(run)[0].sentence


def test_equal_channels(row, evidence):
    [found] = symmetry(evidence(row(0, weight_distinct=(0.0, 3e-8, 1e-7, 0.9)), initializer="constant"))
    assert found.numbers == {"layers": 3, "zero": 0.0} and "all 3 hidden layers" in found.sentence


def test_zero_layers_beside_equal_ones(row, evidence):
    """Zeros with a sigmoid: the gradient comes to one layer more in every step."""
    some = {"weight_distinct": (nan, 0.0, 0.0, 1.0), "weight_std": (0.0, 0.1, 0.1, 0.1)}
    some |= {"weight_update_ratio": (nan, 0.5, 0.5, 0.5)}
    said = symmetry(evidence(row(0, **ZERO), row(50, **some)))[0].sentence
    assert "At step 50 all weights of 01_block1.conv1 are 0 and the channels of 2 of 3 hidden layers have equal" in said
    assert "gradient" not in said and "frequent" not in said


def test_a_layer_of_one_channel_with_equal_weights_is_not_zero(row, evidence):
    single = row(0, weight_distinct=(nan, 0.9, 0.9, 0.9), weight_std=(0.0, 0.1, 0.1, 0.1))
    assert symmetry(evidence(single)) == []


def test_a_symmetry_that_training_broke_is_none(row, evidence):
    assert symmetry(evidence(row(0, weight_distinct=(0.0, 0.0, 0.0, 0.0)), row(100))) == []


def test_equal_logits_alone_are_no_symmetry(row, evidence):
    """The last layer's channels get different gradients, one for each class."""
    assert symmetry(evidence(row(0, weight_distinct=(0.97, 0.98, 0.99, 0.0)))) == []


def test_dead_from_the_start(row, evidence):
    run = evidence(row(0, activation_dead=(0.95, 1.0, 1.0), preactivation_mean=(-10.0, -10.0, -10.0, 0.0)))
    [found] = dead(run)
    assert found.numbers["layer"] == "01_block1.conv1" and "-10" in found.sentence


def test_dead_during_training_is_dated(row, evidence):
    killed = {"activation_dead": (0.0, 1.0, 1.0), "accuracy": 0.1}
    start = {"accuracy": 0.1}
    [found] = dead(evidence(row(0, **start), row(50, **start), row(100, **killed), row(200, **killed)))
    assert found.step == 100 and found.numbers["layer"] == "02_block2.conv1"


def test_a_network_that_learned_may_have_dead_units(row, evidence):
    assert dead(evidence(row(0), *(row(100 * i, activation_dead=(0.0, 0.95, 0.3)) for i in range(1, 7)))) == []


def test_zeros_that_never_had_a_signal_are_not_dead_units(row, evidence):
    assert dead(evidence(row(0, **ZERO))) == []
