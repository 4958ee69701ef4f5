"""The report of a sweep: report.md, report.csv, report.html, TensorBoard runs of its arms, and a terminal report."""

import os
from collections.abc import Sequence
from pathlib import Path

from cnnlab.claims.curves import Band, depth_profile, learning_curve
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.groups import Group
from cnnlab.claims.study import AUTO, Study
from cnnlab.common.errors import InputError
from cnnlab.telemetry import by_depth
from cnnlab.telemetry.arms import Points, band, write_arms
from cnnlab.views.report.report_markdown import markdown_report
from cnnlab.views.report.report_page import html_report
from cnnlab.views.report.report_terminal import print_files, print_report

ARMS = "arms"
_LEARNING = {"validation/accuracy": "Accuracy/validation", "validation/loss": "Loss/validation"}
_DEPTH = ("activation", "gradient")
_BANDS = {  # TensorBoard shows the last of each first
    "Learning: mean and band over seeds": list(reversed(_LEARNING.values())),
    "Against depth: mean and band over seeds": [
        by_depth.tag(f"{w}_std_log10@{m}") for m in ("end", "init") for w in reversed(_DEPTH)
    ],
}


def publish(
    *folders: Path, metric: str = AUTO, output: Path | None = None, experiment: Experiment | None = None
) -> list[Path]:
    """Write the report of the runs at and below `folders`, print it, and return its files.

    `output`: where to; by default into the folder itself, for several folders into `outputs/reports/`. `experiment`:
    of these folders, if they were read already. Raises InputError where there are no runs, or none with `metric`.
    """
    study = Study.of(folders, metric, experiment)
    place = output or (folders[0] if len(folders) == 1 else Path("outputs/reports") / _joined(folders))
    print_report(study)
    try:
        written = write_report(study, place)
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {place}: {error.strerror or error}.\nGive another folder, output=FOLDER."
        ) from error
    print_files(written, folders)
    return written


def write_report(study: Study, folder: Path) -> list[Path]:
    """Each file atomically, and nothing of an earlier report stays."""
    folder.mkdir(parents=True, exist_ok=True)
    # With one run per arm, its mean would only be drawn twice.
    arms = [group for group in study.groups if group.with_result] if any(g.n > 1 for g in study.groups) else []
    write_arms(folder / ARMS, {group.name: _curves(group) for group in arms}, _BANDS)
    texts = {
        "report.csv": study.experiment.table.to_csv(index=False),
        "report.md": markdown_report(study),
        "report.html": html_report(study),
    }
    for name, text in texts.items():
        part = folder / f".{name}.{os.getpid()}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, folder / name)
    return [folder / name for name in texts]


def _curves(group: Group) -> dict[str, Points]:
    """Of one arm: validation against steps, signal and gradient against depth, each with its band."""
    found: dict[str, Points] = {}
    for key, tag in _LEARNING.items():
        found |= _with_band(tag, learning_curve(group, key))
    for what in _DEPTH:
        profile = depth_profile(group.runs, what)
        for when, measured in (("init", profile.init), ("end", profile.end)):
            found |= _with_band(by_depth.tag(f"{what}_std_log10@{when}"), _log10(measured))
        theory = _log10(profile.theory)
        if theory:
            found[by_depth.tag(f"{what}_std_log10_predicted@init")] = list(zip(theory.x, theory.mean, strict=True))
    return found


def _log10(band: Band) -> Band:
    """Under the tags of single runs, as exponential decay is a straight line."""
    return Band(band.x, *(tuple(map(by_depth.log10, values)) for values in (band.mean, band.low, band.high)))


def _with_band(tag: str, drawn: Band) -> dict[str, Points]:
    parts = zip(band(tag), (drawn.mean, drawn.low, drawn.high), strict=True)
    return {name: list(zip(drawn.x, values, strict=True)) for name, values in parts} if drawn else {}


def _joined(folders: Sequence[Path]) -> str:
    return "+".join(folder.resolve().name for folder in folders)[:200]
