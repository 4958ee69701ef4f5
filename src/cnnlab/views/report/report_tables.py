"""The tables of a sweep's report as text, the same in the terminal, in markdown and in HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnlab.claims.axes import short_names
from cnnlab.claims.conclusion import seeds_that_would_tell, signed_interval
from cnnlab.claims.diagnoses import WITHOUT, diagnoses
from cnnlab.claims.differences import Difference
from cnnlab.claims.groups import Group
from cnnlab.claims.study import Study
from cnnlab.common.words import memory, number, percent, rough, shortened

_STATES = {"diverged": "diverged", "failed": "failed", "interrupted": "interrupted", "damaged": "damaged"}
_STATES |= {"running": "running", "queued": "missing"}
NOT_KNOWN = "not known"
BEST, FLOOR, EFFECT, LOG, POINTS = "best", "sd of the test set alone", "Hedges' g", "log", "points"
RUNS_TRAINED = "trained"
# In the words of somebody who knows mean and standard deviation.
MEANINGS = {
    "arm": "one combination of the settings; its runs differ in the seed alone",
    "n": "their number",
    "sd": "standard deviation between them",
    "95 %": "confidence interval of the mean, or of the difference: 95 of 100 such intervals hold the value that very "
    "many seeds would give",
    RUNS_TRAINED: "runs above guessing (confidence interval of their share)",
    POINTS: "difference of two percentages",
    EFFECT: "the difference, divided by the standard deviation",
    "p, Holm": "how often chance alone makes such a difference, adjusted for all pairs",
}


@dataclass(frozen=True)
class TextTable:
    """`words`: number of leading columns that hold words; the others hold numbers."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1

    def __bool__(self) -> bool:
        return bool(self.rows)

    def is_constant(self, heading: str) -> bool:
        """Whether all rows agree in this column, or it is not there."""
        at = [i for i, other in enumerate(self.headings) if other == heading]
        return len({row[i] for row in self.rows for i in at}) <= 1

    def without(self, *headings: str) -> "TextTable":
        """These columns left out."""
        kept = [i for i, heading in enumerate(self.headings) if heading not in headings]
        rows = [tuple(row[i] for i in kept) for row in (self.headings, *self.rows)]
        return TextTable(rows[0], tuple(rows[1:]), sum(i < self.words for i in kept))


def meanings(table: TextTable) -> dict[str, str]:
    """Of those of its headings that are abbreviations, or words of statistics."""
    return {heading: words for heading, words in MEANINGS.items() if heading in table.headings}


def group_table(study: Study) -> TextTable:
    """Best first; a column for a status only where some run has it."""
    metric, states = study.metric, {run.state for group in study.groups for run in group.runs}
    shown = [state for state in _STATES if state in states]
    floor = metric.key == "test/accuracy" and any(group.noise_floor is not None for group in study.groups)
    trained = any(group.trained[1] for group in study.groups)
    headings = ["arm", "n", "mean (%)" if metric.is_share else "mean", "sd", "95 %"]
    headings += [BEST] * (metric.better is not None)
    headings += [RUNS_TRAINED] * trained + [FLOOR] * floor + [_STATES[state] for state in shown]
    rows = []
    for group in study.ranked:
        row = [group.name, f"{group.n}" if group.n == len(group.runs) else f"{group.n} of {len(group.runs)}"]
        row += [NOT_KNOWN if value is None else metric.bare(value) for value in (group.mean, group.sd)]
        row.append(_interval(group))
        if metric.better:
            row.append(NOT_KNOWN if group.best is None else metric.bare(group.best))
        if trained:
            row.append(_trained(group))
        if floor:
            row.append(NOT_KNOWN if group.noise_floor is None else metric.bare(group.noise_floor))
        row += [str(group.states[state]) for state in shown]
        rows.append(tuple(row))
    return TextTable(tuple(headings), tuple(rows))


def difference_table(found: Sequence[Difference]) -> TextTable:
    """Where several pairs all have the same better group, as those with the best, it is not repeated."""
    if not found:
        return TextTable((), ())
    metric, rows = found[0].better.metric, []
    paired = any(each.method == "paired" for each in found)
    for each in found:
        value = NOT_KNOWN if each.value is None else metric.bare(metric.sign() * each.value)
        interval = "none" if each.interval is None else metric.between(*signed_interval(each))
        row = [each.better.name, each.other.name, value, interval]
        row += ["" if each.g is None else number(abs(each.g)), "" if each.p_holm is None else p_value(each.p_holm)]
        if paired:
            row.append(NOT_KNOWN if each.correlation is None else f"{each.correlation:.2f}")
        rows.append((*row, _verdict(each)))
    difference = POINTS if metric.is_share else "difference"
    first = "better mean" if metric.better else "higher mean"
    headings = [first, "other", difference, "95 %", EFFECT, "p, Holm"]
    headings += ["correlation of the pairs"] * paired
    if len(rows) > 1 and len({row[0] for row in rows}) == 1:
        headings, rows = [f"{rows[0][0]} against", *headings[2:]], [row[1:] for row in rows]
    return TextTable((*headings, "verdict"), tuple(rows), words=headings.index(difference))


