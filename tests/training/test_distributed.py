"""One run by two processes against the same run by one: every number, what stops it, and how it ends."""

import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from cnnlab.common.errors import InputError
from cnnlab.runs.run_folder import read_metrics
from cnnlab.train import run

# Smooth, or else the last bit of a sum decides now and then whether a unit is on, and the runs part.
SMOOTH = ["model.activation=tanh", "model.pool=mean", "model.channels=[4,8]", "model.convs_per_block=1"]
SMALL = ["trainer.device=cpu", "dataset.size=12", "trainer.max_steps=25", "optimizer.lr=0.01", *SMOOTH]
HARD = [
    "model.norm=batch", "augmentation=digits", "trainer.label_smoothing=0.1", "trainer.clip=1",
    "telemetry=full", "telemetry.every=5", "telemetry.theory=false", "evaluation=invariance",
]  # fmt: skip
TIMES = ("time/", "telemetry/overhead", "check/")

OWN = '''
import os
import signal
from pathlib import Path

from torch import nn

from cnnlab.common.errors import InputError


class Odd(nn.Module):
    """One layer never runs, one in every second step; what is in the file `todo` is done once, in one process."""

    def __init__(self, image_shape, classes, todo):
        super().__init__()
        self.conv, self.drop, self.unused = nn.Conv2d(image_shape[0], 4, 3), nn.Dropout(0.3), nn.Linear(3, 3)
        self.second, self.logits = nn.Linear(4, 4), nn.Linear(4, classes)
        self.calls, self.todo = 0, Path(todo)
        # Of an untouched run, the same as of one that is taken up.
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        if self.training and x.shape[0] > 2 and "RANK" in os.environ:
            self.do()
        self.steps += self.training
        x = self.drop(self.conv(x).tanh().mean((2, 3)))
        return self.logits(x + self.second(x) if self.steps % 2 else x)

    def do(self):
        self.calls += 1
        if self.calls == 9 and os.environ["RANK"] == "1" and self.todo.exists():
            what = self.todo.read_text()
            self.todo.unlink()
            if what == "stop":
                os.kill(os.getpid(), signal.SIGTERM)
            if what == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if what == "raise":
                raise ZeroDivisionError("no luck")
            if what == "refuse":
                raise InputError("Not so.\\nBut so.")
'''.replace("from torch import nn\n", "import torch\nfrom torch import nn\n")


def _run(folder: Path, devices: int, *overrides: str, **named) -> dict:
    return run(*SMALL, f"trainer.devices={devices}", *overrides, folder=folder, **named)


def _status(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def _weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / f"{name}.pt", weights_only=True)["network"]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("both")
    for devices in (1, 2):
        _run(home / str(devices), devices, *HARD)
    return home / "1", home / "2"


def test_the_weights_and_what_batch_norm_counted_are_those_of_one_process(both):
    for name in ("last", "best"):
        one, two = (_weights(folder, name) for folder in both)
        assert one.keys() == two.keys() and any("running_var" in key for key in one)
        for key in one:
            torch.testing.assert_close(two[key], one[key], rtol=1e-4, atol=1e-6)


def test_every_logged_number_is_that_of_the_whole_batch(both):
    one, two = (read_metrics(folder) for folder in both)
    assert len(one) == len(two) > 10
    for row, other in zip(one, two, strict=True):
        assert row.keys() == other.keys()
        for key in row:
            # The sum of a batch's gradients is 0 but for rounding where batch norm follows, as is its mean.
            small = 1e-7 if key.startswith("gradient/mean") else 1e-5
            assert other[key] == pytest.approx(row[key], rel=1e-3, abs=small, nan_ok=True), (row["step"], key)
    seen = {key.split("/")[0] for row in one for key in row}
    assert {"train", "validation", "activation", "gradient", "saturation", "weight", "bias", "images"} <= seen


def test_the_results_are_those_of_one_process(both):
    one, two = (json.loads((folder / "results.json").read_text()) for folder in both)
    assert one.keys() == two.keys()
    for key, value in one.items():
        if isinstance(value, float) and not key.startswith((*TIMES, "gradient/mean")):
            assert two[key] == pytest.approx(value, rel=2e-3, abs=1e-5), key
    assert one["test/images"] == two["test/images"] == 359


