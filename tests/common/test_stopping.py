"""A signal stops the work, also where Python swallows the exception."""

import os
import pickle
import signal
import subprocess
import sys
import time
import weakref

import pytest

from cnnlab.common import stopping
from cnnlab.common.stopping import (
    Stopped,
    asked,
    asked_to_save,
    heard,
    how_it_ended,
    patiently,
    raise_if_asked,
    stoppable,
)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_a_keyboard_interrupt(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as raised, stoppable():
        os.kill(os.getpid(), number)
        pytest.fail("nothing was raised")
    assert signal.getsignal(number) is before
    assert isinstance(raised.value, KeyboardInterrupt) and raised.value.number == number


def test_a_stop_has_a_reason_and_an_exit_code_that_tells_it():
    assert str(Stopped(signal.SIGTERM)) == how_it_ended(128 + signal.SIGTERM) == "stopped by SIGTERM"
    assert str(Stopped(signal.SIGUSR2, "out of time")) == "out of time"
    assert how_it_ended(-signal.SIGTERM) == "killed by SIGTERM" and "exit code 1" in how_it_ended(1)


def test_a_terminal_that_closes_under_nohup_stops_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
            assert not asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_must_not_be_torn_is_stopped_where_it_asks():
    done = []
    with pytest.raises(Stopped), stoppable(), patiently():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("the step")
        assert asked()
        raise_if_asked()
        done.append("another")
    assert done == ["the step"]


def test_whoever_asks_twice_does_not_wait():
    with pytest.raises(Stopped) as raised, stoppable(), patiently():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("nothing was raised")
    assert raised.value.number == signal.SIGINT


def test_a_step_that_hangs_is_stopped_all_the_same(monkeypatch):
    monkeypatch.setattr(stopping, "REMINDER_S", 0.1)
    with pytest.raises(Stopped) as raised, stoppable(), patiently():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)
    assert raised.value.number == signal.SIGTERM


def test_another_signal_asks_to_save_once():
    with stoppable():
        os.kill(os.getpid(), signal.SIGUSR2)
        assert not asked() and asked_to_save() and not asked_to_save()


class Thing:
    """What a weak reference may point to."""


def test_a_signal_that_is_swallowed_is_not_lost(capfd):
    """Python ignores exceptions in callbacks of weak references."""
    with stoppable():
        thing = Thing()
        reference = weakref.ref(thing, lambda _: [os.kill(os.getpid(), signal.SIGTERM) for _ in range(1)])
        del thing
        assert reference() is None, "and it goes on here"
        with pytest.raises(KeyboardInterrupt):
            raise_if_asked()
    raise_if_asked()
    assert capfd.readouterr().err == ""


def test_other_exceptions_that_python_ignores_are_still_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    with stoppable():
        thing = Thing()
        reference = weakref.ref(thing, lambda _: 1 / 0)
        del thing
    assert reference() is None and told == [ZeroDivisionError]


def test_whoever_does_not_hear_is_reminded(monkeypatch):
    monkeypatch.setattr(stopping, "REMINDER_S", 0.1)
    with stoppable():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(20)


def test_whoever_hears_is_left_in_peace(monkeypatch):
    monkeypatch.setattr(stopping, "REMINDER_S", 0.1)
    with stoppable():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        heard()
        time.sleep(0.3)


def test_nothing_was_asked():
    with stoppable():
        assert raise_if_asked() is None


@pytest.mark.parametrize("delay", [0.15, 0.3, 1.0])
def test_ctrl_c_while_a_command_is_imported_shows_no_traceback(delay, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "cnnlab.train", "trainer.max_steps=500"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "cnnlab.common.stopping" not in process.stderr.readline():  # from here on it is cnnlab that is imported
        assert process.poll() is None
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in printed


def test_what_stopped_a_process_comes_through_a_pickle():
    for stopped in (stopping.Stopped(signal.SIGTERM), stopping.Stopped(signal.SIGINT, "time is over")):
        again = pickle.loads(pickle.dumps(stopped))
        assert (again.number, str(again)) == (stopped.number, str(stopped))