def diagnosis_table(study: Study) -> TextTable:
    """The most frequent finding of each arm first; of one run, its own."""
    rows = []
    for group in study.ranked:
        for finding in diagnoses(group.runs):
            share = f"{finding.count} of {finding.of}"
            remedy = "" if finding.name in WITHOUT else finding.override
            because = "" if finding.name in WITHOUT else finding.because
            rows.append((group.name, share, finding.title, finding.sentence, because, remedy))
    alone = study.experiment.is_one_run
    seen = "what was seen" if alone else "in one of these runs"
    found = TextTable(("arm", "runs", "finding", seen, "likely cause", "what to try"), tuple(rows), 6)
    return found.without("arm", "runs") if alone else found


def cost_table(study: Study) -> TextTable:
    keys = {"time/training_s": lambda v: f"{number(v)} s", "model/macs": rough, "model/parameters": rough}
    keys["model/saved_bytes"] = lambda v: memory(int(v))
    rows = []
    for group in study.ranked:
        cells = []
        for key, written in keys.items():
            known = [value for run in group.runs if (value := run.value(key)) is not None]
            cells.append(written(sum(known) / len(known)) if known else NOT_KNOWN)
        rows.append((group.name, *cells))
    return TextTable(("arm", "training time", "MACs per image", "weights", "activation memory"), tuple(rows))


def tune_table(study: Study) -> TextTable:
    """What the tune stage tried for each arm; the chosen setting is marked."""
    rows = []
    for arm, chosen in _tuned(study):
        for score in chosen["scores"]:
            mark = "chosen" if score["setting"] == chosen["setting"] else ""
            values = ", ".join("none" if v is None else f"{100 * v:.2f}" for v in score["values"])
            mean = NOT_KNOWN if score["mean"] is None else f"{100 * score['mean']:.2f}"
            setting = ", ".join(f"{key}={value}" for key, value in score["setting"].items())
            rows.append((arm, setting, mean, values, mark))
    return TextTable(("arm", "setting", "mean validation accuracy (%)", "runs", ""), tuple(rows), words=2)


def tune_warnings(study: Study) -> list[str]:
    """Where the best setting is the first or last that was tried, so a better one may lie beyond."""
    return [
        f"{arm}: the best {key} is {chosen['setting'][key]}, at the edge of its grid; a better one may lie beyond. "
        "Extend the grid."
        for arm, chosen in _tuned(study)
        for key in chosen["edge"]
    ]


def _tuned(study: Study) -> list[tuple[str, dict[str, Any]]]:
    """Each arm that was tuned: its name, and its entry in sweep.json."""
    tunes = [sweep.content["tune"] for sweep in study.experiment.sweeps]
    chosen = [entry for tune in tunes if tune for entry in tune["chosen"]]
    return list(zip(short_names([entry["labels"] for entry in chosen]), chosen, strict=True))


def failure_table(study: Study) -> TextTable:
    """Runs that did not complete, with their reason."""
    rows = []
    for run in study.unfinished:
        log = run.folder / "train.log"
        where = shortened(log) if log.is_file() else ""
        rows.append((run.name, _STATES[run.state], run.reason or NOT_KNOWN if run.state != "queued" else "", where))
    return TextTable(("run", "status", "reason", LOG), tuple(rows), words=4)


def noise_sentence(study: Study) -> str:
    """The scatter between seeds beside what the size of the test set alone gives; empty where either is not known."""
    floors = [group.noise_floor for group in study.groups if group.noise_floor is not None]
    if study.metric.key != "test/accuracy" or not floors or study.scatter is None:
        return ""
    images = next(v for g in study.groups for run in g.runs if (v := run.value("test/images")) is not None)
    low, high = (study.metric.bare(end) for end in (min(floors), max(floors)))
    alone = low if low == high else f"{low} to {high}"
    scatter = study.metric.difference(study.scatter)
    return (
        f"Between seeds the accuracy scatters by {scatter} (standard deviation, pooled over the arms); "
        f"{images:,.0f} test images alone give {alone}."
    )


def _interval(group: Group) -> str:
    if group.interval is not None:
        return group.metric.between(*group.interval)
    if group.n == 1 and group.is_finite:
        return "one seed: not known"
    return "all equal" if group.is_constant else NOT_KNOWN


def _trained(group: Group) -> str:
    trained, known = group.trained
    if group.trained_interval is None:
        return NOT_KNOWN
    low, high = group.trained_interval
    return f"{trained} of {known} ({100 * low:.0f} to {percent(round(high, 2))})"


def _verdict(found: Difference) -> str:
    match found.verdict:
        case "different":
            return "different"
        case "inconclusive":
            return f"not distinguishable; {seeds_that_would_tell(found)}"
        case "exact":
            return "different: nothing scatters"
        case "equal":
            return f"equal in every {'pair' if found.method == 'paired' else 'run'}"
    return found.reason


def p_value(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
