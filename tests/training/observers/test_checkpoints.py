"""What lies in last.pt and best.pt, and that a run which is taken up from there ends as one that never stopped."""

import shutil
from collections import deque
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.common import stopping
from cnnlab.common.errors import InputError
from cnnlab.datasets.look import ranges
from cnnlab.networks.convnet import ConvNet
from cnnlab.runs import checkpoint
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.training.observers.checkpoints import Checkpoints
from cnnlab.training.observers.observer import Observer
from cnnlab.training.session import Session
from cnnlab.training.start import opened, session_of
from cnnlab.training.trainer import Place

SMALL = ["dataset.size=8", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=48"]
SMALL += ["telemetry.every=7"]


@pytest.fixture
def job():
    """job(*overrides): the config of a small run on digits; 20 steps are an epoch."""
    register_resolvers()

    def job(*overrides: str):
        (job,) = compose_jobs("train", [*SMALL, "trainer.batch_size=64", *overrides])
        return job

    return job


def _run(config, folder: Path, *observers: Observer) -> Session:
    """As the command does, with these besides."""
    request = Request(config=OmegaConf.to_container(config, resolve=True))
    with opened(config, request, RunFolder(folder)) as (run, device):
        session = session_of(config, request, run, device, pictures=False)
        session.observers = [*observers, *session.observers]
        session.run()
    return session


class Stop(Observer):
    """Asks to stop at the `count`-th rest, as a signal does, between two steps or batches of the validation."""

    def __init__(self, count: int):
        self.count = count

    def resting(self, place: Place) -> None:
        self.count -= 1
        if self.count == 0:
            stopping._asked.append((15, ""))


class Begun(Observer):
    """Notes the first step at which it rests."""

    step: int | None = None

    def resting(self, place: Place) -> None:
        self.step = place.step if self.step is None else self.step


def _stopped(config, folder: Path, rests: int) -> None:
    with pytest.raises(stopping.Stopped):
        _run(config, folder, Stop(rests))
    stopping._asked.clear()


def _curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _untimed(results: dict) -> dict:
    return {key: value for key, value in results.items() if not key.startswith(("time/", "telemetry/overhead"))}


def _same(a: Session, b: Session) -> None:
    for one, other in zip(a.network.state_dict().values(), b.network.state_dict().values(), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
    assert str(_untimed(a.results)) == str(_untimed(b.results))  # as texts, in which NaN equals NaN
    first, second = a.folder.path, b.folder.path
    assert (first / "metrics.jsonl").read_bytes() == (second / "metrics.jsonl").read_bytes()
    assert str(_curves(first)) == str(_curves(second))


@pytest.mark.parametrize("rests", [1, 13, 21, 22, 25, 49])
@pytest.mark.parametrize(
    "overrides",
    [
        ["model.dropout=0.3", "model.norm=batch", "augmentation=digits"],
        [
            *("optimizer=adamw", "scheduler=cosine", "trainer.clip=0.5"),
            *("trainer.precision=bf16", "trainer.label_smoothing=0.1"),
        ],
    ],
    ids=["dropout, batch norm, augmentation", "AdamW, clipping, bf16"],
)
def test_a_run_that_was_stopped_and_taken_up_ends_as_one_that_was_not(job, tmp_path, overrides, rests):
    config = job(*overrides)
    whole = _run(config, tmp_path / "whole")
    _stopped(config, tmp_path / "torn", rests)
    torch.rand(17)  # another process has another random state
    begun = Begun()
    _same(whole, _run(config, tmp_path / "torn", begun))
    assert begun.step is not None and 0 < begun.step <= rests + 1


def test_it_can_be_stopped_again_and_again(job, tmp_path):
    config = job("model.dropout=0.2")
    whole = _run(config, tmp_path / "whole")
    for rests in (5, 11, 11, 11):
        _stopped(config, tmp_path / "torn", rests)
    again = _run(config, tmp_path / "torn")
    _same(whole, again)
    assert [attempt["status"] for attempt in again.folder.status["attempts"]] == ["interrupted"] * 4


def test_a_diverged_run_stays_diverged(job, tmp_path):
    config = job("optimizer.lr=1e30")
    whole = _run(config, tmp_path / "whole")
    assert whole.folder.status["status"] == "diverged" and whole.place.step < 10
    for rests in range(1, whole.place.step + 3):
        _stopped(config, tmp_path / f"torn{rests}", rests)
        again = _run(config, tmp_path / f"torn{rests}")
        assert again.folder.status["status"] == "diverged"
        _same(whole, again)


def test_what_was_written_after_the_checkpoint_is_dropped(job, tmp_path):
    """As by SIGKILL, which leaves no time for another checkpoint."""
    config, torn = job(), tmp_path / "torn"
    whole = _run(config, tmp_path / "whole")
    _stopped(config, torn, 23)
    with (torn / "metrics.jsonl").open("a") as file:
        file.write('{"step": 25, "epoch": 1, "train/loss": 9.0}\n{"step": 26, "ep')
    with next(torn.glob("events.*")).open("ab") as file:
        file.write(b"half a record")
    (torn / "events.out.tfevents.9.later").write_bytes(b"")
    (torn / "checkpoints" / "last.part").write_bytes(b"half a checkpoint")
    _same(whole, _run(config, torn))


def test_stopped_before_its_first_checkpoint_it_begins_anew(job, tmp_path):
    config, torn = job(), tmp_path / "torn"
    whole = _run(config, tmp_path / "whole")
    _stopped(config, torn, 3)
    (torn / "checkpoints" / "last.pt").unlink()
    _same(whole, _run(config, torn))


@pytest.mark.parametrize("first", [40, 25])
def test_more_steps_than_were_asked_for_at_first(job, tmp_path, first):
    """After two epochs a third; after a part of the second the rest of it, and then a third."""
    whole = _run(job("scheduler=constant", "trainer.max_steps=60"), tmp_path / "whole")
    _run(job("scheduler=constant", f"trainer.max_steps={first}"), tmp_path / "a")
    longer = _run(job("scheduler=constant", "trainer.max_steps=60"), tmp_path / "a")
    for one, other in zip(whole.network.parameters(), longer.network.parameters(), strict=True):
        assert torch.equal(one, other)
    states = [checkpoint.load(tmp_path / run / "checkpoints" / "last.pt") for run in ("whole", "a")]
    assert [(state["step"], state["epoch"]) for state in states] == [(60, 3), (60, 3)]
    assert whole.results["train/epoch_loss"] == longer.results["train/epoch_loss"]
    with pytest.raises(InputError, match="trainer.max_steps is 60 there and 48 now"):
        _run(job("scheduler=constant"), tmp_path / "a")


def test_one_that_took_no_step_is_trained_as_from_the_beginning(job, tmp_path):
    whole = _run(job(), tmp_path / "whole")
    _run(job("trainer.max_steps=0"), tmp_path / "a")
    _same(whole, _run(job(), tmp_path / "a"))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("network", {}, "does not fit this network or optimizer"),
        ("optimizer", {"param_groups": []}, "does not fit this network or optimizer"),
        ("resume", {"ranks": [], "results": {"data/fingerprint": "x", "train/images": 3}}, "fingerprint x, now 1,294"),
        ("resume", {}, "older cnnlab"),
    ],
)
def test_other_code_or_images_than_it_began_with_are_told(job, tmp_path, key, value, says):
    config, last = job(), tmp_path / "checkpoints" / "last.pt"
    _stopped(config, tmp_path, 23)
    there = checkpoint.load(last)
    torch.save({**there, key: value}, last)
    with pytest.raises(InputError, match=says) as told:
        _run(config, tmp_path)
    assert str(told.value).count("\n") < 5
    torch.save(there, last)
    assert _run(config, tmp_path).place.step == 48


