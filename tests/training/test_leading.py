"""Which process reads the command line."""

import subprocess
import sys

import pytest

from cnnlab.training import distributed
from cnnlab.training.leading import leading


def test_alone_a_process_leads_and_need_not_import_torch():
    code = (
        "import sys\nfrom cnnlab.training.leading import leading\nwith leading() as leads: assert leads\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("rank", "did"), [("0", ["dismissed"]), ("1", ["followed"])])
def test_of_torchruns_processes_the_first_leads_and_lets_the_others_go(monkeypatch, rank, did):
    done = []
    monkeypatch.setattr(distributed, "follow", lambda: done.append("followed"))
    monkeypatch.setattr(distributed, "dismiss", lambda: done.append("dismissed"))
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": rank, "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "ERROR")  # which it would set
    with pytest.raises(SystemExit), leading() as leads:
        assert leads is (rank == "0")
        sys.exit(1)
    assert done == did
