"""Vanishing and exploding signals: the right direction, factor and layer; silence for healthy ones."""

from math import inf, nan

import pytest

from cnnlab.diagnosis.signal import backward, forward, saturation, starved


def test_healthy_signals_say_nothing(row, evidence):
    run = evidence(row(0), row(100))
    assert forward(run) == [] and backward(run) == []


def test_vanishing_forward_names_factor_and_the_layer_where_float_underflows(row, evidence):
    stds, largest = (1e-2, 1e-20, 1e-38, 0.0), (0.1, 1e-19, 1e-40, 0.0)
    [found] = forward(evidence(row(0, preactivation_std=stds, preactivation_largest=largest), initializer="normal"))
    assert found.name == "vanishing_forward" and found.severity == "problem"
    assert found.numbers["limit_layer"] == "03_head.fc1"
    # 1e-20 is below what a float32 deviation can hold, so the largest values stand in there.
    assert found.numbers["factor_per_layer"] == pytest.approx((1e-40 / 1e-2) ** (1 / 2))
    assert "in 03_head.fc1 values are too small for float32" in found.sentence and "step 0" in found.sentence


def test_exploding_forward(row, evidence):
    [found] = forward(evidence(row(0, preactivation_std=(2.0, 20.0, 200.0, 2000.0)), initializer="normal"))
    assert found.name == "exploding_forward" and found.numbers["factor_per_layer"] == pytest.approx(10)


def test_overflow_on_the_way_forward_is_an_explosion(row, evidence):
    broken = row(
        0, loss=nan, preactivation_std=(1e9, 1e30, inf, nan), preactivation_largest=(1e10, 1e31, inf, nan),
        preactivation_nonfinite=(0.0, 0.0, 7.0, 9.0),
    )  # fmt: skip
    [found] = forward(evidence(broken))
    assert found.name == "exploding_forward" and found.numbers["limit_layer"] == "03_head.fc1"
    assert found.numbers["last"] == 1e31


def test_a_deviation_that_overflows_is_read_from_the_largest_value(row, evidence):
    stds, largest = (1.0, 1e10, inf, inf), (5.0, 1e11, 1e20, 1e30)
    [found] = forward(evidence(row(0, preactivation_std=stds, preactivation_largest=largest)))
    assert found.numbers["last"] == 1e30 and "limit_layer" not in found.numbers


def test_large_logits_of_a_trained_network_are_no_explosion(row, evidence):
    trained = row(500, preactivation_std=(1.0, 5.0, 20.0, 60.0))
    assert forward(evidence(row(0), trained)) == []
    [found] = forward(evidence(row(0), trained | {"step": 200}, row(300, preactivation_std=(1.0, 50.0, 2e3, 6e4))))
    assert found.step == 300


def test_the_layer_where_the_signal_jumps_is_named(row, evidence):
    [found] = forward(evidence(row(0, preactivation_std=(1.0, 1.1, 900.0, 700.0))))
    assert (
        found.numbers["layer"] == "03_head.fc1"
        and "jumps from 1.1 in 02_block2.conv1 to 900 in 03_head.fc1" in found.sentence
    )


def test_an_explosion_is_told_up_to_its_largest_layer(row, evidence):
    [found] = forward(evidence(row(0, preactivation_std=(171.0, 84.0, 40.0, 20.0))))
    assert "is 171 in 01_block1.conv1" in found.sentence and "shrinks" not in found.sentence


def test_a_zero_last_layer_is_no_vanishing_signal(row, evidence):
    assert (
        forward(evidence(row(0, preactivation_std=(1.0, 1.0, 1.0, 0.0), preactivation_largest=(5.0,) * 3 + (0.0,))))
        == []
    )


def test_nothing_is_read_behind_a_dead_layer(row, evidence):
    dead = row(0, activation_dead=(1.0, 1.0, 1.0), preactivation_std=(1.2, 0.0, 0.0, 0.0))
    assert forward(evidence(dead)) == [] and backward(evidence(dead | {f"gradient/std/{k}": 0.0 for k in ()})) == []


def test_a_layer_that_nothing_reaches_is_found_behind_a_signal_and_not_behind_one_that_fades(row, evidence):
    record = evidence(row(0, preactivation_std=(1.2, 1.1, 0.0, 0.0))).records[0]
    assert starved(record) == ("02_block2.conv1", "03_head.fc1")
    assert starved(evidence(row(0, preactivation_std=(1e-9, 1e-20, 0.0, 0.0))).records[0]) is None
    assert starved(evidence(row(0)).records[0]) is None
    # A last layer that began at zero has all of its weights from the first update.
    begun = row(0, preactivation_std=(1.2, 1.1, 1.3, 0.0), weight_update_ratio=(2e-3, 3e-3, 3e-3, 1.0))
    assert starved(evidence(begun).records[0]) is None


