"""One forward pass before anything is trained: finds what no signature shows."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.common.errors import InputError, out_of_memory
from cnnlab.common.raised import raised_at, said
from cnnlab.common.random import undisturbed
from cnnlab.common.words import plural, sides
from cnnlab.networks.map_sizes import smallest

TOO_SMALL = ("Kernel size can't be greater than actual input size", "Output size is too small", "output size too small")
LARGEST = 512  # pixels, of images that are tried
CPU = torch.device("cpu")
ONE_VALUE = ("Expected more than 1 value per channel", "Expected more than 1 spatial element")


def check_forward(
    network: nn.Module,
    image_shape: tuple[int, int, int],
    classes: int,
    images: int = 2,
    device: torch.device = CPU,
) -> None:
    """Pass `images` random images through `network`, which is on `device`, in training mode; InputError unless logits
    (N, classes) come out.

    Running statistics change, the global random states do not.
    """
    entered: list[str] = []
    handles = [
        module.register_forward_pre_hook(partial(_enter, entered, name)) for name, module in network.named_modules()
    ]
    used = _Parameters()
    try:
        with undisturbed(0, device), torch.no_grad(), used:
            output = network.train()(torch.randn(images, *image_shape, device=device))
    except InputError:
        raise
    except Exception as error:  # it is somebody's own code
        layer = entered[-1] if entered else ""
        if (memory := out_of_memory(error, f", in {layer}" if layer else "", image_shape[1:])) is not None:
            raise memory from error
        raise InputError(_reason(error, network, layer, image_shape, images)) from error
    finally:
        for handle in handles:
            handle.remove()
    _check_output(output, images, classes)
    _check_registered(network, used.seen.values())


class _Parameters(TorchFunctionMode):
    """Notes the trainable parameters that any torch function gets."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, nn.Parameter] = {}

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        for value in (*args, *(kwargs or {}).values()):
            for x in value if isinstance(value, list | tuple) else (value,):
                if isinstance(x, nn.Parameter) and x.requires_grad:
                    self.seen[id(x)] = x
        return func(*args, **(kwargs or {}))


def _check_registered(network: nn.Module, used: Iterable[nn.Parameter]) -> None:
    own = {id(p) for p in network.parameters()}
    strangers = [p for p in used if id(p) not in own]
    if strangers:
        what, example = plural(len(strangers), "parameter"), tuple(strangers[0].shape)
        raise InputError(
            f"The network computes with {what} that none of its modules holds, e.g. of shape {example}.\n"
            "They would be neither trained nor saved: layers in a Python list or dict are not registered.\n"
            "Use nn.ModuleList, nn.ModuleDict or nn.Sequential."
        )


def _enter(entered: list[str], name: str, module: nn.Module, inputs: tuple) -> None:
    entered.append(name)


def _check_output(output: object, images: int, classes: int) -> None:
    if not isinstance(output, Tensor):
        what = f"a {type(output).__name__}"
        if isinstance(output, dict):
            what += f" ({', '.join(map(str, output))})"
        raise InputError(
            f"In training mode the network returns {what}, not a tensor of logits (N, {classes}).\n"
            "Switch auxiliary outputs off (of torchvision's: aux_logits: false in the model's YAML), or wrap it in a\n"
            "module that returns the logits."
        )
    if tuple(output.shape) != (images, classes):
        shape = ", ".join(["N", *map(str, output.shape[1:])])
        raise InputError(
            f"The network returns ({shape}), but for {classes} classes it must return logits (N, {classes}).\n"
            "Its last layer needs as many outputs as there are classes, which cnnlab passes as `classes`, or as\n"
            "`num_classes` to a network that takes no image_shape."
        )


def _reason(error: Exception, network: nn.Module, layer: str, image_shape: tuple[int, int, int], images: int) -> str:
    words = said(error)
    channels, *size = image_shape
    at = f" at {layer}" if layer else ""
    what = f"{channels}x{sides(tuple(size))}"
    if any(hint in words for hint in ONE_VALUE):
        return (
            f"A normalization{at} gets a single value per channel in training mode, and cannot normalize it.\n"
            + (f"Give larger batches than trainer.batch_size={images}, or " if images == 1 else "Give ")
            + "larger images (dataset.size), so that the map there is larger than 1x1."
        )
    if any(hint in words for hint in TOO_SMALL):
        return (
            f"Images of {what} are too small for the strides and kernels of this network{at}: {words}\n"
            f"Give larger images{_large_enough(network, channels)}, or a network that shrinks them less\n"
            "(torchvision's with stem: small in the model's YAML)."
        )
    where = raised_at(error, str(Path(torch.__file__).parent), __file__)
    return f"The network fails on {images} images of {what}{at}: {type(error).__name__}: {words}\n{where}".rstrip()


def _large_enough(network: nn.Module, channels: int) -> str:
    """`: dataset.size=63`, the smallest square images that pass, if any up to `LARGEST` do."""
    place = next((parameter.device for parameter in network.parameters()), CPU)

    def fits(side: int) -> bool:
        if side > LARGEST:
            return True  # ends the search
        try:
            with undisturbed(0, place), torch.no_grad():
                network.eval()(torch.zeros(1, channels, side, side, device=place))
        except Exception:  # whatever somebody else's code raises for small images
            return False
        return True

    side = smallest(fits)
    return f": dataset.size={side}" if side <= LARGEST else ""
