"""Names of layers with weights, as used in metrics, tables and theory."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from cnnlab.common.errors import InputError

# Includes transposed convolutions, and lazy layers, whose weights have no shape before the first batch.
WEIGHTED = (_ConvNd, nn.Linear, nn.Bilinear)


def weight_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Every convolution and fully connected layer as `01_block1.conv1`, in order of definition.

    The number is zero-padded so that sorting by name sorts by depth, provided that layers are defined in the order
    in which they run, as in a ConvNet. The query, key and value projections of an nn.MultiheadAttention, which are
    one parameter, are named `..._attention.in_proj`. A slash, which separates the parts of a key, becomes `_`. Raises
    InputError for what is no module, or made by torch.jit.
    """
    check_open(network)
    found: list[tuple[str, nn.Module]] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            found.append((f"{name}.in_proj".lstrip("."), module))
        elif isinstance(module, WEIGHTED):
            found.append((name, module))
    digits = max(2, len(str(len(found))))
    numbered = ((f"{i:0{digits}d}", name or "network", module) for i, (name, module) in enumerate(found, start=1))
    return {f"{number}_{name.replace('/', '_')}": module for number, name, module in numbered}


def check_open(network: nn.Module) -> None:
    """InputError for networks, and parts of them, that hide their layers, and for what is no network."""
    if not isinstance(network, nn.Module):
        raise InputError(
            f"A network is an nn.Module, not a {type(network).__name__}.\n"
            "Give the module itself, as Net() of a class Net; layers in a list go into nn.Sequential."
        )
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            what = f"{name} of the network" if name else "The network"
            raise InputError(
                f"{what} was made by torch.jit, which hides its layers and takes no hooks.\n"
                "Give the network as it was before torch.jit.script or torch.jit.trace."
            )


def weight_of(layer: nn.Module) -> nn.Parameter | None:
    """The weights of one of `weight_layers`, (c_out, c_in, ...); None if they are computed (parametrizations such as
    weight normalization), have no shape yet (lazy layers) or are spread over processes."""
    name = "in_proj_weight" if isinstance(layer, nn.MultiheadAttention) else "weight"
    weight = layer._parameters.get(name)
    return None if weight is None or nn.parameter.is_lazy(weight) or is_spread(weight) else weight


def bias_of(layer: nn.Module) -> nn.Parameter | None:
    """None also of biases that are spread over processes."""
    bias = layer._parameters.get("in_proj_bias" if isinstance(layer, nn.MultiheadAttention) else "bias")
    return None if bias is None or is_spread(bias) else bias


def is_spread(parameter: torch.Tensor) -> bool:
    """Whether it is a DTensor, as under FSDP, of which each process has a part: to see the whole, all processes would
    have to ask together."""
    return hasattr(parameter, "to_local")


def leaves(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """`(dotted name, module)` of the modules without children, in order of definition.

    A parametrized layer and an nn.MultiheadAttention, which computes with its projections' weights without calling
    them, are leaves too.
    """
    inside: set[nn.Module] = set()
    for name, module in network.named_modules():
        if module in inside:
            continue
        children = [child for key, child in module.named_children() if key != "parametrizations"]
        if not children or isinstance(module, nn.MultiheadAttention):
            inside.update(module.modules())
            yield name, module
