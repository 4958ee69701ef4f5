"""The words about a run that was made again."""

from pathlib import Path

from cnnlab.runs.reproducing import Comparison
from cnnlab.views.reproduced import print_comparison


def test_a_sentence_if_it_is_the_same(capsys):
    print_comparison(Path("out[1]"), Comparison({}, 0, (40, 1), {}))
    told = " ".join(capsys.readouterr().out.split())
    assert told == "reproduced 40 numbers and 1 logged step as in out[1]"


def test_what_differs_and_what_was_not_as_it_was(capsys):
    found = Comparison({f"k{i}": (1, 2) for i in range(9)}, 3, (40, 5), {"torch": ("1", "2"), "diff": (None, "x" * 9)})
    print_comparison(Path("a"), found)
    lines = capsys.readouterr().out.splitlines()
    assert "9 of 40 numbers and 3 of 5 logged steps differ" in lines[0] and len(lines) == 8
    assert "k0: 1 there, 2 now" in lines[1] and "torch: 1 there, 2 now" in lines[6] and "another there" in lines[7]
