"""What a run is about to do, and what is being waited for until then: on a terminal's stderr, as progress is."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.markup import escape

from cnnlab.common.words import plural


def waiting_for(what: str) -> AbstractContextManager[Any]:
    """A line that moves while this is done, and vanishes; nothing where nobody looks."""
    return Console(stderr=True).status(what)


def run_in_words(facts: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, str]:
    """{heading: sentence}. `facts`: weights, layers, data (name), images (of each split), shape, classes, steps,
    batch_size, steps_per_epoch, device. `choices`: of the config, empty for a run from plain Python."""
    network = f"{facts['weights']:,} weights and biases in {plural(facts['layers'], 'layer')}"
    if "model" in choices and "init" in choices:
        network = f"{choices['model']}, init={choices['init']}: {network}"
    train, validation, test = facts["images"]
    size = "x".join(map(str, facts["shape"]))
    data = f"{facts['data']}: {train:,} images to train on, {validation:,} to validate, {test:,} to test, {size}"
    epochs = f"{facts['steps'] / facts['steps_per_epoch']:.3g}"
    epochs += " epoch" if epochs == "1" else " epochs"
    training = f"{plural(facts['steps'], 'step')} of {facts['batch_size']} images, {epochs}"
    if "optimizer" in choices and "scheduler" in choices:
        training += f", optimizer={choices['optimizer']}, scheduler={choices['scheduler']}"
    return {
        "network": network,
        "data": f"{data}, {facts['classes']} classes",
        "training": f"{training}, on {facts['device']}",
    }


def print_beginning(lines: Mapping[str, str]) -> None:
    """`lines`: {heading: sentence}."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        for heading, sentence in lines.items():
            console.print(f"[bold]{heading:<15}[/]{escape(sentence)}", soft_wrap=True)
