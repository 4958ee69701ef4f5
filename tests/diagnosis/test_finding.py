"""How findings are told: results.json, markdown, the terminal."""

import json
from io import StringIO

import pytest
from rich.console import Console

from cnnlab.diagnosis import Finding, flat, markdown, render
from cnnlab.diagnosis.finding import number, percent

FOUND = Finding("dead_units", "problem", 3, "All of 01_block1.conv1 are dead.", "biases", "init.bias=0", {"share": 1.0})


def _terminal(findings: list[Finding], healthy: str = "Healthy. Fine.") -> str:
    console = Console(width=100, file=StringIO())
    with console.capture() as capture:
        console.print(render(findings, healthy))
    return capture.get()


def test_results_are_flat_and_fit_into_json():
    assert flat([]) == {"diagnosis/first": "healthy", "diagnosis/count": 0}
    result = flat([FOUND])
    assert result["diagnosis/first"] == "dead_units" and result["diagnosis/dead_units/override"] == "init.bias=0"
    assert json.loads(json.dumps(result)) == result


def test_markdown_keeps_underscores_of_layer_names():
    text = markdown([FOUND], "Healthy.")
    assert "01\\_block1.conv1" in text and "`init.bias=0`" in text and text.startswith("1. **Dead units.**")
    assert markdown([], "Healthy. Fine.") == "Healthy. Fine."


def test_the_terminal_shows_sentence_cause_and_override():
    text = _terminal([FOUND])
    assert all(part in text for part in ("1. Dead units.", FOUND.sentence, "likely cause: biases", "try: init.bias=0"))
    assert _terminal([]) == "Healthy. Fine.\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00312, "0.0031"), (1.0, "1.0"), (240.4, "240"), (5.2e-11, "5.2e-11"), (6.6e5, "6.6e+05")],
)
def test_numbers_have_two_digits(value, text):
    assert number(value) == text


def test_special_numbers():
    assert number(float("nan")) == "nan" and number(-float("inf")) == "-inf" and percent(0.1024) == "10.2 %"
