"""`python -m cnnlab.summary`: the design sheet of a network, or several side by side, without training."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from cnnlab.cli.compose import compose_jobs, resolved
from cnnlab.cli.entry import entry
from cnnlab.cli.preflight import check_targets
from cnnlab.cli.schema import BOOL, Rule, check_rules, check_values, one_of, optional
from cnnlab.common.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnlab.designs.make import Designs
    from cnnlab.views.theory_table import Expectation

# As many as a training batch has, unless told otherwise: the size of the gradient depends on it.
IMAGES = 64

RULES = {
    "compare": Rule(
        "a list of two or more different models, e.g. [stacked3x3,single5x5]",
        lambda v: isinstance(v, list) and len(v) != 1 and len(set(map(str, v))) == len(v),
    ),
    "match": optional(one_of("parameters", "macs", "memory", "receptive_field")),
    "theory": BOOL,
    "measure": BOOL,
    "plot": BOOL,
    "full": BOOL,
}


def check(jobs: list[DictConfig]) -> None:
    """Everything but the measurement and the files is done here once, so that a mistake leaves no folder."""
    for job in jobs:
        check_rules(resolved(job), RULES)
        if job.match and not job.compare:
            raise InputError(f"match={job.match} needs designs to match, e.g. compare=[stacked3x3,single5x5].")
        chosen = next((a for a in sys.argv[1:] if a.startswith("model=")), None)
        if job.compare and chosen:
            raise InputError(f"compare={_listed(job.compare)} says which models; leave {chosen} out.")
        if job.compare and job.theory:
            raise InputError(
                "theory=true looks at one network, not at several side by side. For one sheet a model:\n"
                f"  python -m cnnlab.summary -m model={','.join(job.compare)} theory=true"
            )
    composed = {name: compose_jobs("summary", [*sys.argv[1:], f"model={name}"]) for job in jobs for name in job.compare}
    for number, job in enumerate(jobs):
        models = {name: (composed[name] or [])[number] for name in job.compare} or {"model": job}
        for config in models.values():
            _check_design(config)
        _make(job, {name: config.model for name, config in models.items()}, measure=False)
        if job.theory:
            _initialized(job)


def _check_design(config: DictConfig) -> None:
    sections = OmegaConf.masked_copy(config, ["model", "init", "dataset", "seed"])
    check_values(resolved(sections))
    check_targets(sections)


def _make(job: DictConfig, configs: dict[str, DictConfig], measure: bool) -> tuple["Designs", int]:
    """The designs and the number of classes; no image is read where the data set's shape is known without."""
    from cnnlab.cli.build import build_data, make_network
    from cnnlab.datasets.shapes import shape_of
    from cnnlab.designs.make import Model, make

    known = shape_of(_plain(job.dataset))
    if known is None:
        data = build_data(job.dataset)
        known = data.shape, len(data.classes)

    def build(knobs: Mapping[str, Any]) -> "nn.Module":
        return make_network(OmegaConf.create(dict(knobs)), *known)

    models = {name: Model(_plain(config), build) for name, config in configs.items()}
    return make(models, known[0], job.match, measure), known[1]


def _initialized(job: DictConfig) -> tuple["nn.Module", "Tensor"]:
    """The network as training would begin with it, and the first training images, normalized."""
    from cnnlab.cli.build import build_data, build_network
    from cnnlab.datasets.base import normalize

    data = build_data(job.dataset)
    batch = normalize(data.train.images[:IMAGES], data.mean, data.std)
    return build_network(job, data, batch), batch


def _expect(job: DictConfig, init: str) -> "Expectation":
    from cnnlab.cli.build import build_prediction
    from cnnlab.theory import NotApplicable
    from cnnlab.views.theory_table import Expectation

    network, batch = _initialized(job)
    try:
        return Expectation(init, len(batch), build_prediction(job, network, batch))
    except NotApplicable as reason:
        return Expectation(init, len(batch), None, str(reason))


def task(config: DictConfig) -> None:
    from hydra import compose
    from hydra.core.hydra_config import HydraConfig

    hydra = HydraConfig.get()
    names, dataset = list(config.compare), hydra.runtime.choices["dataset"]
    composed = [compose(hydra.job.config_name, [*hydra.overrides.task, f"model={name}"]) for name in names]
    configs = {name: job.model for name, job in zip(names, composed, strict=True)}
    found, classes = _make(config, configs or {hydra.runtime.choices["model"]: config.model}, config.measure)
    expected = _expect(config, hydra.runtime.choices["init"]) if config.theory else None
    content = {"dataset": dataset, "classes": classes, "match": config.match, "theory": None}
    if expected:
        content["theory"] = {"init": _plain(config.init), "seed": config.seed, **expected.as_dict()}
    folder = Path(hydra.runtime.output_dir)
    written = [_write(folder, content, found)]
    if config.plot:
        written += _draw(folder, found, expected)
    _print(found, f"{dataset}: {'x'.join(map(str, found.designs[0].image_shape))}, {classes} classes", config.full)
    if expected:
        _print_expected(expected, config.full)
    for path in written:
        print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _print(found: "Designs", images: str, full: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from cnnlab.designs.compare import comparison
    from cnnlab.views.sheet import sheet

    console, designs = Console(highlight=False), found.designs
    console.print(Text(f"{', '.join(found.models)} on {images}\n", style="bold"))
    for sentence in found.sentences:
        console.print(Text(sentence + "\n"))
    console.print(comparison(designs) if len(designs) > 1 else sheet(designs[0], console.width, full), "")


def _print_expected(expected: "Expectation", full: bool) -> None:
    from rich.console import Console

    from cnnlab.views.theory_table import table

    console = Console(highlight=False)
    console.print(table(expected, full))
    console.print()


def _write(folder: Path, content: dict[str, Any], found: "Designs") -> Path:
    designs = {design.name: {"model": found.models[design.name].knobs, **design.as_dict()} for design in found.designs}
    written = folder / "design.json"
    written.write_text(json.dumps({**content, "designs": designs}, indent=1) + "\n")
    return written


def _draw(folder: Path, found: "Designs", expected: "Expectation | None") -> list[Path]:
    from cnnlab.views.design_figure import design_figure
    from cnnlab.views.panels import save

    drawn = [save(design_figure(found.designs), folder / "design.png")]
    if expected and expected.prediction:
        from cnnlab.views.theory_figure import figure

        drawn.append(save(figure(expected.prediction, {}), folder / "theory.png"))
    return drawn


def _plain(config: DictConfig) -> Any:
    return OmegaConf.to_container(config, resolve=True)


def _listed(names: Any) -> str:
    return f"[{','.join(names)}]"


def main() -> None:
    # The folder's name: the compared models, or the one; the initializer where the sheet depends on it.
    OmegaConf.register_new_resolver("designs", lambda compare, model: "_".join(compare or [model]), replace=True)
    OmegaConf.register_new_resolver("initialized", lambda theory, init: f"_{init}" if theory else "", replace=True)
    entry("summary", task, check)


if __name__ == "__main__":
    main()
