"""A sweep's report as one HTML file that needs nothing else: figures, tables, commands."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cnnlab.claims.circumstances import circumstances
from cnnlab.claims.groups import TRAINED
from cnnlab.claims.study import Study
from cnnlab.common.words import dashboard_command, shortened
from cnnlab.views.claims.verdict_figure import CAPTION, verdict_figure
from cnnlab.views.claims.verdict_look import LOOKS
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.axes_figure import axes_figure, heat_map
from cnnlab.views.report.cost_figure import cost_figure
from cnnlab.views.report.depth_figure import depth_figure
from cnnlab.views.report.learning_figure import learning_figure
from cnnlab.views.report.report_markdown import METHODS, commands
from cnnlab.views.report.report_tables import (
    RUNS_TRAINED,
    cost_table,
    diagnosis_table,
    difference_table,
    failure_table,
    group_table,
    meanings,
    noise_sentence,
    tune_table,
    tune_warnings,
)
from cnnlab.views.report.runs_figure import MOST, chance_of, runs_figure
from cnnlab.views.web_page import render

TEMPLATE = Path(__file__).with_name("report.html.j2")
NO_LINKS: Mapping[str, str] = {}
FEW, MANY = 15, 200  # pairs up to which all are shown at once, or at all


def html_report(study: Study, links: Mapping[str, str] = NO_LINKS) -> str:
    """`links`: {what it shows: address} of the dashboards that the page is a part of."""
    legend, pairs = ArmLegend.of(study.groups), list(study.differences)
    groups = group_table(study)
    shown, best = (pairs, None) if len(pairs) <= FEW else (study.with_the_best, study.ranked[0])
    differences = difference_table(shown)
    return render(
        TEMPLATE,
        name=study.name,
        study=study,
        metric=study.metric,
        single=study.experiment.is_one_run,
        look=LOOKS[study.verdict.word] if study.verdict else None,
        verdict_caption=CAPTION if study.verdict and any(c.interval for c in study.verdict.comparisons) else "",
        legend=legend,
        figures=_figures(study, legend),
        runs_caption=_runs_caption(study),
        groups=groups,
        of_groups=meanings(groups.without(RUNS_TRAINED)),
        swatches=[legend.index(group) for group in study.ranked],
        noise=noise_sentence(study),
        trained=TRAINED,
        methods=METHODS,
        differences=differences,
        of_differences=meanings(differences.without(*groups.headings)),
        pairs=len(pairs),
        others=difference_table([each for each in pairs if best and each.better is not best and len(pairs) <= MANY]),
        costs=cost_table(study),
        diagnosis=diagnosis_table(study),
        tuning=tune_table(study),
        warnings=tune_warnings(study),
        failures=failure_table(study),
        commands=commands(study),
        links=links,
        dashboard=dashboard_command(*study.experiment.folders),
        circumstances=circumstances(study.experiment),
        folders="; ".join(shortened(folder) for folder in study.experiment.folders),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _figures(study: Study, legend: ArmLegend) -> dict[str, object]:
    groups = study.groups
    return {
        "verdict": verdict_figure(study.verdict) if study.verdict else "",
        "runs": runs_figure(groups, legend),
        "axes": axes_figure(groups, legend),
        "heat": heat_map(groups, legend),
        "learning": learning_figure(groups, legend),
        "depth": depth_figure(groups, legend),
        "cost": cost_figure(groups, legend),
    }


def _runs_caption(study: Study) -> str:
    words = "A dot a run, X where it diverged; line: 95 % interval of the mean, which is marked."
    if chance_of(study.groups) is not None:
        words += " Dashed: always guessing the largest class."
    return words + (f" The best {MOST} arms." if len(study.groups) > MOST else "")