def test_vanishing_backward_counts_hidden_layers_from_the_last_to_the_first(row, evidence):
    [found] = backward(evidence(row(0, gradient_std=(1e-9, 1e-6, 1e-3, 5e-3)), activation="sigmoid"))
    assert found.name == "vanishing_backward"
    assert found.numbers["factor_per_layer"] == pytest.approx(1e-3)


def test_exploding_backward(row, evidence):
    [found] = backward(evidence(row(0, gradient_std=(10.0, 0.1, 1e-3, 5e-3))))
    assert found.name == "exploding_backward" and found.numbers["factor_per_layer"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("gradients", "from_layer"), [((0.0, 0.0, 1e-3), "02_block2.conv1"), ((0.0,) * 3, "03_head.fc1")]
)
def test_gradients_that_are_zero_in_float32(row, evidence, gradients, from_layer):
    [found] = backward(evidence(row(0, gradient_std=(*gradients, 5e-3))))
    assert found.name == "vanishing_backward" and found.numbers["limit_layer"] == from_layer


def test_a_loss_of_zero_sends_no_gradient_and_that_is_no_finding(row, evidence):
    assert backward(evidence(row(0), row(900, gradient_std=(0.0,) * 4))) == []


@pytest.mark.parametrize("keep", [(), ("train/loss",), ("preactivation/std",)])
def test_missing_statistics_silence_the_rules(row, evidence, keep):
    run = evidence({k: v for k, v in row(0).items() if k == "step" or k.startswith(keep or ("step",))})
    assert forward(run) == [] and backward(run) == []


def test_saturation_needs_half_of_the_layers(row, evidence):
    [found] = saturation(evidence(row(0, saturation_share=(0.1, 0.7, 0.8)), activation="tanh", initializer="normal"))
    assert found.numbers["layer"] == "02_block2.conv1"
    assert saturation(evidence(row(0, saturation_share=(0.1, 0.1, 0.9)), activation="tanh")) == []


def test_healthy_activations_are_not_saturated(row, evidence):
    assert saturation(evidence(row(0), row(100))) == []


def test_logits_of_zero_pass_no_gradient_and_that_is_a_known_good_start(row, evidence):
    start = row(0, gradient_std=(0.0, 0.0, 0.0, 5e-3), preactivation_largest=(5.0, 5.0, 5.0, 0.0))
    assert backward(evidence(start, row(1))) == []
    assert backward(evidence(start | {"preactivation/largest/04_head.logits": 4.0}))[0].name == "vanishing_backward"


def test_a_fall_over_more_than_a_double_holds_is_told(row, evidence):
    run = evidence(
        row(0, preactivation_std=(1e38, 1e10, 1e-30, 1e-37), preactivation_largest=(1e38, 1e11, 1e-30, 1e-37))
    )
    assert forward(run)[0].name == "vanishing_forward"


@pytest.mark.parametrize(
    ("gradients", "words"),
    [
        ((1e-5, 0.0, 0.0, 5e-3), "; from 03_head.fc1 back to 02_block2.conv1 it is 0 in float32."),
        ((0.0, 0.0, 1e-3, 5e-3), "; from 02_block2.conv1 back to the first layer it is 0 in float32."),
        ((0.0, 1e-4, 1e-3, 5e-3), "; in 01_block1.conv1 it is 0 in float32."),
        (
            (0.0, 1e-4, 0.0, 5e-3),
            "; in 2 of 3 hidden layers, of which 01_block1.conv1 is the first, it is 0 in float32.",
        ),
    ],
)
def test_where_the_gradient_is_zero_is_said_of_these_layers_alone(row, evidence, gradients, words):
    [found] = backward(evidence(row(0, gradient_std=gradients)))
    assert found.sentence.endswith(words)


def test_branches_that_give_next_to_nothing_at_first_are_no_explosion(row, evidence):
    """As ConvNeXt's, by a layer scale of 1e-6: the gradient reaches the first layers through the shortcuts."""
    layers = ("01_stem", "02_a.conv", "03_a.fc", "04_down", "05_b.conv", "06_b.fc", "07_head")
    plain = {key: value for key, value in row(0).items() if not key.startswith("gradient/")}

    def found(*sizes):
        return backward(evidence(plain | {f"gradient/std/{k}": g for k, g in zip(layers, sizes, strict=True)}))

    assert found(3e-3, 2e-11, 2e-10, 2e-3, 2e-9, 2e-9, 9e-3) == []
    assert found(3e-3, 2e-11, 2e-10, 2e-10, 2e-9, 2e-9, 2e-8)[0].name == "exploding_backward", "it does not come back"
    assert found(3e-10, 2e-13, 2e-11, 2e-4, 2e-9, 2e-9, 9e-3)[0].name == "vanishing_backward", "between these"
