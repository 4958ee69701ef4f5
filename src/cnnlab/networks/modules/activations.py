"""Activations, one entry each, under the names of `model.activation`.

Does not import torch, so that a typo is reported without waiting for it. To add one, add an entry, and its name to
the comment in `configs/model/stacked3x3.yaml`; statistics, saturation, receptive field, memory, gain and theory
follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, NamedTuple


class Piece(NamedTuple):
    """`slope` * h + `intercept`, for h from the previous piece's bound up to `upper`."""

    upper: float
    slope: float
    intercept: float


def ramp(module: Any) -> tuple[Piece, ...]:
    """relu, and the asymptotes of gelu, silu, mish and softplus."""
    return Piece(0, 0, 0), Piece(inf, 1, 0)


def _leaky(slope: float) -> tuple[Piece, ...]:
    return Piece(0, slope, 0), Piece(inf, 1, 0)


def _step(low: float, high: float) -> tuple[Piece, ...]:
    return Piece(0, 0, low), Piece(inf, 0, high)


def _clipped(low: float, high: float, slope: float = 1.0, intercept: float = 0.0) -> tuple[Piece, ...]:
    """A line clipped to [low, high]."""
    left, right = (low - intercept) / slope, (high - intercept) / slope
    return Piece(left, 0, low), Piece(right, slope, intercept), Piece(inf, 0, high)


@dataclass(frozen=True)
class ActivationType:
    """`layer`: its class in torch.nn (NoActivation: in cnnlab).

    `pieces`: linear pieces that the module equals (`exact`) or approaches on both sides, to within e^-20 beyond
    |h| = `reach`; None if it approaches no line that fast, which rules out theory. `saved`: the tensor saved for
    backward: its input (in place: a copy of it), its output, or "either" (input; output if in place); None if
    several. `function`: torch's name for the functional form, if it differs from the entry's. `initializer`: the
    one in `configs/init` recommended for it.
    """

    layer: str
    pieces: Callable[[Any], tuple[Piece, ...] | None]
    exact: bool = False
    saved: Literal["input", "output", "either"] | None = "input"
    reach: Callable[[Any], float] = lambda module: 20.0
    function: str | None = None
    initializer: str = "he"


ACTIVATIONS: dict[str, ActivationType] = {
    "relu": ActivationType("ReLU", ramp, exact=True, saved="output"),
    "leaky_relu": ActivationType("LeakyReLU", lambda m: _leaky(m.negative_slope), exact=True, saved="either"),
    "tanh": ActivationType("Tanh", lambda m: _step(-1, 1), saved="output", initializer="xavier"),
    "sigmoid": ActivationType("Sigmoid", lambda m: _step(0, 1), saved="output", initializer="xavier"),
    "elu": ActivationType("ELU", lambda m: (Piece(0, 0, -m.alpha), Piece(inf, 1, 0)), saved="either"),
    "selu": ActivationType(
        "SELU", lambda m: (Piece(0, 0, -1.7580993408473766), Piece(inf, 1.0507009873554805, 0)), saved="either"
    ),
    "celu": ActivationType(
        "CELU",
        lambda m: (Piece(0, 0, -m.alpha), Piece(inf, 1, 0)),
        saved="either",
        reach=lambda m: 20.0 * max(1.0, m.alpha),
    ),
    "gelu": ActivationType("GELU", ramp),
    "silu": ActivationType("SiLU", ramp),
    "mish": ActivationType("Mish", ramp),
    "softplus": ActivationType("Softplus", ramp, reach=lambda m: 20.0 * max(1.0, 1 / m.beta)),
    "hardtanh": ActivationType("Hardtanh", lambda m: _clipped(m.min_val, m.max_val), exact=True, initializer="xavier"),
    "relu6": ActivationType("ReLU6", lambda m: _clipped(0, 6), exact=True),
    "hardsigmoid": ActivationType(
        "Hardsigmoid", lambda m: _clipped(0, 1, 1 / 6, 0.5), exact=True, initializer="xavier"
    ),
    # A parabola between -3 and 3; the pieces there only mark where the curve changes, for the quadrature.
    "hardswish": ActivationType(
        "Hardswish", lambda m: (Piece(-3, 0, 0), Piece(0, 0, 0), Piece(3, 1, 0), Piece(inf, 1, 0))
    ),
    "prelu": ActivationType(
        "PReLU", lambda m: _leaky(float(m.weight.detach())) if m.weight.numel() == 1 else None, exact=True
    ),
    "softsign": ActivationType("Softsign", lambda m: None, saved=None, initializer="xavier"),
    "none": ActivationType(
        "NoActivation", lambda m: (Piece(inf, 1, 0),), exact=True, function="positive", initializer="xavier"
    ),
}
