"""The output of `python -m cnnlab.summary`, printed and in its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cnnlab.designs.make import Designs
from cnnlab.theory.theory_report import TheoryReport
from cnnlab.views.comparison import comparison
from cnnlab.views.sheet import render_sheet
from cnnlab.views.theory_table import theory_table

NARROWEST = 80  # columns, for which the tables are made


def print_designs(found: Designs, images: str, theory: TheoryReport | None, full: bool) -> None:
    """A sheet, or a comparison of several designs; then theory. `images`: describes the data set in the title.

    Lines are at least NARROWEST long, and broken by a terminal that is narrower: rich would cut numbers."""
    console, designs = Console(highlight=False), found.designs
    console.width = max(console.width, NARROWEST)
    console.print(Text(f"{', '.join(found.models)} on {images}\n", style="bold"))
    for sentence in found.sentences:
        console.print(Text(sentence + "\n"))
    console.print(comparison(designs) if len(designs) > 1 else render_sheet(designs[0], console.width, full), "")
    if theory:
        console.print(theory_table(theory, full))
        console.print()


def write_designs(folder: Path, found: Designs, theory: TheoryReport | None, facts: Mapping[str, Any]) -> Path:
    """`design.json`: the `facts` of the job, then every design with its knobs and rows."""
    content = {**facts, "theory": {**facts["theory"], **theory.as_dict()} if theory else None}
    designs = {design.name: {"model": found.models[design.name].knobs, **design.as_dict()} for design in found.designs}
    written = folder / "design.json"
    written.write_text(json.dumps({**content, "designs": designs}, indent=1) + "\n")
    return written


def draw_designs(folder: Path, found: Designs, theory: TheoryReport | None) -> list[Path]:
    """`design.png` and, where theory applies, `theory.png`."""
    from cnnlab.views.design_figure import design_figure
    from cnnlab.views.panels import save

    drawn = [save(design_figure(found.designs), folder / "design.png")]
    if theory and theory.expectation:
        from cnnlab.views.theory_figure import describe, theory_figure

        first = found.designs[0]
        words = describe(theory.expectation, first.name, theory.init, first.activation)
        drawn.append(save(theory_figure(theory.expectation, {}, words), folder / "theory.png"))
    return drawn


def print_command(command: str) -> None:
    """What trains the matched designs; on one line, to be copied."""
    print(f"Train them, six seeds each, and compare:\n{command}\n")


def print_files(paths: list[Path]) -> None:
    """Print paths, relative to the working directory if inside it."""
    for path in paths:
        print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
