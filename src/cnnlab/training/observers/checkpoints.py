"""Saves the network and where its training is, and takes a training up from there."""

from collections.abc import Mapping
from functools import cached_property
from time import monotonic, perf_counter
from typing import Any

from torch import Tensor

from cnnlab.common.errors import InputError
from cnnlab.common.random import random_state, set_random_state
from cnnlab.common.stopping import asked_to_save
from cnnlab.datasets.base import facts
from cnnlab.datasets.look import ranges
from cnnlab.networks.foreign import load_state
from cnnlab.runs import checkpoint
from cnnlab.runs.reproducing import other_images
from cnnlab.training.observers.observer import Observer
from cnnlab.training.schedules import rates_at
from cnnlab.training.session import Session, log
from cnnlab.training.tally import Tally
from cnnlab.training.trainer import Place

METRICS = "metrics.jsonl"


class Checkpoints(Observer):
    """`last.pt` after each epoch, every `minutes` (None: not between epochs), and where the run is asked to stop or to
    save; `best.pt` by validation accuracy. Both with the weights, and what the images were like: shape, classes,
    normalization, look. Only from `last.pt` can training go on, so that only it has the optimizer's state.

    What `last.pt` holds under "resume" makes a run that was killed anywhere end as one that was not, bit for bit on
    the CPU: besides network and optimizer the place in the epoch and its tally, schedule, loss scale, random states,
    what was noted so far, and how long the files were that a run only appends to.
    """

    def __init__(self, session: Session, minutes: float | None):
        self.session, self.minutes = session, minutes
        self.home = session.folder.path / "checkpoints"
        self.best, self.accuracy = -1.0, None
        self._epoch_ended, self._first = False, True
        self._began, self._saved = perf_counter(), monotonic()

    def epoch_done(self, step: int, epoch: int, scores: Mapping[str, float]) -> None:
        self.accuracy, self._epoch_ended = scores.get("validation/accuracy"), True

    def resting(self, place: Place) -> None:
        late = self.minutes is not None and monotonic() - self._saved > 60 * self.minutes
        if any(self.session.agree(asked_to_save() or late)) or self._epoch_ended:
            each = self.session.ranks.collect(self._of_rank(place))
            if each is not None:
                self._save(place, each)
            self._epoch_ended = False
            self._saved = monotonic()

    def _save(self, place: Place, each: list[dict[str, Any]]) -> None:
        trainer, data = self.session.trainer, self.session.data
        state = {
            "network": trainer.network.state_dict(),
            "step": place.step,
            "epoch": place.epoch,
            "validation/accuracy": self.accuracy,
            "image_shape": list(data.shape),
            "classes": list(data.classes),
            "mean": list(data.mean),
            "std": list(data.std),
            "look": self._look,
            "top": data.top,
        }
        # The better one first: killed between the two, the run is taken up before this epoch's end, and writes it anew.
        if self._epoch_ended and self.accuracy is not None and self.accuracy > self.best:
            self.best = self.accuracy
            checkpoint.save(self.home / "best.pt", state)
        optimizer = trainer.optimizer.state_dict() if trainer.optimizer else None
        last = self.home / "last.pt"
        checkpoint.save(last, {**state, "optimizer": optimizer, "resume": self._resume(place, each)})
        if self._first and (found := checkpoint.foreign(last)):
            log.warning("%s holds %s, which is not read, so this run cannot go on from it", last, ", ".join(found))
        self._first = False

    @cached_property
    def _look(self) -> dict[str, list[float]]:
        return {name: list(ends) for name, ends in ranges(self.session.data.train.images).items()}

    def _of_rank(self, place: Place) -> dict[str, Any]:
        """What differs between the processes of a run."""
        return {"tally": place.tally.state(), "random": random_state(self.session.device)}

    def _resume(self, place: Place, each: list[dict[str, Any]]) -> dict[str, Any]:
        session, trainer = self.session, self.session.trainer
        session.recorder.flush()
        return {
            "steps": session.steps,
            "place": {key: value for key, value in vars(place).items() if key != "tally"},
            "ranks": each,
            "scheduler": trainer.scheduler.state_dict() if trainer.scheduler else None,
            "scaler": trainer.scaler.state_dict(),
            "buffers": self._hidden_buffers(),
            "results": dict(session.results),
            "diverged": session.diverged,
            "seconds": session.seconds + perf_counter() - self._began,
            "best": self.best,
            "observers": {type(o).__name__: state for o in session.observers if (state := o.state())},
            "files": session.folder.sizes(METRICS) | session.recorder.dashboard.sizes(),
        }

    def take_up(self) -> None:
        """Bring the session, as it was made, to where `last.pt` is. Raises InputError."""
        session, trainer = self.session, self.session.trainer
        ranks = session.ranks
        state = ranks.tell(checkpoint.load(self.home / "last.pt") if not ranks.rank else {})
        if "ranks" not in state.get("resume", {}):
            raise InputError(
                f"{self.home / 'last.pt'} is of an older cnnlab, which kept no place to go on from.\n"
                f"Train anew in another folder, if you like from its weights: init=checkpoint "
                f"init.file={self.home / 'last.pt'}"
            )
        resume = state["resume"]
        self._check_images(resume["results"])
        try:
            self._restore(state)
        except Exception as error:  # what was written elsewhere can raise anything
            raise InputError(
                f"{self.home / 'last.pt'} does not fit this network or optimizer, as where their code was changed:\n"
                f"{' '.join(str(error).split())[:300]}\n"
                "Go on with the code it was made with, or train anew in another folder."
            ) from error
        own = resume["ranks"][ranks.rank]
        session.place = Place(**resume["place"], tally=Tally.of(own["tally"], trainer.device))
        session.results, session.diverged = dict(resume["results"]), resume["diverged"]
        session.seconds, self.accuracy, self.best = resume["seconds"], state["validation/accuracy"], resume["best"]
        for observer in session.observers:
            if (noted := resume["observers"].get(type(observer).__name__)) is not None:
                observer.restore(noted)
        session.recorder.dashboard.cut({name: size for name, size in resume["files"].items() if name != METRICS})
        session.recorder.history = ranks.tell(session.folder.cut(METRICS, resume["files"].get(METRICS, 0)))
        set_random_state(own["random"], trainer.device)

    def _check_images(self, results: Mapping[str, Any]) -> None:
        """InputError where the images are others: neither place nor results would be theirs."""
        if (told := other_images(results, facts(self.session.data))) is not None:
            raise InputError(
                f"The images are not those that {self.session.folder.path} began with: {told}.\n"
                "Bring those back, or train anew in another folder, if you like from its weights: init=checkpoint "
                f"init.file={self.home / 'last.pt'}"
            )

    def _restore(self, state: Mapping[str, Any]) -> None:
        session, trainer, resume = self.session, self.session.trainer, state["resume"]
        load_state(trainer.network, state["network"], resume["buffers"])
        if trainer.optimizer is not None and trainer.scheduler is not None:
            if resume.get("steps", session.steps) == session.steps:
                trainer.optimizer.load_state_dict(state["optimizer"])
                trainer.scheduler.load_state_dict(resume["scheduler"])
            else:
                rates = rates_at(resume["place"]["step"], trainer.optimizer, trainer.scheduler)
                trainer.optimizer.load_state_dict(state["optimizer"])
                for group, rate in zip(trainer.optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate
        trainer.scaler.load_state_dict(resume["scaler"])

    def _hidden_buffers(self) -> dict[str, Tensor]:
        """Those that the network's own state leaves out."""
        network = self.session.trainer.network
        shown = network.state_dict().keys()
        return {name: buffer for name, buffer in network.named_buffers() if name not in shown}
