"""The pages of the diagnosis: one for each name that the code can print, with thresholds that are the code's."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import cnnlab.diagnosis
from cnnlab.common.errors import InputError
from cnnlab.diagnosis import pages, signal
from cnnlab.views.explanation import WIDTH

FOLDER = Path(cnnlab.diagnosis.__file__).parent
SOURCES = {path: ast.parse(path.read_text()) for path in sorted(FOLDER.rglob("*.py"))}
Function = ast.FunctionDef | ast.Module


class Printed(NamedTuple):
    """A name that `Finding(...)` or `Cause(...)` is called with, and the function or module that does so."""

    name: str
    kind: str
    path: Path
    function: Function


def _functions(module: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


def _words(node: ast.expr | None, function: Function, module: ast.Module) -> set[str]:
    """All strings that an expression can be: literals, either way of a condition, what a variable was assigned, what a
    function of the module returns, and f-strings of these."""
    match node:
        case ast.Constant(str(word)):
            return {word}
        case ast.IfExp(body=one, orelse=other):
            return _words(one, function, module) | _words(other, function, module)
        case ast.Name(name):
            found = [n.value for n in ast.walk(function) if isinstance(n, ast.Assign) and _is(n.targets[0], name)]
            found += [n.value for n in ast.walk(function) if isinstance(n, ast.NamedExpr) and _is(n.target, name)]
            return set().union(*(_words(value, function, module) for value in found))
        case ast.Call(ast.Name(name)) if name in _functions(module):
            inner = _functions(module)[name]
            returned = [n.value for n in ast.walk(inner) if isinstance(n, ast.Return)]
            return set().union(*(_words(value, inner, module) for value in returned))
        case ast.JoinedStr(parts):
            found = {""}
            for part in parts:
                words = _words(part.value if isinstance(part, ast.FormattedValue) else part, function, module)
                found = {before + word for before in found for word in words}
            return found
    return set()


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _printed() -> Iterator[Printed]:
    for path, module in SOURCES.items():
        places: list[Function] = [*_functions(module).values()]
        rest = ast.Module([node for node in module.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)], [])
        for place in [*places, rest]:
            for call in ast.walk(place):
                match call:
                    case ast.Call(ast.Name("Finding" | "Cause" as kind), [first, *_]):
                        words = _words(first, place, module)
                        assert words or ast.unparse(first) == "cause.name", f"{path}: {ast.unparse(call)}"
                        yield from (Printed(word, kind.lower(), path, place) for word in words)


PRINTED = list(_printed())


def _thresholds(of: Printed) -> set[str]:
    """The numbers in capitals that the function, or one of its module that it calls, compares with."""
    module = import_module(f"cnnlab.diagnosis.{'.'.join(of.path.relative_to(FOLDER).with_suffix('').parts)}")
    found, todo, done = set(), [of.function], set()
    while todo:
        for node in ast.walk(todo.pop()):
            if isinstance(node, ast.Name) and node.id not in done:
                done.add(node.id)
                value = getattr(module, node.id, None)
                if node.id.isupper() and isinstance(value, int | float | tuple):
                    found.add(node.id)
                elif node.id in _functions(SOURCES[of.path]):
                    todo.append(_functions(SOURCES[of.path])[node.id])
    return found


def test_names_are_found_in_the_sources_whatever_way_they_are_written():
    names = {printed.name for printed in PRINTED}
    assert {"symmetry", "vanishing_forward", "exploding_backward", "weights_too_small", "unknown"} <= names
    assert len(names) > 50


def test_every_name_that_can_be_printed_has_a_page_of_its_kind_and_no_page_is_of_another_name():
    kinds: dict[str, set[str]] = {}
    for printed in PRINTED:
        kinds.setdefault(printed.name, set()).add(printed.kind)
    assert {name: pages.kinds(name) for name in pages.names()} == dict(sorted(kinds.items()))


each_page = pytest.mark.parametrize("name", pages.names())


@each_page
def test_a_page_has_its_parts_and_all_thresholds_in_place(name):
    text, prose = pages.page(name), re.sub(r"```.*?```", "", pages.page(name), flags=re.DOTALL)
    assert len(f"{name}  {pages.headline(name)}") <= 80 and not pages.headline(name).endswith(".")
    heads = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert heads in (pages.PARTS, [*pages.PARTS, "Source"])
    assert "{" not in prose and "}" not in prose
    assert text.count("```bash") == 1 and max(map(len, pages.raw(name).splitlines())) <= 120
    assert not [line for line in re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)[-1].splitlines() if len(line) > WIDTH]


@each_page
def test_a_page_says_the_thresholds_where_the_rule_has_some(name):
    if any(_thresholds(printed) for printed in PRINTED if printed.name == name):
        assert pages.PLACEHOLDER.search(pages.raw(name))


@each_page
def test_other_names_in_a_page_have_pages(name):
    others = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", pages.page(name)))
    assert others - set(pages.names()) <= {"leaky_relu", "log_softmax", "lr_decay", "requires_grad"}


def test_a_threshold_is_the_number_of_the_code(monkeypatch):
    pages.page.cache_clear()
    monkeypatch.setattr(signal, "DEAD", 0.123)
    monkeypatch.setattr(signal, "VANISHED", 1e-7)
    assert "given from 12.3 % on" in pages.page("dead_units") and "is 1e-07 or more" in pages.page("dead_units")
    monkeypatch.delattr(signal, "DEAD")
    pages.page.cache_clear()
    with pytest.raises(AttributeError, match="DEAD"):
        pages.page("dead_units")
    pages.page.cache_clear()


@pytest.mark.parametrize("words", ["dead_units", "Dead units.", "dead-units", " DEAD UNITS "])
def test_a_name_is_found_as_it_is_printed(words):
    assert pages.find(words) == "dead_units"


@pytest.mark.parametrize(
    "words, near", [("dead unit", "dead_units"), ("vanishing", "vanishing_"), ("dead", "dead_units"), ("xyz", None)]
)
def test_a_name_that_has_no_page_is_told_with_the_nearest(words, near):
    with pytest.raises(InputError) as error:
        pages.find(words)
    message = str(error.value)
    assert message.startswith(f"'{words}' is no finding and no cause.") and len(message.splitlines()) == 2
    assert f"Did you mean '{near}" in message if near else "Did you mean" not in message


def test_two_names_are_two_pages():
    with pytest.raises(InputError, match="dead_units and overfitting have a page each"):
        pages.find("dead_units overfitting")
