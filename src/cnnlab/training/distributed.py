"""Trains one run with several processes: started here (`trainer.devices`), or by `torchrun` on one or several machines.

One process has rank 0: it alone writes into the run folder, and prints.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch
import torch.distributed as dist
from torch.distributed import PrefixStore, Store, rendezvous  # pyright: ignore[reportPrivateImportUsage]

from cnnlab.cli.launchers.job import pack_here, unpack_there
from cnnlab.cli.processes import of_torchrun, warm_processes
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.common.device import choose_device
from cnnlab.common.errors import InputError
from cnnlab.common.stopping import GRACE_S, STOPS, Stopped, end_with_parent, how_it_ended, stop_once, stoppable
from cnnlab.runs.environment import PARENT
from cnnlab.runs.run_folder import mark_failed
from cnnlab.runs.status import LAST
from cnnlab.training.ranks import ALONE, TIMEOUT, Lost, Ranks, Together
from cnnlab.views.beginning import waiting_for

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

_NOISY = ("torch.distributed", "torch.multiprocessing")
_tasks = 0  # of torchrun's processes, so far


def spread(function: Callable[..., Any], config: Any, *arguments: Any, folder: Path, show: bool = False) -> Any:
    """`function(config, *arguments, ranks)` in `config.trainer.devices` processes; returns what rank 0 returns, or
    under torchrun in this process. `folder`: of the run. `show`: on a terminal, what is waited for.

    Raises InputError, KeyboardInterrupt, and RuntimeError that names the process that failed.
    """
    if config.trainer.devices == 1:
        return function(config, *arguments, ALONE)
    if of_torchrun()[1] > 1:
        return _under_torchrun(function, (config, *arguments))
    return _launched(function, (config, *arguments), folder, show)


def _launched(function: Callable[..., Any], arguments: tuple, folder: Path, show: bool) -> Any:
    # Imported lazily: dozens of modules, which runs of one process need not have.
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    devices = arguments[0].trainer.devices
    threads = max(1, torch.get_num_threads() // devices)
    files = [h for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler)]
    logs = [(handler.baseFilename, handler.formatter) for handler in files]
    payload = pack_here((function, arguments, threads, logs, os.getpid()))
    with waiting_for(f"Starting {devices} processes") if show else nullcontext():
        server = warm_processes(arguments[0])
        first = server.Process(target=os.getpid)  # which runs when the server has imported all
        first.start()
        first.join()
    handlers = {number: signal.getsignal(number) for number in (*STOPS, signal.SIGQUIT, signal.SIGUSR2)}
    others = set(multiprocessing.active_children())
    started = lambda: [p for p in multiprocessing.active_children() if p not in others]  # noqa: E731
    try:
        with TemporaryDirectory(prefix="cnnlab-") as logs_folder, _quiet():
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGUSR2, lambda *_: _send(started(), signal.SIGUSR2))
            config = LaunchConfig(
                min_nodes=1,
                max_nodes=1,
                nproc_per_node=devices,
                run_id=uuid4().hex,
                rdzv_backend="c10d",
                rdzv_endpoint="localhost:0",
                local_addr="localhost",
                max_restarts=0,
                start_method="forkserver",
                logs_specs=DefaultLogsSpecs(log_dir=logs_folder),
            )
            return elastic_launch(config, _rank)(payload)[0]
    except SignalException as error:
        raise Stopped(int(error.sigval)) from None
    except ChildFailedError as error:
        raise _told(*error.get_first_failure(), devices, folder) from None
    finally:
        main = threading.current_thread() is threading.main_thread()
        for number in handlers if main else ():
            signal.signal(number, lambda *_: None)  # they are told, and have GRACE_S
        _end(started())
        for number, handler in handlers.items() if main else ():
            signal.signal(number, handler)


def _rank(payload: bytes) -> Any:
    """The life of one process of those that were started here."""
    os.setsid()  # Ctrl-C on the terminal reaches the parent alone, which tells each process once
    function, arguments, threads, logs, parent = unpack_there(payload)
    register_resolvers()
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for what this process starts
    torch.set_num_threads(threads)
    end_with_parent()
    _log_to(logs if int(os.environ["RANK"]) == 0 else [])
    os.environ[PARENT] = str(parent)
    try:
        with stoppable(stop_once), _joined(arguments[0].trainer.device) as ranks:
            return function(*arguments, ranks)
    except Stopped as stopped:
        sys.exit(128 + stopped.number)
    except Lost:
        sleep(GRACE_S)  # the process that ended first is to be seen first; this one is then told to end
        raise


@contextmanager
def _joined(device: str, store: Store | None = None) -> Iterator[Ranks]:
    cuda = choose_device(device).type == "cuda"
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    named = {"store": store, "rank": rank, "world_size": count} if store else {}
    dist.init_process_group("nccl" if cuda else "gloo", timeout=TIMEOUT, **named)
    yield Together(torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu"))
    dist.destroy_process_group()  # not after an error, which another process may not know of


def _under_torchrun(function: Callable[..., Any], arguments: tuple) -> Any:
    """Rank 0 sends its task, with its folder; the others do that, whatever they were asked for."""
    global _tasks
    store, key = _store(), f"cnnlab/{_tasks}"
    _tasks += 1
    rank = of_torchrun()[0]
    if rank == 0:
        store.set(key, pack_here((function, arguments)))  # pyright: ignore[reportArgumentType]
    elif task := store.get(key):
        function, arguments = unpack_there(task)
        register_resolvers()
    else:
        return None
    with stoppable(stop_once), _joined(arguments[0].trainer.device, PrefixStore(key, store)) as ranks:
        return function(*arguments, ranks)


def follow() -> None:
    """The life of a process of torchrun that is not rank 0: it does what that one sends."""
    try:
        _under_torchrun(lambda: None, ())
    except Stopped as stopped:
        sys.exit(128 + stopped.number)


def dismiss() -> None:
    """Rank 0 of torchrun: let the others go, if there was nothing to train, as for `--help`."""
    if of_torchrun()[1] > 1 and not _tasks:
        _store().set("cnnlab/0", "")


def _store() -> Store:
    return next(rendezvous("env://", timeout=TIMEOUT))[0]


def _told(rank: int, failure: "ProcessFailure", devices: int, folder: Path) -> BaseException:
    """Also writes it into the run folder: the process itself was perhaps not able to."""
    if failure.exitcode - 128 in STOPS:
        return Stopped(failure.exitcode - 128)
    message: Any = failure.message
    words, trace = how_it_ended(failure.exitcode), ""
    if isinstance(message, dict):
        words, trace = str(message["message"]), message["extraInfo"]["py_callstack"]
    kind, _, text = words.partition(": ")
    words = f"rank {rank} of {devices}: {words.removeprefix('its process ')}"
    mark_failed(folder, words)
    if kind == InputError.__name__:
        return InputError(text)
    if not trace:
        taken = f"python -m cnnlab.train resume={folder}" if (folder / LAST).is_file() else "no checkpoint was made yet"
        return InputError(f"{words}.\nThat ended the run. It goes on from its last checkpoint: {taken}")
    error = RuntimeError(words)
    error.add_note(trace)
    return error


def _end(processes: list[Any]) -> None:
    end = monotonic() + GRACE_S
    for process in processes:
        process.join(max(0.0, end - monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _send(processes: list[Any], number: int) -> None:
    for process in processes:
        os.kill(process.pid, number)


def _log_to(files: list[tuple[str, logging.Formatter | None]]) -> None:
    root = logging.getLogger()
    for path, formatter in files:
        handler = logging.FileHandler(path)
        handler.setFormatter(formatter)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
    if not files:
        root.addHandler(logging.NullHandler())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's account of how it ends processes: what happened is told in one sentence."""
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.startswith(_NOISY)]
    noisy = [logger for logger in loggers if not logger.disabled]
    for logger in noisy:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in noisy:
            logger.disabled = False
