"""The state of the code that a run was made with."""

import subprocess

from cnnlab.runs.environment import code


def test_the_commit_is_not_that_of_a_checkout_that_only_surrounds_the_package(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    module = tmp_path / "run.py"
    module.write_text("")
    monkeypatch.setattr("cnnlab.runs.environment.__file__", str(module))
    assert code() == (None, None)
    subprocess.run([*git, "add", "run.py"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "ours"], check=True)
    ours, diff = code()
    assert ours is not None and "+" not in ours and diff is None
    module.write_text("changed")
    assert code()[0] == f"{ours}+changes" and "+changed" in (code()[1] or "")
