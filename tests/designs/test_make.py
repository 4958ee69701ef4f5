"""Designs brought to the first one's budget: what was changed, what was said, what was built."""

import pytest

from cnnlab.common.errors import InputError
from cnnlab.designs.make import Model, make
from cnnlab.networks.convnet import ConvNet

SHAPE = (3, 16, 16)
STACKED = {"channels": [8, 16], "kernel_size": 3, "convs_per_block": 2}
SINGLE = {"channels": [8, 16], "kernel_size": 5, "convs_per_block": 1}


def model(**knobs: object) -> Model:
    return Model(knobs, lambda k: ConvNet(SHAPE, 5, **k))


def test_a_model_with_changes_is_another_network_and_its_knobs_stay() -> None:
    single = model(**SINGLE)
    assert single.network({"channels": [2], "kernel_size": 3})[0].conv1.weight.shape == (2, 3, 3, 3)
    assert single.network()[0].conv1.weight.shape == (8, 3, 5, 5)
    assert single.knobs == SINGLE


def test_without_match_everything_stays_as_it_is() -> None:
    models = {"single": model(**SINGLE), "stacked": model(**STACKED)}
    made = make(models, SHAPE)
    assert made.models == models and made.sentences == []
    counted = [sum(p.numel() for p in m.network().parameters()) for m in models.values()]
    assert [(d.name, d.parameters) for d in made.designs] == list(zip(models, counted, strict=True))
    assert all(d.measured is None for d in made.designs)
    assert all(d.measured for d in make(models, SHAPE, measure=True).designs)


def test_an_equal_design_is_left_alone() -> None:
    models = {"a": model(**STACKED), "b": model(**STACKED)}
    for what in ("parameters", "macs", "memory", "receptive_field"):
        made = make(models, SHAPE, what)
        assert dict(made.models["b"].knobs) == STACKED
        assert "is unchanged" in made.sentences[0]


def test_the_others_follow_the_first_and_the_designs_are_those_that_were_built() -> None:
    models = {"tiny": model(**{**SINGLE, "channels": [2, 4]}), "stacked": model(**STACKED), "single": model(**SINGLE)}
    made = make(models, SHAPE, "parameters")
    assert made.models["tiny"] is models["tiny"] and len(made.sentences) == 2
    for found in made.designs:
        network = made.models[found.name].network()
        assert found.parameters == sum(p.numel() for p in network.parameters())
        assert found.parameters / made.designs[0].parameters == pytest.approx(1, abs=0.15)
    assert made.models["single"].knobs["channels"] == [2, 4]


def test_the_field_is_matched_by_depth_and_the_sentence_says_it_is_equal() -> None:
    made = make(
        {"single": model(**{**SINGLE, "kernel_size": 7}), "stacked": model(**STACKED)}, SHAPE, "receptive_field"
    )
    # Three 3x3 see what one 7x7 sees: 7 pixels, 8 with the pooling; those of block 2 lie two apart.
    assert made.sentences == ["stacked has convs_per_block=3 instead of 2: 22 pixels of receptive field against 22."]
    assert [d.receptive_field for d in made.designs] == [(22, 22)] * 2


def test_sentences_say_the_change_and_how_near_it_came() -> None:
    made = make({"stacked": model(**STACKED), "single": model(**SINGLE)}, SHAPE, "macs")
    reference, other = made.designs
    assert abs(other.macs / reference.macs - 1) < 0.05
    widths = made.models["single"].knobs["channels"]
    (sentence,) = made.sentences
    assert sentence.startswith(f"single has channels=[{widths[0]},{widths[1]}] instead of [8,16]: {other.macs:,}")
    assert sentence.endswith("Its head is unchanged.")


def test_an_unreachable_budget_is_said() -> None:
    tiny = model(channels=[1], kernel_size=1, convs_per_block=1, head=[])
    (sentence,) = make({"tiny": tiny, "stacked": model(**STACKED)}, SHAPE, "parameters").sentences
    assert "channels=[1,1]" in sentence
    assert "the closest possible" in sentence


def test_without_a_knob_to_change_it_is_refused() -> None:
    for what in ("macs", "receptive_field"):
        with pytest.raises(InputError, match="linear has none to change"):
            make({"stacked": model(**STACKED), "linear": model(channels=[])}, SHAPE, what)
    with pytest.raises(InputError, match="own has none"):
        make({"stacked": model(**STACKED), "own": Model({}, lambda k: ConvNet(SHAPE, 5))}, SHAPE, "macs")


def test_the_first_needs_no_knob() -> None:
    made = make({"linear": model(channels=[], head=[]), "stacked": model(**STACKED)}, SHAPE, "parameters")
    assert made.designs[0].parameters == (3 * 16 * 16 + 1) * 5
    assert made.designs[1].parameters < made.designs[0].parameters * 1.2
