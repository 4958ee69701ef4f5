"""docs/claims.md and docs/claims.html from folders of sweeps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cnnlab.claims.claim import read_claim
from cnnlab.claims.run_record import RunRecord
from cnnlab.claims.stated import StatedClaim
from cnnlab.views.claims.documents import busy_seconds, judged, write_documents

SAID = {"sentence": "A is better.", "arm": "a", "than": "b", "margin": 0.01}
CLAIMS = [
    StatedClaim(name, read_claim(SAID), f"python -m cnnlab.train -m experiment={name}", "it holds", "digits")
    for name in ("clear", "missing", "weak")
]


def folders(make_sweep) -> Path:
    make_sweep({"a": [0.90, 0.91, 0.92, 0.90], "b": [0.50, 0.51, 0.52, 0.50]}, name="clear", claim=SAID, axes=("arm",))
    return make_sweep({"a": [0.9, 0.91, 0.86], "b": [0.84, 0.85, 0.83]}, name="weak", claim=SAID, axes=("arm",)).parent


def test_claims_are_judged_together_and_what_was_not_run_says_so(make_sweep):
    clear, missing, weak = judged(CLAIMS, folders(make_sweep))
    assert (clear.word, missing.word, weak.word) == ("holds", "not run", "inconclusive")
    assert clear.runs == 8 and missing.runs == 0
    assert clear.verdict is not None and clear.verdict.family == 2 and "data fingerprint" in clear.facts


def test_both_documents_are_written(make_sweep, tmp_path):
    sweeps = folders(make_sweep)
    make_sweep({"x": [0.9 + i / 1000 for i in range(14)]}, name="equal")
    entries = write_documents(CLAIMS, sweeps, "equal", tmp_path / "docs")
    markdown, page = ((tmp_path / "docs" / f"claims.{kind}").read_text() for kind in ("md", "html"))
    for text in (markdown, page):
        assert text.count("experiment=missing") >= 1 and "of 2,000 (" in text and "14 runs of one design" in text
    assert [entry.name for entry in entries] == ["clear", "missing", "weak"]


def test_the_learning_rates_that_were_chosen_stand_in_both(make_sweep, tmp_path):
    chosen = [{"labels": {"arm": arm}, "setting": {"lr": lr}, "edge": []} for arm, lr in (("a", "0.3"), ("b", "0.2"))]
    tune = {"grid": {"lr": ["0.1", "0.2", "0.3", "0.4"]}, "seeds": ["9"], "chosen": chosen}
    arms = {"a": [0.90, 0.91, 0.92], "b": [0.50, 0.51, 0.52]}
    sweeps = make_sweep(arms, name="clear", claim=SAID, axes=("arm",), tune=tune).parent
    write_documents(CLAIMS[:1], sweeps, "equal", tmp_path / "docs")
    for kind in ("md", "html"):
        assert (
            "Tried: lr of 0.1, 0.2, 0.3, 0.4, on other seeds than those measured. Chosen: a: 0.3; b: 0.2."
            in (tmp_path / "docs" / f"claims.{kind}").read_text()
        )


def run(start: int, end: int) -> RunRecord:
    began = datetime(2026, 11, 26, tzinfo=UTC)
    times = {"started": began + timedelta(seconds=start), "finished": began + timedelta(seconds=end)}
    return RunRecord("r", Path("r"), status={key: value.isoformat() for key, value in times.items()})


def test_runs_side_by_side_count_once_and_pauses_not_at_all():
    """0 to 10 and 5 to 12 are 12 s; 100 to 103 are 3 s more."""
    assert busy_seconds([run(0, 10), run(100, 103), run(5, 12), run(6, 7)]) == 15
    assert busy_seconds([]) == 0
