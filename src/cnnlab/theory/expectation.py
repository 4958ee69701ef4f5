"""Predicted standard deviations of every layer's signal and gradient at initialization, as telemetry measures them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.common.errors import NotApplicable
from cnnlab.theory import propagation
from cnnlab.theory.band import Scatter, scatter
from cnnlab.theory.graph import Graph, Measured, Weights
from cnnlab.theory.propagation import State
from cnnlab.theory.reading import read_graph
from cnnlab.theory.softmax import gradient_square
from cnnlab.theory.tracked import pairs_of_positions
from cnnlab.theory.weights import WeightMoments, moments_of

# Upper limit on the position pairs over all images: half a second on one core.
_MAX_PAIRS = 2_500_000
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

    Behind batch norm, gradients are NaN where the channels' variances scatter too widely for a mean of their inverse,
    as in depthwise convolutions and behind a global average, and the band widens with that scatter.

    Gradients are those of wide layers: where positions share one (global average; less so mean and sum pooling),
    the mean square over networks is larger, 1.3 times at 64 and 1.5 times at 32 channels after 12 relu layers.
    Raises NotApplicable where there is no formula. Runs in float64 on the CPU.
    """
    graph = read_graph(network, (batch.shape[1], batch.shape[2], batch.shape[3]))
    nodes = [node for node in graph.nodes if isinstance(node, Weights)]
    if moments is None:
        moments = {node.layer: moments_of(node.module.weight) for node in nodes}
    with torch.no_grad():
        images = _sample_images(batch.detach(), graph)
        states = propagation.forward(graph, moments, images, batch.detach().cpu())
        if not all(bool(state.maps.pairs.isfinite().all()) for state in states):
            raise NotApplicable("its signal leaves the range of float64")
        logits = states[-1].covariances.square
        top = gradient_square(logits, nodes[-1].channels, label_smoothing) / len(batch) ** 2
        gradients = propagation.backward(graph, moments, states, top)
        scatters = scatter(graph, states, gradients, min(len(batch), propagation.MAX_IMAGES))
    return Expectation({name: _layer(layer, states, gradients, scatters[name]) for name, layer in graph.layers.items()})


def _sample_images(batch: Tensor, graph: Graph) -> Tensor:
    """Evenly spaced images, (n, C, H, W) float64, rescaled to the batch's mean square."""
    pairs = pairs_of_positions(graph, batch)
    number = max(1, min(propagation.MAX_IMAGES, _MAX_PAIRS // pairs))
    chosen = batch[:: -(-len(batch) // number)].cpu().double()
    wanted, own = float(batch.double().square().mean()), float(chosen.square().mean())
    return chosen * math.sqrt(wanted / own) if own > 0 else chosen


def _layer(layer: Measured, states: list[State], gradients: list[Tensor], scatter: Scatter) -> ExpectedLayer:
    before = states[layer.preactivation].maps
    square, mean = float(before.square.mean()), float(before.mean.mean())
    after = before if layer.activation is None else states[layer.activation].maps
    activation_square, activation_mean = float(after.square.mean()), float(after.mean.mean())
    activation = _expected(activation_square - activation_mean**2, scatter.activation)
    gradient = float(gradients[layer.preactivation].mean())
    return ExpectedLayer(
        preactivation_square=square,
        activation_square=activation_square,
        activation_mean=activation_mean,
        gradient_square=gradient,
        preactivation_std=_expected(square - mean**2, scatter.preactivation),
        activation_std=None if layer.activation is None else activation,
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
