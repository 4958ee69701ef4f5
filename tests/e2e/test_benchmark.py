"""The benchmark measures what it says: every variant trains, ratios are taken round by round, a part that fails or
that was not alone on the machine is named; `make bench` measures in earnest."""

import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from textwrap import dedent
from time import process_time, sleep

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from bench_parts import loop, peers_side_by_side, recipe, short, waiting
from bench_parts.children import Busy, Child, ChildFailed, script, started
from bench_parts.loops import bare_loop, cnnlab_loop, session
from bench_parts.page import page
from bench_parts.parts import PARTS, measure_apart, read
from bench_parts.plot import draw
from bench_parts.sections import SECTIONS
from bench_parts.settings import Settings, dataset, peers_root
from bench_parts.switches import VARIANTS
from bench_parts.tables import ratio
from bench_parts.turns import take_turns
from bench_parts.words import WORDS
from cnnlab.cli.build import make_network
from cnnlab.cli.compose import compose_run

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["dataset.size=8", "model.channels=[2]", "trainer.max_steps=50", "trainer.device=cpu"]


def test_each_child_waits_as_it_would_alone(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "77")  # as if this process had chosen it
    code = "import os; raise SystemExit(str([os.environ.get(k) for k in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')]))"
    for own, seen in (({}, "[None, None]"), ({"GOMP_SPINCOUNT": "5"}, "['5', None]")):
        with pytest.raises(ChildFailed, match=re.escape(seen)):
            Child(["-c", code], own)


def test_loops_take_turns_and_are_timed_apart():
    order = []

    def worker(name, seconds):
        while True:
            order.append(name)
            end = process_time() + seconds
            while process_time() < end:
                pass
            yield

    before = {"b": lambda: order.append("before b")}
    times = take_turns({"a": worker("a", 0.001), "b": worker("b", 0.003)}, 12, 2, 1, before)
    a, b, ten, two = ["a"], ["before b", "b"], 10, 2
    turns = [*a * ten, "before b", *["b"] * ten, *a * two, "before b", *["b"] * two]
    assert order == [*a, *b, *turns, *turns]
    assert all(seconds >= 0.001 for seconds in times["a"]) and all(seconds >= 0.003 for seconds in times["b"])
    assert len(times["a"]) == len(times["b"]) == 2


def test_ratios_are_those_of_a_round():
    assert ratio([2.0, 2.0, 12.0], [1.0, 2.0, 4.0]) == (2.0, 1.0, 3.0)


@pytest.mark.parametrize("name", loop.VARIANTS)
def test_every_variant_trains(name):
    steps, own = loop.VARIANTS[name]
    with session([*SMALL, *own]) as opened:
        before = [weight.clone() for weight in opened.network.parameters()]
        assert len(list(islice(steps(opened), 3))) == 3
        assert not any(torch.equal(a, b) for a, b in zip(before, opened.network.parameters(), strict=True))
        logged = [row for row in opened.recorder.history if "train/loss" in row]
        expected = {"bare loop": 0, "telemetry=off": 3, "telemetry=light": 3, "light, every step": 3}  # 0, 1, 2
        assert len(logged) == expected[name]
        assert any("activation/std/01_block1.conv1" in row for row in logged) == ("light" in name)


def test_the_bare_loop_computes_what_cnnlabs_does(monkeypatch):
    """Bit for bit, once both take the images in one order."""
    weights = []
    for steps in (bare_loop, cnnlab_loop):
        with session([*SMALL, "telemetry=off", "trainer.precision=bf16", "trainer.channels_last=true"]) as opened:
            monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.arange(n))
            list(islice(steps(opened), 5))
            monkeypatch.undo()
            weights.append([weight.detach().clone() for weight in opened.network.parameters()])
    for a, b in zip(*weights, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)  # x * scale - shift and x * scale + shift round apart


