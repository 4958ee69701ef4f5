"""The notebook runs from its first cell to its last, and prints what it shows."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "tour.ipynb"


def _printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.get("outputs", []) if output.get("name") == "stdout")


@pytest.mark.filterwarnings("ignore")  # what Jupyter's own packages say of each other
def test_the_tour_prints_what_it_shows(tmp_path):
    shown = nbformat.read(NOTEBOOK, as_version=4)
    run = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(run, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [(_printed(a), _printed(b)) for a, b in zip(shown.cells, run.cells, strict=True) if _printed(a)]
    assert len(printed) >= 6
    for before, now in printed:
        # Sums of floats differ in the last digit from machine to machine; words and what is found do not.
        assert [word for word in now.split() if word.isalpha()] == [word for word in before.split() if word.isalpha()]
