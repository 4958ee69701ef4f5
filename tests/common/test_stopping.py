"""A signal stops the work, also where Python swallows the exception."""

import os
import signal
import sys
import weakref

import pytest

from cnnlab.common.stopping import raise_if_asked, stoppable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_keyboard_interrupt(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), number)
        pytest.fail("nothing was raised")
    assert signal.getsignal(number) is before


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


def test_nothing_was_asked():
    raise_if_asked()
