"""docs/diagnosis.md, and the short table on the terminal."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import torch
import torchvision

import cnnlab
from diagnosis_parts.bases import BASES
from diagnosis_parts.faults import FAMILIES, FAULTS, set_of
from diagnosis_parts.jobs import Outcome
from diagnosis_parts.measured import Measured
from diagnosis_parts.others_table import others_table
from diagnosis_parts.scores import first_cause, is_called_healthy, is_found, lost

HEAD = """# The diagnosis, measured

How often cnnlab's diagnosis is right: {kinds} kinds of fault, each put into two or three of {bases} small networks that
train well, on digits, MNIST and CIFAR-10, and runs without a fault, in settings as users have them. `make
diagnosis-bench` writes this page; it was not edited. {date}, cnnlab {cnnlab}, torch {torch}, torchvision {torchvision},
Python {python}, {machine}, one thread per run.

There are three sets, with kinds of fault and seeds of their own. With `dev` the rules were made. `once` holds what
people meet, written with its acceptable causes by somebody who had seen neither the rules nor `dev`; since faults that
people meet are much the same, nearly all of its kinds have a like in `dev`, in other amounts, places and code. `rare`
holds what is left over: kinds unlike all others, by somebody who knew the names of those and not the rules. No rule was
made for a run of theirs, but for one kind that `dev` has too, softmax in hidden layers.
(`scripts/diagnosis_parts/faults_of_*.py`, `fresh_*.py`, `later_*.py`, `newer_*.py`, `latest_*.py` and `common_*.py`;
`once_*.py`; `rare_*.py`.)

*Harmful* is a run that loses 15 % or more of what its base's accuracy is above guessing; the others are listed, and
count only for the precision. *Found*: any finding, or a refusal before the run whose words name the fault. *Cause
named*: the first finding's cause is an acceptable one. *Repaired*: the same command with the first finding's override
appended regains 80 % of the loss; asked of faults that an override can undo. A *healthy* run is one without a fault
whose accuracy is not harmed by that measure. Intervals are Wilson's, 95 %; runs of one kind are not independent, so
they are somewhat too narrow.
"""


def summary(sets: Sequence[Measured]) -> str:
    return _table(["", *(m.set_name for m in sets)], headline(sets))


def headline(sets: Sequence[Measured]) -> list[list[str]]:
    rows = {
        "kinds of fault": lambda m: str(len({o["name"] for o in m.outcomes if o["what"] == "fault"})),
        "runs with a fault": lambda m: str(len(m.faulty)),
        "of which harmful": lambda m: str(len(m.harmful)),
        "found, of the harmful": lambda m: str(m.recall),
        "cause named first, of the harmful": lambda m: str(m.named),
        "precision of the first cause, of all with a finding": lambda m: str(m.precision),
        "false alarms, of healthy runs": lambda m: str(m.false_alarms),
        "repaired by the first override, of the harmful that one can repair": lambda m: str(m.repaired),
        '"Healthy" within 10 points of guessing (must be 0)': lambda m: str(len(m.healthy_near_guessing)),
        "runs without a fault that did not train well (not counted)": lambda m: str(len(m.unwell)),
        "runs that raised an error (not counted)": lambda m: str(sum("failed" in o for o in m.outcomes)),
        "runs of the set that were not made": lambda m: str(m.planned - len(m.outcomes)),
    }
    return [[name, *(value(m) for m in sets)] for name, value in rows.items()]


def page(sets: Sequence[Measured]) -> str:
    text = [
        HEAD.format(
            kinds=len(FAULTS),
            bases=len(BASES),
            date=date.today(),
            cnnlab=cnnlab.__version__,
            torch=torch.__version__,
            torchvision=torchvision.__version__,
            python=platform.python_version(),
            machine=_processor(),
        ),
        summary(sets),
        "## Bases\n\n" + _bases(sets),
        "## By family\n\n" + _families(sets),
        "## Other tools on the same runs\n\n" + others_table(sets),
    ]
    for m in sets:
        text.append(f"## What was said of each fault: {m.set_name}\n\n" + _faults(m))
        text.append(f"## Harmful, and called healthy: {m.set_name}\n\n" + _misses(m))
        text.append(f"## False alarms, and runs that did not train well: {m.set_name}\n\n" + _alarms(m))
    text.append(HOW)
    return "\n\n".join(part.strip() for part in text) + "\n"


HOW = """## To repeat it