def test_what_cannot_be_gone_on_from_is_told_at_the_first_checkpoint(saved, caplog, monkeypatch):
    monkeypatch.setattr(Checkpoints, "_resume", lambda *_: {"seen": deque([1])})
    with pytest.raises(InputError, match="cannot be read"):
        saved(0.1, 0.2)
    # Once for the run that `saved` makes, and once for what it saves itself.
    assert len([record for record in caplog.records if "last.pt holds collections.deque" in record.message]) == 2


def test_a_log_that_somebody_shortened_is_told(job, tmp_path):
    config = job()
    _stopped(config, tmp_path / "a", 23)
    (tmp_path / "a" / "metrics.jsonl").write_text("")
    with pytest.raises(InputError, match="metrics.jsonl has 0 bytes"):
        _run(config, tmp_path / "a")


def test_within_an_epoch_it_saves_as_often_as_it_is_told(job, tmp_path):
    seen = []

    class Look(Observer):
        def resting(self, place):
            if place.step > 1:
                seen.append(checkpoint.load(tmp_path / "checkpoints/last.pt")["step"])

    _run(job("trainer.checkpoint_minutes=1e-9", "trainer.max_steps=5"), tmp_path, Look())
    assert seen[:4] == [1, 2, 3, 4] and checkpoint.load(tmp_path / "checkpoints/last.pt")["step"] == 5