def test_changes_of_a_session_are_made():
    with session([*SMALL, "telemetry=off"]) as opened:
        for _, change in VARIANTS.values():
            change(opened)
        (group,) = opened.trainer.optimizer.param_groups
        assert group["fused"] and group["foreach"]
        activations = [m for m in opened.network.modules() if isinstance(m, torch.nn.ReLU)]
        assert len(activations) == 3 and all(m.inplace for m in activations)


@pytest.mark.parametrize("data, model", [(d, n) for d, n in peers_side_by_side.PRESETS.values()])
def test_the_scripts_of_others_have_cnnlabs_network(data, model, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts" / "bench_parts" / "peers")
    import common

    c, side, _ = shape = common.SHAPES[data]
    theirs = common.NETWORKS[model](c, side)
    ours = make_network(compose_run("train", [f"model={model}"])[0].model, shape, 10)
    x = torch.randn(2, *shape)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    assert torch.equal(theirs(x), ours(x))


def test_pictures_are_decoded_for_the_scripts_of_others(tmp_path, monkeypatch):
    pictures = {}
    for number in range(40):
        split, name = ("train", "test")[number % 3 == 0], ("cat", "dog")[number % 2]
        place = tmp_path / "cifar10" / split / name / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(place)
        pictures[pixels.tobytes()] = (split, name == "dog")
    settings = Settings(tmp_path, tmp_path / "cifar10", tmp_path, 1)
    assert dataset("mnist", settings) is None
    path = peers_root("cifar10", settings)
    monkeypatch.syspath_prepend(ROOT / "scripts" / "bench_parts" / "peers")
    import common

    found = {}
    for split in ("train", "test"):
        images = common.Decoded(path, train=split == "train")
        found |= {i.tobytes(): (split, bool(y)) for i, y in zip(images.data, images.targets, strict=True)}
        x, _ = images[0]
        mean, std = (
            torch.tensor(values).view(3, 1, 1) for values in ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
        )
        torch.testing.assert_close(x, (torch.from_numpy(images.data[0]).permute(2, 0, 1) / 255 - mean) / std)
    assert found == pictures


def test_children_take_turns_and_one_that_fails_is_named():
    lab = script("lab", *SMALL, "telemetry=off")
    plain = script("plain", "--data", "random", "--network", "stacked3x3", "--steps", "50")
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    failed: dict[str, str] = {}
    commands = {"lab": (lab, environment), "plain": (plain, environment), "typo": ([*lab, "modle=vgg"], environment)}
    with started(commands, failed) as children:
        assert list(children) == ["lab", "plain"] and "modle" in failed["typo"]
        for child in children.values():
            assert 0 < child.turn(2) < 60 and child.start_up > 0.1
            assert 50 * 2**20 < child.peak < 8 * 2**30
        assert 0 <= children["lab"].accuracy() <= 1
    with pytest.raises(ChildFailed, match="code 3 and said nothing|ended with 3"):
        Child(["-c", "raise SystemExit(3)"])


def test_the_busy_program_works_only_when_asked():
    busy = Busy(2)
    leader = psutil.Process(busy._process.pid)
    try:
        for _ in range(2):
            assert leader.children() == []
            with busy.at_work():
                workers = leader.children()
                assert len(workers) == 2
                while any(worker.cpu_times().user < 0.05 for worker in workers):
                    sleep(0.01)
            assert not any(worker.is_running() for worker in workers)
        with busy.at_work():
            workers = leader.children()
            busy.close()  # as if who started it had ended
            assert not any(worker.is_running() for worker in [*workers, leader])
            busy._say = lambda word: None
    finally:
        busy.close()


def test_the_script_measures_and_writes_the_page(tmp_path):
    arguments = ["--part", "loop", "--steps", "2", "--rounds", "1", "--threads", "1", "--page", "page.md"]
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "benchmark.py", *arguments],
        *(), cwd=tmp_path, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "page.md").read_text()
    assert all(f"| {name} |" in text for name in loop.VARIANTS)
    assert "Not measured: mnist, which is not in data." in text and "**in brief**" in text
    assert not any(figure in line for line in text.splitlines() if line.startswith("- ") for figure in "0123456789")
    assert (tmp_path / "page.png").stat().st_size > 5000
    assert {path.name for path in tmp_path.iterdir()} == {"outputs", "page.md", "page.png"}


