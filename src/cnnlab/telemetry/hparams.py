"""One row per run in TensorBoard's HPARAMS tab, in the run's event file.

`SummaryWriter.add_hparams` would add a second run for every run, and shows only what is known when it is called;
here the row is written at the start, so that crashed runs have one.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf creates its classes at import, invisible to type checkers)

from collections.abc import Mapping, Sequence
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb

from cnnlab.common.words import shown
from cnnlab.networks.convnet import KNOBS
from cnnlab.runs.request import DESIGN, Request

CHOICES = (*DESIGN, "augmentation", "optimizer", "scheduler")
NUMBERS = (
    *("init.std", "init.gain", "optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"),
    *("trainer.epochs", "trainer.max_steps", "trainer.batch_size"),
)
# TensorBoard rounds numbers to five digits, so a seed is logged as a string.
WORDS = ("seed", *(f"model.{knob}" for knob in KNOBS), "init.bias", "trainer.precision")
OVERRIDES = "overrides"
METRICS = {
    "test/accuracy": "test accuracy",
    "test/loss": "test loss",
    "Accuracy/validation": "validation accuracy",
    "train/epoch_accuracy": "train accuracy",
}
TICKED = 5  # columns that TensorBoard shows by default


def row(request: Request) -> dict[str, float | str]:
    """A run's values: config choices, the usual settings, any others overridden, and all overrides as one string.

    Settings that the run does not have are left out.
    """
    choices, typed = request.choices, request.typed
    found: dict[str, float | str] = {k: choices[k] for k in (*CHOICES, *typed) if k in choices}
    for key in (*NUMBERS, *WORDS, *(k for k in typed if k not in choices)):
        value: Any = request.config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[key] = float(value) if key in NUMBERS else shown(value)
    found[OVERRIDES] = " ".join(f"{key}={value}" for key, value in typed.items() if key not in DESIGN)
    return found


def experiment(swept: Sequence[str] = ()) -> Summary:
    """The columns, and the metrics by their tags.

    TensorBoard takes the columns from the first run that it reads and shows five, those marked `differs`. Runs of a
    sweep all know what is `swept`, so those are the columns. Single runs in a folder may differ in anything: theirs
    are the design, and one column with all other overrides.
    """
    names = swept or (*DESIGN, OVERRIDES)
    infos = [
        api_pb2.HParamInfo(
            name=name,
            type=api_pb2.DATA_TYPE_FLOAT64 if name in NUMBERS else api_pb2.DATA_TYPE_STRING,
            differs=name in names[:TICKED],
        )
        for name in names
    ]
    metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=name) for tag, name in METRICS.items()]
    content = api_pb2.Experiment(hparam_infos=infos, metric_infos=metrics)
    return _summary(metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=content))


def start(row: Mapping[str, Any], run: str) -> Summary:
    return hparams_pb(dict(row), trial_id=run)


def end(success: bool) -> Summary:
    status = api_pb2.STATUS_SUCCESS if success else api_pb2.STATUS_FAILURE
    content = plugin_data_pb2.HParamsPluginData(session_end_info=plugin_data_pb2.SessionEndInfo(status=status))
    return _summary(metadata.SESSION_END_INFO_TAG, content)


def _summary(tag: str, content: plugin_data_pb2.HParamsPluginData) -> Summary:
    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content))
    value.tensor.CopyFrom(metadata.NULL_TENSOR)
    return Summary(value=[value])
