"""Command lines, YAML files and pictures that nobody would think of: each is taken, or refused in a few words.

`make fuzz` tries ten times as many.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from cnnlab.cli.compose import compose_run
from cnnlab.cli.preflight import check_training
from cnnlab.common.errors import InputError
from cnnlab.datasets.folder import image_folder
from cnnlab.training.perform import perform

COUNT = int(os.environ.get("CNNLAB_FUZZ", "200"))
SMALL = ["dataset.size=8", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=2"]
tries = settings(
    max_examples=COUNT,
    deadline=None,
    derandomize=COUNT <= 200,  # the same ones each time, so that a change is what breaks them
    suppress_health_check=list(HealthCheck),
    database=None,
)
fewer = settings(tries, max_examples=COUNT // 2)

KEYS = st.sampled_from(
    [
        *("model", "init", "dataset", "optimizer", "scheduler", "augmentation", "trainer", "telemetry", "evaluation"),
        *("experiment", "seed", "check", "repair", "resume", "reproduce", "sweep.dry_run", "claim.guess", "lr"),
        *("model.channels", "model.kernel_size", "model.stride", "model.pool", "model.padding", "model.activation"),
        *("model.activate", "model.norm", "model.head", "model.first_layer", "model.dropout", "model.convs_per_block"),
        *("init.bias", "init.gain", "init.std", "optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"),
        *("scheduler.warmup", "trainer.epochs", "trainer.batch_size", "trainer.max_steps", "trainer.precision"),
        *("trainer.clip", "trainer.label_smoothing", "trainer.device", "trainer.checkpoint_minutes", "dataset.size"),
        *("dataset.validation", "dataset.root", "augmentation.translate", "augmentation.cutout", "hydra.run.dir"),
        *("telemetry.every", "telemetry.images", "telemetry.statistics", "evaluation.images", "model._target_", ""),
    ]
)
WORDS = st.sampled_from(
    [
        *("null", "true", "off", "nan", "inf", "-inf", "1e999", "1e-320", "0", "-0", "-1", "1.5", "99999999999"),
        *("[]", "{}", "[1,2]", "[[3]]", "{a: 1}", "he", "xavier", "zeros", "digits", "mnist", "sgd", "adamw", "relu"),
        *("same", "''", '"', "'a", "a b", "a=b", "${seed}", "${nothing}", "${oc.env:HOME}", "1,2", "choice(1,2)"),
        *("range(3)", "glob(*)", "interval(0,1)", "sort(2,1)", "int(3)", "\u4e2d\u6587", "caf\u00e9", "\U0001f600"),
        *("\\", "\\\\", "$(x)", "~", "[red]x", "%s", "a\tb", "a\nb", "../x", "/dev/null", "os.system", "torch.nn.ReLU"),
        *("cnnlab.networks.convnet.ConvNet", "-", "--", "#", "@", ":", ",", ""),
    ]
)
VALUES = st.one_of(
    WORDS,
    st.integers(-3, 300).map(str),
    st.floats(allow_nan=False).map(repr),
    st.lists(st.integers(-1, 9), max_size=4).map(lambda v: str(v).replace(" ", "")),
    st.text(max_size=6),
)
OVERRIDES = st.one_of(
    st.builds("{}{}={}".format, st.sampled_from(["", "", "", "", "+", "++", "~"]), KEYS, VALUES),
    st.builds("{}={}".format, st.text(min_size=1, max_size=8), VALUES),
    st.text(max_size=8),
)


def _few_words(error: InputError) -> None:
    lines = str(error).splitlines()
    assert 1 <= len(lines) <= 6 and "Traceback" not in str(error), str(error)
    str(error).encode()


@tries
@given(st.lists(OVERRIDES, min_size=1, max_size=3))
def test_any_command_line_is_taken_or_refused_in_a_few_words(tmp_path_factory, overrides):
    home = tmp_path_factory.mktemp("fuzz")
    before = os.getcwd()
    os.chdir(home)
    try:
        config, request, _ = compose_run("train", [*SMALL, *overrides])
        check_training([config])
        assert not list(home.iterdir()), "something was left"
        if _brief(config):  # what is taken must work
            perform(config, request, home / "run", pictures=False, show=False)
    except InputError as error:
        _few_words(error)
        assert not list(home.iterdir()), "something was left"
    finally:
        os.chdir(before)


def _brief(config) -> bool:
    """Whether a run takes seconds; checks and repairs train for longer."""
    steps = config.trainer.max_steps
    return steps is not None and steps <= 2 and config.check is None and not config.repair


ODD_YAMLS = [
    *("", "\n", "\t", "a: [", "a: b: c", "- 1\n- 2\n", "just text", "1: 2\n", "a: 1\na: 2\n", "null", "\x00"),
    *("\ufeffa: 1\n", "channels: [4\n", "defaults: 3\n", "defaults: [nothing]\n", "a: &x [*x]\n", "%YAML 9\n"),
    *("defaults: [stacked3x3, _self_]\nx: 1\n", "_target_: os.system\n", "_target_: 5\n", "? [a]\n: 1\n"),
    *("_target_: nowhere.Net\n", "_target_: cnnlab.networks.convnet.ConvNet\nchannels: off\n"),
    "a: !!python/object:os.system x\n",
]
YAMLS = st.one_of(
    st.sampled_from(ODD_YAMLS),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ).map(lambda content: yaml.safe_dump(content, allow_unicode=True)),
)


@fewer
@given(st.sampled_from(["model", "init", "dataset", "optimizer", "experiment", "trainer"]), YAMLS)
def test_any_yaml_in_ones_own_folder_is_taken_or_refused_in_a_few_words(tmp_path_factory, group, text):
    home = tmp_path_factory.mktemp("own")
    (home / group).mkdir()
    (home / group / "odd.yaml").write_text(text, encoding="utf-8")
    try:
        config, _, _ = compose_run("train", [*(SMALL if group != "model" else SMALL[:1]), f"{group}=odd"], home)
        check_training([config])
    except InputError as error:
        _few_words(error)


@tries
@given(
    st.binary(max_size=300),
    st.sampled_from([".png", ".jpg", ".gif", ".bmp", ".tif", ".webp", ".ppm", ".ico"]),
    st.integers(0, 60),
)
@example(b"", ".png", 0)
def test_any_picture_is_taken_or_refused_in_a_few_words(tmp_path_factory, noise, ending, at):
    """A picture of which a part is overwritten, cut off, or all noise."""
    home = tmp_path_factory.mktemp("pictures")
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    for name in ("cat", "dog"):
        (home / "root" / name).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(np.full((6, 6, 3), 40 * i, np.uint8)).save(home / "root" / name / f"{i}.png")
    path = home / "root" / "cat" / f"odd{ending}"
    Image.fromarray(np.full((6, 6, 3), 90, np.uint8)).resize((6, 6)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[:at] + noise if at else noise + content)
    try:
        image_folder(str(home / "root"))
    except InputError as error:
        _few_words(error)
    assert not list((home / "cache").rglob(".*.npy")), "a fragment was left"


NAMES = ["c\udce9", "a\nb", "a\tb", "[red]x", "x[/y]", "$\\frac$", "=", "a b", "-m", "%s", "\u4e2d"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_class_is_taken_or_refused_in_a_few_words(tmp_path: Path, name: str) -> None:
    for label, folder in enumerate((name, "dog")):
        try:
            (tmp_path / folder).mkdir()
        except (OSError, UnicodeEncodeError):
            pytest.skip("this file system does not take the name")
        for i in range(3):
            Image.fromarray(np.full((6, 6, 3), 40 * label + i, np.uint8)).save(tmp_path / folder / f"{i}.png")
    try:
        assert name in image_folder(str(tmp_path)).classes
    except InputError as error:
        _few_words(error)
