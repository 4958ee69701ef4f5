"""The same training in Lightning; with `--statistics`, mean and standard deviation of every layer at every step, by
forward hooks, as such callbacks are usually written."""

import logging
import warnings

import torch.nn.functional as F
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch import nn

from clocked import Clocked
from common import accuracy, arguments, finish, loader, network, optimizer


class Classifier(LightningModule):
    def __init__(self, args):
        super().__init__()
        self.args, self.network = args, network(args)

    def training_step(self, batch, number):
        x, y = batch
        loss = F.cross_entropy(self.network(x), y)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        chosen, scheduler = optimizer(self.args, self.network)
        return {"optimizer": chosen, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class ActivationStatistics(Callback):
    def on_fit_start(self, trainer, module):
        self.values = {}
        for name, layer in module.network.named_modules():
            if not isinstance(layer, nn.Sequential):
                layer.register_forward_hook(self.hook(name))

    def hook(self, name):
        def measure(layer, inputs, output):
            self.values[f"mean/{name}"] = output.mean().item()
            self.values[f"std/{name}"] = output.std().item()

        return measure

    def on_train_batch_end(self, trainer, module, outputs, batch, number):
        trainer.logger.log_metrics(self.values, step=trainer.global_step)


class Turns(Callback):
    def __init__(self, args):
        self.args = args

    def on_train_start(self, trainer, module):
        self.clocked = Clocked(finish(self.args), lambda: accuracy(self.args, module.network))

    def on_train_batch_end(self, trainer, module, outputs, batch, number):
        self.clocked.step()


def main() -> None:
    warnings.simplefilter("ignore")  # advice on the number of workers
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    args = arguments()
    seed_everything(0)
    callbacks = [*([ActivationStatistics()] if args.statistics else []), Turns(args)]
    accelerator = "gpu" if args.device == "cuda" else "cpu"
    trainer = Trainer(
        *(), max_steps=args.steps, accelerator=accelerator, devices=1, callbacks=callbacks,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
    )  # fmt: skip
    trainer.fit(Classifier(args), loader(args))


if __name__ == "__main__":
    main()
