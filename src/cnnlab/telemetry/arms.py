"""Aggregates over seeds as TensorBoard runs, one per arm, so that the dashboards group by arm. Needs no torch."""

# pyright: reportAttributeAccessIssue=false
# (protobuf creates its classes at import, invisible to type checkers)

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

from cnnlab.telemetry.event_file import EventFile

Points = Sequence[tuple[float, float]]  # step or layer number, value


def band(tag: str) -> tuple[str, str, str]:
    """Tags of a mean and of its band's ends, which have a section of their own, folded."""
    return tag, f"band/{tag}/low", f"band/{tag}/high"


def write_arms(folder: Path, arms: Mapping[str, Mapping[str, Points]], bands: Mapping[str, Sequence[str]]) -> None:
    """Replace `folder` by one run per arm, {name: {tag: points}}, at once: a reader sees the old runs or the new ones.

    `bands`: {chart's name: tags}, drawn with their `band` in CUSTOM SCALARS, where TensorBoard reverses the order.
    """
    new, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{kind}") for kind in ("new", "old"))
    try:
        for name, tags in zip(_file_names(list(arms)), arms.values(), strict=True):
            write_run(new / name, tags, bands)
        if folder.exists():
            folder.rename(old)
        if new.exists():
            new.rename(folder)
    finally:
        for rest in (new, old):
            shutil.rmtree(rest, ignore_errors=True)


def write_run(folder: Path, tags: Mapping[str, Points], bands: Mapping[str, Sequence[str]] | None = None) -> None:
    """A TensorBoard run of {tag: points} in a folder of its own, which it replaces."""
    shutil.rmtree(folder, ignore_errors=True)
    file = EventFile(folder)
    if bands:
        file.add(_layout(bands, tags))
    for tag, points in tags.items():
        for step, value in points:
            file.add(Summary(value=[Summary.Value(tag=tag, simple_value=value)]), int(step))


def _layout(bands: Mapping[str, Sequence[str]], tags: Mapping[str, Points]) -> Summary:
    """A Margin chart for each band of which there is data."""
    categories = []
    for name, charts in bands.items():
        found = []
        for tag in (tag for tag in charts if tag in tags):
            value, lower, upper = band(tag)
            series = layout_pb2.MarginChartContent.Series(value=value, lower=lower, upper=upper)
            found.append(layout_pb2.Chart(title=tag, margin=layout_pb2.MarginChartContent(series=[series])))
        if found:
            categories.append(layout_pb2.Category(title=name, chart=found))
    # As custom_scalar.summary.pb does, which needs TensorFlow.
    content = layout_pb2.Layout(category=categories).SerializeToString()
    tensor = TensorProto(dtype="DT_STRING", string_val=[content], tensor_shape=TensorShapeProto())
    value = Summary.Value(tag=metadata.CONFIG_SUMMARY_TAG, tensor=tensor, metadata=metadata.create_summary_metadata())
    return Summary(value=[value])


def _file_names(names: Sequence[str]) -> list[str]:
    """Folder names of safe characters, told apart by a number where these collide."""
    made: list[str] = []
    for name in names:
        safe = re.sub(r"[^\w=,.+ -]+", "-", name).strip(" .-")[:100] or "arm"
        while safe in made:
            safe += "_"
        made.append(safe)
    return made
