"""Rules for setting values, each a predicate with its description. Imports neither torch nor Hydra."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnlab.common.errors import InputError
from cnnlab.common.words import shown


@dataclass(frozen=True)
class Rule:
    """`allowed` completes the sentence "Allowed: ..."; `holds` is the predicate."""

    allowed: str
    holds: Callable[[Any], bool]


# Within int32 and float32, with headroom for arithmetic; beyond, torch overflows.
MAX_INT = 2**31 - 1
MAX_FLOAT = 1e30
ZEROS = r"(?<![\w.])0+(?=\d)"  # with which a number begins


def whole(low: int, high: int = MAX_INT) -> Rule:
    upper = "< 2^31" if high == MAX_INT else f"<= {high}"
    return Rule(f"an integer >= {low} and {upper}", lambda v: type(v) is int and low <= v <= high)


def number(low: float = -MAX_FLOAT, high: float = MAX_FLOAT, *, above: bool = False, below: bool = False) -> Rule:
    """Closed interval; `above` excludes `low`, `below` excludes `high`."""
    words = f"a number {'>' if above else '>='} {low:g} and {'<' if below else '<='} {high:g}"

    def holds(value: Any) -> bool:
        inside = type(value) in (int, float) and low <= value <= high
        return inside and not (above and value == low) and not (below and value == high)

    return Rule(words, holds)


def one_of(*names: Any) -> Rule:
    words = " | ".join(str(name).lower() if isinstance(name, bool) else str(name) for name in names)
    # Types must match as well: in Python, True == 1.
    return Rule(words, lambda v: any(type(v) is type(name) and v == name for name in names))


def optional(rule: Rule) -> Rule:
    return Rule(f"{rule.allowed}, or null", lambda v: v is None or rule.holds(v))


def list_of(rule: Rule) -> Rule:
    return Rule(f"a list, each {rule.allowed}", lambda v: isinstance(v, list | tuple) and all(map(rule.holds, v)))


def per_block(rule: Rule) -> Rule:
    return Rule(
        f"{rule.allowed}; one for all blocks, or a list with one per block",
        lambda v: (bool(v) and all(map(rule.holds, v))) if isinstance(v, list) else rule.holds(v),
    )


def either(first: Rule, second: Rule) -> Rule:
    return Rule(f"{first.allowed}, or {second.allowed}", lambda v: first.holds(v) or second.holds(v))


BOOL = Rule("true | false", lambda v: type(v) is bool)


def check_rules(values: Mapping[str, Any], rules: Mapping[str, Rule], section: str = "") -> None:
    """Raise InputError for the first of `values` that breaks its rule. `section`: precedes the keys in the message."""
    for key, rule in rules.items():
        check_value(section + key, values[key], rule)


def check_value(key: str, value: Any, rule: Rule) -> None:
    """Raise InputError for a disallowed value; an unresolved interpolation ("${...}") passes."""
    interpolated = isinstance(value, str) and "${" in value
    if not interpolated and not rule.holds(value):
        needed = "; it has to be given" if value is None else ""
        allowed = f"Allowed: {rule.allowed}."
        if any(map(_begins_with_zero, value if isinstance(value, list | tuple) else [value])):
            needed = ": a number has no leading zero"
            allowed += f"\nType {key}={re.sub(ZEROS, '', shown(value))}"
        elif isinstance(value, str) and (meant := _reads_as(value)):
            needed = f": in quotes, or from the environment, it is a text{meant}"
            decoded = "${oc.decode:${oc.env:NAME}}"
            allowed += f"\nType it without quotes; from the environment {key}=$NAME, in a YAML {decoded}."
        raise InputError(f"{key}={shown(value)} is not allowed{needed}.\n{allowed}")


def _begins_with_zero(value: Any) -> bool:
    """Whether it is a text such as 01 or -007.5, which Hydra does not take as a number."""
    return isinstance(value, str) and bool(_reads_as(value)) and re.match(rf"[-+]?{ZEROS}", value) is not None


def _reads_as(text: str) -> str:
    """What a text is not that reads as a number, a list, true, false or null; empty for any other."""
    try:
        return " and no number" if float(text) == float(text) else ""
    except ValueError:
        pass
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    if isinstance(value, list):
        return " and no list"
    return f" and not the value {text}" if value in (True, False, None) else ""


def as_whole(key: str, value: Any, low: int) -> int:
    """`value`, which may be one of numpy's whole numbers, at least `low`. Raises InputError."""
    value = value.__index__() if hasattr(value, "__index__") else value
    check_value(key, value, whole(low))
    return value
