"""Causes in the initial weights: all of them, or one layer's."""

from math import nan, sqrt

import pytest

from cnnlab.diagnosis.causes.starting_weights import biased, equal, not_finite, one_layer, too_large, too_small
from cnnlab.diagnosis.finding import SEEN

FANS = {"01_block1.conv1": 9, "02_block2.conv1": 144, "03_head.fc1": 1024, "04_head.logits": 64}
HE = tuple(sqrt(2 / fan) for fan in FANS.values())


def _scaled(factor, layer=None):
    return tuple(std * (factor if layer in (None, i) else 1) for i, std in enumerate(HE))


def test_suited_weights_are_no_cause(row, evidence):
    run = evidence(row(0, weight_std=HE), fan_in=FANS)
    assert not any(suspect(run) for suspect in (equal, one_layer, biased))
    assert not any(cause.supporting for suspect in (too_small, too_large) if (cause := suspect(run)))


def test_equal_weights_name_the_initializer(row, evidence):
    found = equal(evidence(row(0, weight_distinct=(0.0, 0.0, 0.0, 0.9)), initializer="constant"))
    assert found.name == "weights_equal" and "init=constant" in found.clause and found.remedy.override == "init=he"


@pytest.mark.parametrize("factor", [1e-3, 30, 1000])
def test_one_layer_out_of_scale_is_named(row, evidence, factor):
    found = one_layer(evidence(row(0, weight_std=_scaled(factor, 1)), fan_in=FANS))
    assert found.name == "layer_out_of_scale" and "02_block2.conv1" in found.clause


def test_a_frozen_layer_may_have_weights_of_any_size(row, evidence):
    """As those that whiten correlated pixels; what it gives is judged with the layers that are not trained."""
    step = row(0, weight_std=_scaled(17, 0), preactivation_std=(1.0, 1.1, 1.0, 1.2))
    assert one_layer(evidence(step, fan_in=FANS)).name == "layer_out_of_scale"
    assert one_layer(evidence(step, fan_in=FANS, frozen=("01_block1.conv1",))) is None


def test_one_layer_of_zeros_or_of_equal_channels_is_named_and_not_the_initializer(row, evidence):
    zero = row(0, weight_std=(HE[0], 0.0, *HE[2:]), weight_distinct=(0.9, nan, 0.9, 0.9))
    same = row(0, weight_std=HE, weight_distinct=(0.9, 0.0, 0.9, 0.9))
    for step in (zero, same):
        assert one_layer(evidence(step, fan_in=FANS)).name == "layer_out_of_scale"
        assert equal(evidence(step, fan_in=FANS)) is None


def test_two_layers_out_of_balance_are_both_told(row, evidence):
    scaled = (HE[0], HE[1] * 1000, HE[2] / 1000, HE[3])
    (words,) = one_layer(evidence(row(0, weight_std=scaled), fan_in=FANS)).supporting
    assert words.startswith("0") and "02_block2.conv1" in words and "03_head.fc1" in words
    three = (HE[0], HE[1] * 1000, HE[2] / 1000, HE[3] / 1000)
    assert one_layer(evidence(row(0, weight_std=three), fan_in=FANS)) is None  # then it is no single layer's


def test_one_layer_whose_filters_are_nearly_their_mean_is_named(row, evidence):
    shifted = row(0, weight_std=HE, weight_distinct=(0.9, 0.2, 0.9, 0.9))
    assert "02_block2.conv1" in one_layer(evidence(shifted, fan_in=FANS)).clause
    assert one_layer(evidence(row(0, weight_std=HE, weight_distinct=(0.2, 0.2, 0.9, 0.9)), fan_in=FANS)) is None


def test_a_bias_in_one_layer_is_named(row, evidence):
    biases = {f"bias/largest/{layer}": 0.0 for layer in FANS} | {"bias/largest/02_block2.conv1": 30.0}
    assert "in 02_block2.conv1" in biased(evidence(row(0, weight_std=HE) | biases, fan_in=FANS)).clause


def test_a_layer_that_nothing_reaches_is_not_at_fault_and_one_that_takes_nothing_is(row, evidence):
    cut = {"weight_std": HE, "preactivation_std": (1.2, 1.1, 0.0, 0.0)}
    found = one_layer(evidence(row(0, **cut), fan_in=FANS))
    assert "03_head.fc1" in found.clause and "02_block2.conv1" in found.supporting[0]
    assert one_layer(evidence(row(0, weight_gradient_std=(0.0,) * 4, **cut), fan_in=FANS)) is None


def test_layers_that_all_give_far_less_than_their_weights_make_are_told_where_no_norm_hides_it(row, evidence):
    faded = row(0, weight_std=HE, preactivation_std=(1.2, 1.2e-3, 1e-3, 1e-6))
    (words,) = one_layer(evidence(faded, fan_in=FANS)).supporting
    assert words.startswith("02_block2.conv1 gives") and "as do 04_head.logits" in words
    assert one_layer(evidence(faded, fan_in=FANS, batch_norm=True)) is None
    both_ways = row(0, weight_std=HE, preactivation_std=(1.2, 1.2e-3, 1.0, 1.0))
    assert one_layer(evidence(both_ways, fan_in=FANS)) is None


