"""Entries, how they are counted, and what is said of all."""

from cnnlab.claims.claim import Claim
from cnnlab.views.claims.catalogue import (
    ClaimEntry,
    counted,
    grouped,
    introduction,
    other_facts,
    summary,
    time_in_words,
)


def _entry(verdict=None, of="text", **changes) -> ClaimEntry:
    claim = Claim("He suits relu.", changes.pop("keys", ("test/accuracy",)), ("xavier",), of=of, **changes)
    return ClaimEntry("he", claim, "python", verdict=verdict, runs=6, seconds=240.0)


def test_they_are_counted_by_verdict_and_grouped_by_where_they_are_from(verdict, comparison):
    entries = [_entry(), _entry(verdict(), of="beyond"), _entry(verdict(comparison()))]
    assert list(counted(entries).items()) == [("holds", 1), ("holds only when", 1), ("not run", 1)]
    assert [len(own) for own in grouped(entries).values()] == [2, 1] and len(grouped(entries[1:2])) == 1
    assert summary(entries).replace("\u00a0", " ") == (
        "3 claims: ✓ 1 holds, ◐ 1 holds only when, ○ 1 not run; all runs together took 12.0 minutes."
    )


def test_an_entry_in_words(verdict):
    entry = _entry(verdict(), margin=0.01)
    assert (entry.word, entry.short, entry.margin) == ("holds only when", "holds only when 22 layers", "1 point")
    assert entry.cost == "6 runs, 4.0 minutes" and entry.evidence.startswith("22 layers: he")
    assert _entry(margin=0.005).margin == "0.5 points" and _entry(margin=0.2, keys=("test/loss",)).margin == "0.2"
    assert _entry(rule="trained", margin=0.1).margin == "" == _entry().margin
    assert (_entry().word, _entry().short, _entry().evidence) == ("not run", "not run", "")


def test_the_introduction_says_how_many_comparisons_and_how_often_it_is_wrong(verdict):
    facts = {"false_verdicts": "3 of 200 (1.5 %)", "false_verdicts_how": "On digits.", "gpu": "none"}
    text = " ".join(introduction([_entry(verdict())], facts))
    assert "it alone, for its own comparisons only; where that gives another verdict, it is added." in text
    assert "for 2 comparisons" in text and "equal: 3 of 200 (1.5 %). On digits." in text
    assert other_facts(facts) == {"gpu": "none"}
    assert len(introduction([_entry()], {})) == 1


def test_time():
    assert [time_in_words(seconds) for seconds in (42, 204, 7560)] == ["42 s", "3.4 minutes", "2.1 hours"]
