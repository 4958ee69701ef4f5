"""Finite-width fluctuations of one network around the mean over networks: variances of ln q, per layer.

A layer's second moment q is an average over c random channels, so its relative variance is kappa / c, where kappa is
the relative variance of one channel's mean over images and positions: the more correlated the patches, the larger.
Layers add up, since each scales with the q below it; branches add up as if they fluctuated together, an upper bound;
batch norm ends what lies below. For identical patches and relu, kappa is 5: the known 5 / width per layer (Hanin &
Rolnick 2018, arXiv:1803.01719).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnnlab.theory.graph import IMAGE, Graph, Node, Normalize, Pool, Weights
from cnnlab.theory.propagation import State
from cnnlab.theory.softmax import gradient_scatter

# Positions of a map are less correlated than predicted: over 20 relu layers on 8x8 maps of MNIST and CIFAR-10, with
# 16 and 64 channels, the measured variance was 0.6 to 0.9 of that without this factor.
_MAP_CORRECTION = 0.75
# Deviation of ln q of the gradient below maxima of windows that overlap, whose cells are not as exchangeable as is
# assumed: below 3x3 to 5x5 windows, on digits and noise, measured q was 0.95 to 1.5 times the predicted one.
_OVERLAP = 0.3


@dataclass(frozen=True)
class Scatter:
    """Variance over networks of ln (std^2), of a layer's pre-activations, activations and gradients."""

    preactivation: float
    activation: float
    gradient: float


@dataclass(frozen=True)
class _Forward:
    """Variances of ln q of a node's output: `total`, and `inherited` from the layers below the last; of ln (std^2),
    `shown`."""

    total: float = 0.0
    inherited: float = 0.0
    shown: float = 0.0


@dataclass(frozen=True)
class _Backward:
    """At a node's output: `variance` of ln q of the gradient; `overlap`, the mean r^2 of the channels' gradients
    between images and positions. `sloped`: whether it came through the layer's activation."""

    variance: float
    overlap: float
    sloped: bool = False


def scatter(graph: Graph, states: list[State], gradients: list[Tensor], images: int) -> dict[str, Scatter]:
    """By layer name. `gradients`: as from `propagation.backward`; `images`: in the states' maps."""
    forward = _forward(graph, states, images)
    backward = _backward(graph, states, gradients, forward)
    return {
        name: Scatter(
            forward[layer.preactivation].shown,
            0.0 if layer.activation is None else forward[layer.activation].shown,
            backward[layer.preactivation].variance,
        )
        for name, layer in graph.layers.items()
    }


def _forward(graph: Graph, states: list[State], images: int) -> list[_Forward]:
    found: list[_Forward] = []
    for node, state in zip(graph.nodes, states, strict=True):
        fed = [(found[i], _weight(graph, states, node, i)) for i in node.inputs if i != IMAGE]
        total, inherited = (_together((getattr(x, what), w) for x, w in fed) for what in ("total", "inherited"))
        if isinstance(node, Weights):
            kappa = state.samples.scatter_of_variance()
            if node.size == (1, 1) and kappa > 0:
                kappa += (2 - kappa) / images  # one value per image: 1 / N of the pairs are self-pairs
            own = _correction(node) * math.log1p(state.samples.scatter_of_square() / node.channels)
            found.append(_Forward(total + own, total, total + _of_mean_square(kappa, node.channels)))
        elif state.activated is not None:
            on = state.activated
            below = on.growth(lambda _, second, __: second) ** 2 * inherited
            own = _correction(node) * math.log1p(on.kappa(on.values.square()) / node.channels)
            deviation = math.log1p(on.kappa((on.values - on.centre).square()) / node.channels)
            shown = on.growth(lambda first, second, _: second - first**2) ** 2 * inherited + deviation
            found.append(_Forward(below + own, below, shown))
        elif isinstance(node, Normalize):
            found.append(_Forward())
        else:
            found.append(_Forward(total, inherited, total))
    return found