def test_a_part_that_fails_is_named_and_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not measure_apart("loop", Settings("no path", None, tmp_path, 1))
    found = read(tmp_path)
    assert found == {("cpu", "loop"): {"failed": "AttributeError: 'str' object has no attribute 'absolute'"}}
    assert "**Failed**: AttributeError" in page(found, "x.png")


MACHINE = {
    **{"processor": "Some CPU", "cores": 2, "threads": 2, "torch": "2.15.0", "cnnlab": "0.1.0", "python": "3.11.7"},
    **{"date": "2026-11-27", "others": 0.01},
}
TIMES = {"bare loop": [0.01, 0.02], "telemetry=off": [0.0101, 0.0202], "telemetry=light": [0.0102, 0.0208]}


def _found(**changed):
    loops = {"tables": {"`vgg`, CIFAR-10": TIMES | {"light, every step": [0.012, 0.024]}}, "rounds": 2, "steps": 9}
    plain, names = peers_side_by_side.PLAIN, list(peers_side_by_side.TARGETS)
    each = dict(zip([plain, *names], (0.02, 0.01, 0.005), strict=True))
    peers = {"times": {n: [s, 2 * s] for n, s in each.items()}, "peak": dict.fromkeys(each, 2**29)}
    peers["start_up"] = dict.fromkeys(each, 3.0)
    waits = {"idle": {waiting.OWN: [0.01, 0.01]}, "busy": {waiting.OWN: [0.03, 0.02]}, "rounds": 2, "steps": 9}
    parts = {"loop": loops, "peers": {"tables": {"`vgg`, CIFAR-10": peers}}, "waiting": waits}
    return {
        ("cpu", name): {"machine": MACHINE, "short": False, "seconds": 1.0, "found": own} | changed
        for name, own in parts.items()
    }


def test_the_page_compares_with_the_targets():
    text = page(_found(), "x.png")
    assert "| telemetry=light | 15.5 | 1.030 | 1.020 .. 1.040 | 1.04, met |" in text
    assert "| light, every step | 18.0 | 1.200 | 1.200 .. 1.200 | 1.15, missed |" in text
    fp32, bf16 = peers_side_by_side.TARGETS
    assert f"| {fp32} | 15.0 | 2.00 | 2.00 .. 2.00 | 1.25, met | 512 MiB | 1.00 | 1.1, met | 3.0 s |" in text
    assert f"| {bf16} | 7.5 | 4.00 | 4.00 .. 4.00 | 2.2, met |" in text
    assert f"| {waiting.OWN} | 10.0 | | 25.0 | 2.50 | 2.00 .. 3.00 | 2.5, met |" in text
    assert "2026-11-27, Some CPU, 2 cores, 2 threads" in text and "not idle" not in text
    assert "Not measured, for lack of a GPU" in text and "## Sweeps" in text


def test_only_what_was_measured_alone_and_at_length_is_quoted():
    loops, peers, busy = short.short(_found())
    assert "1.01 with telemetry off (target 1.02), 1.03 with the default" in loops
    assert "2.00 and in bf16 4.00 times as fast with `vgg`, CIFAR-10" in peers and "2.50 times the time" in busy
    for changed in ({"short": True}, {"machine": MACHINE | {"others": 0.5}}):
        assert all(line.endswith(": not measured on an idle machine.") for line in short.short(_found(**changed)))
    failed = {key: {"failed": "no"} for key in _found()}
    assert all(line.endswith(": not measured on an idle machine.") for line in short.short(failed))
    assert "other programs took 50 % of the cores" in page(_found(machine=MACHINE | {"others": 0.5}), "x.png")


