"""The pages of `python -m cnnlab.explain`, `explained/NAME.md`: one for each name that a diagnosis can print.

A page's first line is its headline; its second paragraph says whether it is about a finding, a cause or both. Every
threshold is taken from the code: `{signal.DEAD:%}` in a page is the number of that name in signal.py, as a percentage.
"""

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from string import Formatter
from types import ModuleType
from typing import Any

import cnnlab.diagnosis
from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.common.words import percent

FOLDER = Path(__file__).with_name("explained")
PARTS = ["How it is measured", "What else it could be", "What to do", "Try it"]  # and a source, where there is one
# Braces of Python, YAML and bash in a page stay what they are.
PLACEHOLDER = re.compile(r"\{[a-z_]+\.[A-Z][A-Z0-9_]*(?:\[\w+\])?(?::[^{}]*)?\}")


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def find(words: str) -> str:
    """The page's name, from one as it stands in results.json or in the terminal: `Dead units.` Raises InputError."""
    name = re.sub(r"[\W_]+", "_", words.lower()).strip("_")
    several = words.split()
    if len(several) > 1 and all(word in names() for word in several):
        raise InputError(
            f"{' and '.join(several)} have a page each, and this command shows one.\n"
            f"Type `python -m cnnlab.explain {several[0]}`."
        )
    if name not in names():
        raise InputError(
            f"'{words}' is no finding and no cause.{did_you_mean(name, names())}\n"
            f"`python -m cnnlab.explain` lists all {len(names())}."
        )
    return name


@cache
def page(name: str) -> str:
    """Markdown, with the thresholds in place. Raises AttributeError or KeyError for one that the code lacks."""
    return PLACEHOLDER.sub(lambda found: _Thresholds().vformat(found[0], (), _modules()), raw(name))


def raw(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def headline(name: str) -> str:
    return page(name).partition("\n")[0].removeprefix("# ")


def kinds(name: str) -> set[str]:
    """`finding`, `cause` or both."""
    found = re.match(r"\*A (finding|cause)( and a cause)?\.\*", page(name).split("\n\n")[1])
    return ({found[1]} | ({"cause"} if found[2] else set())) if found else set()


class _Thresholds(Formatter):
    """As Python formats, but `90 %` instead of `90%`, and 1e-05 instead of 0.00001."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return percent(value) if format_spec == "%" else format(value, format_spec or "g")


@cache
def _modules() -> dict[str, ModuleType]:
    found = walk_packages(cnnlab.diagnosis.__path__, "cnnlab.diagnosis.")
    return {module.name.rpartition(".")[2]: import_module(module.name) for module in found}
