"""The word and the sentence of a verdict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnlab.claims.claim import read_claim
from cnnlab.claims.compared import Comparison
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.run_record import RunRecord
from cnnlab.claims.verdict import Verdict, in_words, judge_all

CLAIM = read_claim({"sentence": "He is better.", "arm": "he", "than": "xavier", "margin": 0.01})


def found(outcome: str, place: str = "", **settings) -> Comparison:
    values = {"left": 0.9490, "right": 0.1135, "value": 0.8355, "interval": (0.829, 0.842), "n": 6, **settings}
    return Comparison("test/accuracy", "he", "xavier", place, outcome=outcome, **values)


def verdict(*comparisons: Comparison, **settings) -> Verdict:
    claim = read_claim({"sentence": "He is better.", "arm": "he", "than": "xavier", "margin": 0.01, **settings})
    return Verdict(claim, comparisons, len(comparisons))


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        (["holds"], "holds"),
        (["holds", "holds"], "holds"),
        (["does not hold", "does not hold"], "does not hold"),
        (["no difference that matters"], "no difference that matters"),
        (["inconclusive"], "inconclusive"),
        (["unknown"], "not known"),
        (["holds", "does not hold"], "holds only when"),
        (["holds", "no difference that matters", "inconclusive"], "holds only when"),
        (["holds", "inconclusive"], "inconclusive"),
        (["holds", "unknown"], "not known"),
        (["does not hold", "no difference that matters"], "does not hold"),
        (["does not hold", "inconclusive"], "does not hold"),
        (["does not hold", "unknown"], "does not hold"),
        (["no difference that matters", "inconclusive"], "inconclusive"),
        (["holds", "does not hold", "inconclusive"], "holds only when"),
    ],
)
def test_the_word_is_that_of_all_comparisons(outcomes, word):
    assert verdict(*(found(outcome, str(i)) for i, outcome in enumerate(outcomes))).word == word


def test_where_nothing_is_compared_nothing_is_known():
    """As of folders of claims that compared an arm with itself."""
    assert (verdict().word, verdict().short, verdict().sentence) == ("not known", "not known", "nothing is compared.")


def test_holds_only_when_names_the_places():
    several = verdict(found("no difference that matters", "8 layers"), found("holds", "22 layers"))
    assert several.short == "holds only when 22 layers"


def test_holds_only_when_names_the_places_that_are_still_open():
    open_ = verdict(
        found("holds", "22 layers"), found("does not hold", "8 layers"), found("inconclusive", "14 layers"),
        found("unknown", "30 layers"),
    )  # fmt: skip
    assert open_.short == "holds only when 22 layers (inconclusive: 14 layers; not known: 30 layers)"


def test_inconclusive_says_how_many_seeds():
    assert verdict(found("inconclusive", seeds=14)).short == "inconclusive (needs about 14 seeds)"
    assert verdict(found("inconclusive")).short == "inconclusive"


def test_inconclusive_says_what_is_decided():
    partly = verdict(
        found("inconclusive", "8 layers", seeds=9), found("holds", "22 layers"), found("holds", "30 layers")
    )
    assert partly.short == "inconclusive (needs about 9 seeds; holds: 22 layers, 30 layers)"


def test_a_place_where_it_does_not_hold_is_not_hidden_by_those_that_are_open():
    """No number of seeds would make it hold everywhere."""
    partly = verdict(
        found("does not hold", "22 layers"), found("inconclusive", "8 layers", seeds=58), found("unknown", "30 layers")
    )
    assert partly.short == "does not hold (inconclusive: 8 layers; not known: 30 layers)"


def test_what_is_decided_otherwise_if_judged_alone_says_so():
    """A claim of p = 0.01 beside nineteen others of which none is decided."""
    rng = np.random.default_rng(0)
    runs = [
        RunRecord(f"{arm}{seed}", Path(), labels={"arm": arm}, seed=str(seed), results={"test/accuracy": accuracy})
        for arm, mean in (("he", 0.93), ("xavier", 0.9))
        for seed, accuracy in enumerate(mean + 0.01 * np.array([-1, 1, -1, 1, -1, 1]))
    ]
    open_ = [replace(r, results={"test/accuracy": 0.9 + 0.02 * rng.normal()}) for r in runs]
    experiments = [Experiment((), (), tuple(own), ("arm",)) for own in (runs, open_)]
    (alone,) = judge_all([(CLAIM, experiments[0])])
    assert alone.short == "holds" and alone.alone is None
    among, *_ = judge_all([(CLAIM, experiments[0])] + [(CLAIM, experiments[1])] * 19)
    assert among.word == "inconclusive" and among.short.endswith("; judged alone: holds)")


def test_other_places_if_judged_alone_are_told():
    places = "8 layers", "14 layers", "22 layers"
    few, more = (
        verdict(*(found(outcome, place) for place, outcome in zip(places, outcomes, strict=True)))
        for outcomes in (("does not hold", "inconclusive", "holds"), ("does not hold", "holds", "holds"))
    )
    assert replace(few, alone=more).short == (
        "holds only when 22 layers (inconclusive: 14 layers; judged alone: holds only when 14 layers, 22 layers)"
    )
    assert replace(few, alone=few).short == few.short
    open_ = verdict(found("inconclusive", "8 layers", seeds=16), found("inconclusive", "14 layers"))
    assert replace(open_, alone=few).short == (
        "inconclusive (needs about 16 seeds; judged alone: holds only when 22 layers)"
    )


def test_a_single_claim_is_adjusted_once(monkeypatch):
    calls = []
    monkeypatch.setattr("cnnlab.claims.verdict.holm", lambda found: calls.append(found) or list(found))
    runs = [RunRecord("r", Path(), labels={"arm": arm}, seed="0", results={}) for arm in ("he", "xavier")]
    judge_all([(CLAIM, Experiment((), (), tuple(runs), ("arm",)))])
    assert len(calls) == 1


def test_the_sentence_has_the_numbers():
    assert verdict(found("holds")).sentence == ("he 94.90 %, xavier 11.35 %: 83.55 points, 95 % 82.90 to 84.20.")
    many = verdict(*(found("holds", f"{n} layers") for n in range(5)))
    assert many.sentence.startswith("0 layers: he 94.90 %") and many.sentence.endswith("; and 2 more comparisons.")


def test_an_unknown_comparison_says_why():
    assert in_words(found("unknown", "8 layers", reason="one seed")) == "8 layers: he not known (one seed)"


def test_who_was_right():
    assert verdict(found("holds"), guess="holds").guessed == "You guessed 'holds', and were right."
    assert verdict(found("holds"), guess="does not hold").guessed == (
        "You guessed 'does not hold'; the verdict is 'holds'."
    )
    assert verdict(found("holds")).guessed is None
