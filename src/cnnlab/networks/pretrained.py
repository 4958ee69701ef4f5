"""Weights from a file, read without running what else it may hold."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.common.words import expanded, plural

HOLDERS = ("network", "state_dict", "model")  # keys of cnnlab's, Lightning's and others' checkpoints
SHOWN = 2


@torch.no_grad()
def load_weights(network: nn.Module, batch: Tensor, file: str | None, skip: Sequence[str] = ()) -> None:
    """Load the state_dict in `file` into `network`, which it must fit exactly.

    `file`: what torch.save wrote, a state_dict or a checkpoint that holds one under "network", "state_dict" or "model",
    such as a run's checkpoints/best.pt; a leading "module." is dropped. `skip`: patterns of names, e.g. "fc.*", that
    keep the network's own values. `batch` is not used. Raises InputError.
    """
    if not file:
        raise InputError(
            "init=checkpoint needs a file: init.file=outputs/runs/.../checkpoints/best.pt, or one that\n"
            "torch.save(network.state_dict(), FILE) wrote."
        )
    own = network.state_dict()
    state = _named_as(own, _state(expanded("init.file", file)))
    kept = {name for name in {*own, *state} if any(fnmatchcase(name, pattern) for pattern in skip)}
    differences = [words for name in sorted({*own, *state} - kept) if (words := _difference(name, own, state))]
    if differences:
        raise InputError(
            f"{file} does not fit this network: {plural(len(differences), 'difference')}, e.g. "
            f"{'; '.join(differences[:SHOWN])}.\n"
            "Choose the model that it was trained with, or leave out what is to start anew, e.g. init.skip=['fc.*']."
        )
    network.load_state_dict({name: own[name] if name in kept else state[name] for name in own})


def _state(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise InputError(f"init.file={path}: there is no such file.")
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes can raise anything
        raise InputError(
            f"{path} cannot be read as weights ({type(error).__name__}): it is damaged, or holds Python objects,\n"
            "which are not loaded, since they could run anything. Save the weights alone:\n"
            "  torch.save(network.state_dict(), FILE)"
        ) from error
    if isinstance(found, Mapping):
        found = next((found[key] for key in HOLDERS if isinstance(found.get(key), Mapping)), found)
    if not isinstance(found, Mapping) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"{path} holds no state_dict, a mapping of names to tensors.")
    return found


def _named_as(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Without the prefix that nn.DataParallel adds."""
    prefixed = all(name.startswith("module.") for name in state) and not any(name.startswith("module.") for name in own)
    return {name.removeprefix("module."): value for name, value in state.items()} if prefixed else state


def _difference(name: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str | None:
    if name not in state:
        return f"{name} is missing in the file"
    if name not in own:
        return f"{name} is not in the network"
    if own[name].shape != state[name].shape:
        return f"{name} is {tuple(state[name].shape)} in the file and {tuple(own[name].shape)} in the network"
    return None
