"""Builds designs, optionally matching the others to the first one's budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.common.words import shown
from cnnlab.designs.design import Design, design
from cnnlab.designs.match import Changes, Match, Value, budget, match_field, match_width

Shape = tuple[int, int, int]

UNITS = {
    "parameters": "parameters",
    "macs": "MACs per image",
    "memory": "bytes of activation memory per image",
    "receptive_field": "pixels of receptive field",
}


@dataclass(frozen=True)
class Model:
    """`build(knobs)` returns the network."""

    knobs: Mapping[str, Any]
    build: Callable[[Mapping[str, Any]], nn.Module]

    def network(self, changes: Changes | None = None) -> nn.Module:
        return self.build({**self.knobs, **(changes or {})})


@dataclass(frozen=True)
class Designs:
    """`models`: as built, with matched knobs; `sentences`: what matching changed; `changes`: the same by model."""

    models: dict[str, Model]
    designs: list[Design]
    sentences: list[str]
    changes: dict[str, Changes]


def make(models: dict[str, Model], shape: Shape, match: str | None = None, measure: bool = False) -> Designs:
    """Raises InputError if a model does not fit the images or cannot be matched to the first."""
    sentences: list[str] = []
    changes: dict[str, Changes] = {name: {} for name in models}
    if match:
        (first, reference), *others = models.items()
        target = budget(match, reference.network(), shape)
        models = {first: reference}
        for name, model in others:
            found = _match(name, model, shape, match, target)
            sentences.append(_sentence(name, model, match, found))
            changes[name] = found.changes
            models[name] = replace(model, knobs={**model.knobs, **found.changes})
    designs = [design(name, model.network(), shape, measure) for name, model in models.items()]
    return Designs(models, designs, sentences, changes)


def _match(name: str, model: Model, shape: Shape, what: str, target: Value) -> Match:
    def value_of(changes: Changes) -> Value:
        return budget(what, model.network(changes), shape)

    knobs = ("convs_per_block", "kernel_size") if what == "receptive_field" else ("channels",)
    if not all(model.knobs.get(knob) for knob in knobs) or not model.knobs.get("channels"):
        raise InputError(
            f"match={what} changes {' or '.join(f'model.{knob}' for knob in knobs)}, but {name} has none to change.\n"
            "Compare it without match, or put it first: the others are matched to the first."
        )
    if what == "receptive_field":
        return match_field(model.knobs["convs_per_block"], value_of, target)
    return match_width(model.knobs["channels"], value_of, target)


def _sentence(name: str, model: Model, what: str, found: Match) -> str:
    """What was changed, and how close the result is."""
    closeness = f"{found.value:,} {UNITS[what]} against {found.target:,}"
    if found.value != found.target:
        closeness += f" ({100 * found.off:+.2f} %)"
    if abs(found.off) > 0.05:
        closeness += ", the closest possible"
    if not found.changes:
        return f"{name} is unchanged: {closeness}."
    knobs = [f"{key}={shown(new)} instead of {shown(model.knobs[key])}" for key, new in found.changes.items()]
    head = " Its head is unchanged." if "channels" in found.changes else ""
    return f"{name} has {' and '.join(knobs)}: {closeness}.{head}"