def test_equal_weights_that_biases_moved_apart_in_vain(row, evidence):
    began = row(0, weight_distinct=(0.0, 0.0, 0.0, 0.9), accuracy=0.1)
    later = {"step": 200, "validation/accuracy": 0.1}
    assert equal(evidence(began, row(200, accuracy=0.1), later)).name == "weights_equal"
    assert equal(evidence(began, row(200), later | {"validation/accuracy": 0.9})) is None  # it helped
    one = row(0, weight_distinct=(0.0, 0.9, 0.9, 0.9), accuracy=0.1)
    assert equal(evidence(one, row(200, accuracy=0.1), later)) is None


def test_one_deviation_for_all_layers_is_the_initializers_choice(row, evidence):
    """The gains then differ by the root of the fan-in, 11-fold here, and no single layer is at fault."""
    assert one_layer(evidence(row(0, weight_std=(0.01,) * 4), fan_in=FANS)) is None


def test_weights_of_all_layers(row, evidence):
    small = row(0, weight_std=_scaled(0.01), preactivation_std=(1e-2, 1e-4, 1e-6, 1e-8))
    found = too_small(evidence(small, fan_in=FANS, initializer="normal"))
    assert found.points >= 11 and found.remedy.override == "init=he" and "init=normal" in found.clause
    large = row(0, loss=900.0, weight_std=_scaled(10), preactivation_std=(10.0, 100.0, 1e3, 1e4))
    found = too_large(evidence(large, fan_in=FANS, initializer="normal"))
    assert found.points >= 11 and "900" in " ".join(found.supporting)


def test_norm_layers_and_a_suited_initializer_speak_against_it(row, evidence):
    large = row(0, loss=900.0, weight_std=_scaled(10), preactivation_std=(10.0, 100.0, 1e3, 1e4))
    plain = too_large(evidence(large, fan_in=FANS, initializer="normal")).points
    assert too_large(evidence(large, fan_in=FANS, initializer="normal", batch_norm=True)).points < plain
    he = too_large(evidence(large, fan_in=FANS, initializer="he"))
    assert he.points < plain and he.remedy.override == "model.norm=batch"


def test_biases_far_from_zero(row, evidence):
    off = row(0, preactivation_mean=(-5.0,) * 4, activation_dead=(1.0, 1.0, 1.0))
    assert biased(evidence(off, bias=-5.0)).remedy.override == "init.bias=0"
    small = off | {f"weight/std/{layer}": 1e-4 for layer in FANS}
    assert biased(evidence(small, bias=-5.0, fan_in=FANS, initializer="normal")).remedy.override == "init=he"  # both
    assert biased(evidence(off, bias=0.0)).remedy.look  # never advised what is set
    assert biased(evidence(off, bias=None, initializer="own")).remedy.override == "init=he"  # which sets them to 0


def test_weights_of_one_sign(row, evidence):
    """Of a uniform distribution from 0, filters differ from their mean by half of their size."""
    large = row(0, weight_std=HE, weight_distinct=(0.5,) * 4, preactivation_std=(3.0, 30.0, 300.0, 3e3))
    assert any("filters' differences" in clue for clue in too_large(evidence(large, fan_in=FANS)).supporting)


def test_large_biases_in_most_layers(row, evidence):
    biases = {f"bias/largest/{layer}": 8.0 for layer in FANS}
    found = biased(evidence(row(0, weight_std=HE) | biases, fan_in=FANS, bias=None))
    assert found.points >= 9 and "4 layers" in found.supporting[0]


def test_a_last_layer_that_starts_small_is_a_known_good_start(row, evidence):
    small = row(0, weight_std=(*HE[:3], HE[3] / 1000), preactivation_std=(1.2, 1.1, 1.3, 1e-3))
    assert one_layer(evidence(small, fan_in=FANS)) is None


def test_constant_weights_have_no_gain_at_all(row, evidence):
    same = row(0, weight_std=(0.0,) * 4, weight_distinct=(0.0,) * 4)
    assert equal(evidence(same, fan_in=FANS)).points > 9 and too_small(evidence(same, fan_in=FANS)) is None


def test_weights_that_began_at_zero_and_moved_alike(row, evidence):
    """As with a sigmoid, whose 0.5 behind a zero lets the last layers move."""
    zeros = {"weight_distinct": (nan,) * 4, "weight_std": (0.0,) * 4, "weight_update_ratio": (nan,) * 4}
    moved = row(
        100, weight_distinct=(nan, 0.0, 0.0, 0.9), weight_std=(0.0, *HE[1:]), weight_update_ratio=(nan, 0.1, 0.1, 0.1)
    )
    found = equal(evidence(row(0, **zeros), moved, initializer="zeros"))
    assert "pass neither" not in found.clause
    assert found.supporting == [
        "1 hidden layer whose weights are all zero and 2 hidden layers whose channels have equal weights"
    ]


