"""Which layers with weights a network calls, and which it uses without calling them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from cnnlab.networks.layers import weight_layers, weight_of
from cnnlab.networks.trace import mode


def used_uncalled(network: nn.Module, batch: Tensor, called: Sequence[nn.Module]) -> str | None:
    """The first layer that is not `called`, as F.linear(x, self.head.weight) does not, and gets a gradient from the
    outputs; an attention uses its out_proj's weights so."""
    weights = {
        name: weight
        for name, layer in weight_layers(network).items()
        if layer not in called and not isinstance(layer, NonDynamicallyQuantizableLinear)
        if (weight := weight_of(layer)) is not None and weight.requires_grad
    }
    if not weights:
        return None
    with mode(network, training=False), torch.enable_grad():
        gradients = torch.autograd.grad(network(batch).sum(), [*weights.values()], allow_unused=True)
    return next((name for name, gradient in zip(weights, gradients, strict=True) if gradient is not None), None)


def as_they_run(network: nn.Module, batch: Tensor) -> list[nn.Module]:
    """Those that `called_layers` finds in evaluation mode."""
    with mode(network, training=False):
        return called_layers(network, lambda: network(batch))


def called_layers(network: nn.Module, run: Callable[[], object]) -> list[nn.Module]:
    """The layers with weights that `run` calls, each where it is called first; an attention's out_proj is not."""
    called: dict[nn.Module, None] = {}
    hooks = [
        layer.register_forward_hook(lambda module, inputs, output: called.setdefault(module))
        for layer in weight_layers(network).values()
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return list(called)
