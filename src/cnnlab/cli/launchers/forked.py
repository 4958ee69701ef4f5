"""Calls a function in a fork of the server, whose imports the calling process then need not make itself."""

import multiprocessing
import os
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from tempfile import gettempdir
from typing import Any

import cloudpickle

from cnnlab.cli.launchers.job import pack_here, unpack_there
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.common.errors import InputError


def warm(modules: Sequence[str], **environment: str) -> ForkServerContext:
    """A server that imports `modules`, in the background, and whose forks have them. It must import, not compute: a
    process that forks after torch ran with two threads hangs in the child."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["cnnlab.cli.launchers.uncollected", *modules])
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        forkserver.ensure_running()
    except OSError as error:
        if "AF_UNIX" not in str(error):
            raise
        raise InputError(
            f"The folder of temporary files has too long a name for what processes talk by: {gettempdir()}\n"
            "Give a shorter one, e.g. TMPDIR=/tmp before the command."
        ) from error
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value
    return server


def call_forked(server: ForkServerContext, function: Callable[[Any], Any], argument: Any) -> Any:
    """`function(argument)`. Raises InputError where it does, and RuntimeError for any other exception, with its
    traceback, or where the process is gone."""
    receiver, sender = server.Pipe(duplex=False)
    # No daemon, which may not start processes of its own, as the decoding of pictures does.
    process = server.Process(target=_call, args=(pack_here((function, argument)), sender))
    process.start()
    sender.close()
    try:
        error, text, value = cloudpickle.loads(receiver.recv_bytes())
    except EOFError:
        process.join()
        raise RuntimeError(f"the process that checks the configs ended with exit code {process.exitcode}") from None
    except BaseException:
        process.terminate()
        raise
    finally:
        receiver.close()
    process.join()
    if error is not None:
        raise error
    if text:
        raise RuntimeError(text)
    return value


def _call(payload: bytes, sender: Any) -> None:
    os.setsid()  # Ctrl-C on the terminal reaches the caller alone, whose end is that of this process
    register_resolvers()
    try:
        function, argument = unpack_there(payload)
        answer = (None, "", function(argument))
    except InputError as error:
        answer = (error, "", None)
    except Exception:
        answer = (None, traceback.format_exc(), None)
    sender.send_bytes(cloudpickle.dumps(answer))
