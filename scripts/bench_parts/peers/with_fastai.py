"""The same training in fastai; with `--statistics`, its own `ActivationStats`, which measures every step."""

import torch.nn.functional as F
from fastai.callback.core import Callback
from fastai.callback.hook import ActivationStats
from fastai.callback.schedule import fit_one_cycle  # noqa: F401  (makes it a method of Learner)
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import SGD
from fastai.torch_core import set_seed

from clocked import Clocked
from common import accuracy, arguments, finish, loader, network


class Turns(Callback):
    order = 100  # after all others

    def __init__(self, args):
        self.args = args

    def before_train(self):
        if not hasattr(self, "clocked"):
            self.clocked = Clocked(finish(self.args), lambda: accuracy(self.args, self.learn.model))

    def after_batch(self):
        if self.training:
            self.clocked.step()


def main() -> None:
    args = arguments()
    set_seed(0)
    batches = loader(args)
    callbacks = [*([ActivationStats()] if args.statistics else []), Turns(args)]
    learner = Learner(
        DataLoaders(batches, batches, device=args.device), network(args), loss_func=F.cross_entropy,
        opt_func=SGD, lr=0.02, wd=5e-4, moms=(0.9, 0.9, 0.9), cbs=callbacks,
    )  # fmt: skip
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(-(-args.steps // len(batches)), 0.02)


if __name__ == "__main__":
    main()
