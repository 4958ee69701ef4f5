"""Under what circumstances the runs were made, and the commands that repeat them."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from cnnlab.claims.axes import short_name
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.groups import Group
from cnnlab.claims.run_record import RunRecord

UNKNOWN = "not known"
FINGERPRINT = "data/fingerprint"
# What the YAML of an experiment says of its whole sweep, and one arm must not begin anew; nor does it decide anything.
OF_ONE_ARM = ("hydra.sweeper.arms=null", "hydra.sweeper.tune=null", "hydra.sweeper.params=null", "claim=null")
_CONFIG_FLAGS = {
    name: f"--{long}"
    for short, long in (("cd", "config-dir"), ("cn", "config-name"))
    for name in (f"-{short}", f"--{long}")
}


def circumstances(experiment: Experiment) -> dict[str, str]:
    """{heading: text}: data, hardware, versions, commit, date; several values where the runs differ."""
    runs = [run for run in experiment.measured if run.state != "queued"]
    versions = [run.status.get("versions") or {} for run in runs]
    started = sorted(str(run.status["started"])[:10] for run in runs if run.status.get("started"))
    finished = sorted(str(run.status["finished"])[:10] for run in runs if run.status.get("finished"))
    dates = list(dict.fromkeys([*started[:1], *finished[-1:]]))
    found = {
        "data": _distinct(_data_in_words(runs)),
        "test images": _distinct(f"{run.value('test/images'):,.0f}" for run in runs if run.value("test/images")),
        "device": _distinct(str(run.status.get("device_name") or UNKNOWN) for run in runs),
        "machine": _distinct(_machine(run) for run in runs),
        "versions": _distinct(
            ", ".join(f"{name} {each[name]}" for name in ("cnnlab", "torch", "python") if name in each)
            for each in versions
        ),
        "commit": _distinct(str(run.status.get("commit") or UNKNOWN) for run in runs),
        "date": " to ".join(dates) or UNKNOWN,
    }
    return {heading: text for heading, text in found.items() if text}


def tuned_in_words(experiment: Experiment, words: Mapping[str, str]) -> str:
    """What was tried, and chosen for each arm at each place: part of its result. Empty where nothing was tuned.

    `words`: what to call values of axes."""
    said = []
    for tune in filter(None, (sweep.content.get("tune") for sweep in experiment.sweeps)):
        chosen, several, each = tune["chosen"], len(tune["grid"]) > 1, []
        for choice in chosen:
            name = ", ".join(words.get(value) or short_name(axis, value) for axis, value in choice["labels"].items())
            settings = [
                (short_name(key, value) if several else value) + " (at the edge)" * (key in choice["edge"])
                for key, value in choice["setting"].items()
            ]
            each.append(f"{name}: {', '.join(settings)}" if name else ", ".join(settings))
        tried = " and ".join(f"{key} of {', '.join(values)}" for key, values in tune["grid"].items())
        beyond = "; beyond an edge a better one may lie" if any(choice["edge"] for choice in chosen) else ""
        found = f"Tried: {tried}, on other seeds than those measured. Chosen: {'; '.join(each)}{beyond}."
        said += [found] if each else []
    return " ".join(said)


def sweep_commands(experiment: Experiment) -> list[str]:
    return [sweep.content["command"] for sweep in experiment.sweeps if sweep.content.get("command")]


def arm_command(group: Group, experiment: Experiment) -> str | None:
    """The command that repeats one group's runs, all seeds; None where its overrides are not known."""
    overrides = group.runs[0].overrides
    if overrides is None:
        return None
    seeds = list(dict.fromkeys(run.seed for run in group.runs if run.seed is not None))
    rest = [override for override in overrides if not override.startswith(("seed=", "claim="))]
    words = ["python", "-m", "cnnlab.train", *(["-m"] if len(seeds) > 1 else []), *_flags(experiment), *rest]
    words += [f"seed={','.join(seeds)}"] if seeds else []
    if "--config-name" in words or any(override.startswith("experiment=") for override in rest):
        words += OF_ONE_ARM
    return shlex.join(words)


def _flags(experiment: Experiment) -> list[str]:
    """Those that a sweep was called with so that its configs are found."""
    found: dict[str, str] = {}
    for command in sweep_commands(experiment):
        for word, following in pairwise([*shlex.split(command), ""]):
            flag, equals, value = word.partition("=")
            if flag in _CONFIG_FLAGS:
                found.setdefault(_CONFIG_FLAGS[flag], value if equals else following)
    return [word for flag in found.items() for word in flag]


def _data_in_words(runs: Sequence[RunRecord]) -> list[str]:
    """The names of the data sets, and of which the same settings gave other images or labels in another run."""
    seen: dict[tuple[str, str], set[str]] = {}
    for run in runs:
        settings = json.dumps(run.config.get("dataset") or {}, sort_keys=True, default=str)
        known = seen.setdefault((_data(run), settings), set())
        known.update({str(run.results[FINGERPRINT])} if FINGERPRINT in run.results else ())
    return [
        f"{name}, whose images or labels changed between runs ({', '.join(sorted(known))})" if len(known) > 1 else name
        for (name, _), known in seen.items()
    ]


def _data(run: RunRecord) -> str:
    choice = (run.status.get("choices") or {}).get("dataset")
    section = run.config.get("dataset") or {}
    if choice:
        return str(choice)
    return str(section["_target_"]).rpartition(".")[2] if "_target_" in section else UNKNOWN


def _machine(run: RunRecord) -> str:
    return f"{run.status.get('host') or UNKNOWN}, {run.status.get('platform') or UNKNOWN}"


def _distinct(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
