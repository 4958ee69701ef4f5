"""One run of cnnlab in this process, and what it said: the line that is kept."""

import logging
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import torch

from cnnlab.cli.compose import compose_run
from cnnlab.cli.preflight import check_training
from cnnlab.common.errors import InputError
from cnnlab.common.random import seed_everything
from cnnlab.runs.run_folder import RunFolder
from cnnlab.training.observers.diagnosing import Diagnosing
from cnnlab.training.start import session_of
from diagnosis_parts.jobs import CONFIGS, Job, Outcome

TYPEABLE = re.compile(r"([a-z_]+(\.[a-z0-9_]+)*=[^\s]+ ?)+")


def outcome(job: Job) -> Outcome:
    """`refused`: the message of an InputError before the run; `failed`: of anything else that was raised. `seconds`: of
    the processor, since others may use it too."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of networks with faults
    logging.disable(logging.CRITICAL)
    began = process_time()
    line: Outcome = {
        "key": job.key,
        "what": job.what,
        "half": job.set_name,
        "name": job.name,
        "base": job.base,
        "seed": job.seed,
        "overrides": list(job.overrides),
        "repair": job.repair,
    }
    try:
        line |= judged(job.overrides)
    except InputError as error:
        line["refused"] = str(error)
    except Exception as error:
        line["failed"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return line | {"seconds": round(process_time() - began, 1)}


def judged(overrides: tuple[str, ...]) -> dict[str, Any]:
    """As `cnnlab.run`, which returns no severities."""
    config, request, _ = compose_run("train", overrides, CONFIGS)
    check_training([config])
    with TemporaryDirectory() as temporary:
        seed_everything(config.seed, config.trainer.deterministic)
        folder = RunFolder(Path(temporary) / "run")
        with folder.opened(None, seed=config.seed):
            session = session_of(config, request, folder, torch.device("cpu"), pictures=False)
            results = session.run()
    diagnosing = next(observer for observer in session.observers if isinstance(observer, Diagnosing))
    labels = session.data.test.labels
    return {
        "accuracy": results["test/accuracy"],
        "chance": labels.bincount().max().item() / len(labels),
        "first": results["diagnosis/first"],
        "findings": [
            {
                "name": finding.name,
                "severity": finding.severity,
                "cause": results.get(f"diagnosis/{finding.name}/cause"),
                "override": results.get(f"diagnosis/{finding.name}/override", ""),
                "says": finding.sentence,
            }
            for finding in diagnosing.findings
            if finding.severity != "note"
        ],
    }


def to_try(outcome: Outcome) -> str | None:
    """The first finding's override, if it can be typed as it is."""
    override = outcome["findings"][0]["override"] if outcome.get("findings") else ""
    return override if TYPEABLE.fullmatch(override) else None