def test_one_folder_written_by_one(both):
    names = [sorted(path.name.split(".")[0] for path in folder.rglob("*") if path.is_file()) for folder in both]
    assert names[0] == names[1]
    status = _status(both[1])
    threads = max(1, torch.get_num_threads() // 2)
    assert status["status"] == "completed" and status["pid"] == os.getpid()
    assert status["device_name"] == f"cpu, 2 processes with {threads} thread{'s' * (threads > 1)} each"
    assert all(not key.startswith("module.") for key in _weights(both[1]))


@pytest.fixture
def own(tmp_path) -> list[str]:
    """The overrides of a run with a network that does what `tmp_path / "todo"` says."""
    mine = tmp_path / "mine"
    (mine / "model").mkdir(parents=True)
    (mine / "odd_network.py").write_text(OWN)
    (mine / "model" / "odd.yaml").write_text(f"_target_: odd_network.Odd\ntodo: {tmp_path / 'todo'}\n")
    yield ["model=odd", *(setting for setting in SMALL if not setting.startswith("model."))]
    sys.path[:] = [folder for folder in sys.path if folder != str(mine)]
    sys.modules.pop("odd_network", None)


def _own(tmp_path: Path, own: list[str], name: str, todo: str = "", devices: int = 2) -> Path:
    if todo:
        (tmp_path / "todo").write_text(todo)
    run(*own, f"trainer.devices={devices}", folder=tmp_path / name, config_dir=tmp_path / "mine")
    return tmp_path / name


def _no_orphans() -> None:
    end = time.monotonic() + 5
    while any("RANK" in _environ(child) for child in psutil.Process().children(recursive=True)):
        assert time.monotonic() < end
        time.sleep(0.05)


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def test_stopped_in_one_process_all_stop_at_one_step_and_go_on_bit_for_bit(tmp_path, own):
    whole = _own(tmp_path, own, "whole")
    with pytest.raises(KeyboardInterrupt):
        _own(tmp_path, own, "stopped", "stop")
    stopped = tmp_path / "stopped"
    assert _status(stopped)["status"] == "interrupted"
    state = torch.load(stopped / "checkpoints" / "last.pt", weights_only=True)
    assert 5 < state["step"] < 15 and len(state["resume"]["ranks"]) == 2
    _no_orphans()
    _own(tmp_path, own, "stopped")
    assert _status(stopped)["status"] == "completed"
    one, two = _weights(whole), _weights(stopped)
    assert all(torch.equal(one[key], two[key]) for key in one), "with dropout, which each process draws by itself"
    assert read_metrics(whole) == read_metrics(stopped)


def test_layers_that_do_not_run_in_every_step_are_trained_as_by_one_process(tmp_path, own):
    own = [*own, "telemetry=off"]
    (tmp_path / "mine" / "odd_network.py").write_text(OWN.replace("nn.Dropout(0.3)", "nn.Identity()"))
    one, two = (_weights(_own(tmp_path, own, f"odd{devices}", devices=devices)) for devices in (1, 2))
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("todo", "error", "words"),
    [
        ("kill", InputError, "rank 1 of 2: killed by SIGKILL"),
        ("raise", RuntimeError, "rank 1 of 2: ZeroDivisionError: no luck"),
        pytest.param("refuse", InputError, "Not so.\nBut so.", marks=pytest.mark.slow),
    ],
)
def test_a_process_that_dies_ends_the_run_with_its_reason(tmp_path, own, todo, error, words):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(error, match=words) as raised:
        _own(tmp_path, [*own, "telemetry=off"], "run", todo)
    assert len(str(raised.value).splitlines()) <= 5
    assert (todo == "raise") == any("in do" in note for note in getattr(raised.value, "__notes__", []))
    status = _status(tmp_path / "run")
    assert status["status"] == "failed" and words in status["error"] and "rank 1" in status["error"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    _no_orphans()


def test_a_run_that_is_there_is_left_as_it_is(both):
    before = (both[1] / "run.json").read_text()
    with pytest.raises(InputError, match="already holds a run"):
        _run(both[1], 2, *HARD, "seed=1")
    assert (both[1] / "run.json").read_text() == before


@pytest.mark.slow
def test_divergence_is_agreed_on(tmp_path):
    results = _run(tmp_path / "run", 2, "optimizer.lr=1e30", "scheduler=constant", "model.activation=relu")
    assert _status(tmp_path / "run")["status"] == "diverged" and math.isfinite(results["train/first_nonfinite_step"])


@pytest.mark.cuda
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_train_as_one(tmp_path):
    for devices in (1, 2):
        _run(tmp_path / str(devices), devices, *HARD, "trainer.device=cuda", "trainer.deterministic=true")
    one, two = (_weights(tmp_path / str(devices)) for devices in (1, 2))
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=1e-3, atol=1e-5)
    first, second = (read_metrics(tmp_path / str(devices)) for devices in (1, 2))
    for row, other in zip(first, second, strict=True):
        assert row.keys() == other.keys()
        assert all(other[key] == pytest.approx(row[key], rel=1e-2, abs=1e-4, nan_ok=True) for key in row)
