"""Runs without a fault, in settings as users have them; by their outcome it is decided whether they are healthy."""

from collections.abc import Sequence
from random import Random

from diagnosis_parts.bases import BASES, Base, which
from diagnosis_parts.common_healthy import COMMON_SETTINGS
from diagnosis_parts.fresh_healthy import FRESH_SETTINGS
from diagnosis_parts.later_healthy import LATER_SETTINGS
from diagnosis_parts.latest_healthy import LATEST_SETTINGS
from diagnosis_parts.newer_healthy import NEWER_SETTINGS
from diagnosis_parts.once_healthy import ONCE_SETTINGS

# How many: a base, one of its settings below and a seed each.
COUNTS = {"dev": 840, "once": 130, "rare": 0}

# (where, overrides); `*2` is twice the base's learning rate. Suited to the base, and none extreme.
SETTINGS = (
    ("own|shortcut", ""),
    ("own|shortcut", "optimizer.lr=*0.35"),
    ("own|shortcut", "optimizer.lr=*0.5"),
    ("own|shortcut", "optimizer.lr=*2"),
    ("own|shortcut", "optimizer.lr=*2.8"),
    ("own|shortcut", "scheduler=cosine"),
    ("own|shortcut", "scheduler=cosine scheduler.warmup=0.1"),
    ("own|shortcut", "scheduler=constant"),
    ("own|shortcut", "scheduler.warmup=0.4"),
    ("own|shortcut", "trainer.batch_size=16"),
    ("own|shortcut", "trainer.batch_size=32"),
    ("own|shortcut", "trainer.batch_size=128"),
    ("own|shortcut", "trainer.batch_size=256"),
    ("own|shortcut", "trainer.max_steps=120"),
    ("own|shortcut", "trainer.max_steps=450"),
    ("own|shortcut", "trainer.max_steps=700"),
    ("own|shortcut", "trainer.label_smoothing=0.1"),
    ("own|shortcut", "trainer.clip=1"),
    ("own|shortcut", "trainer.clip=5"),
    ("own|shortcut", "trainer.precision=bf16"),
    ("own|shortcut", "dataset.validation=0.2"),
    ("own|shortcut", "augmentation.translate=1"),
    ("own|shortcut", "augmentation.translate=1 augmentation.rotate=10"),
    ("colour", "augmentation.flip=true"),
    ("colour", "augmentation.flip=true augmentation.translate=2"),
    ("colour", "augmentation.cutout=4"),
    ("hidden", "model.dropout=0.2"),
    ("hidden", "model.dropout=0.5"),
    ("shortcut", "model.dropout=0.1"),
    ("own relu", "init=he_uniform"),
    ("own relu", "init=orthogonal"),
    ("own|shortcut", "init=lsuv"),
    ("tanh", "init=xavier_normal"),
    ("tanh", "init=delta_orthogonal"),
    ("hidden", "init=torch_default"),
    ("hidden relu", "init=xavier"),
    ("shortcut", "init=own"),
    ("own relu", "model.activation=leaky_relu"),
    ("own relu", "model.activation=gelu"),
    ("own relu", "model.activation=silu"),
    ("hidden relu", "model.activation=elu"),
    ("hidden plain relu", "model.activation=selu"),
    ("hidden relu", "model.activation=tanh init=xavier"),
    ("hidden", "model.norm=batch"),
    ("deep", "model.norm=batch optimizer.lr=*0.5"),
    ("hidden", "model.head=average"),
    ("hidden", "model.head=[32]"),
    ("hidden", "model.head=[64,64]"),
    ("hidden", "model.pool=mean"),
    ("own relu sgd", "optimizer.nesterov=false"),
    ("sgd", "optimizer.momentum=0.8"),
    ("sgd", "optimizer.momentum=0.95"),
    ("sgd", "optimizer.weight_decay=0"),
    ("sgd", "optimizer.weight_decay=0.005"),
    ("adamw", "optimizer.weight_decay=0.001"),
    ("adamw", "optimizer.weight_decay=0.1"),
    ("adamw", "optimizer.betas=[0.9,0.99]"),
    ("sgd", "optimizer=adamw optimizer.lr=0.002"),
    ("sgd", "optimizer=rmsprop optimizer.lr=0.001"),
    ("adamw", "optimizer=sgd optimizer.lr=0.02"),
    ("own|shortcut", "model.fault=last_zero init=own"),
    ("shortcut", "model.fault=norms_zero"),
    ("own|shortcut", "model.fault=first_frozen"),
    ("hidden grey", "model.channels=[16,16]"),
    ("hidden grey", "model.channels=[6,12]"),
    ("hidden grey", "model.channels=[16,32] trainer.max_steps=120"),
    ("deep", "model.convs_per_block=[1,1,5]"),
    ("own|shortcut", "evaluation=invariance evaluation.images=100"),
    ("own|shortcut", "trainer.label_smoothing=0.1 augmentation.translate=1 scheduler=cosine"),
    ("hidden", "model.dropout=0.3 trainer.batch_size=128 optimizer.lr=*1.5"),
)


def healthy(set_name: str) -> list[tuple[Base, str, int]]:
    """(base, overrides, seed). Each setting belongs to one set, and so does each seed. `dev` was once seven sets, which
    are drawn as they were, so that their runs have the same keys."""
    if set_name == "once":
        return _drawn("2053", ONCE_SETTINGS, COUNTS["once"], 90_000)
    if set_name != "dev":
        return []
    order = list(SETTINGS)
    Random(2027).shuffle(order)
    return [
        *_drawn("2027 dev", order[:26], 70, 20_000),
        *_drawn("2027 once", order[26:], 120, 30_000),
        *_drawn("2027 fresh", FRESH_SETTINGS, 130, 40_000),
        *_drawn("2031", LATER_SETTINGS, 130, 50_000),
        *_drawn("2033", NEWER_SETTINGS, 130, 60_000),
        *_drawn("2039", LATEST_SETTINGS, 130, 70_000),
        *_drawn("2041", COMMON_SETTINGS, 130, 80_000),
    ]


def _drawn(key: str, settings: Sequence[tuple[str, str]], count: int, first_seed: int) -> list[tuple[Base, str, int]]:
    draw = Random(key)
    runs = []
    for i in range(count):
        where, overrides = settings[i % len(settings)]
        runs.append((draw.choice(list(which(where))), overrides, first_seed + i))
    return runs


# Runs without any change, of which the mean is what a base reaches.
BASELINES = [(base, "", 100 + i) for base in BASES.values() for i in range(6)]
