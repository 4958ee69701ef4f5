"""A brief run with what the diagnosis advises, so that it is told as tried: the run's own settings and one change."""

import torch

from cnnlab.cli.compose import compose_run
from cnnlab.cli.parts import make_parts
from cnnlab.cli.preflight import check_settings
from cnnlab.common.errors import InputError, NotApplicable
from cnnlab.common.random import undisturbed
from cnnlab.datasets.base import ImageSet
from cnnlab.datasets.batches import Batches
from cnnlab.diagnosis.evidence import BRIEF
from cnnlab.diagnosis.remedies import by_setting
from cnnlab.runs.request import Request
from cnnlab.training.from_config import trainer_of
from cnnlab.training.trials import SEED, accuracy_after

SECONDS = 20.0
IMAGES = 1000  # of the validation split
ALWAYS = {"trainer.compile": "false", "trainer.devices": "1", "repair": None}


def accuracy_with(request: Request, data: ImageSet, device: torch.device, steps: int, override: str) -> float:
    """On validation images, of the run that `request` asks for with a remedy's `override`, "" for none: after its
    `steps`, at most BRIEF, in which its schedule is gone through.

    `data`: the run's images. Raises NotApplicable, also for what the command would refuse and for a run without a
    command, started from Python.
    """
    changed, count = by_setting(override), min(steps, BRIEF)
    changes = {**ALWAYS, "trainer.max_steps": str(count), **changed}
    if not request.config:
        raise NotApplicable("it was started from Python")
    try:
        config, *_ = compose_run("train", request.with_changes(changes), request.config_dir, of_sweep=True)
        check_settings([config])
        with undisturbed(SEED, device):
            parts = make_parts(config, device, None if any(key.startswith("dataset") for key in changed) else data)
            trainer = trainer_of(config, parts.network, parts.data.shape, device, count)
    except InputError as error:
        raise NotApplicable(f"{override} is refused: {str(error).splitlines()[0]}") from error
    validation = Batches(
        parts.data.validation, parts.data.mean, parts.data.std, parts.batches.batch_size, device
    ).in_order()
    unseen = [batch for batch, _ in zip(validation, range(0, IMAGES, parts.batches.batch_size), strict=False)]
    return accuracy_after(trainer, parts.batches, unseen, count, SECONDS)