def test_weights_that_became_zero_in_training_are_not_the_initializers(row, evidence):
    decayed = row(100, weight_distinct=(nan,) * 4, weight_std=(0.0,) * 4, weight_update_ratio=(nan,) * 4)
    assert equal(evidence(row(0, weight_std=HE), decayed)) is None


def test_equal_weights_that_add_up_are_no_bias(row, evidence):
    off = {"preactivation_mean": (5.0,) * 4, "preactivation_std": (0.1,) * 4}
    assert "by biases or by what else" in biased(evidence(row(0, **off), bias=0.0)).clause
    assert biased(evidence(row(0, **off, weight_distinct=(0.0,) * 4), bias=0.0)) is None


def test_weights_that_the_first_update_has_made_large_say_nothing_of_the_start(row, evidence):
    jumped = row(0, weight_std=_scaled(1e4), preactivation_std=(1.2, 1.1, 1.3, 1.0), weight_update_ratio=(1.0,) * 4)
    assert one_layer(evidence(jumped, fan_in=FANS)) is None


def test_weights_of_one_sign_make_more_than_their_deviation_tells(row, evidence):
    """uniform from 0.049 to 0.05: the initializer is at fault, not a layer."""
    near = row(
        0,
        weight_std=(3e-4,) * 4,
        weight_distinct=(0.004, 0.004, 0.004, 0.004),
        preactivation_std=(0.2, 4.0, 100.0, 250.0),
    )
    assert one_layer(evidence(near, fan_in=FANS)) is None


def test_a_layer_that_dies_of_weights_of_one_sign_is_not_at_fault_alone(row, evidence):
    dead = row(0, weight_std=HE, activation_dead=(0.0, 1.0, 0.0))
    assert one_layer(evidence(dead, fan_in=FANS)).name == "layer_out_of_scale"
    negative = row(0, weight_std=HE, activation_dead=(0.0, 1.0, 0.0), weight_distinct=(0.5, 0.5, 0.5, 0.5))
    assert one_layer(evidence(negative, fan_in=FANS)) is None


def test_weights_that_were_not_finite_before_the_first_step(row, evidence):
    units = dict.fromkeys(FANS, 8)
    assert not_finite(evidence(row(0), units=units)) is None
    alone = not_finite(evidence(row(0), units=units, broken=("02_block2.conv1",)))
    assert alone.name == "layer_out_of_scale" and "02_block2.conv1" in alone.clause and alone.seen >= 9
    several = not_finite(evidence(row(0), units=units, broken=tuple(FANS)))
    assert several.name == "weights_unsuitable" and "4 layers" in several.supporting[0]


def test_a_jump_between_two_layers_that_no_weight_shows(row, evidence):
    """As of a parametrization: of the layer's own weights nothing is measured."""
    jump = one_layer(evidence(row(0, preactivation_std=(1.2, 1.1, 30.0, 25.0))))
    assert jump.name == "layer_out_of_scale" and "03_head.fc1 gives 27 times" in jump.supporting[0] and jump.seen < SEEN
    backward = one_layer(evidence(row(0, gradient_std=(1e-9, 2e-9, 1e-3, 2e-3))))
    assert "03_head.fc1 gets a gradient of" in backward.supporting[0]
    assert one_layer(evidence(row(0, preactivation_std=(1.0, 5.0, 60.0, 300.0)))) is None, "all of them grow"


def test_a_narrow_head_behind_many_pooled_features_gets_a_larger_gradient_by_he_itself(evidence, row):
    """A ReLU halves the gradient's variance, 2x2 max pooling passes it to one cell in four, and of the head's 128 units
    each of 4,096 features gets a sum with weights of variance 2 / 4,096."""
    jump = (128 * 2 / 4096 / 2 / 4) ** -0.5
    assert jump == pytest.approx(11.3, abs=0.1)
    assert one_layer(evidence(row(0, gradient_std=(1e-4, 1e-4, 1e-4 * jump, 2e-4 * jump)))) is None


def test_around_a_common_mean_deviations_say_nothing_of_the_size(row, evidence):
    weights = (3e-4, 3e-4, 3e-4, 0.2)
    run = evidence(row(0, weight_std=weights, weight_distinct=(6e-3, 6e-3, 6e-3, 0.9)), fan_in=FANS)
    assert one_layer(run) is None and too_large(run).points > 0


def test_a_norm_layer_behind_it_makes_up_for_a_layers_scale(row, evidence):
    """As depthwise layers of MobileNet, whose deviations are drawn by fan out."""
    step = row(0, weight_std=(HE[0], 0.05 * HE[1], *HE[2:]), preactivation_std=(1.0, 1.02, 0.99, 0.3))
    assert one_layer(evidence(step, fan_in=FANS, batch_norm=True)) is None
    assert one_layer(evidence(step, fan_in=FANS)).points >= SEEN
    open_end = step | {"preactivation/std/02_block2.conv1": 0.05}
    assert one_layer(evidence(open_end, fan_in=FANS, batch_norm=True)).points >= SEEN, "it has none behind it"
