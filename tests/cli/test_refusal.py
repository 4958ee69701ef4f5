"""A mistake that Hydra reports."""

import pytest
from hydra._internal.utils import run_and_report

from cnnlab.cli.refusal import Refusal


def test_hydra_prints_it_without_a_traceback(capsys):
    def refuse():
        raise Refusal("init=xavir: there is no such init.")

    with pytest.raises(SystemExit) as stop:
        run_and_report(refuse)
    printed = capsys.readouterr().err
    assert (
        stop.value.code == 1 and printed.startswith("init=xavir: there is no such init.") and "Traceback" not in printed
    )
