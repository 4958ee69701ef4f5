"""Allowed values of every command's settings; imports neither torch nor Hydra, so that a typo is reported at once."""

from collections.abc import Iterable, Mapping
from typing import Any

from cnnlab.common.checks import BOOL, Rule, check_value, either, list_of, number, one_of, optional, per_block, whole
from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.common.limits import LIMITS
from cnnlab.common.words import shown
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.poolings import POOLINGS

# Sections whose keys are all listed here; the others hold a `_target_` with its own arguments.
CLOSED = ("trainer", "telemetry")
PLAIN = ("seed", "check", "repair", "reproduce")  # settings of no section
SECTIONS = ("model", "init", "dataset", "optimizer", "scheduler", "augmentation", "evaluation", "experiment", *CLOSED)

# Sections that build what their `_target_` names, with how to begin a config of one's own; the others' first choices.
BUILT = {
    "model": "defaults: [stacked3x3, _self_]",
    "dataset": "defaults: [mnist, _self_]",
    "optimizer": "defaults: [sgd, _self_]",
    "scheduler": "defaults: [one_cycle, _self_]",
    "augmentation": "defaults: [none, _self_]",
    "evaluation": "defaults: [invariance, _self_]",
}
BASES = {"trainer": "default", "telemetry": "light"}

RULES: dict[str, Rule] = {
    "seed": whole(0),
    "check": optional(one_of("one_batch", "range_test")),
    "repair": BOOL,
    "reproduce": optional(Rule("the folder of a run", lambda v: isinstance(v, str))),
    "trainer.epochs": whole(0),
    "trainer.max_steps": optional(whole(0)),
    "trainer.batch_size": whole(1),
    "trainer.devices": whole(1),
    "trainer.threads": optional(whole(1)),
    "trainer.deterministic": BOOL,
    "trainer.checkpoint_minutes": optional(number(0, above=True)),
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
    **dict.fromkeys(("init.val", "init.b"), number()),
    "init.a": optional(number()),
    "init.mode": one_of("fan_in", "fan_out"),
    "init.file": optional(Rule("a file with weights", lambda v: isinstance(v, str))),
    "init.skip": Rule(
        "a list of patterns, e.g. ['fc.*']", lambda v: isinstance(v, list) and all(isinstance(p, str) for p in v)
    ),
    "model.stem": one_of("match", "small", "keep"),
    **LIMITS,
    "dataset.root": Rule(
        "a folder; of one that is called by a number, with its place: ./2024", lambda v: isinstance(v, str)
    ),
    "augmentation.flip": BOOL,
}

# Only for cnnlab's own network; a user's module may give these names another meaning.
CONVNET = "cnnlab.networks.convnet.ConvNet"
CONVNET_RULES: dict[str, Rule] = {
    "model.channels": list_of(whole(1)),
    "model.kernel_size": per_block(whole(1)),
    "model.convs_per_block": per_block(whole(1)),
    "model.stride": per_block(whole(1)),
    "model.pool": per_block(one_of(*POOLINGS, "none")),
    "model.pool_after": one_of("first", "last"),
    "model.padding": one_of("same", "valid"),
    "model.activation": one_of(*ACTIVATIONS),
    "model.activate": one_of("each", "last"),
    "model.norm": one_of("none", "batch"),
    "model.head": either(one_of("average"), list_of(whole(1))),
    "model.first_layer": one_of("learned", "classical"),
    "model.dropout": number(0, 1, below=True),
}


_TEXT = Rule("text", lambda v: isinstance(v, str) and bool(v))
_RUN = Rule("the folder that a training run printed, such as outputs/runs/NAME", _TEXT.holds)
_SQUARE = Rule(
    "a square of numbers",
    lambda rows: isinstance(rows, list) and bool(rows) and all(_is_row(row, len(rows)) for row in rows),
)
SUMMARY_RULES: dict[str, Rule] = {
    "compare": Rule(
        "a list of two or more different models, e.g. [stacked3x3,single5x5]",
        lambda v: isinstance(v, list) and len(v) != 1 and len(set(map(str, v))) == len(v),
    ),
    "match": optional(one_of("parameters", "macs", "memory", "receptive_field")),
    **dict.fromkeys(("theory", "measure", "plot", "full"), BOOL),
}
SWEEP_RULES: dict[str, Rule] = dict.fromkeys(("dry_run", "wait"), BOOL)
KERNELS_RULES: dict[str, Rule] = {
    "kernels": Rule(
        "a list with one or more names or squares of numbers, e.g. [sharpen,[[0,1,0],[0,0,0],[0,-1,0]]]",
        lambda v: isinstance(v, list) and bool(v) and all(isinstance(k, str) or _SQUARE.holds(k) for k in v),
    ),
    "border": one_of("edge", "zero", "valid"),
    "step": BOOL,
    "cell": optional(Rule("[row,column], counted from 0", lambda v: list_of(whole(0)).holds(v) and len(v) == 2)),
    "image": _TEXT,
    "run": optional(_RUN),
    "checkpoint": one_of("best", "last"),
    "trust": BOOL,
}
PREDICT_RULES: dict[str, Rule] = {
    "run": _RUN,
    "image": either(
        Rule("a picture, e.g. image=cat.png, a pattern in quotes, e.g. 'image=photos/*.png'", _TEXT.holds),
        Rule("a list of these", lambda v: list_of(_TEXT).holds(v) and bool(v)),
    ),
    "checkpoint": one_of("last", "best"),
    "top": whole(1),
    "format": one_of("table", "json"),
    **dict.fromkeys(("invert", "follow", "invariance", "trust"), BOOL),
    **{name: LIMITS[f"evaluation.{name}"] for name in ("shifts", "rotations", "squashes")},
}
REPORT_RULES: dict[str, Rule] = {
    "metric": Rule("auto, or a key of results.json, e.g. test/loss", _TEXT.holds),
    "output": optional(Rule("a folder", _TEXT.holds)),
    "list": either(one_of("auto"), BOOL),
    "clean": BOOL,
}
DASHBOARD_RULES: dict[str, Rule] = {"port": optional(whole(1, 65535)), "open": either(one_of("auto"), BOOL)}