```bash
make diagnosis-bench ARGS="--root data"              # where MNIST and CIFAR-10 lie, or are downloaded to
make diagnosis-bench ARGS="--cifar10 FOLDER"         # CIFAR-10 as pictures, FOLDER/{train,test}/<class>/*
make diagnosis-bench ARGS="--part 8"                 # as this page: of dev a random eighth of its kinds
make diagnosis-bench ARGS="--set dev --again"        # one set, after a change
make diagnosis-bench ARGS="--only 'rate x30'"        # some faults
```

Outcomes are kept in `outputs/diagnosis`, and what is there does not run again; each line has the overrides of its run,
which `python -m cnnlab.train --config-dir scripts/faulty` takes.
"""


def _bases(sets: Sequence[Measured]) -> str:
    baseline: Mapping[str, float] = {base: mean for m in sets for base, mean in m.baseline.items()}
    return _table(
        ["base", "steps", "test accuracy"],
        [[name, str(base.steps), f"{baseline[name]:.1%}" if name in baseline else ""] for name, base in BASES.items()],
    )


def _families(sets: Sequence[Measured]) -> str:
    rows = []
    for family in FAMILIES:
        for part in (m.of_family(family) for m in sets):
            harmful = f"{len(part.harmful)} of {len(part.faulty)}"
            rows.append([family, part.set_name, harmful, str(part.recall), str(part.named), str(part.repaired)])
    return _table(["family", "set", "harmful", "found", "cause named", "repaired"], rows)


def _faults(m: Measured) -> str:
    """The confusion table: what was found first, and which cause was named, how often."""
    rows = []
    for fault in FAULTS.values():
        if set_of(fault) == m.set_name:
            ran = [o for o in m.faulty if o["name"] == fault.name]
            harmful = [o for o in ran if o in m.harmful]
            said = counted("refused" if "refused" in o else o["first"] for o in ran)
            causes = counted(cause for o in ran if (cause := first_cause(o)))
            share = f"{len(harmful)} of {len(ran)}" if ran else "not run"
            rows.append([fault.family, fault.name, share, said, causes, ", ".join(fault.causes)])
    return _table(["family", "fault", "harmful", "first finding", "first cause", "acceptable causes"], rows)


def counted(words: Iterable[str]) -> str:
    """`a 2, b`."""
    return ", ".join(f"{word} {n}" if n > 1 else word for word, n in Counter(words).most_common())


def _misses(m: Measured) -> str:
    missed = sorted((o for o in m.harmful if not is_found(o)), key=lambda o: -lost(o, m.baseline))
    rows = [
        [
            o["name"],
            o["base"],
            "refused" if "refused" in o else f"{o['accuracy']:.1%}",
            f"{m.baseline[o['base']]:.1%}",
            o.get("refused", "").split("\n")[0] if "refused" in o else o["first"],
        ]
        for o in missed
    ]
    said = sum(is_called_healthy(o) for o in missed)
    head = f"{len(missed)} harmful runs without a finding, of which {said} were called healthy; the worst first."
    table = _table(["fault", "base", "test accuracy", "without the fault", "said"], rows)
    return f"{head}\n\n{table}" if rows else head


def _alarms(m: Measured) -> str:
    alarms = [o for o in m.healthy if o["findings"]]
    rows = [[*_where(o), f"{o['accuracy']:.1%}", o["first"], first_cause(o) or ""] for o in alarms]
    rows += [[*_where(o), _accuracy(o), "did not train well", ""] for o in m.unwell]
    if not rows:
        return "None."
    return _table(["settings", "base", "test accuracy", "said", "first cause"], rows)


def _where(outcome: Outcome) -> list[str]:
    return [f"`{outcome['name'] or 'as it is'}`", outcome["base"]]


def _accuracy(outcome: Outcome) -> str:
    """Or why there is none."""
    if "accuracy" in outcome:
        return f"{outcome['accuracy']:.1%}"
    return str(outcome.get("failed", outcome.get("refused", ""))).split("\n")[0]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)])


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        return f"{len(names)} cores of {names[0]}"
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
