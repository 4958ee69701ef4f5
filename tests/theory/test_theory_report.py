"""What a theory report writes as JSON, for predictions written by hand."""

import json
import math

from cnnlab.theory import Expectation, Expected
from cnnlab.theory.expectation import ExpectedLayer
from cnnlab.theory.theory_report import TheoryReport

BAND = Expected(0.8412, 0.499, 1.31)
UNKNOWN = Expected(math.nan, math.nan, math.nan)


def written(report: TheoryReport) -> dict:
    return json.loads(json.dumps(report.as_dict(), allow_nan=False))


def test_json_has_telemetrys_keys_and_no_nan() -> None:
    logits = ExpectedLayer(1.0, 1.0, 0.0, math.nan, BAND, None, UNKNOWN)
    assert written(TheoryReport("he", 64, Expectation({"01_logits": logits}))) == {
        "images": 64,
        "expected": {
            "preactivation/std/01_logits": {"value": 0.8412, "lower": 0.499, "upper": 1.31},
            "gradient/std/01_logits": {"value": "nan", "lower": "nan", "upper": "nan"},
        },
        "does_not_apply": None,
    }


def test_a_layer_with_an_activation_has_three_entries() -> None:
    hidden = ExpectedLayer(1.0, 1.0, 0.0, 1.0, BAND, Expected(0.5, 0.25, 1.0), Expected(2.0, 1.0, 4.0))
    found = written(TheoryReport("he", 8, Expectation({"01_conv1": hidden})))["expected"]
    assert {key: values["value"] for key, values in found.items()} == {
        "preactivation/std/01_conv1": 0.8412,
        "activation/std/01_conv1": 0.5,
        "gradient/std/01_conv1": 2.0,
    }


def test_where_theory_does_not_apply_the_reason_stands_alone() -> None:
    report = TheoryReport("lsuv", 64, None, "this initializer is data-dependent")
    assert written(report) == {"images": 64, "expected": {}, "does_not_apply": "this initializer is data-dependent"}
