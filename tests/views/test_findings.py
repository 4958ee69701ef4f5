"""How findings are shown: markdown and the terminal."""

from io import StringIO

from rich.console import Console

from cnnlab.diagnosis import Cause, Clue, Finding, Remedy
from cnnlab.views.findings import markdown, render

CAUSES = (
    Cause("biases_unsuitable", "biases", Remedy("init.bias", 0), (Clue(9, "bias_x is -5"), Clue(-2, "one is 0"))),
    Cause("learning_rate_too_large", "the rate", Remedy("optimizer.lr", 0.01), (Clue(3, "it jumps"),)),
)
FOUND = Finding("dead_units", "problem", 3, "All of 01_block1.conv1 are dead.", CAUSES, {"share": 1.0})
NOTE = Finding("large_updates", "note", 0, "One update is large.", CAUSES)


def _terminal(findings: list[Finding], healthy: str = "Healthy. Fine.") -> str:
    console = Console(width=100, file=StringIO())
    with console.capture() as capture:
        console.print(render(findings, healthy))
    return capture.get()


def test_markdown_keeps_underscores_of_layer_names():
    text = markdown([FOUND], "Healthy.")
    assert "01\\_block1.conv1" in text and "`init.bias=0`" in text and text.startswith("1. **Dead units.**")
    assert "bias\\_x is -5; but one is 0" in text
    assert markdown([], "Healthy. Fine.") == "Healthy. Fine."


def test_a_cause_is_told_once():
    again = Finding("loss_at_chance", "problem", 100, "The loss is 2.303.", CAUSES)
    text = _terminal([FOUND, again])
    assert text.count("biases") == 1 and text.splitlines()[-1].strip() == "likely cause: the same as of 1"


def test_notes_stand_below_and_are_no_findings():
    assert markdown([NOTE], "Healthy. Fine.") == "Healthy. Fine.\n*Note*: One update is large."
    assert _terminal([NOTE]).splitlines()[0] == "Healthy. Fine." and "note: One update" in _terminal([NOTE])


def test_the_terminal_shows_sentence_cause_and_override():
    text = _terminal([FOUND])
    assert all(part in text for part in ("1. Dead units.", FOUND.sentence, "likely cause: biases", "try: init.bias=0"))
    assert "(bias_x is -5; but one is 0)" in text and "or: the rate (optimizer.lr=0.01)" in text
    assert _terminal([]) == "Healthy. Fine.\n"
