"""A sign and a colour for every verdict there is."""

from typing import get_args

from cnnlab.claims.claim import VERDICTS
from cnnlab.claims.compared import Outcome
from cnnlab.views.claims.verdict_look import LOOKS, NOT_RUN, headline


def test_every_verdict_has_a_look_and_no_two_a_sign():
    outcomes = set(get_args(Outcome)) - {"unknown"}
    assert set(LOOKS) == {*VERDICTS, *outcomes, "not known", NOT_RUN}
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)


def test_the_headline_is_the_sentence_and_the_word(verdict, comparison):
    assert headline(verdict()) == "“He suits relu.” HOLDS ONLY WHEN 22 layers"
    assert headline(verdict(comparison("does not hold", -0.05))) == "“He suits relu.” DOES NOT HOLD"
    assert headline(verdict(comparison("inconclusive", seeds=14))).endswith("INCONCLUSIVE (needs about 14 seeds)")
