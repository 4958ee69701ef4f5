"""How findings are shown: markdown and the terminal."""

from io import StringIO

from rich.console import Console

from cnnlab.diagnosis import Finding, Remedy
from cnnlab.views.findings import markdown, render

REMEDY = Remedy("init.bias", 0)
FOUND = Finding("dead_units", "problem", 3, "All of 01_block1.conv1 are dead.", "biases", REMEDY, {"share": 1.0})


def _terminal(findings: list[Finding], healthy: str = "Healthy. Fine.") -> str:
    console = Console(width=100, file=StringIO())
    with console.capture() as capture:
        console.print(render(findings, healthy))
    return capture.get()


def test_markdown_keeps_underscores_of_layer_names():
    text = markdown([FOUND], "Healthy.")
    assert "01\\_block1.conv1" in text and "`init.bias=0`" in text and text.startswith("1. **Dead units.**")
    assert markdown([], "Healthy. Fine.") == "Healthy. Fine."


def test_the_terminal_shows_sentence_cause_and_override():
    text = _terminal([FOUND])
    assert all(part in text for part in ("1. Dead units.", FOUND.sentence, "likely cause: biases", "try: init.bias=0"))
    assert _terminal([]) == "Healthy. Fine.\n"
