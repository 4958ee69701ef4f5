"""Findings, their causes and their flat form."""

from cnnlab.diagnosis.finding import Cause, Clue, Finding, flat, told
from cnnlab.diagnosis.remedies import Remedy

LIKELY = Cause(
    "biases_unsuitable",
    "the biases start far from 0",
    Remedy("init.bias", 0),
    (Clue(2, "weak"), Clue(8, "init.bias is -5"), Clue(-3, "but"), Clue(1, "")),
)
FOUND = Finding("dead_units", "problem", 3, "All of 01_block1.conv1 are dead.", (LIKELY,), {"share": 1.0})
NOTE = Finding("large_updates", "note", 0, "One update is large.", (LIKELY,))


def test_a_cause_adds_up_its_clues_and_tells_them_strongest_first():
    assert LIKELY.points == 8 and LIKELY.supporting == ["init.bias is -5", "weak"] and LIKELY.opposing == ["but"]


def test_what_trials_say_is_not_seen():
    tried = Cause("biases_unsuitable", "", Remedy(), (Clue(5, "large"), Clue(6, "tried", direct=False)))
    assert tried.points == 11 and tried.seen == 5


def test_a_finding_has_the_first_cause_and_its_remedy():
    assert FOUND.title == "Dead units." and FOUND.cause == LIKELY.clause and FOUND.remedy == LIKELY.remedy


def test_flat_keys_name_finding_cause_and_remedy():
    keys = flat([FOUND, NOTE], "healthy")
    assert keys["diagnosis/first"] == "dead_units" and keys["diagnosis/count"] == 1
    assert keys["diagnosis/dead_units/cause"] == "biases_unsuitable"
    assert keys["diagnosis/dead_units/override"] == "init.bias=0" and keys["diagnosis/dead_units/step"] == 3
    assert keys["diagnosis/large_updates/severity"] == "note"


def test_notes_alone_are_no_finding():
    assert told([NOTE, FOUND]) == [FOUND] and told([NOTE]) == []
    assert (
        flat([NOTE], "healthy")["diagnosis/first"] == "healthy" and flat([], "unknown")["diagnosis/first"] == "unknown"
    )
