"""The comparisons as text."""

from cnnlab.views.claims.comparison_table import comparison_table, notes


def test_a_row_a_comparison_in_points(verdict):
    table = comparison_table(verdict())
    assert table.headings == (
        *("where", "arm", "against", "runs", "of the arm", "of the other"),
        *("points", "95 %", "p, Holm", "verdict"),
    )
    assert table.rows[1] == (
        *("22 layers", "he", "xavier", "6", "173.50 %", "90.00 %"),
        *("83.50", "82.90 to 84.10", "< 0.0001", "holds"),
    )
    assert table.words == 3 and notes(verdict()) == "A difference is positive where it speaks for the sentence."


def test_columns_that_say_nothing_are_left_out(verdict, comparison):
    exact = {"rule": "exact", "key": "model/parameters", "left": 2736.0, "right": 1200.0, "arm": ""}
    table = comparison_table(verdict(comparison("does not hold", -1536.0, None, **exact), rule="exact"))
    assert table.headings == ("against", "runs", "of the arm", "of the other", "difference", "verdict")
    assert table.rows == (("xavier", "6", "2,736", "1,200", "-1,536", "does not hold"),) and table.words == 1


def test_what_is_not_known_says_why_and_what_is_not_decided_how_many_seeds(verdict, comparison):
    unknown = comparison("unknown", left=None, right=None, reason="there are no runs of he")
    rows = comparison_table(verdict(unknown, comparison("inconclusive", seeds=14))).rows
    assert [row[-1] for row in rows] == ["not known: there are no runs of he", "inconclusive, needs about 14 seeds"]


def test_the_notes_follow_the_rule(verdict):
    assert notes(verdict(is_="equal")) == ""
    assert "the worst" in notes(verdict(rule="exact"))