def _recipe():
    lab = {"seconds": [3.0, 4.0, 5.0], "with files": [6.0, 6.5, 7.0], "accuracy": [0.93, 0.95, 0.94]}
    other = {"seconds": [2.0, 2.0], "with files": [], "accuracy": [0.94, 0.94], "six views": [0.945, 0.955]}
    rows = {"cnnlab, epochs=10": lab, recipe.AIRBENCH: other}
    left = {"machine": MACHINE | {"gpu": "Some GPU"}, "short": False, "seconds": 1.0, "found": {"rows": rows}}
    return {("cuda", "recipe"): left}


def test_the_recipe_is_compared_with_airbench_on_a_gpu_alone():
    cpu, gpu = re.split("## CUDA", page(_recipe(), "x.png"))
    assert "| cnnlab, epochs=10 | 4.00 s | 2.00 | 6.50 s | 94.00% | 93.00% .. 95.00% | |" in gpu
    assert f"| {recipe.AIRBENCH} | 2.00 s | 1.00 | | 94.00% | 94.00% .. 94.00% | 95.00% |" in gpu
    assert "quick recipe" not in cpu and "Threads that wait" not in gpu and " ".join(recipe.RECIPE) in gpu


def test_every_setting_of_the_recipe_composes():
    job, _, _ = compose_run("train", ["dataset=cifar10", *recipe.RECIPE])
    assert job.init.after._target_.endswith(".whiten") and job.model.pool_after == "first"
    assert job.trainer.batch_size == 1024 and job.augmentation.flip


def test_airbench_gets_the_images_and_its_runs_are_told(tmp_path):
    code = """
        import torch
        from pathlib import Path
        class CifarLoader:
            def __init__(self, path, train, batch_size, aug=None, altflip=False):
                self.data = torch.load(Path(path) / ("train.pt" if train else "test.pt"))
        runs = []
        def train94(loader, run, verbose):
            runs.append(run)
            return loader.data["images"].shape[1:] == (32, 32, 3), len(runs)
        def evaluate(network, loader, tta_level):
            return len(loader.data["labels"]) + network[1] / 10 + tta_level if network[0] else 0
    """
    (tmp_path / "airbench.py").write_text(dedent(code))
    sizes = {"train": 6, "test": 4}
    arrays = {f"{name}_images": np.zeros((n, 32, 32, 3), np.uint8) for name, n in sizes.items()}
    np.savez(tmp_path / "x.npz", **arrays, **{f"{name}_labels": np.arange(n) for name, n in sizes.items()})
    call = [sys.executable, *script("with_airbench", "x.npz", "2")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["accuracy"] == [4.2, 4.3] and told["six views"] == [6.2, 6.3] and len(told["seconds"]) == 2


def test_the_plot_shows_what_there_is(tmp_path):
    for name, found in (("all", _found()), ("none", {})):
        draw(found, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_part_has_its_section():
    assert list(SECTIONS) == list(PARTS) == list(WORDS)


def test_the_readme_says_what_the_page_says():
    quoted = [line for line in (ROOT / "docs" / "benchmarks.md").read_text().partition("\n!")[0].splitlines()]
    lines = [line for line in quoted if line.startswith("- ")]
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert len(lines) == len(short.SENTENCES) and all(line in readme for line in lines)


def test_results_are_kept_as_json_beside_each_other(tmp_path):
    (tmp_path / "cuda").mkdir()
    (tmp_path / "cuda" / "loop.json").write_text(json.dumps(_found()["cpu", "loop"]))
    text = page(read(tmp_path), "x.png")
    cpu, gpu = re.split("## CUDA", text)
    assert "1.020 .. 1.040" in gpu and "1.020 .. 1.040" not in cpu and 'ARGS="--part loop"' in cpu
