"""A launcher of small jobs, as a sweeper sets it up."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hydra.types import HydraContext, RunMode

MAIN = """
defaults: [_self_, {override hydra/job_logging: none}, {override hydra/hydra_logging: none}]
what: nothing
hydra: {output_subdir: null, sweep: {dir: sweep, subdir: "what=${what}"}, job: {name: small, chdir: false}}
"""


@pytest.fixture
def launched(tmp_path, monkeypatch) -> Iterator[Callable[..., Any]]:
    """`launched(task)`: a launcher set up for `task`, with the sweep folder `sweep` in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "main.yaml").write_text(MAIN)
    GlobalHydra.instance().clear()
    setup_globals()
    hydra = Hydra.create_main_hydra2("small", create_config_search_path(str(tmp_path / "conf")))
    config = hydra.compose_config("main", [], RunMode.MULTIRUN, with_log_configuration=False)

    def launched(task: Callable[[Any], Any], launcher: Any = None) -> Any:
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        if launcher is None:
            return SimpleNamespace(config=config, hydra_context=context, task_function=task)
        launcher.setup(hydra_context=context, task_function=task, config=config)
        return launcher

    yield launched
    GlobalHydra.instance().clear()
