"""A finished run's output in the terminal."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from cnnlab.common.words import accuracy_percent, dashboard_command, shortened
from cnnlab.diagnosis import Finding
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.views.accuracies import of_images
from cnnlab.views.findings import render
from cnnlab.views.invariance_table import invariance_table

NONE: Mapping[str, Sequence[str]] = {}


def print_outcome(
    run: RunFolder,
    results: Mapping[str, Any],
    findings: Sequence[Finding],
    otherwise: str,
    remarks: Mapping[str, Sequence[str]] = NONE,
) -> None:
    """Print the diagnosis; `remarks` by what they are about, {"data": sentences}; accuracy, size, time, telemetry's
    overhead; the run's folder, and how to open it."""
    console = Console(highlight=False)
    status, error = run.status["status"], run.status["error"]
    colour = {"completed": "green", "diverged": "red"}.get(status, "yellow")
    accuracy = results["test/accuracy"]
    of = of_images(accuracy, results["test/images"], "test images")
    lines = {
        "status": f"[{colour}]{status}[/]" + (f": {escape(error)}" if error else ""),
        "test accuracy": f"[{colour} bold]{accuracy_percent(accuracy)}[/]{of}",
        "test loss": f"{results['test/loss']:.4f}",
        "network": f"{results['model/parameters']:,.0f} parameters, {results['model/macs']:,.0f} MACs per image",
        "time": _time(results),
        **folder_lines(run),
    }
    console.print(render(findings, otherwise))
    for about, sentences in remarks.items():
        for sentence in sentences:
            console.print(f"[bold]{about:<15}[/][yellow]{escape(sentence)}[/]", soft_wrap=True)
    for name, text in lines.items():
        # Not wrapped, so that paths and commands can be copied.
        console.print(f"[bold]{name:<15}[/]{text}", soft_wrap=True)
    if (changed := invariance_table(results)) is not None:
        console.print("", changed, sep="\n")


def folder_lines(run: RunFolder) -> dict[str, str]:
    """{heading: text with rich's markup}: where the run is, and how to open it."""
    return {"folder": escape(shortened(run.path)), "dashboards": f"[cyan]{escape(dashboard_command(run.path))}[/]"}


def command(request: Request, **changes: str | None) -> str:
    """The command of this run with other settings, to be typed; None leaves one out."""
    kept = [line for line in request.lines if line.lstrip("+").partition("=")[0] not in changes]
    changed = [f"{key}={value}" for key, value in changes.items() if value is not None]
    own = [] if request.config_dir is None else ["--config-dir", shortened(Path(request.config_dir))]
    return shlex.join(["python", "-m", "cnnlab.train", *own, *kept, *changed])


def _time(results: Mapping[str, Any]) -> str:
    words = [f"{results['time/training_s']:.1f} s for {results['train/steps']} steps"]
    if "time/step_ms" in results:
        words.append(f"{results['time/step_ms']:.2f} ms per step")
    if "telemetry/overhead" in results:
        words.append(f"telemetry {100 * results['telemetry/overhead']:+.1f} %")
    if "time/pictures_s" in results:
        words.append(f"pictures {results['time/pictures_s']:.1f} s")
    return ", ".join(words)
