"""TensorBoard in this process, for this machine alone."""

import logging
import os
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

# Else TensorFlow's absence is announced on import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tensorboard import program
from tensorboard.plugins.core import core_plugin
from tensorboard.plugins.custom_scalar import custom_scalars_plugin
from tensorboard.plugins.histogram import histograms_plugin
from tensorboard.plugins.hparams import hparams_plugin
from tensorboard.plugins.image import images_plugin
from tensorboard.plugins.metrics import metrics_plugin
from tensorboard.plugins.scalar import scalars_plugin
from tensorboard.plugins.text import text_plugin
from tensorboard.program import TensorBoardServerException

from cnnlab.common.errors import InputError
from cnnlab.views.dashboard.report_tab import Page, ReportTab

# Those for which a run has data, since the tabs of all would not fit a screen of 1024 pixels. Time series, then all in
# the order of TensorBoard.
TABS = (
    metrics_plugin.MetricsPlugin,
    scalars_plugin.ScalarsPlugin,
    custom_scalars_plugin.CustomScalarsPlugin,
    images_plugin.ImagesPlugin,
    histograms_plugin.HistogramsPlugin,
    text_plugin.TextPlugin,
    hparams_plugin.HParamsPlugin,
)
PICTURES = 200  # kept per tag; TensorBoard's own default, 10, drops most steps of a run


def serve(logdir: Path, page: Page, port: int | None) -> str:
    """Start a server that ends with this process, and return its address. `page`: makes the report's HTML, the first
    tab. `port`: None is 6006 or the next one free. Raises InputError where it cannot listen."""
    for noisy in ("tensorboard", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    board = program.TensorBoard([core_plugin.CorePluginLoader(), ReportTab(page), *TABS])
    where = ["--port", str(port)] if port is not None else []
    shown = ["--samples_per_plugin", f"images={PICTURES}", "--reload_interval", "5"]
    board.configure(("tensorboard", "--logdir", str(logdir), "--host", "127.0.0.1", *where, *shown))
    try:
        with redirect_stderr(StringIO()):  # on success it only advertises its fast reader of event files
            return board.launch().rstrip("/")
    except TensorBoardServerException as error:
        raise InputError(f"TensorBoard cannot start: {error.msg}\nGive another port, e.g. port=6007.") from error
