"""Causes in the network."""

import pytest

from cnnlab.diagnosis import Context, diagnose
from cnnlab.diagnosis.causes import causes
from cnnlab.diagnosis.causes.architecture import (
    blocked,
    deep,
    dropped,
    evaluation_differs,
    images_mixed,
    input_ignored,
    memorizes,
    narrow,
    softmax_inside,
    trained_in_evaluation,
    unsuitable_activation,
)
from cnnlab.diagnosis.finding import SEEN

UNITS = {"01_block1.conv1": 8, "02_block2.conv1": 16, "03_head.fc1": 32, "04_head.logits": 10}
LOGITS = {
    "output/lowest": -3.0,
    "output/highest": 4.0,
    "output/std": 1.0,
    "output/spread": 0.8,
    "output/sum_error": 5.0,
}


def test_a_usual_network_is_no_cause(row, evidence):
    run = evidence(row(0) | LOGITS, row(100) | LOGITS, units=UNITS)
    suspects = (dropped, narrow, evaluation_differs, input_ignored, images_mixed)
    assert not any(suspect(run) for suspect in (*suspects, unsuitable_activation, memorizes, deep))


def test_dropout(row, evidence):
    assert dropped(evidence(row(0), dropout=0.95)).remedy.override == "model.dropout=0"
    assert dropped(evidence(row(0), dropout=0.5)) is None


def test_what_is_dropped_by_functions_shows_in_outputs_that_do_not_agree(row, evidence):
    found = dropped(evidence(row(0), {"step": 300, "check/agreement": 0.1}))
    assert found.points >= 9 and "0.10" in found.supporting[0]
    assert dropped(evidence(row(0), {"step": 300, "check/agreement": 0.9}, dropout=0.5)) is None
    assert dropped(evidence(row(0), {"step": 300, "check/agreement": float("nan")})) is None
    always = {"step": 300, "check/agreement": 0.1, "check/evaluation_varies": 1.0}
    assert dropped(evidence(row(0), always)) is None  # random in evaluation, too


def test_noise_that_has_driven_a_network_into_a_constant_shows_at_its_start(row, evidence):
    looks = {"step": 300, "check/agreement": 1.0, "check/agreement_at_start": 0.02, "validation/accuracy": 0.1}
    found = dropped(evidence(row(0, accuracy=0.1), looks))
    assert found.points >= 9 and "0.02 with the initial weights" in found.supporting[0]
    assert dropped(evidence(row(0), looks | {"validation/accuracy": 0.9})) is None  # it learns all the same
    assert dropped(evidence(row(0, accuracy=0.1), looks | {"check/agreement_at_start": 0.3})) is None


def test_a_layer_of_one_unit(row, evidence):
    assert "02_block2.conv1" in narrow(evidence(row(0), units=UNITS | {"02_block2.conv1": 1})).clause
    assert narrow(evidence(row(0), units=UNITS | {"04_head.logits": 1})) is None  # one class


def test_a_width_that_can_be_typed(row, evidence):
    thin = UNITS | {"03_head.fc1": 1}
    settings = {"model.channels": [8, 16], "model.head": [32, 1]}
    assert narrow(evidence(row(0), units=thin, settings=settings)).remedy.override == "model.head=[32,64]"
    assert "03_head.fc1" in narrow(evidence(row(0), units=thin, settings={"model.head": "average"})).remedy.override


@pytest.mark.parametrize(
    ("training", "evaluation", "varies", "found"),
    [(0.95, 0.2, 0.0, True), (0.5, 0.5, 1.0, True), (0.9, 0.95, 0.0, False)],
)
def test_evaluation_mode(row, evidence, training, evaluation, varies, found):
    looks = {
        "check/training_mode": training,
        "check/evaluation_mode": evaluation,
        "check/evaluation_varies": varies,
    }
    assert (evaluation_differs(evidence(row(0), {"step": 300, **looks})) is not None) == found


def test_outputs_that_do_not_depend_on_the_image(row, evidence):
    same = [row(step) | LOGITS | {"output/spread": 0.0} for step in (0, 100)]
    assert input_ignored(evidence(*same)).name == "input_ignored"
    constant = row(0) | LOGITS | {"images/mean": -0.4, "images/std": 1e-8}
    assert input_ignored(evidence(constant, distinct_images=1.0)).points > 14  # but for rounding
    dead = [step | {"activation/dead/02_block2.conv1": 1.0} for step in same]
    assert input_ignored(evidence(*dead)) is None  # explained by that


