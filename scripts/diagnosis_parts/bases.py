"""Small networks on small data that train well with every seed: what the faults are put into."""

from collections.abc import Sequence
from dataclasses import dataclass

STEPS = 200
# Neither theory nor pictures are part of the diagnosis, and both take time.
PLAIN = ("telemetry.theory=false", "telemetry.pictures=false", "trainer.device=cpu")


@dataclass(frozen=True)
class Base:
    """`kinds`: words by which a fault says where it makes sense. `lr`: of the optimizer, which faults multiply."""

    name: str
    data: str
    kinds: frozenset[str]
    model: tuple[str, ...]
    optimizer: tuple[str, ...]
    lr: float
    images: tuple[str, ...] = ()
    steps: int = STEPS

    def overrides(self, folders: dict[str, str]) -> list[str]:
        """`folders`: {data set: its folder}."""
        root = [f"dataset.root={folders[self.data]}"] if self.data in folders else []
        return [
            *self.model,
            "dataset=small",
            f"dataset.of={self.data}",
            *root,
            *self.images,
            *self.optimizer,
            f"optimizer.lr={self.lr:g}",
            f"trainer.max_steps={self.steps}",
            *PLAIN,
        ]


def _stack(*settings: str) -> tuple[str, ...]:
    return ("model=stacked3x3", *settings)


def _kinds(words: str) -> frozenset[str]:
    return frozenset(words.split())


BASES = {
    base.name: base
    for base in (
        Base(
            "digits, two 3x3",
            "digits",
            _kinds("relu plain sgd hidden own grey"),
            _stack("model.channels=[8,16]", "init=he"),
            ("optimizer=sgd",),
            0.02,
            ("dataset.tests=360",),
        ),
        Base(
            "MNIST, one 5x5, AdamW",
            "mnist",
            _kinds("relu plain adamw hidden own grey"),
            _stack("model.channels=[8,16]", "model.kernel_size=5", "model.convs_per_block=1", "init=he"),
            ("optimizer=adamw",),
            0.002,
            ("dataset.count=2000", "dataset.size=20"),
        ),
        Base(
            "CIFAR-10, VGG",
            "cifar10",
            _kinds("relu norm sgd hidden own colour"),
            _stack("model.channels=[8,16,32]", "model.norm=batch", "init=he"),
            ("optimizer=sgd",),
            0.02,
            ("dataset.count=4000", "dataset.tests=1000", "trainer.batch_size=32"),
            250,
        ),
        Base(
            "MNIST, ten layers, AdamW",
            "mnist",
            _kinds("relu plain adamw deep own grey"),
            _stack(
                "model.channels=[16,16,16]",
                "model.convs_per_block=[1,1,8]",
                "model.stride=[2,2,1]",
                "model.pool=none",
                "model.head=average",
                "init=he",
            ),
            ("optimizer=adamw",),
            0.002,
            ("dataset.count=2000",),
            300,
        ),
        Base(
            "digits, LeNet with tanh",
            "digits",
            _kinds("tanh plain sgd hidden own grey"),
            _stack(
                "model.channels=[6,16]",
                "model.kernel_size=5",
                "model.convs_per_block=1",
                "model.pool=mean",
                "model.activation=tanh",
                "init=xavier",
            ),
            ("optimizer=sgd",),
            0.02,
            ("dataset.tests=360",),
        ),
        Base(
            "MNIST, residual, AdamW",
            "mnist",
            _kinds("relu norm adamw shortcut grey"),
            ("model=residual", "init=he"),
            ("optimizer=adamw",),
            0.002,
            ("dataset.count=2000",),
        ),
        Base(
            "CIFAR-10, two 3x3",
            "cifar10",
            _kinds("relu plain sgd hidden own colour"),
            _stack("model.channels=[8,24]", "model.head=[64]", "init=he"),
            ("optimizer=sgd",),
            0.02,
            ("dataset.count=4000", "dataset.tests=1000", "trainer.batch_size=32"),
            250,
        ),
    )
}


def which(words: str) -> Sequence[Base]:
    """The bases that have all these kinds; of `a|b`, one is enough."""
    wanted = [set(word.split("|")) for word in words.split()]
    return [base for base in BASES.values() if all(any_of & base.kinds for any_of in wanted)]
