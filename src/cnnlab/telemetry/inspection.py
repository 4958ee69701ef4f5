"""Reads a diagnosis' context from a network and an optimizer, for training loops other than cnnlab's."""

from collections.abc import Iterable

from torch import nn
from torch.optim import Optimizer

from cnnlab.diagnosis import Context
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.table import layer_type


def context_of(
    network: nn.Module,
    optimizer: Optimizer | None = None,
    classes: int | None = None,
    functions: Iterable[nn.Module] = (),
) -> Context:
    """Activation, norm and dropout are read from the modules and from `functions`, the layers that equal the functions
    called; learning rate, weight decay and name from the optimizer. What is unknown or ambiguous stays None."""
    known = [kind for module in (*network.modules(), *functions) if (kind := layer_type(module)) is not None]
    names = {name for kind in known for name, activation in ACTIVATIONS.items() if kind.activation is activation}
    activation = names.pop() if len(names) == 1 else None
    dropout = [float(module.p) for module in network.modules() if isinstance(module, nn.Dropout)]
    return Context(
        classes=classes,
        learning_rate=_learning_rate(optimizer) if optimizer else None,
        activation=activation,
        suited=ACTIVATIONS[activation].initializer if activation else None,
        optimizer=type(optimizer).__name__ if optimizer else None,
        batch_norm=any(kind.role == "norm" for kind in known),
        dropout=max(dropout, default=None),
        weight_decay=max(group.get("weight_decay", 0.0) for group in optimizer.param_groups) if optimizer else None,
    )


def _learning_rate(optimizer: Optimizer) -> float:
    """The schedule's peak, which torch's schedulers store beside the current rate: a warm-up lowers the latter."""
    return max(float(group.get("max_lr", group.get("initial_lr", group["lr"]))) for group in optimizer.param_groups)
