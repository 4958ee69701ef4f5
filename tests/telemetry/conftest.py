"""TensorBoard's own server over what a test has written."""

import json
import urllib.parse

import pytest
from werkzeug.test import Client


@pytest.fixture
def serve(tmp_path):
    """A function that asks a TensorBoard over `tmp_path`, without a socket."""
    from tensorboard import default, program
    from tensorboard.backend import application
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

    def ask(path: str, body: dict | None = None, **arguments):
        board = program.TensorBoard(plugins=default.get_plugins())
        board.configure(logdir=str(tmp_path))
        files = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
        files.Reload()
        provider = MultiplexerDataProvider(files, str(tmp_path))
        app = application.TensorBoardWSGIApp(board.flags, board.plugin_loaders, provider)
        url = path + ("?" + urllib.parse.urlencode(arguments) if arguments else "")
        client = Client(app)
        response = client.post(url, json=body) if body is not None else client.get(url)
        return json.loads(response.get_data())

    return ask
