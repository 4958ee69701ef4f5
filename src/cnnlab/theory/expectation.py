"""Predicted standard deviations of every layer's signal and gradient at initialization, as telemetry measures them."""

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

# Upper limits on the images, and on the position pairs over all of them: half a second on one core.
_MAX_IMAGES, _MAX_PAIRS = 16, 2_500_000
# Half-width of the band in standard deviations of ln q, and a floor on that deviation, since the formulas take
# pre-activations as normal. Chosen on MNIST and CIFAR-10: at least 95 % of networks inside, at every layer.
_WIDTH, _MIN_DEVIATION = 3.0, 0.1


@dataclass(frozen=True)
class Expected:
    """`value`: root of the mean over networks; nearly every individual network is between `lower` and `upper`."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class ExpectedLayer:
    """Second moments over images, positions and networks, and the standard deviations that follow from them.

    `gradient_*`: of d loss / d pre-activation, for the mean cross-entropy over the batch; NaN where unknown.
    `activation_std` is None for a layer without activation.
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
    """Theory for `network` on `batch` (N, C, H, W) before the first step.

    `moments`: of the initializer, from `fill_moments`; by default those of the current weights. Biases are read
    from the network, which must be initialized. Up to 16 evenly spaced images represent the batch, rescaled to
    its mean square. `label_smoothing`: of the loss whose gradient is predicted.

    Standard deviations are telemetry's, pooled over images, channels and positions: sqrt(second moment - mean^2),
    with the expected mean (0 for gradients and, biases aside, pre-activations). The empirical mean of c random
    channels differs from it, which lowers the measured deviation by a relative 1 / (2 c) at most.

    Gradients are those of wide layers: where positions share one (global average; less so mean and sum pooling),
    the mean square over networks is larger, 1.3 times at 64 and 1.5 times at 32 channels after 12 relu layers.
    Raises NotApplicable where there is no formula. Runs in float64 on the CPU.
    """
    layers = read_layers(network, (batch.shape[1], batch.shape[2], batch.shape[3]))
    if moments is None:
        moments = {layer.name: moments_of(layer.module.weight) for layer in layers}
    with torch.no_grad():
        images = _sample_images(batch.detach(), layers)
        signals = propagation.forward(layers, moments, images)
        if not all(bool(s.variance.isfinite().all() and s.activation_square.isfinite().all()) for s in signals):
            raise NotApplicable("its signal leaves the range of float64")
        top = gradient_square(signals[-1].variance, layers[-1].c_out, label_smoothing) / len(batch) ** 2
        gradients = propagation.backward(layers, moments, signals, top)
        scatters = scatter(layers, signals, images)
    found = zip(layers, signals, gradients, scatters, strict=True)
    return Expectation({layer.name: _layer(layer, signal, float(g.mean()), s) for layer, signal, g, s in found})


def _sample_images(batch: Tensor, layers: list[Layer]) -> Tensor:
    """Evenly spaced images, (n, C, H, W) float64, rescaled to the batch's mean square."""
    pairs = propagation.pairs_of_positions(layers, (batch.shape[-2], batch.shape[-1]))
    number = max(1, min(_MAX_IMAGES, _MAX_PAIRS // pairs))
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
    """The band of exp(x / 2) for x ~ N(ln square - variance / 2, variance), so that E exp(x) = `square`.

    A gradient's upper bound omits the shift, since finite width raises its mean.
    """
    value = math.sqrt(max(square, 0.0)) if not math.isnan(square) else math.nan
    half = _WIDTH * math.sqrt(max(variance, _MIN_DEVIATION**2))
    lower, upper = -variance / 2 - half, half - (variance / 2 if typical_below_mean else 0)
    # Deep narrow networks are nearly all below the mean; the band still extends a little above it.
    return Expected(value, value * math.exp(lower / 2), value * math.exp(max(upper, _WIDTH * _MIN_DEVIATION) / 2))
