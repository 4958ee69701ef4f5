"""One row a run in TensorBoard's HPARAMS tab, in the run's own event file.

`SummaryWriter.add_hparams` would make a second run of every run, and shows only what is known when it is called;
here a row begins with the run, so that a run that crashed has one too.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf makes its classes when it is imported, where no type checker sees them)

from collections.abc import Iterable, Mapping
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb

from cnnlab.schema import CONVNET_RULES, shown

# The columns are those of the first run that TensorBoard reads, so every run names all of them.
CHOICES = ("model", "init", "dataset", "augmentation", "optimizer", "scheduler")
NUMBERS = (
    *("seed", "init.std", "init.gain", "optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"),
    *("trainer.epochs", "trainer.max_steps", "trainer.batch_size"),
)
WORDS = (*CONVNET_RULES, "init.bias", "trainer.precision")
METRICS = ("Test/accuracy", "Test/loss", "Validation/accuracy", "Validation/loss", "Train/epoch_accuracy")


def row(choices: Mapping[str, str], config: Mapping[str, Any], swept: Iterable[str] = ()) -> dict[str, float | str]:
    """A run's columns: the choices, the settings that a design varies, and whatever else was `swept`.

    `config` is the resolved config as a nested mapping. A setting that a run does not have stays empty.
    """
    found: dict[str, float | str] = {name: choices[name] for name in CHOICES if name in choices}
    for key in (*NUMBERS, *WORDS, *(k for k in swept if k not in CHOICES)):
        value: Any = config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[key] = float(value) if key in NUMBERS else shown(value)
    return found


def experiment(swept: Iterable[str] = ()) -> Summary:
    """The columns with their types, and the metrics, by their tags."""
    names = dict.fromkeys((*CHOICES, *NUMBERS, *WORDS, *swept))
    infos = [
        api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_FLOAT64 if name in NUMBERS else api_pb2.DATA_TYPE_STRING)
        for name in names
    ]
    metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in METRICS]
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
