"""Fits networks that were written elsewhere, such as torchvision's and timm's, to the images: classes and stem."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.networks.trace import left_as_it_was

OWN_NAMES = ("image_shape", "classes")  # what cnnlab passes to a network that takes them
Stem = Literal["match", "small", "keep"]


def takes_image_shape(target: Callable[..., Any]) -> bool:
    """Whether `target` takes image_shape=(C, H, W) and classes=n, as cnnlab's networks do; else it is expected to take
    num_classes=n, as torchvision's and timm's do."""
    return any(name in inspect.signature(target).parameters for name in OWN_NAMES)


def fit_stem(network: nn.Module, channels: int, stem: Stem) -> nn.Module:
    """Change the first convolution (in order of definition), in place; returns the network.

    `match`: it takes images of `channels` channels; where it took another number, its weights are summed over them,
    divided by `channels`, and repeated, so that a grey picture gives what it gave before. `small`: besides, it becomes
    3x3 with stride 1 and newly drawn weights, and a max pooling before the second convolution is removed, for images of
    about 32 pixels (He et al. 2015, arXiv:1512.03385, section 4.2). `keep`: nothing. Raises InputError.
    """
    convolutions = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    if stem == "keep" or not convolutions:
        return network
    name, first = convolutions[0]
    if first.groups > 1:
        raise InputError(f"model.stem={stem} needs a first convolution without groups; {name} has {first.groups}.")
    if stem == "small":
        changes: dict[str, Any] = {"kernel_size": 3, "stride": 1, "padding": 1}
        network.set_submodule(name, _like(first, channels, **changes))
        _remove_pooling(network, before=convolutions[1][0] if len(convolutions) > 1 else None)
    elif first.in_channels != channels:
        changed = _like(first, channels)
        with torch.no_grad():
            changed.weight.copy_((first.weight.sum(1, keepdim=True) / channels).expand_as(changed.weight))
            if first.bias is not None and changed.bias is not None:
                changed.bias.copy_(first.bias)
        network.set_submodule(name, changed)
    return network


def materialize(network: nn.Module, image_shape: tuple[int, int, int]) -> nn.Module:
    """Give lazy layers their shapes by one pass of a black image (C, H, W), which draws their weights; returns the
    network, unchanged but for that. One that cannot take it, or never runs such a layer, keeps them as they are."""
    if not any(map(nn.parameter.is_lazy, (*network.parameters(), *network.buffers()))):
        return network
    place = next((p.device for p in network.parameters() if not nn.parameter.is_lazy(p)), None)
    # It is somebody's own code: what is wrong with it is told where it is tried.
    with suppress(Exception), left_as_it_was(network):
        network(torch.zeros(2, *image_shape, device=place))
    return network


def _like(layer: nn.Conv2d, channels: int, **changes: Any) -> nn.Conv2d:
    keys = ("out_channels", "kernel_size", "stride", "padding", "dilation", "padding_mode")
    settings = {key: getattr(layer, key) for key in keys} | changes
    weight = layer.weight
    return nn.Conv2d(
        channels, bias=layer.bias is not None, device=weight.device, dtype=weight.dtype, **settings
    ).requires_grad_(weight.requires_grad)


def _remove_pooling(network: nn.Module, before: str | None) -> None:
    """The max pooling that is defined before the layer of that name, if there is one."""
    for name, module in network.named_modules():
        if name == before:
            return
        if isinstance(module, nn.MaxPool2d):
            network.set_submodule(name, nn.Identity())
            return


def load_state(network: nn.Module, state: Mapping[str, Any], hidden: Mapping[str, Tensor] | None = None) -> None:
    """`load_state_dict`, also where buffers were made, or grew, while the network was trained. `hidden`: the buffers
    that its state leaves out. Raises what torch raises where they do not fit."""
    modules = dict(network.named_modules())
    for name, value in {**state, **(hidden or {})}.items():
        path, _, key = name.rpartition(".")
        buffers = modules[path]._buffers if path in modules else {}
        there = buffers.get(key)
        if key not in buffers or (there is not None and nn.parameter.is_lazy(there)):
            continue
        if there is None or there.shape != value.shape:
            buffers[key] = value.to(next(network.parameters(), value).device, copy=True)
        else:
            there.copy_(value)
    network.load_state_dict(state)
