"""The shared entry point: every job is checked first, user errors have no traceback, defects keep theirs."""

import os
import pickle
import signal
import sys
from threading import Lock

import pytest
from hydra.core.hydra_config import HydraConfig

import cnnlab
from cnnlab.cli.entry import _Made, entry
from cnnlab.common.errors import InputError


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """`command(task, check, *arguments)` -> (exit code, stdout, stderr), in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # silent after a stop
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("nobody took care of SIGTERM"))

    def run(task, check, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cnnlab.predict", *arguments])
        code = 0
        try:
            entry("predict", task, check)
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, *capsys.readouterr()

    yield run
    signal.signal(signal.SIGTERM, before)


def test_every_job_is_checked_before_the_first_begins(command):
    events = []
    code, *_ = command(
        lambda config: events.append(config.top),
        lambda jobs: events.append([job.top for job in jobs]),
        *("-m", "top=3,1,2"),
    )
    assert code == 0 and events == [[3, 1, 2], 3, 1, 2]


def test_what_the_check_of_a_run_made_is_given_to_its_task_once_and_to_no_job_of_a_sweep(command):
    given = []

    def task(config, *made):
        given.append(made)

    assert command(task, lambda jobs: {"made": len(jobs)})[0] == 0
    assert command(task, lambda jobs: None)[0] == 0
    assert command(task, lambda jobs: {"made": len(jobs)}, "-m", "top=3")[0] == 0
    assert given == [({"made": 1},), (), ()]


def test_what_was_made_does_not_travel_with_the_task():
    made = _Made()
    made.content = Lock()  # which cannot be pickled
    assert pickle.loads(pickle.dumps(made)).take() == ()


def _refuse(_):
    raise InputError("top=0 is not allowed.\nAllowed: more.")


def test_a_mistake_that_the_check_finds_costs_nothing(command, tmp_path):
    begun = []
    assert command(begun.append, _refuse) == (1, "", "top=0 is not allowed.\nAllowed: more.\n")
    assert begun == [] and list(tmp_path.iterdir()) == []


def test_a_mistake_in_the_arguments_is_told_before_the_check(command, tmp_path):
    checked = []
    code, out, err = command(checked.append, checked.append, "tpo=3")
    assert (code, out, checked) == (1, "", []) and "Did you mean 'top'?" in err
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_that_only_the_job_finds_is_told_without_a_traceback(command):
    code, out, err = command(_refuse, lambda jobs: None)
    assert (code, out) == (1, "") and "top=0 is not allowed.\nAllowed: more." in err and "Traceback" not in err


def test_the_other_jobs_of_a_sweep_still_run(command):
    done = []
    code, *_ = command(lambda c: _refuse(c) if c.top == 1 else done.append(c.top), lambda jobs: None, "-m", "top=1,2,3")
    assert code == 1 and done == [2, 3]


def test_a_defect_is_shown_as_one(command):
    code, _, err = command(lambda config: 1 / 0, lambda jobs: None)
    assert code == 1 and "ZeroDivisionError" in err and "Traceback" in err


def test_a_defect_of_the_check_is_no_mistake_of_the_user(command):
    with pytest.raises(ZeroDivisionError):
        command(lambda config: None, lambda jobs: 1 / 0)


def _interrupt(_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stop", "number"),
    [(_interrupt, signal.SIGINT), (lambda _: os.kill(os.getpid(), signal.SIGTERM), signal.SIGTERM)],
    ids=["ctrl-c", "term"],
)
def test_a_job_that_is_stopped_says_where_its_work_lies(command, tmp_path, stop, number):
    code, _, err = command(stop, lambda jobs: None, "hydra.run.dir=here")
    assert code == 128 + number
    assert err == f"Interrupted. Partial results are in {tmp_path / 'here'}\n"


def test_one_that_leaves_nothing_says_no_more(command):
    code, _, err = command(_interrupt, lambda jobs: None, "-cn", "dashboard")
    assert (code, err) == (128 + signal.SIGINT, "Interrupted.\n")


def test_the_version_is_cnnlabs(command):
    code, out, _ = command(_refuse, _refuse, "--version")
    assert code == 0 and out.startswith(f"cnnlab {cnnlab.__version__}, Hydra 1.")


def test_a_question_to_hydra_is_neither_checked_nor_run(command, tmp_path):
    asked = []
    code, out, _ = command(asked.append, asked.append, "--cfg=job")
    assert (code, asked) == (0, []) and "top: 5" in out and list(tmp_path.iterdir()) == []
