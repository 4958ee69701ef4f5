"""What of the findings goes into results.json."""

import json

from cnnlab.diagnosis import Finding, Remedy, flat

REMEDY = Remedy("init.bias", 0)
FOUND = Finding("dead_units", "problem", 3, "All of 01_block1.conv1 are dead.", "biases", REMEDY, {"share": 1.0})


def test_results_are_flat_and_fit_into_json():
    assert flat([]) == {"diagnosis/first": "healthy", "diagnosis/count": 0}
    result = flat([FOUND])
    assert result["diagnosis/first"] == "dead_units" and result["diagnosis/dead_units/override"] == "init.bias=0"
    assert json.loads(json.dumps(result)) == result


def test_the_title_is_the_name_in_words():
    assert FOUND.title == "Dead units."
