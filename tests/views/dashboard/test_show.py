"""What is said, and that runs which begin meanwhile are shown."""

import pytest

from cnnlab.views.dashboard import show as module
from cnnlab.views.dashboard.show import show


@pytest.fixture
def shown(monkeypatch):
    """shown(tops, meanwhile, open_): the report's page, the names that TensorBoard reads, and what the browser was told
    to open, after `meanwhile()` while the dashboards are shown."""

    def shown(tops, meanwhile=lambda: None, open_=True):
        opened, pages, seconds, names = [], [], [], []

        def serve(logdir, page, port):
            pages.append((logdir, page))
            return "http://127.0.0.1:1"

        def wait(for_seconds):
            seconds.append(for_seconds)
            if len(seconds) == 1:
                meanwhile()
                return
            logdir, page = pages[0]
            names.extend(sorted(path.relative_to(logdir).as_posix() for path in logdir.rglob("*") if path.is_symlink()))
            pages.append(page())
            raise KeyboardInterrupt

        monkeypatch.setattr(module, "serve", serve)
        monkeypatch.setattr(module.webbrowser, "open", opened.append)
        monkeypatch.setattr(module.time, "sleep", wait)
        show(tops, None, open_)
        assert not pages[0][0].exists(), "the folder of links is removed, the runs are not"
        return pages[1][0], names, opened

    return shown


def test_a_sweep_opens_on_its_report_with_links_into_the_dashboards(make_sweep, shown, capsys):
    folder = make_sweep({"a": [0.9, 0.8], "b": [0.7]})
    page, names, opened = shown([folder])
    assert "<h1>" in page and 'target="_top">learning curves</a>' in page and "cnnlab.dashboard" not in page
    assert names == ["a,seed=0", "a,seed=1", "b,seed=0"] and opened == ["http://127.0.0.1:1/#report"]
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("showing        3 runs of ") and said[1].startswith(
        "dashboards     http://127.0.0.1:1/#rep"
    )
    assert (folder / "a,seed=0" / "run.json").is_file()


def test_runs_that_are_no_experiment_together_open_on_their_list(write_run, tmp_path, shown):
    write_run(tmp_path / "o" / "x", 0.5)
    page, names, _ = shown([tmp_path / "o"], lambda: write_run(tmp_path / "o" / "y", 0.25))
    assert "2 runs: 2 completed" in page and names == ["x", "y"], "one of them began after the dashboards did"


def test_without_a_screen_nothing_is_opened(make_sweep, shown, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert shown([make_sweep({"a": [0.9]})], open_="auto")[2] == []
