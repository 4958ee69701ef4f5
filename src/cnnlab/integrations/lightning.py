"""Lightning callback: the same statistics through Lightning's logger, and the diagnosis as a warning.

trainer = lightning.Trainer(callbacks=[cnnlab.integrations.lightning.LayerTelemetry()])
"""

from contextlib import ExitStack
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from cnnlab.diagnosis import Diagnosis
from cnnlab.diagnosis.finding import told
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.schedule import Schedule
from cnnlab.telemetry.statistics import STATISTICS, Statistics


class LayerTelemetry(Callback):
    """Watches every `every`-th training batch and, with `early`, batches 0, 1, 2, 4, 8, ...

    `statistics`, `images`: as for `Probe`. `classes`: number of classes, to let the diagnosis judge by the loss whether
    anything is learned. After the fit `diagnosis` holds the findings, which are also issued as a warning. Layers are
    named as in the LightningModule; the loss returned by `training_step` is logged as `train/loss`. With gradient
    accumulation only batches that end with an optimizer step have weight updates.
    """

    def __init__(
        self,
        every: int = 100,
        early: bool = True,
        statistics: Statistics = STATISTICS,
        images: int | None = 16,
        classes: int | None = None,
    ):
        self.every, self.early, self.statistics, self.images, self.classes = every, early, statistics, images, classes
        self.diagnosis: Diagnosis | None = None
        self._watching = ExitStack()
        self._seen: Any = None
        self._step = 0  # optimizer steps before this batch; batches, in manual optimization

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.probe = Probe(pl_module, self.statistics, self.images)
        steps = trainer.estimated_stepping_batches
        self.schedule = Schedule(self.every, int(steps) if steps != float("inf") else -1, self.early)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        # In manual optimization each of several optimizers counts its steps.
        manual = not pl_module.automatic_optimization
        self._seen, self._step = None, trainer.fit_loop.total_batch_idx if manual else trainer.global_step
        if self.schedule(self._step):
            self._seen = self._watching.enter_context(
                self.probe.watch(getattr(trainer.precision_plugin, "scaler", None))
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._seen is None:
            return
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs  # none where the batch was skipped
        if isinstance(loss, Tensor):
            # Lightning has divided it.
            self._seen["train/loss"] = loss.detach() * trainer.accumulate_grad_batches
        self._watching.close()
        if trainer.logger is not None:
            trainer.logger.log_metrics(self.probe.read(), step=self._step)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._watching.close()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning's stand-in for none has no parameters.
        optimizer = next((optimizer for optimizer in trainer.optimizers if optimizer.param_groups), None)
        self.diagnosis = self.probe.diagnose(optimizer, self.classes)
        if told(self.diagnosis.findings):
            rank_zero_warn(f"cnnlab found:\n{self.diagnosis}")
