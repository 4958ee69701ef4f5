"""Fixtures that every test may use."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _same_numbers():
    """Each test starts from the same random state and leaves torch's switches as they were."""
    torch.manual_seed(0)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Decoded images go where the test ends, not into the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def preloaded() -> Iterator[subprocess.Popen]:
    command = [sys.executable, str(Path(__file__).with_name("preloaded.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process  # which ends when its stdin is closed


@pytest.fixture
def run_command(preloaded, tmp_path_factory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_command("-m", "cnnlab.train", ..., cwd=, env=): as `subprocess.run` with these arguments to Python, in a
    process that need not import torch anew."""

    def run_command(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        home = tmp_path_factory.mktemp("streams")
        streams = {name: str(home / name) for name in ("stdout", "stderr")}
        asked = {"arguments": arguments, "cwd": str(cwd), "env": dict(os.environ if env is None else env), **streams}
        preloaded.stdin.write(json.dumps(asked) + "\n")
        preloaded.stdin.flush()
        code = int(preloaded.stdout.readline())
        texts = [Path(path).read_text() for path in streams.values()]
        return subprocess.CompletedProcess([sys.executable, *arguments], code, *texts)

    return run_command


def _in_each(config, function, arguments, ranks):
    return ranks.collect(function(ranks, *arguments))


@pytest.fixture
def by_two(tmp_path) -> Callable[..., list]:
    """by_two(function, *arguments): what function(ranks, *arguments) returns in each of two processes, on the CPU."""
    import cloudpickle
    from omegaconf import OmegaConf

    from cnnlab.training.distributed import spread

    def by_two(function: Callable, *arguments) -> list:
        config = OmegaConf.create({"trainer": {"devices": 2, "device": "cpu"}})
        modules = [sys.modules[function.__module__], sys.modules[__name__]]
        for module in modules:  # which the other processes cannot import
            cloudpickle.register_pickle_by_value(module)
        try:
            return spread(_in_each, config, function, arguments, folder=tmp_path)
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)

    return by_two


@pytest.fixture(scope="session")
def configs() -> Path:
    return ROOT / "configs"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder with real MNIST/raw and cifar10-jpeg/{train,test}/<class>; $CNNLAB_DATA names it."""
    folder = Path(os.environ.get("CNNLAB_DATA", ROOT.parent / "data"))
    if not (folder / "MNIST" / "raw").is_dir() or not (folder / "cifar10-jpeg").is_dir():
        pytest.skip(f"needs real images: {folder} holds no MNIST/raw and cifar10-jpeg (set CNNLAB_DATA)")
    return folder


@pytest.fixture(scope="session")
def standardized() -> Callable[[Tensor], Tensor]:
    """Images (N, C, H, W) with mean 0 and deviation 1 in each channel."""

    def standardized(images: Tensor) -> Tensor:
        mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
        return (images - mean) / std

    return standardized


@pytest.fixture(scope="session")
def digits(standardized) -> Tensor:
    """(32, 1, 8, 8): scikit-learn's handwritten digits, four rows of eight."""
    return standardized(torch.tensor(load_digits().images[:32], dtype=torch.float32)[:, None])


# Of a run with two layers, as far as reports read it.
RESULTS = {
    **{"test/loss": 0.5, "test/images": 200, "test/chance": 0.1, "test/noise_floor": 0.02, "time/training_s": 3.0},
    **{"model/parameters": 1000.0, "model/macs": 5000.0, "model/saved_bytes": 2048.0, "validation/accuracy": 0.8},
    **{"activation/std/01_conv1@init": 1.0, "activation/std/01_conv1@end": 2.0, "first_layer/cosine/000": 0.5},
    **{"preactivation/std/01_conv1@init": 1.4, "preactivation/std/02_logits@init": 0.5},
    **{"gradient/std/01_conv1@init": 0.01, "gradient/std/02_logits@init": 0.1, "theory/activation_std/01_conv1": 1.1},
    **{"theory/activation_std_lower/01_conv1": 0.7, "theory/activation_std_upper/01_conv1": 1.5},
    **{"diagnosis/first": "healthy", "diagnosis/count": 0},
}


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """write_run(folder, accuracy, status, **changes to run.json): a run folder as training leaves it. An accuracy of
    None: a run that ended before it had results; a mapping: results that replace the usual ones."""

    def write_run(folder: Path, accuracy=None, status: str = "completed", config: str = "", **changes) -> Path:
        folder.mkdir(parents=True)
        run = {
            **{"status": status, "error": None, "seed": 0, "config_hash": folder.name, "device": "cpu"},
            **{"started": "2026-11-26T11:00:00+00:00", "finished": "2026-11-26T11:01:00+00:00", "pid": 0, "host": "h"},
            **{"device_name": "cpu, 1 threads", "platform": "Linux", "versions": {"cnnlab": "1", "torch": "2"}},
            **{"commit": "abc", "choices": {"dataset": "digits"}},
        }
        (folder / "run.json").write_text(json.dumps(run | changes))
        if accuracy is not None:
            found = accuracy if isinstance(accuracy, dict) else {"test/accuracy": accuracy}
            (folder / "results.json").write_text(json.dumps(RESULTS | found))
            rows = [{"step": s, "epoch": s // 10, "validation/accuracy": s / 30} for s in (10, 20)]
            (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if config:
            (folder / "config.yaml").write_text(config)
        return folder

    return write_run


@pytest.fixture
def make_sweep(tmp_path, write_run) -> Callable[..., Path]:
    """make_sweep({"a": [0.9, 0.8], "b": [0.7, "failed"]}): a sweep's folder with a run for each accuracy, by seed.

    A word in place of an accuracy is the status of a run without results, `queued` one that never ran; a pair is both.
    An arm's key has a value for each of `axes`, separated by commas. `content`: of sweep.json."""

    def make_sweep(arms: dict[str, list], axes: tuple[str, ...] = ("model",), name: str = "sweep", **content) -> Path:
        folder, jobs = tmp_path / name, []
        for arm, runs in arms.items():
            labels = dict(zip(axes, arm.split(","), strict=True)) if axes else {}
            for seed, run in enumerate(runs):
                job, overrides = f"{arm},seed={seed}", [f"{axis}={value}" for axis, value in labels.items()]
                job = job if axes else f"seed={seed}"
                settings = {"overrides": [*overrides, f"seed={seed}"], "config_hash": f"{name}{job}", "config": None}
                jobs.append({"name": job, "stage": "measure", "labels": labels, "seed": str(seed), **settings})
                status, accuracy = run if isinstance(run, tuple) else ("completed", run)
                if isinstance(accuracy, str):
                    status, accuracy = accuracy, None
                if status != "queued":
                    error = f"ValueError: {status}" if status != "completed" else None
                    write_run(folder / job, accuracy, status, error=error, seed=seed, config_hash=f"{name}{job}")
        folder.mkdir(exist_ok=True)
        sweep = {"version": 1, "command": "python -m cnnlab.train -m", "created": "2026-11-26T11:00:00+00:00"}
        sweep |= {"arms": {}, "axes": list(axes), "paired": False, "tune": None, "jobs": jobs}
        (folder / "sweep.json").write_text(json.dumps(sweep | content))
        return folder

    return make_sweep
