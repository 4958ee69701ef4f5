"""What brief runs with a remedy say of causes, and of the advice itself."""

import pytest

from cnnlab.diagnosis import diagnose
from cnnlab.diagnosis.causes.tried import helped, instead, judged
from cnnlab.diagnosis.evidence import BRIEF
from cnnlab.diagnosis.finding import SEEN, Cause, Clue
from cnnlab.diagnosis.remedies import Remedy

OWN = 0.2
RATE = Remedy("optimizer.lr", 0.01)


def _run(row, evidence, steps=200, **tried):
    """`tried`: accuracy with `optimizer.lr=0.01`, `init=he`; `was`: of a brief run as it was."""
    keys = {"lr": "check/remedy/optimizer.lr=0.01", "he": "check/remedy/init=he", "was": "check/as_it_was"}
    rows = [row(step, loss=2.2, accuracy=OWN) for step in (0, steps // 2, steps - 1)]
    return evidence(
        *rows,
        {"step": steps, "validation/accuracy": OWN} | {keys[name]: value for name, value in tried.items()},
        validation_images=500,
    )


def _cause(points, remedy=RATE):
    return Cause("it", "it", remedy, (Clue(points, "fits"),))


def test_what_helps_speaks_for_its_cause_and_what_does_not_against_it(row, evidence):
    assert judged(_run(row, evidence, lr=0.8), _cause(2)).points > 2
    failed = judged(_run(row, evidence, lr=0.22), _cause(9))
    assert failed.points < 9 and failed.seen == 9, "nothing that was seen is taken back"
    assert judged(_run(row, evidence, lr=0.27), _cause(2)) == _cause(2), "neither: 7 points may be luck"
    assert judged(_run(row, evidence, he=0.8), _cause(2)) == _cause(2), "not tried"


def test_it_is_told_with_its_numbers(row, evidence):
    (_, said) = judged(_run(row, evidence, lr=0.8), _cause(2)).clues
    assert said.text == (
        "tried: 200 steps with optimizer.lr=0.01 reach 80 % on 500 validation images, where the run reaches 20 %"
    )
    (said,) = judged(_run(row, evidence, lr=0.21), _cause(2)).opposing
    assert said.startswith("tried: 200 steps with optimizer.lr=0.01 reach only 21 %")


def test_a_long_run_is_compared_with_itself_cut_short(row, evidence):
    long = _run(row, evidence, steps=5000, lr=0.5, was=0.45)
    assert not helped(long, RATE.override) and helped(_run(row, evidence, steps=5000, lr=0.5, was=0.1), RATE.override)
    assert judged(long, _cause(2)).opposing == [
        f"tried: {BRIEF} steps with optimizer.lr=0.01 reach only 50 % on 500 validation images, without it 45 %"
    ]


@pytest.mark.parametrize(("own", "other", "advised"), [(0.22, 0.8, "init=he"), (0.8, 0.8, RATE.override)])
def test_advice_that_did_not_help_gives_way_to_what_did(row, evidence, own, other, advised):
    run, he = _run(row, evidence, lr=own, he=other), _cause(2, Remedy("init", "he"))
    assert instead(run, _cause(SEEN), [_cause(SEEN), he]).remedy.override == advised


def test_what_was_not_tried_is_left(row, evidence):
    run = _run(row, evidence, he=0.8)
    assert instead(run, _cause(SEEN), [_cause(2, Remedy("init", "he"))]).remedy == RATE


def test_a_likelier_cause_whose_remedy_fails_comes_second(row, evidence):
    """A rate that is too small by its number, and whose correction changes nothing."""
    lr, small = {"optimizer/lr": 2e-5}, {"learning_rate": 2e-5, "optimizer": "adamw"}
    rows = [row(step, loss=2.3, accuracy=0.1) | lr for step in (0, 100, 200)]
    before = diagnose([*rows, {"step": 200, "validation/accuracy": 0.1}], evidence(*rows, **small).context)
    assert before[0].causes[0].name == "learning_rate_too_small"
    tried = {f"check/remedy/{before[0].remedy.override}": 0.1}
    after = diagnose([*rows, {"step": 200, "validation/accuracy": 0.1} | tried], evidence(*rows, **small).context)
    assert after[0].causes[0].name != "learning_rate_too_small"
