"""Which cause is likely and which override to try, given how the run was set up."""

import math

from cnnlab.diagnosis.evidence import Context

Advice = tuple[str, str]

# Initializers that keep the signal's size by design, by activation; for these a norm layer is the next thing to try.
KEEPING = ("orthogonal", "delta_orthogonal", "lsuv")


def initializer(context: Context) -> str:
    """What suits the activation: He for the rectifiers, which lose half the signal, Xavier for the rest."""
    return "he" if context.activation in ("relu", "leaky_relu") else "xavier"


def scale(context: Context, vanishing: bool, step: int) -> Advice:
    """For a signal whose size changes from layer to layer."""
    if step > 0:
        return "training has moved the weights there: the learning rate is too large", learning_rate(context, 0.1)
    size = "small" if vanishing else "large"
    suited = initializer(context)
    if context.initializer.startswith((suited, *KEEPING)):
        cause = f"{context.initializer} alone does not keep the signal's size in this network"
        return f"{cause} (depth, narrow layers, unpadded or pooled maps)", "model.norm=batch"
    return f"init={context.initializer} makes the weights too {size} for layers of this size", f"init={suited}"


def backward(context: Context, vanishing: bool, step: int) -> Advice:
    if vanishing and context.activation == "sigmoid":
        return (
            "the sigmoid's slope is 1/4 at most, so every layer divides the gradient by four or more",
            "model.activation=relu",
        )
    if vanishing and context.activation == "tanh" and step > 0:
        return "tanh is flat where it saturates, so that little gradient passes", learning_rate(context, 0.1)
    return scale(context, vanishing, step)


def saturation(context: Context, step: int) -> Advice:
    cause = f"{context.activation} is flat for large inputs, so that no gradient passes"
    if step > 0:
        return f"{cause}; training drove it there", learning_rate(context, 0.1)
    if context.initializer.startswith("xavier"):
        return f"{cause}; biases or the gain push it there", "model.norm=batch"
    return f"{cause}; init={context.initializer} makes the weights too large", "init=xavier"


def learning_rate(context: Context, factor: float) -> str:
    """`optimizer.lr=` the present one times about `factor`, as people write it: 1, 2 or 5 times a power of ten."""
    lr = context.learning_rate * factor
    power = 10.0 ** math.floor(math.log10(lr)) if lr > 0 else 0.0
    digit = min((1, 2, 5, 10), key=lambda d: abs(math.log(d * power / lr))) if power else 0
    return f"optimizer.lr={digit * power:.1g}"
