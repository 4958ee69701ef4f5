"""Remedies as data, rendered as an override for the commands or as torch code for your own loop."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from cnnlab.diagnosis.context import Context


@dataclass(frozen=True)
class Remedy:
    """Set `setting` to `value`, or multiply it by `factor` if its current value is unknown. `look`: what to look at,
    where no setting would help. `exists`: whether the network has that setting."""

    setting: str = ""
    value: str | float | None = None
    factor: float | None = None
    look: str = ""
    exists: bool = True

    @property
    def override(self) -> str:
        """As an argument of `python -m cnnlab.train`; in torch's words where the network has no such setting."""
        if self.look:
            return self.look
        if not self.exists:
            return replace(self, exists=True).code
        if self.value is None:
            return f"{self.setting} times {self.factor:g}"
        return f"{self.setting}={_number(self.value)}"

    @property
    def code(self) -> str:
        """As a line of Python for your own training loop."""
        if self.look:
            return self.look
        change = f"= {_number(self.value)}" if self.value is not None else f"*= {self.factor}"
        match self.setting:
            case "init":
                batch = ", batch=x" if self.value == "lsuv" else ""
                return f'cnnlab.initialize(network, "{self.value}"{batch})'
            case "init.bias":
                return f"nn.init.constant_(layer.bias, {self.value}) for every layer with weights"
            case "model.norm":
                return "nn.BatchNorm2d(channels) after every convolution"
            case "model.activation":
                return f"F.{self.value} as the activation"
            case "model.dropout":
                return f"nn.Dropout({self.value}) before every fully connected layer"
            case "optimizer.lr" | "optimizer.weight_decay":
                return f'for group in optimizer.param_groups: group["{self.setting.partition(".")[2]}"] {change}'
            case "trainer.clip":
                return f"torch.nn.utils.clip_grad_norm_(network.parameters(), {self.value})"
        return self.override


class Advice(NamedTuple):
    """The likely cause of a finding, in a clause, and what to change first."""

    cause: str
    remedy: Remedy


# Initializers that preserve the signal's scale by design; with these a norm layer is the next thing to try.
KEEPING = ("orthogonal", "delta_orthogonal", "lsuv")


def initializer(context: Context) -> Remedy:
    """The initializer recommended for the activation; if unknown, lsuv, which measures the layers."""
    return Remedy("init", context.suited or "lsuv")


def scale(context: Context, vanishing: bool, step: int) -> Advice:
    """For a signal whose scale changes from layer to layer."""
    if step > 0:
        cause = "training has moved the weights there: the learning rate is too large"
        return Advice(cause, learning_rate(context, 0.1))
    size, suited, present = "small" if vanishing else "large", initializer(context), context.initializer
    if present is None:
        return Advice(f"the initial weights are too {size} for layers of this size", suited)
    if present.startswith((str(suited.value), *KEEPING)):
        cause = f"{present} alone does not preserve the signal's scale in this network"
        return Advice(f"{cause} (depth, narrow layers, unpadded or pooled maps)", Remedy("model.norm", "batch"))
    return Advice(f"init={present} makes the weights too {size} for layers of this size", suited)


def backward(context: Context, vanishing: bool, step: int) -> Advice:
    if vanishing and context.activation == "sigmoid":
        cause = "the sigmoid's slope is at most 1/4, and the weights do not compensate for it in every layer"
        return Advice(cause, Remedy("model.activation", "relu"))
    if vanishing and context.activation == "tanh" and step > 0:
        return Advice("tanh is flat where it saturates, so little gradient passes", learning_rate(context, 0.1))
    return scale(context, vanishing, step)


def saturation(context: Context, step: int) -> Advice:
    cause = f"{context.activation or 'the activation'} is flat for large inputs, so no gradient passes"
    if step > 0:
        return Advice(f"{cause}; training drove it there", learning_rate(context, 0.1))
    if context.initializer is None:
        return Advice(f"{cause}; the initial weights or biases are too large", initializer(context))
    if context.initializer.startswith("xavier"):
        return Advice(f"{cause}; biases or the gain push it there", Remedy("model.norm", "batch"))
    return Advice(f"{cause}; init={context.initializer} makes the weights too large", Remedy("init", "xavier"))


def learning_rate(context: Context, factor: float) -> Remedy:
    """The learning rate times `factor`, rounded to 1, 2 or 5 times a power of ten."""
    if context.learning_rate is None:
        return Remedy("optimizer.lr", factor=factor)
    lr = context.learning_rate * factor
    if lr <= 0:
        return Remedy("optimizer.lr", 0.0)
    power = 10.0 ** math.floor(math.log10(lr))
    digit = min((1, 2, 5, 10), key=lambda d: abs(math.log(d * power / lr)))
    return Remedy("optimizer.lr", digit * power)


def _number(value: str | float | None) -> str:
    return f"{value:.1g}" if isinstance(value, float) else str(value)
