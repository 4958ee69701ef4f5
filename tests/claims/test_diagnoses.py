"""How many runs of a group have which finding."""

from pathlib import Path

from cnnlab.claims.diagnoses import diagnoses
from cnnlab.claims.run_record import RunRecord
from cnnlab.diagnosis import Cause, Clue, Finding, Remedy
from cnnlab.diagnosis.finding import flat


def _run(*names: str) -> RunRecord:
    cause = Cause("weights_too_small", "cause", Remedy("init", "he"), (Clue(9, "seen"),))
    findings = [Finding(name, "problem", 3, f"It is {name}.", (cause,)) for name in names]
    note = Finding("large_updates", "note", 0, "It was large.", (cause,))
    return RunRecord("r", Path("r"), results=dict(flat([*findings, note], "healthy")))


def test_findings_are_counted_the_most_urgent_first():
    runs = [_run("dead_units", "vanishing"), _run("vanishing"), _run(), _run("vanishing"), RunRecord("x", Path("x"))]
    found = [(f.title, f.count, f.of, f.first) for f in diagnoses(runs)]
    assert found == [("Vanishing", 3, 4, 2), ("Dead units", 1, 4, 1), ("Healthy", 1, 4, 1)]
    assert diagnoses(runs)[0].sentence == "It is vanishing." and diagnoses(runs)[0].override == "init=he"


def test_runs_that_were_not_diagnosed_have_no_findings():
    assert diagnoses([RunRecord("x", Path("x"))]) == []
