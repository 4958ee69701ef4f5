"""torchmortem and torch-audit on the same runs: same network, batches and optimizer, in a plain loop of their own."""

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import torch
from torch import Tensor

from cnnlab.cli.compose import compose_run
from cnnlab.common.random import seed_everything
from cnnlab.runs.run_folder import RunFolder
from cnnlab.training.session import Session
from cnnlab.training.start import session_of
from diagnosis_parts.jobs import CONFIGS, Job, Outcome

# What each finding may mean, generously: by the causes that its own text and remedies name. Written down before any
# of them ran. A finding that is not here names no cause.
MEANINGS: dict[str, tuple[str, ...]] = {
    # torchmortem, by category and title
    "Vanishing gradients detected": ("weights_too_small", "too_deep", "activation_unsuitable"),
    "Exploding gradients detected": ("weights_too_large", "learning_rate_too_large"),
    "Gradient stalling": ("layers_frozen", "layers_detached", "layer_out_of_scale", "learning_rate_too_small"),
    "Dead units": ("learning_rate_too_large", "biases_unsuitable", "layer_out_of_scale"),
    "Activation saturation": ("activation_unsuitable", "weights_too_large", "learning_rate_too_large"),
    "Update ratio too low": ("learning_rate_too_small", "clip_too_small", "schedule_unsuitable"),
    "Update ratio too high": ("learning_rate_too_large", "weights_too_small"),
    "Training divergence detected": ("learning_rate_too_large", "update_reversed", "precision_too_low"),
    "Loss plateau detected": ("learning_rate_too_small", "schedule_unsuitable"),
    "Rank collapse": ("too_narrow", "weights_equal"),
    "Weight norm explosion": ("learning_rate_too_large", "weight_decay_too_strong"),
    "Stagnant weight norms": ("learning_rate_too_small", "layers_frozen"),
    "Inter-layer weight norm imbalance": ("layer_out_of_scale",),
    "High gradient noise": ("batch_unsuitable", "labels_noisy"),
    # torch-audit, by rule
    "TA100": ("images_not_finite", "learning_rate_too_large", "precision_too_low"),
    "TA102": ("learning_rate_too_large", "weights_too_large"),
    "TA103": ("layers_frozen", "layers_detached", "layer_out_of_scale", "weights_equal"),
    "TA104": ("layers_frozen", "layers_detached"),
    "TA105": ("biases_unsuitable", "layer_out_of_scale", "learning_rate_too_large", "dropout_too_strong"),
    "TA301": ("images_not_standardized",),
    "TA302": ("images_constant",),
    "TA304": ("batch_unsuitable",),
    "TA405": ("weights_equal", "layer_out_of_scale"),
}
# torch-audit's advice on speed and style, which says nothing of whether a network learns: TA2xx, TA4xx but for TA405.
STYLE = ("TA20", "TA400", "TA401", "TA402", "TA403", "TA404")
AUDITED_EVERY = 20  # its default, every 1,000th step, would see the first step alone
TOOLS = ("torchmortem", "torch-audit")


def installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("torchmortem", "torch_audit"))


def versions() -> dict[str, str]:
    found = {}
    for tool in TOOLS:
        try:
            found[tool] = version(tool)
        except PackageNotFoundError:
            found[tool] = "not installed"
    return found


def alarms(job: Job) -> Outcome:
    """{tool: names of its warnings and errors, most severe first}; a text if it raised."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    began = process_time()
    line: Outcome = {"key": job.key, "name": job.name, "overrides": list(job.overrides)}
    for tool, one in zip(TOOLS, (torchmortem, torch_audit), strict=True):
        try:
            with TemporaryDirectory() as temporary:
                line[tool] = one(_session(job, Path(temporary)))
        except Exception as error:
            line[tool] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return line | {"seconds": round(process_time() - began, 1)}


def torchmortem(session: Session) -> list[str]:
    from torchmortem import Autopsy

    trainer = session.trainer
    with Autopsy(session.network, optimizer=trainer.optimizer) as autopsy:
        for x, y in _batches(session):
            trainer.optimizer.zero_grad(set_to_none=True)
            loss, _ = trainer.loss(x, y, session.network)
            loss.backward()
            _clip(session)
            trainer.optimizer.step()
            trainer.scheduler.step()
            autopsy.step(loss=loss.item())
    found = [finding for finding in autopsy.get_report().findings if finding.severity.name != "INFO"]
    return list(dict.fromkeys(_title(finding.title) for finding in found))


def _title(title: str) -> str:
    return next((known for known in MEANINGS if title.startswith(known)), title)


def torch_audit(session: Session) -> list[str]:
    from torch_audit import audit_dynamic

    trainer = session.trainer
    with audit_dynamic(session.network, optimizer=trainer.optimizer, every_n_steps=AUDITED_EVERY) as auditor:
        for x, y in _batches(session):
            trainer.optimizer.zero_grad(set_to_none=True)
            # The loss with cnnlab's label smoothing, through the tool's own forward.
            loss, _ = trainer.loss(x, y, auditor.forward)
            auditor.backward(loss)
            _clip(session)
            auditor.optimizer_step()
            trainer.scheduler.step()
        result = auditor.finish(report=False)
    found = [f for f in result.findings if f.severity.value != "INFO" and f.rule_id != "TA000"]
    ordered = sorted(found, key=lambda f: f.severity._rank(), reverse=True)
    return list(dict.fromkeys(finding.rule_id for finding in ordered))


def _session(job: Job, folder: Path) -> Session:
    config, request, _ = compose_run("train", job.overrides, CONFIGS)
    seed_everything(config.seed, config.trainer.deterministic)
    run = RunFolder(folder / "run")
    run.path.mkdir()
    session = session_of(config, request, run, torch.device("cpu"), pictures=False)
    session.recorder.dashboard.end(success=True)
    session.network.train()
    return session


def _batches(session: Session) -> Iterator[tuple[Tensor, Tensor]]:
    step, epoch = 0, 0
    while step < session.steps:
        for x, y in session.batches.epoch(epoch):
            if step == session.steps:
                return
            yield session.trainer.layout(x), y
            step += 1
        epoch += 1


def _clip(session: Session) -> None:
    if session.trainer.clip is not None:
        torch.nn.utils.clip_grad_norm_(session.network.parameters(), session.trainer.clip)


def without_style(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith(STYLE)]


def means(names: list[str], causes: tuple[str, ...]) -> bool:
    """Whether the first alarm may mean one of these causes."""
    return bool(names) and bool(set(MEANINGS.get(names[0], ())) & set(causes))
