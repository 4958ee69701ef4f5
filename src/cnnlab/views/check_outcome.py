"""A check's output in the terminal: what was found, what it means, and what to do next."""

from collections.abc import Mapping
from math import isclose
from typing import Any

from rich.console import Console
from rich.markup import escape

from cnnlab.common.words import number, one_two_five, percent, plural
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.views.outcome import command, folder_lines, print_lines

REFERENCE = "AdamW, learning rate 0.001 or 0.0002, without weight decay, clipping, label smoothing and dropout"
# What can keep a network from learning one batch, and the value with which it does not.
HINDRANCES = {
    "optimizer.weight_decay": 0.0,
    "trainer.clip": None,
    "trainer.label_smoothing": 0.0,
    "model.dropout": 0.0,
}
USUAL_DECAY = 0.1  # a weight decay below it keeps no network from learning

BEHIND = 0.25  # of the images, where the reference has not learned them all
LONGER = 4  # times as many steps
SLOWLY = "slowly: its loss was still falling"


def print_check(run: RunFolder, results: Mapping[str, Any], request: Request) -> None:
    """From the keys `check/...` of results.json; `request`: for the commands to type next."""
    console = Console(highlight=False)
    told = one_batch_words if "check/one_batch/learned" in results else range_test_words
    lines = told({key.removeprefix("check/"): value for key, value in results.items()}, request)
    print_lines(console, lines | folder_lines(run))


def one_batch_words(results: Mapping[str, Any], request: Request) -> dict[str, str]:
    """{heading: text with rich's markup}."""
    own, reference = ({k: results[f"one_batch{of}/{k}"] for k in _KEYS} for of in ("", "/reference"))
    images = plural(results["one_batch/images"], "image")
    lines = {"one batch": _how(own, images), "reference": f"{_how(reference, images)} ({REFERENCE})"}
    if own["learned"]:
        lines["so"] = (
            "Network, initialization and optimizer can learn. If a whole run does not, look at the images, the labels, "
            "their number and the learning rate's schedule."
        )
    elif reference["learned"] or (
        # Where the run's own loss stands still, more steps of it would not help.
        reference["unfinished"] and reference["accuracy"] - own["accuracy"] >= (BEHIND if own["unfinished"] else 0)
    ):
        learns = "can learn them" if reference["learned"] else f"learns them in the reference, though {SLOWLY}"
        hinders = "holds it back" if own["unfinished"] else "keeps it from that"
        lines["so"] = f"The network {learns}. What {hinders} is the optimizer or the regularization: {_set(request)}."
        lines["try"] = f"[cyan]{escape(command(request, check='range_test'))}[/]"
    elif own["unfinished"] or reference["unfinished"]:
        lines["so"] = f"The network learns them, though {SLOWLY}. A whole run needs many steps as well."
        lines["try"] = f"[cyan]{escape(command(request, check=None, **_longer(request)))}[/]"
    else:
        lines["so"] = "Another optimizer does not help: it is the network, its initialization, or the images."
        signal = escape(command(request, **{"check": None, "trainer.max_steps": "0"}))
        lines["try"] = f"[cyan]{signal}[/] (signal in every layer)"
    return lines


def range_test_words(results: Mapping[str, Any], request: Request) -> dict[str, str]:
    """{heading: text with rich's markup}."""
    best, largest, rate = (results[f"range_test/{name}"] for name in ("best", "largest", "rate"))
    if best is None:
        lines = {"range test": "[red bold]No learning rate lowers the loss[/] within a hundred steps."}
        # Both checks of a run that something holds back would otherwise send to each other.
        if strong := _strong(request):
            return lines | {"try": f"[cyan]{escape(command(request, **strong))}[/] (without what may hold it back)"}
        check = escape(command(request, check="one_batch"))
        return lines | {"try": f"[cyan]{check}[/] (can it learn at all?)"}
    fell = f"from {number(results['range_test/first_loss'])} to {number(results['range_test/least_loss'])}"
    words = (
        f"[green bold]Learning rate {number(best)}[/]. While the rate grew, the loss fell {fell}; at rates above "
        f"{number(largest)} it blows up."
    )
    near = "about the same" if 0.3 <= rate / best <= 3 else "larger" if rate > best else "smaller"
    return {
        "range test": words,
        "this run's": f"{number(rate)}, which is {near}",
        "try": f"[cyan]{_with_rate(request, one_two_five(best), rate)}[/]",
    }


def _with_rate(request: Request, suggested: float, rate: float) -> str:
    """What to type for the suggested rate: the run itself, where it has that one."""
    return escape(command(request, check=None)) if isclose(suggested, rate) else f"optimizer.lr={suggested:.1g}"


_KEYS = ("learned", "unfinished", "steps", "accuracy", "first_loss", "last_loss")


def _how(trial: Mapping[str, Any], images: str) -> str:
    loss = f"loss from {number(float(trial['first_loss']))} to {number(float(trial['last_loss']))}"
    steps = plural(trial["steps"], "step")
    if trial["learned"]:
        return f"[green bold]learned by heart[/], all of {images}, after {steps}, {loss}"
    return f"[red bold]not learned[/]: after {steps} {percent(trial['accuracy'])} of {images} are right, {loss}"


def _set(request: Request) -> str:
    """The settings that may be at fault, with their values."""
    rate = _value(request.config, "optimizer.lr")
    kept = {} if rate is None else {"optimizer.lr": rate}
    return ", ".join(f"{key}={value:g}" for key, value in (kept | _hindrances(request)).items())


def _hindrances(request: Request) -> dict[str, float]:
    found = {key: _value(request.config, key) for key in HINDRANCES}
    return {key: value for key, value in found.items() if value is not None and value != HINDRANCES[key]}


def _strong(request: Request) -> dict[str, str]:
    """Changes that take out what may be strong enough to keep the run from learning at any rate."""
    found = _hindrances(request)
    if found.get("optimizer.weight_decay", 0.0) < USUAL_DECAY:
        found.pop("optimizer.weight_decay", None)
    return {key: "null" if (off := HINDRANCES[key]) is None else f"{off:g}" for key in found}


def _longer(request: Request) -> dict[str, str]:
    """A setting, with which the run has more steps."""
    known = {key: _value(request.config, f"trainer.{key}") for key in ("max_steps", "epochs")}
    return next(({f"trainer.{key}": str(LONGER * value)} for key, value in known.items() if value), {})


def _value(config: Mapping[str, Any], key: str) -> Any:
    section, _, name = key.partition(".")
    return config.get(section, {}).get(name)
