"""`check=`: instead of training, what the network can learn with this setup, as a run folder like any other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cnnlab.cli.parts import Parts
from cnnlab.common.errors import InputError, NotApplicable
from cnnlab.datasets.base import facts
from cnnlab.networks.geometry import measures
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.training.from_config import taken_up, trainer_of
from cnnlab.training.range_test import range_test
from cnnlab.training.start import opened
from cnnlab.training.trainer import TrainingBatches
from cnnlab.training.trials import OneBatch, Start, one_batch
from cnnlab.views.check_outcome import print_check

SECONDS = 600.0  # of each trial, that is, of a few hundred steps


@dataclass(frozen=True)
class Checked:
    """`results`: entries of results.json. `curves`: {key: a value per step}."""

    results: Mapping[str, Any]
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def check(
    config: Any, request: Request, folder: Path, pictures: bool, show: bool = True, parts: Parts | None = None
) -> dict[str, Any]:
    """Check as `config.check` says, into `folder`; returns the contents of results.json. `pictures`: the value of
    telemetry.pictures=auto, whether to draw the curves. `show`: also print the outcome. `parts`: if they were
    made already.

    Raises InputError where the network or its optimizer cannot be tried.
    """
    with opened(config, request, RunFolder(folder)) as (run, device):
        made = taken_up(config, device, parts)
        sizes = measures(made.network, made.data.shape) | facts(made.data)
        start = Start.of(trainer_of(config, made.network, made.data.shape, device, max(1, made.steps)))
        with _dashboard(run, request) as dashboard:
            try:
                checked = CHECKS[config.check](start, made.batches)
            except NotApplicable as reason:
                raise InputError(f"check={config.check} is not possible here: {reason}.\nTrain without it.") from reason
            _write(run, dashboard, checked.curves)
            if pictures if config.telemetry.pictures == "auto" else config.telemetry.pictures:
                _draw(run, dashboard, checked)
            results = {**sizes, **checked.results}
            run.write_results(results)
    if show:
        print_check(run, results, request)
    return results


def passed(results: Mapping[str, Any]) -> bool:
    """Whether the batch was learned, or a learning rate found."""
    return bool(results.get("check/one_batch/learned") or results.get("check/range_test/best"))


def _one_batch(start: Start, batches: TrainingBatches) -> Checked:
    """As the run's own setup, and as the reference."""
    x, y = next(batches.epoch(0))
    own = one_batch(start, x, y, seconds=SECONDS)
    reference = one_batch(start, x, y, seconds=SECONDS, reference=True)
    found = _flat("check/one_batch", own) | _flat("check/one_batch/reference", reference)
    curves = {"check/one_batch/loss": own.losses, "check/one_batch/reference/loss": reference.losses}
    return Checked({"check/one_batch/images": len(y), **found}, curves)


def _range_test(start: Start, batches: TrainingBatches) -> Checked:
    found = range_test(start, batches, SECONDS)
    numbers = {"best": found.best, "largest": found.largest, "steps": len(found.rates), "rate": start.rate}
    if found.losses:
        numbers |= {"first_loss": found.losses[0], "least_loss": min(found.losses)}
    curves = {"check/range_test/loss": found.losses, "check/range_test/lr": found.rates}
    return Checked({f"check/range_test/{name}": value for name, value in numbers.items()}, curves)


CHECKS = {"one_batch": _one_batch, "range_test": _range_test}


def _flat(prefix: str, trial: OneBatch) -> dict[str, Any]:
    return {f"{prefix}/{name}": value for name, value in asdict(trial).items() if name != "losses"}


@contextmanager
def _dashboard(run: RunFolder, request: Request) -> Iterator[Dashboard]:
    dashboard, success = Dashboard(run.path), False
    dashboard.begin(request, layers=False)
    try:
        yield dashboard
        success = True
    finally:
        dashboard.end(success)


def _write(run: RunFolder, dashboard: Dashboard, curves: Mapping[str, tuple[float, ...]]) -> None:
    steps = max(map(len, curves.values()))
    run.planned(steps)
    for step in range(steps):
        row = {key: values[step] for key, values in curves.items() if step < len(values)}
        run.log(step, 0, row)
        dashboard.scalars(step, row)


def _draw(run: RunFolder, dashboard: Dashboard, checked: Checked) -> None:
    # Imported lazily, as all of matplotlib: half a second.
    from cnnlab.views.check_figure import one_batch_figure, range_figure
    from cnnlab.views.panels import save

    curves = {key.removeprefix("check/"): values for key, values in checked.curves.items()}
    if "range_test/lr" in curves:
        marked = {name: checked.results[f"check/range_test/{name}"] for name in ("best", "largest", "rate")}
        figure = range_figure(curves["range_test/lr"], curves["range_test/loss"], marked)
    else:
        figure = one_batch_figure(curves["one_batch/loss"], curves["one_batch/reference/loss"])
    save(figure, run.path / "figures" / "check.png")
    dashboard.figure("pictures/check", figure, 0)