def test_training_in_evaluation_mode(row, evidence):
    rows = [row(step, accuracy=0.97) for step in range(8)]
    off = [each | {"network/in_evaluation": 1.0} for each in rows]
    assert trained_in_evaluation(evidence(*rows)) is None
    assert "in every measured step" in trained_in_evaluation(evidence(*off)).supporting[0]
    assert "from step 5 on" in trained_in_evaluation(evidence(*rows[:5], *off[5:])).supporting[0]
    assert trained_in_evaluation(evidence(*rows[:6], *off[6:])) is None, "two steps may be a look at something"
    assert trained_in_evaluation(evidence(*off[:5], *rows[5:])) is None
    own = Context(classes=10, largest_class_share=0.1)
    assert [(f.name, f.severity) for f in diagnose(off, own)] == [("evaluation_differs", "warning")]
    large = [off[0] | {f"weight/update_ratio/{layer}": 0.5 for layer in UNITS}, *off[1:]]
    found = diagnose(large, own)
    assert ("evaluation_differs", "warning") in [(f.name, f.severity) for f in found], "a note does not stand for it"


def test_outputs_that_depend_on_other_images_of_the_batch(row, evidence):
    learned = [row(step, accuracy=0.98) | LOGITS for step in (0, 100, 200)]
    assert images_mixed(evidence(*learned)) is None
    moved = {"step": 200, "check/order_matters": 1.0}
    assert images_mixed(evidence(*learned, moved)).points >= SEEN
    assert images_mixed(evidence(*learned, moved | {"check/evaluation_varies": 1.0})) is None, "that is why"
    over = [step | {"output/over_images": 1e-6} for step in learned]
    assert images_mixed(evidence(*over)).points >= SEEN
    assert images_mixed(evidence(*over[:2], learned[2] | {"output/over_images": 2.3})) is None
    for rows in ([*learned, moved], over):
        assert [(f.name, f.severity) for f in diagnose(rows, Context(classes=10, settings={}))] == [
            ("input_ignored", "problem")
        ]


def test_depth_needs_more_than_a_suited_initializer(row, evidence):
    layers = {f"preactivation/std/{i:02d}_conv": 0.4**i for i in range(1, 21)}
    step = {k: v for k, v in row(0).items() if not k.startswith("preactivation/")} | layers
    assert deep(evidence(step, initializer="he_normal")).points > 6
    assert deep(evidence(step, initializer="normal")).points < 6
    assert deep(evidence(step, batch_norm=True)) is None
    assert deep(evidence(step)).remedy.override == "model.norm=batch"


def test_of_very_many_layers_some_are_left_out(row, evidence):
    layers = {f"preactivation/std/{i:02d}_conv": 1.0 for i in range(1, 31)}
    step = {k: v for k, v in row(0).items() if not k.startswith("preactivation/")} | layers
    found = deep(evidence(step, settings={"model.convs_per_block": 14}))
    assert found.remedy.override == "model.convs_per_block=2"
    assert deep(evidence(step)).remedy.override == "model.norm=batch"  # no such setting


def test_sigmoid_is_unsuitable_when_deep(row, evidence):
    assert unsuitable_activation(evidence(row(0), activation="sigmoid")).points == 4
    assert unsuitable_activation(evidence(row(0), activation="relu")) is None
    deep_layers = {f"preactivation/std/{i:02d}_conv": 1.0 for i in range(1, 12)}
    many = {k: v for k, v in row(0).items() if not k.startswith("preactivation/")} | deep_layers
    for initializer, advised in (("xavier", "model.activation=relu init=he"), ("he", "model.activation=relu")):
        run = evidence(many, activation="sigmoid", initializer=initializer)
        assert unsuitable_activation(run).remedy.override == advised
    normed = evidence(many, activation="sigmoid", initializer="xavier", batch_norm=True)
    for run in (normed, evidence(row(0), activation="sigmoid")):
        assert unsuitable_activation(run).remedy.override == "model.activation=relu"


