"""What a value may be, as data: a rule and the words for it. Free of torch and Hydra."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.common.words import shown


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


def number(low: float = -LARGEST, high: float = LARGEST, *, above: bool = False, below: bool = False) -> Rule:
    """From `low` to `high`; with `above` and `below` the one or the other is left out."""
    words = f"a number {'above' if above else 'from'} {low:g} {'and below' if below else 'to'} {high:g}"

    def holds(value: Any) -> bool:
        inside = type(value) in (int, float) and low <= value <= high
        return inside and not (above and value == low) and not (below and value == high)

    return Rule(words, holds)


def one_of(*names: Any) -> Rule:
    words = " | ".join(str(name).lower() if isinstance(name, bool) else str(name) for name in names)
    # Of one type, too: in Python true equals 1.
    return Rule(words, lambda v: any(type(v) is type(name) and v == name for name in names))


def optional(rule: Rule) -> Rule:
    return Rule(f"{rule.allowed}, or null", lambda v: v is None or rule.holds(v))


def list_of(rule: Rule) -> Rule:
    return Rule(f"a list, each {rule.allowed}", lambda v: isinstance(v, list | tuple) and all(map(rule.holds, v)))


def per_block(rule: Rule) -> Rule:
    return Rule(
        f"{rule.allowed}; one for all blocks or a list with one a block",
        lambda v: (bool(v) and all(map(rule.holds, v))) if isinstance(v, list) else rule.holds(v),
    )


def either(first: Rule, second: Rule) -> Rule:
    return Rule(f"{first.allowed}, or {second.allowed}", lambda v: first.holds(v) or second.holds(v))


BOOL = Rule("true | false", lambda v: type(v) is bool)


def check_rules(values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Raise InputError for the first of `rules` that its value in `values` does not keep."""
    for key, rule in rules.items():
        check_value(key, values[key], rule)


def check_value(key: str, value: Any, rule: Rule) -> None:
    """Raise InputError for a value that does not hold; one that is still an interpolation ("${...}") passes."""
    interpolated = isinstance(value, str) and "${" in value
    if not interpolated and not rule.holds(value):
        raise InputError(f"{key}={shown(value)} is not allowed.\nAllowed: {rule.allowed}.")
