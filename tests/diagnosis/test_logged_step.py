"""A logged step as the rules see it: sorted by statistic and layer, broken or finite."""

from math import inf, nan

import pytest

from cnnlab.diagnosis.logged_step import Record

FIRST, SECOND = "01_block1.conv1", "02_head.logits"


def _record(**layers) -> Record:
    """`_record(preactivation_std=(1.0, 2.0))`: one value a layer."""
    named = {k.replace("_", "/", 1): dict(zip((FIRST, SECOND), v, strict=False)) for k, v in layers.items()}
    return Record(0, {}, named)


def test_a_row_is_sorted_by_statistic_and_its_layers_by_depth(evidence):
    row = {"step": 7, f"activation/std/{SECOND}": 2.0, f"activation/std/{FIRST}": 1.0, "train/loss": 0.5}
    [record] = evidence(row).records
    assert record.step == 7 and record.loss == 0.5
    assert list(record.of("activation/std").items()) == [(FIRST, 1.0), (SECOND, 2.0)]
    assert record.of("activation/mean") == {} and "train/loss" in record.scalars


def test_a_network_that_ran_several_times_is_no_deeper(evidence):
    """As with accumulated gradients, or a discriminator of real and fake images."""
    row = {"step": 0}
    for call, nonfinite in (("", 0.0), (".call2", 3.0), (".call10", 0.0)):
        row |= {f"{key}{call}": 1.0 for key in (f"preactivation/std/{FIRST}", f"preactivation/std/{SECOND}")}
        row |= {f"preactivation/nonfinite/{FIRST}{call}": nonfinite}
    [record] = evidence(row).records
    assert list(record.of("preactivation/std")) == [FIRST, SECOND] and len(record.every("preactivation/std")) == 6
    assert record.broken("preactivation") == [f"{FIRST}.call2"]
    loop = evidence({f"preactivation/std/{key}": 1.0 for key in (FIRST, f"{FIRST}.call2", SECOND)}).records[0]
    assert list(loop.of("preactivation/std")) == [FIRST, f"{FIRST}.call2", SECOND], "one layer in a loop is depth"


def test_strings_of_metrics_jsonl_are_numbers(evidence):
    [record] = evidence({"step": "3", "train/loss": "nan", f"gradient/std/{FIRST}": "-inf"}).records
    assert record.step == 3 and record.loss != record.loss and record.of("gradient/std") == {FIRST: -inf}


@pytest.mark.parametrize(
    "layers, broken",
    [
        ({"activation_nonfinite": (0, 2)}, [SECOND]),
        ({"activation_nonfinite": (0, 0), "activation_std": (inf, 1)}, []),
        ({"activation_largest": (1, inf), "activation_mean": (nan, 1)}, [SECOND]),
        ({"activation_mean": (nan, 1), "activation_std": (1, inf)}, [FIRST]),
        ({"activation_std": (inf, nan)}, [FIRST, SECOND]),
        ({"gradient_nonfinite": (5, 5)}, []),
        ({}, []),
    ],
)
def test_the_count_of_broken_values_is_believed_before_what_they_spoil(layers, broken):
    assert _record(**layers).broken("activation") == broken


@pytest.mark.parametrize(
    "ratios, median", [((0.1, 0.3), 0.2), ((0.1, inf), 0.1), ((nan, 0.3), 0.3), ((inf, nan), None), ((), None)]
)
def test_an_updates_ratio_is_the_median_of_the_finite_ones(ratios, median):
    assert _record(weight_update_ratio=ratios).update_ratio() == (median and pytest.approx(median))


@pytest.mark.parametrize(
    "row, finite",
    [
        ({"train/loss": 1.0}, True),
        ({"train/loss": nan}, False),
        ({"train/epoch_loss": inf}, False),
        ({f"gradient/std/{FIRST}": inf}, False),
        ({f"activation/nonfinite/{FIRST}": 1}, False),
        ({f"weight/update_ratio/{FIRST}": nan}, True),
        ({"validation/loss": nan}, False),
        ({"test/loss": inf}, False),
        ({"test/accuracy": nan}, True),
    ],
)
def test_a_step_is_finite_if_loss_signal_and_gradient_are(evidence, row, finite):
    assert evidence({"step": 0, **row}).records[0].finite is finite