def _is_row(row: Any, length: int) -> bool:
    return isinstance(row, list) and len(row) == length and all(number().holds(value) for value in row)


def check_values(config: Mapping[str, Any]) -> None:
    """Raise InputError for the first unknown key or disallowed value in a plain nested mapping.

    Unresolved interpolations ("${...}") pass; check the resolved config as well.
    """
    for key in config:
        if key not in (*PLAIN, *SECTIONS):
            raise InputError(unknown(key, [*PLAIN, *SECTIONS]))
    for section in ("model", "dataset"):
        for key in ("image_shape", "classes", "in_channels", "num_classes"):
            if key in config.get(section, {}) and f"{section}.{key}" not in RULES:
                raise InputError(f"{section}.{key} cannot be set: it comes from the images. Remove it.")
    rules = {**RULES, **(CONVNET_RULES if config.get("model", {}).get("_target_") == CONVNET else {})}
    for section, values in config.items():
        items = values.items() if isinstance(values, Mapping) else ()
        for key, value in [(f"{section}.{k}", v) for k, v in items] or [(section, values)]:
            if key in rules:
                check_value(key, value, rules[key])
            elif section in CLOSED and isinstance(values, Mapping) and values:
                raise InputError(unknown(key, rules))


def check_complete(config: Mapping[str, Any]) -> None:
    """Raise InputError unless each section is there, as in a config of one's own that takes the place of train.yaml."""
    needed = [*PLAIN, *(section for section in SECTIONS if section != "experiment")]
    if lacking := [key for key in needed if key not in config]:
        raise InputError(
            f"The config lacks {', '.join(lacking)}.\nOne of your own for --config-name begins with what it changes: "
            "defaults: [train, _self_]"
        )


def check_shapes(config: Mapping[str, Any]) -> None:
    """Raise InputError unless each section has what every config of its group has."""
    for section, values in config.items():
        if section not in PLAIN:
            _check_shape(section, values)


def _check_shape(section: str, values: Any) -> None:
    if section == "experiment":
        if values:
            raise InputError(
                "The experiment's settings would not be used: its file does not begin with the line that puts them in "
                "place.\nMake this its first line, and save it as UTF-8 without BOM:\n  # @package _global_"
            )
        return
    if not isinstance(values, Mapping):
        raise InputError(no_section(section, values))
    if section in BUILT and not isinstance(values.get("_target_"), str):
        raise InputError(
            f"{section}: the config that was chosen does not say what to build.\n"
            f"Give it a _target_, the dotted path of a class or function, or let it change another: {BUILT[section]}"
        )
    if section == "init" and "bias" not in values:
        raise InputError(
            "init: the config that was chosen does not say what the biases begin with.\n"
            "Write a line `bias: 0.0` into it; `bias: keep` leaves them as the network's constructor drew them."
        )
    needed = [k.partition(".")[2] for k in RULES if section in CLOSED and k.startswith(f"{section}.")]
    if missing := [key for key in needed if key not in values]:
        raise InputError(
            f"{section}: the config that was chosen lacks {', '.join(missing[:5])}.\n"
            f"Let it change another, which has them: defaults: [{BASES[section]}, _self_]"
        )


def no_section(section: str, value: Any) -> str:
    return f"{section} is {shown(value)}, and should be indented lines of `key: value`. Look at its config."


def unknown(key: str, known: Iterable[str], choice: str = "") -> str:
    """The message for an unknown setting: the closest match, and the settings of its section; `choice`: whose settings
    these are, as optimizer=sgd."""
    names = list(known)
    section, _, _ = key.rpartition(".")
    siblings = [name for name in names if section and name.startswith(section + ".")]
    sections = sorted({name.split(".")[0] for name in names})
    hint = did_you_mean(key, names if section else sections)
    elsewhere = f".{key.rpartition('.')[2]}"  # trainer.lr is optimizer.lr; model.kernel.size is not dataset.size
    meant = [name for name in names if name.endswith(elsewhere) and name.count(".") == 1]
    if meant and key.count(".") <= 1:
        hint = f" Did you mean {' or '.join(map(repr, meant))}?"
    return (
        f"'{key}' is no setting{f' of {choice}' * bool(choice)}.{hint}\nThere are: {', '.join(siblings or sections)}."
    )
