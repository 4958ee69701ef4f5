"""Weights from a file, read without running what else it may hold."""

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.common.words import expanded, plural

# Keys of cnnlab's, Lightning's, PyTorch's tutorials' and others' checkpoints.
HOLDERS = ("network", "state_dict", "model_state_dict", "model", "net")
SHOWN, NAMES = 2, 6


@torch.no_grad()
def load_weights(network: nn.Module, batch: Tensor, file: str | None, skip: Sequence[str] = ()) -> None:
    """Load the state_dict in `file` into `network`, which it must fit exactly.

    `file`: what torch.save wrote, a state_dict or a checkpoint that holds one under one of HOLDERS, or one alone under
    any other key, such as a run's checkpoints/best.pt. What all names begin with is dropped where they fit better
    without it: "module.", "_orig_mod.", "model.". `skip`: patterns of names, e.g. "fc.*", that keep the network's own
    values. `batch` is not used. Raises InputError.
    """
    if not file:
        raise InputError(
            "init=checkpoint needs a file: init.file=outputs/runs/.../checkpoints/best.pt, or one that\n"
            "torch.save(network.state_dict(), FILE) wrote."
        )
    own = network.state_dict()
    found = _state(expanded("init.file", file))
    state = _named_as(own, {name: found[name] for name in found.keys() - _matching(found, skip)})
    kept = _matching({*own, *state}, skip)
    differences = [words for name in sorted({*own, *state} - kept) if (words := _difference(name, own, state))]
    if differences:
        raise InputError(
            f"{file} does not fit this network: {plural(len(differences), 'difference')}, e.g. "
            f"{'; '.join(differences[:SHOWN])}.\n"
            f"The file holds {_listed(found)}.\n"
            "Choose the model that it was trained with, or leave out what is to start anew, e.g. init.skip=['fc.*']."
        )
    network.load_state_dict({name: own[name] if name in kept else state[name] for name in own})


def _state(path: Path) -> Mapping[str, Tensor]:
    if os.path.isfile(best := path / "checkpoints" / "best.pt"):
        raise InputError(f"init.file={path} is the folder of a run. Give its weights: init.file={best}")
    if os.path.isdir(path):
        raise InputError(f"init.file={path} is a folder. Give a file in it that torch.save wrote.")
    if not os.path.isfile(path):
        raise InputError(f"init.file={path}: there is no such file.")
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling arbitrary bytes can raise anything
        raise InputError(
            f"{path} cannot be read as weights ({type(error).__name__}): it is damaged, or holds Python objects,\n"
            "which are not loaded, since they could run anything. Save the weights alone:\n"
            "  torch.save(network.state_dict(), FILE)"
        ) from error
    if _is_state(found):
        return found
    within = {key: value for key, value in found.items() if _is_state(value)} if isinstance(found, Mapping) else {}
    chosen = [key for key in HOLDERS if key in within] or list(within)
    if len(chosen) == 1 or (chosen and chosen[0] in HOLDERS):
        return within[chosen[0]]
    several = f"several state_dicts, {_listed(within)}, not one"
    what = several if within else "no state_dict, a mapping of names to tensors"
    holds = f"Its keys are {_listed(found)}" if isinstance(found, Mapping) else f"It is a {type(found).__name__}"
    raise InputError(f"{path} holds {what}.\n{holds}. Save the weights alone: torch.save(network.state_dict(), FILE).")


def _is_state(found: Any) -> bool:
    return isinstance(found, Mapping) and bool(found) and all(isinstance(value, Tensor) for value in found.values())


def _listed(names: Iterable[Any]) -> str:
    """The first of them."""
    names = [str(name) for name in names]
    return ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")


def _matching(names: Iterable[str], patterns: Sequence[str]) -> set[str]:
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}


def _named_as(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Without what all names begin with, as far as most of them are then the network's."""
    tried = [state]
    while len({name.partition(".")[0] for name in tried[-1]}) == 1 and all("." in name for name in tried[-1]):
        tried.append({name.partition(".")[2]: value for name, value in tried[-1].items()})
    return max(tried, key=lambda named: len(named.keys() & own.keys()))


def _difference(name: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str | None:
    if name not in state:
        return f"{name} is missing in the file"
    if name not in own:
        return f"{name} is not in the network"
    if own[name].shape != state[name].shape:
        return f"{name} is {tuple(state[name].shape)} in the file and {tuple(own[name].shape)} in the network"
    return None
