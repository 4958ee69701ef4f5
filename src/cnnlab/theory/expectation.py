"""Predicted size of every layer's signal and gradient at initialization, as telemetry measures them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.common.errors import NotApplicable
from cnnlab.theory import propagation
from cnnlab.theory.band import Scatter, scatter
from cnnlab.theory.chain import Layer, read_layers
from cnnlab.theory.propagation import Signal
from cnnlab.theory.softmax import gradient_square
from cnnlab.theory.weights import WeightMoments, moments_of

# Maps are followed for at most so many images, and so many pairs of positions in all: about a second on one core.
_IMAGES, _PAIRS = 32, 2_500_000
# Half the width of a band in standard deviations of ln q, and the least that one is: the formulas take every
# pre-activation for normal. Chosen on MNIST and CIFAR-10: at least 95 % of networks lie inside at every layer.
_WIDTH, _LEAST = 3.0, 0.1


@dataclass(frozen=True)
class Expected:
    """`value` is the root of a mean over networks; nearly every single one lies between `lower` and `upper`."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class ExpectedLayer:
    """Second moments over images, positions and networks, and what they make of telemetry's standard deviations.

    `gradient_*`: of d loss / d pre-activation, the loss being the mean cross-entropy of the whole batch; NaN
    where it is not known. `activation_std` is None for a layer that no activation follows.
    """

    preactivation_square: float
    activation_square: float
    activation_mean: float
    gradient_square: float
    preactivation_std: Expected
    activation_std: Expected | None
    gradient_std: Expected


@dataclass(frozen=True)
class Expectation:
    """By layer name, as in `weight_layers`."""

    layers: dict[str, ExpectedLayer]

    def by_key(self) -> dict[str, Expected]:
        """Under the keys of telemetry: `preactivation/std/<layer>`, `activation/std/...`, `gradient/std/...`."""
        found: dict[str, Expected] = {}
        for name, layer in self.layers.items():
            found[f"preactivation/std/{name}"] = layer.preactivation_std
            if layer.activation_std is not None:
                found[f"activation/std/{name}"] = layer.activation_std
            found[f"gradient/std/{name}"] = layer.gradient_std
        return found


def expected(
    network: nn.Module,
    batch: Tensor,
    *,
    moments: Mapping[str, WeightMoments] | None = None,
    label_smoothing: float = 0.0,
) -> Expectation:
    """What theory expects of `network` on `batch` (N, C, H, W) before the first step.

    `moments`: of the initializer, from `fill_moments`; without them those of the weights as they are. Biases
    are read from the network, so it comes initialized. Up to 32 evenly spaced images stand for the batch,
    scaled to its mean square. `label_smoothing`: of the loss whose gradient is predicted.

    A standard deviation is telemetry's, over images, channels and positions together: the root of second
    moment - mean^2, with the expected mean (0 for gradients and, but for biases, pre-activations). The mean
    of c random channels is not the expected one, which makes the measured deviation smaller by up to 1 / (2 c).

    Gradients hold for wide layers: where positions share theirs (global average; less so mean and sum
    pooling), the mean over networks of their square is larger, by 1.3 at 64 and 1.5 at 32 channels after
    12 layers of relu. Raises NotApplicable where there is no formula. Runs in float64 on the CPU.
    """
    layers = read_layers(network, (batch.shape[1], batch.shape[2], batch.shape[3]))
    if moments is None:
        moments = {layer.name: moments_of(layer.module.weight) for layer in layers}
    with torch.no_grad():
        images = _some(batch.detach(), layers)
        signals = propagation.forward(layers, moments, images)
        if not all(bool(s.variance.isfinite().all() and s.activation_square.isfinite().all()) for s in signals):
            raise NotApplicable("its signal leaves the range of float64")
        top = gradient_square(signals[-1].variance, layers[-1].c_out, label_smoothing) / len(batch) ** 2
        gradients = propagation.backward(layers, moments, signals, top)
        scatters = scatter(layers, signals, images)
    found = zip(layers, signals, gradients, scatters, strict=True)
    return Expectation({layer.name: _layer(layer, signal, float(g.mean()), s) for layer, signal, g, s in found})


def _some(batch: Tensor, layers: list[Layer]) -> Tensor:
    """Evenly spaced images, (n, C, H, W) float64, scaled so that their mean square is that of the batch."""
    pairs = propagation.pairs_of_positions(layers, (batch.shape[-2], batch.shape[-1]))
    number = max(1, min(_IMAGES, _PAIRS // pairs))
    chosen = batch[:: -(-len(batch) // number)].cpu().double()
    wanted, own = float(batch.double().square().mean()), float(chosen.square().mean())
    return chosen * math.sqrt(wanted / own) if own > 0 else chosen


def _layer(layer: Layer, signal: Signal, gradient: float, scatter: Scatter) -> ExpectedLayer:
    square, mean = float((signal.variance + signal.mean.square()).mean()), float(signal.mean.mean())
    activation_square, activation_mean = float(signal.activation_square.mean()), float(signal.activation_mean.mean())
    activation = _expected(activation_square - activation_mean**2, scatter.activation)
    return ExpectedLayer(
        preactivation_square=square,
        activation_square=activation_square,
        activation_mean=activation_mean,
        gradient_square=gradient,
        preactivation_std=_expected(square - mean**2, scatter.preactivation),
        activation_std=activation if layer.activated_by else None,
        gradient_std=_expected(gradient, scatter.gradient, typical_below_mean=False),
    )


def _expected(square: float, variance: float, typical_below_mean: bool = True) -> Expected:
    """The band of exp(x / 2) for x ~ N(ln square - variance / 2, variance), whose exp(x) has the mean `square`.

    The upper end of a gradient's band leaves the shift out, for what finite width adds to the mean.
    """
    value = math.sqrt(max(square, 0.0)) if not math.isnan(square) else math.nan
    half = _WIDTH * math.sqrt(max(variance, _LEAST**2))
    lower, upper = -variance / 2 - half, half - (variance / 2 if typical_below_mean else 0)
    # In long narrow networks nearly all lie below the mean; the band still reaches a little above it.
    return Expected(value, value * math.exp(lower / 2), value * math.exp(max(upper, _WIDTH * _LEAST) / 2))