def test_asked_to_save_it_saves_and_goes_on(job, tmp_path):
    class Ask(Observer):
        def resting(self, place):
            if place.step == 3:
                stopping._to_save.append(12)
            if place.step == 4:
                assert checkpoint.load(tmp_path / "checkpoints/last.pt")["step"] == 3

    assert _run(job(), tmp_path, Ask()).place.step == 48


@pytest.fixture
def saved(tmp_path, job):
    """saved(accuracies): (last, best) after an epoch each, whose weights are all the epoch's number."""

    def saved(*accuracies: float) -> tuple[dict, dict]:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        session = _run(job("trainer.max_steps=1"), tmp_path / "run")
        shutil.rmtree(tmp_path / "run" / "checkpoints")
        observer = Checkpoints(session, None)
        place = Place()
        for epoch, accuracy in enumerate(accuracies):
            with torch.no_grad():
                for weight in session.network.parameters():
                    weight.fill_(epoch)
            place.step += 10
            observer.epoch_done(place.step, epoch, {"validation/accuracy": accuracy, "validation/loss": 1.0})
            place.next_epoch()
            observer.resting(place)
        assert sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir()) == ["best.pt", "last.pt"]
        return tuple(checkpoint.load(tmp_path / f"run/checkpoints/{name}.pt") for name in ("last", "best"))

    return saved


@pytest.mark.parametrize(
    ("accuracies", "best_epoch"),
    [((0.5,), 0), ((0.2, 0.6, 0.4), 1), ((0.2, 0.3, 0.4), 2), ((0.5, 0.5), 0), ((0.0, 0.0), 0)],
)
def test_best_is_the_first_of_the_highest_accuracy_and_last_the_last(saved, accuracies, best_epoch):
    last, best = saved(*accuracies)
    for state, epoch in ((last, len(accuracies) - 1), (best, best_epoch)):
        assert (state["epoch"], state["step"]) == (epoch + 1, 10 * (epoch + 1))
        assert state["validation/accuracy"] == accuracies[epoch]
        assert all(bool((weight == epoch).all()) for weight in state["network"].values())
    assert {"resume", "optimizer"} <= last.keys() and last.keys() - best.keys() == {"resume", "optimizer"}


def test_it_holds_what_a_prediction_has_to_know_of_the_images(saved, job, tmp_path):
    last, _ = saved(0.5)
    images = _run(job("trainer.max_steps=0"), tmp_path / "other").data.train.images
    pixels = images.double() / 255
    assert last["image_shape"] == [1, 8, 8] and last["classes"] == list("0123456789") and last["top"] is None
    assert last["mean"] == pytest.approx([pixels.mean().item()])
    assert last["std"] == pytest.approx([pixels.std(correction=0).item()])
    assert (
        last["look"] == {name: list(ends) for name, ends in ranges(images).items()} and last["look"]["contrast"][0] > 0
    )


def test_a_network_of_ones_own_goes_on_from_it(job, tmp_path):
    session = _run(job(), tmp_path)
    last = checkpoint.load(tmp_path / "checkpoints/last.pt")
    other = ConvNet((1, 8, 8), 10, channels=(4, 8), convs_per_block=1)
    other.load_state_dict(last["network"])
    x = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(other.eval()(x), session.network.eval()(x))  # which is in another memory layout
    optimizer = torch.optim.SGD(other.parameters(), lr=1.0)
    optimizer.load_state_dict(last["optimizer"])
    own = next(iter(session.trainer.optimizer.state.values()))["momentum_buffer"]
    assert torch.equal(next(iter(optimizer.state.values()))["momentum_buffer"], own) and own.any()