def test_memorizing_is_advised_what_is_not_yet_set(row, evidence):
    epoch = {"step": 300, "train/epoch_accuracy": 1.0, "validation/accuracy": 0.7}
    assert memorizes(evidence(row(0), epoch)).remedy.override == "model.dropout=0.5"
    assert memorizes(evidence(row(0), epoch, dropout=0.5)).remedy.override == "optimizer.weight_decay=0.005"


def test_what_is_memorized_stays_so_though_dropout_does_not_help(row, evidence):
    epoch = {
        "step": 300,
        "train/epoch_accuracy": 1.0,
        "validation/accuracy": 0.7,
        "check/remedy/model.dropout=0.5": 0.7,
    }
    run = evidence(row(0), epoch, validation_images=500)
    (found,) = [cause for cause in causes(run) if cause.name == "memorizes"]
    assert found.points > 0 and "model.dropout=0.5 reach only" in found.opposing[0]


def test_a_gradient_that_fades_in_a_deep_network_makes_small_updates(row, evidence):
    assert "small_updates" in unsuitable_activation(evidence(row(0), activation="sigmoid")).explains


def test_what_is_lost_in_rounding_is_no_scale(row, evidence):
    """Two layers that cancel each other: of values of size 1 something like 1e-8 is left."""
    fans = dict.fromkeys(("01_block1.conv1", "02_block2.conv1", "03_head.fc1", "04_head.logits"), 100)
    left = row(0, preactivation_std=(1.2, 1.1, 1.3, 1e-7)) | {"output/spread": 1e-7, "output/std": 1e-7}
    found = input_ignored(evidence(left, fan_in=fans))
    assert found.points >= 9 and "04_head.logits gets nothing but rounding" in found.supporting[0]
    small = row(0, preactivation_std=(1.2, 1.1, 1.3, 1e-4)) | {"output/spread": 1e-4, "output/std": 1e-4}
    assert input_ignored(evidence(small, fan_in=fans)) is None


def test_a_softmax_between_layers_explains_what_was_found_and_is_no_finding_alone(row, evidence):
    found = softmax_inside(evidence(row(0) | {"network/behind_softmax": 2.0}))
    assert found.name == "activation_unsuitable" and "2 layers" in found.supporting[0] and found.seen < SEEN
    assert softmax_inside(evidence(row(0))) is None
    poor = [row(step, loss=2.3, accuracy=0.1) | {"network/behind_softmax": 2.0} for step in (0, 100, 200)]
    assert softmax_inside(evidence(*poor)).seen >= SEEN, "where nothing is learned it comes before what trials say"


def test_between_which_layers_nothing_comes_through(row, evidence):
    """A factor of zero in front of the third layer: neither it nor those behind it have an input."""
    cut = {"preactivation_std": (1.2, 1.1, 0.0, 0.0)}
    rows = [row(step, weight_gradient_std=(0.0,) * 4, **cut) for step in (0, 16, 32)]
    found = blocked(evidence(*rows))
    assert found.name == "layer_out_of_scale" and found.seen >= SEEN
    assert found.clause == "nothing of 02_block2.conv1 reaches 03_head.fc1"
    assert "between 02_block2.conv1 and 03_head.fc1" in found.remedy.override
    assert found.supporting[0].endswith("no gradient ever arrives at any weight")
    later = blocked(evidence(rows[0], row(16)))
    assert later is not None and "no gradient" not in later.supporting[0]
    assert blocked(evidence(row(0))) is None and blocked(evidence()) is None
    dead = row(0, activation_dead=(0.0, 1.0, 1.0), weight_gradient_std=(0.0,) * 4, **cut)
    assert blocked(evidence(dead)) is None, "units that are dead are another cause"
    assert blocked(evidence(row(0, **cut))) is None, "its weights get a gradient, so that it gets something"
    behind = row(0, weight_gradient_std=(0.0,) * 4, gradient_std=(0.0,) * 4, **cut)
    assert blocked(evidence(behind)) is None, "not known: nothing arrives from behind, either"


def test_memorizing_is_seen_on_the_test_where_validation_tells_nothing(row, evidence):
    rows = row(0), {"step": 300, "train/epoch_accuracy": 1.0, "validation/accuracy": 0.4, "test/accuracy": 0.43}
    found = memorizes(evidence(*rows, validation_images=24, test_images=400))
    assert found.supporting == ["accuracy is 57 points higher on training images than on 400 test images"]
