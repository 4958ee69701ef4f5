"""A finished run's output in the terminal."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from cnnlab.common.words import accuracy_percent, dashboard_command, shortened
from cnnlab.diagnosis import Finding
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.views.accuracies import of_images
from cnnlab.views.findings import render
from cnnlab.views.invariance_table import invariance_table

NONE: Mapping[str, Sequence[str]] = {}
HEADING = 15  # characters
COPIED = ("folder", "dashboards", "meaning", "try")


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
        "network": f"{results['model/parameters']:,.0f} parameters; {results['model/macs']:,.0f} multiply-adds (MACs) "
        "per image",
        "time": _time(results),
        **_meaning(findings),
        **folder_lines(run),
    }
    console.print(render(findings, otherwise))
    for about, sentences in remarks.items():
        for sentence in sentences:
            print_lines(console, {about: f"[yellow]{escape(sentence)}[/]"})
    print_lines(console, lines)
    if (changed := invariance_table(results)) is not None:
        console.print("", changed, sep="\n")


def print_lines(console: Console, lines: Mapping[str, str]) -> None:
    """`lines`: {heading: text with rich's markup}, wrapped beside the headings; but paths and commands are not, so that
    they can be copied."""
    for heading, text in lines.items():
        words = Text.from_markup(text)
        broken = [words] if heading in COPIED else words.wrap(console, max(console.width - HEADING, HEADING))
        for i, line in enumerate(broken):
            line.rstrip()
            console.print(Text.assemble((f"{'' if i else heading:<{HEADING}}", "bold"), line), soft_wrap=True)


def _meaning(findings: Sequence[Finding]) -> dict[str, str]:
    """Where to read what the most urgent finding is."""
    found = [finding.name for finding in findings if finding.severity != "note"]
    return {"meaning": f"[cyan]python -m cnnlab.explain {found[0]}[/]"} if found else {}


def folder_lines(run: RunFolder) -> dict[str, str]:
    """{heading: text with rich's markup}: where the run is, and how to open it."""
    return {"folder": escape(shortened(run.path)), "dashboards": f"[cyan]{escape(dashboard_command(run.path))}[/]"}


def command(request: Request, **changes: str | None) -> str:
    """The command of this run with other settings, to be typed; None leaves one out."""
    own = [] if request.config_dir is None else ["--config-dir", shortened(Path(request.config_dir))]
    return shlex.join(["python", "-m", "cnnlab.train", *own, *request.with_changes(changes)])


def _time(results: Mapping[str, Any]) -> str:
    words = [f"{results['time/training_s']:.1f} s for {results['train/steps']} steps, with validation and files"]
    if "time/step_ms" in results:
        step = results["time/step_ms"]
        plain = f"a plain step takes {step:.2f} ms"
        if "time/augmentation_ms" in results:
            plain += f", augmentation {100 * results['time/augmentation_ms'] / step:.1f} % of it"
        if (added := results.get("telemetry/overhead")) is not None:
            much = f"{100 * added:.1f} %" if added > 0 else "less than steps differ by"
            plain += f", and measuring the layers adds {much}"
        words.append(plain)
    if "time/pictures_s" in results:
        words.append(f"pictures took {results['time/pictures_s']:.1f} s, partly after that")
    return "; ".join(words)
