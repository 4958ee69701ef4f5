"""The list of runs as a page."""

from cnnlab.views.dashboard.runs_page import runs_page


def test_every_run_has_a_row_with_its_real_status(make_sweep, write_run, tmp_path):
    write_run(tmp_path / "o" / "x", 0.5)
    make_sweep({"<b>": [0.25, "failed"]}, name="o/s")
    page = runs_page([tmp_path / "o"], {"learning curves": "/?x=1&y=2#timeseries"})
    assert "<h1>3 runs: 2 completed, 1 failed</h1>" in page and page.count("<tr>") == 4
    assert "50.00 %" in page and "25.00 %" in page and "<b>" not in page
    assert 'href="/?x=1&amp;y=2#timeseries" target="_top"' in page