def _backward(graph: Graph, states: list[State], gradients: list[Tensor], forward: list[_Forward]) -> list[_Backward]:
    """From the logits down."""
    last = len(graph.nodes) - 1
    top = states[last]
    alike = float(top.samples.correlation().mean())
    logits, classes = top.covariances.square.flatten(), graph.nodes[last].channels
    variance, overlap = gradient_scatter(logits, classes, alike, forward[last].shown)
    arriving: list[list[tuple[_Backward, float]]] = [[] for _ in graph.nodes]
    arriving[last] = [(_Backward(variance, overlap), 1.0)]
    found = [_Backward(0.0, 0.0)] * len(graph.nodes)
    for place in range(last, -1, -1):
        node, state = graph.nodes[place], states[place]
        here = found[place] = _arrived(node, arriving[place], place == last)
        for i in node.inputs:
            if i != IMAGE:
                share = float(gradients[place].mean())
                arriving[i].append((_below(graph, state, node, here, forward[i], i, place == last), share))
    return found


def _arrived(node: Node, arriving: list[tuple[_Backward, float]], logits: bool) -> _Backward:
    variance = _together((x.variance, share) for x, share in arriving)
    weight = sum(share for _, share in arriving)
    overlap = sum(x.overlap * share for x, share in arriving) / weight if weight > 0 else 0.0
    sloped = any(x.sloped for x, _ in arriving)
    if isinstance(node, Weights) and not sloped and not logits:
        variance += math.log1p(2 * overlap / node.channels)
    return _Backward(variance, overlap, sloped)


def _below(
    graph: Graph, state: State, node: Node, here: _Backward, input: _Forward, place: int, logits: bool
) -> _Backward:
    """What `here` is at the output of the node at `place`, which `node` gets."""
    on = state.activated
    if isinstance(node, Weights):
        overlap = here.overlap
        if not logits:  # random vectors of finite length are never quite orthogonal
            overlap += (1 - overlap) / (node.channels * node.kernel[0] * node.kernel[1])
        if place != IMAGE and node.kernel == graph.nodes[place].size:
            # Each position has weights of its own, so gradients at different positions are uncorrelated.
            overlap /= node.kernel[0] * node.kernel[1]
        return _Backward(here.variance, overlap)
    if on is not None:
        kappa = (1 + on.kappa(on.slopes.square())) * (1 + 2 * here.overlap) - 1
        inherited = on.growth(lambda *slope: slope[2]) ** 2 * input.shown
        variance = here.variance + math.log1p(kappa / node.channels) + inherited
        if isinstance(node, Pool) and any(k > s for k, s in zip(node.window.kernel, node.window.stride, strict=True)):
            variance = (variance**0.5 + _OVERLAP) ** 2
        return _Backward(variance, here.overlap * on.correlation(on.slopes) ** 2, sloped=True)
    if isinstance(node, Normalize) and state.slopes is not None:
        # How widely the channels' variances scatter is known to about as much as it is.
        unknown = float(state.slopes[1]) - 1
        return replace(here, variance=(here.variance**0.5 + unknown) ** 2)
    return here


def _together(parts: Iterable[tuple[float, float]]) -> float:
    """The variance of the logarithm of a sum of (variance, weight), whose logarithms fluctuate together."""
    parts = list(parts)
    weight = sum(w for _, w in parts)
    return (sum(max(v, 0.0) ** 0.5 * w for v, w in parts) / weight) ** 2 if weight > 0 else 0.0


def _weight(graph: Graph, states: list[State], node: Node, place: int) -> float:
    """How much of the node's second moment comes from the node at `place`."""
    square = float(states[place].maps.square.mean())
    return square * graph.nodes[place].channels / node.channels if len(node.inputs) > 1 else 1.0


def _correction(node: Node) -> float:
    return 1.0 if node.size == (1, 1) else _MAP_CORRECTION


def _of_mean_square(kappa: float, channels: int) -> float:
    """Variance of ln (std^2) over channels: trigamma, as for a chi-square; kappa / channels for many."""
    half = max(channels - 1, 1) / kappa if kappa > 0 else math.inf
    return float(torch.special.polygamma(1, torch.tensor(half))) if math.isfinite(half) else 0.0
