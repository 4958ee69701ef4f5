"""What each setting may be, as one table; it imports neither torch nor Hydra, so a typing error answers at once."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.poolings import POOLINGS


@dataclass(frozen=True)
class Rule:
    """`allowed` completes the sentence "allowed: ..."; `holds` decides."""

    allowed: str
    holds: Callable[[Any], bool]


# What counters and float32 hold with room to calculate; beyond, torch answers with an overflow.
MOST = 2**31 - 1
LARGEST = 1e30


def whole(low: int, high: int = MOST) -> Rule:
    words = f"a whole number from {low} " + ("up, below 2^31" if high == MOST else f"to {high}")
    return Rule(words, lambda v: type(v) is int and low <= v <= high)


def number(low: float = -LARGEST, high: float = LARGEST, *, above: bool = False) -> Rule:
    """From `low` (or, with `above`, from anything larger) to `high`."""
    words = f"a number {'above' if above else 'from'} {low:g} to {high:g}"
    return Rule(words, lambda v: type(v) in (int, float) and low <= v <= high and not (above and v == low))


def one_of(*names: Any) -> Rule:
    return Rule(" | ".join(str(n).lower() if isinstance(n, bool) else str(n) for n in names), lambda v: v in names)


def optional(rule: Rule) -> Rule:
    return Rule(f"{rule.allowed}, or null", lambda v: v is None or rule.holds(v))


def list_of(rule: Rule) -> Rule:
    return Rule(f"a list, each {rule.allowed}", lambda v: isinstance(v, list) and all(map(rule.holds, v)))


def per_block(rule: Rule) -> Rule:
    return Rule(
        f"{rule.allowed}; one for all blocks or a list with one a block",
        lambda v: (bool(v) and all(map(rule.holds, v))) if isinstance(v, list) else rule.holds(v),
    )


def either(first: Rule, second: Rule) -> Rule:
    return Rule(f"{first.allowed}, or {second.allowed}", lambda v: first.holds(v) or second.holds(v))


BOOL = Rule("true | false", lambda v: type(v) is bool)

# Sections whose every key is known here; the other sections hold a `_target_` with arguments of its own.
CLOSED = ("trainer", "telemetry")
SECTIONS = ("model", "init", "dataset", "optimizer", "scheduler", "augmentation", "evaluation", "experiment", *CLOSED)

RULES: dict[str, Rule] = {
    "seed": whole(0),
    "trainer.epochs": whole(0),
    "trainer.max_steps": optional(whole(0)),
    "trainer.batch_size": whole(1),
    "trainer.device": one_of("auto", "cpu", "cuda"),
    "trainer.precision": one_of("fp32", "bf16", "fp16"),
    "trainer.channels_last": BOOL,
    "trainer.compile": BOOL,
    "trainer.deterministic": BOOL,
    "trainer.resident": either(one_of("auto"), BOOL),
    "trainer.clip": optional(number(0, above=True)),
    "trainer.label_smoothing": number(0, 1),
    "telemetry.every": whole(1),
    "telemetry.early": BOOL,
    "telemetry.images": optional(whole(1)),
    "telemetry.theory": BOOL,
    "telemetry.pictures": either(one_of("auto"), BOOL),
    "telemetry.statistics": Rule(
        "{what: {name: dotted path of a function}}, as in configs/telemetry/light.yaml",
        lambda v: isinstance(v, dict) and all(isinstance(group, dict) for group in v.values()),
    ),
    "optimizer.lr": number(0, above=True),
    "optimizer.momentum": number(0, 1),
    "optimizer.weight_decay": number(0),
    "optimizer.nesterov": BOOL,
    "scheduler.warmup": number(0, 1),
    "init.std": number(0),
    "init.gain": number(0),
    "init.bias": either(number(), one_of("keep")),
    **dict.fromkeys(("init.val", "init.a", "init.b"), number()),
    "init.mode": one_of("fan_in", "fan_out"),
    "dataset.validation": number(0, 0.9, above=True),
    "dataset.size": optional(whole(1)),
    "dataset.channels": one_of(1, 3),
    "dataset.test": Rule("a number between 0 and 1", lambda v: type(v) in (int, float) and 0 < v < 1),
    "dataset.root": Rule("a folder", lambda v: isinstance(v, str)),
    "augmentation.flip": BOOL,
    "augmentation.translate": whole(0),
    "augmentation.rotate": number(0, 180),
    "augmentation.cutout": whole(0),
    "evaluation.shifts": list_of(whole(1)),
    "evaluation.rotations": list_of(number(0, 180, above=True)),
    "evaluation.squashes": list_of(number(0, 1, above=True)),
    "evaluation.images": optional(whole(1)),
}

# These hold for cnnlab's own network; a module of one's own gives such names its own meaning.
CONVNET = "cnnlab.networks.convnet.ConvNet"
CONVNET_RULES: dict[str, Rule] = {
    "model.channels": list_of(whole(1)),
    "model.kernel_size": per_block(whole(1)),
    "model.convs_per_block": per_block(whole(1)),
    "model.stride": per_block(whole(1)),
    "model.pool": per_block(one_of(*POOLINGS, "none")),
    "model.padding": one_of("same", "valid"),
    "model.activation": one_of(*ACTIVATIONS),
    "model.norm": one_of("none", "batch"),
    "model.head": either(one_of("average"), list_of(whole(1))),
    "model.first_layer": one_of("learned", "classical"),
    "model.dropout": Rule("a number from 0 to below 1", lambda v: type(v) in (int, float) and 0 <= v < 1),
}


def check_values(config: Mapping[str, Any]) -> None:
    """Raise InputError for the first unknown key or value out of its range in a plain nested mapping.

    Values that are still interpolations ("${...}") pass; check the resolved ones, too.
    """
    for key in config:
        if key != "seed" and key not in SECTIONS:
            raise InputError(unknown(key, ["seed", *SECTIONS]))
    for section in ("model", "dataset"):
        for key in ("image_shape", "classes", "in_channels", "num_classes"):
            if key in config.get(section, {}) and f"{section}.{key}" not in RULES:
                raise InputError(f"{section}.{key} is not for a config to say: it comes from the images. Remove it.")
    rules = {**RULES, **(CONVNET_RULES if config.get("model", {}).get("_target_") == CONVNET else {})}
    for section, values in config.items():
        items = values.items() if isinstance(values, Mapping) else ()
        for key, value in [(f"{section}.{k}", v) for k, v in items] or [(section, values)]:
            if key in rules:
                check_value(key, value, rules[key])
            elif section in CLOSED and isinstance(values, Mapping) and values:
                raise InputError(unknown(key, rules))


def check_rules(values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Raise InputError for the first key of an entry's own `rules` whose value does not hold."""
    for key, rule in rules.items():
        check_value(key, values[key], rule)


def check_value(key: str, value: Any, rule: Rule) -> None:
    interpolated = isinstance(value, str) and "${" in value
    if not interpolated and not rule.holds(value):
        raise InputError(f"{key}={shown(value)} is not allowed.\nAllowed: {rule.allowed}.")


def unknown(key: str, known: Iterable[str]) -> str:
    """The message for a setting that does not exist: its nearest neighbour, and what there is in its section."""
    names = list(known)
    section, _, _ = key.rpartition(".")
    beside = [name for name in names if section and name.startswith(section + ".")]
    sections = sorted({name.split(".")[0] for name in names})
    hint = did_you_mean(key, names if section else sections)
    return f"'{key}' is no setting.{hint}\nThere are: {', '.join(beside or sections)}."


def shown(value: Any) -> str:
    """A value as one types it on the command line: null, true, [max,none]."""
    return json.dumps(value, separators=(",", ":"), default=str).replace('"', "")
