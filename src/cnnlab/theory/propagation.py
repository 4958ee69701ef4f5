"""Moment recursion through a network: signal forward, gradient backward, as maps over positions.

Poole et al. 2016 and Schoenholz et al. 2017, with the covariance maps of Xiao et al. 2018 kept per position, so
that zero padding is not averaged out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnnlab.networks.modules.moments import moments
from cnnlab.theory import channels, pooling
from cnnlab.theory.batch_norm import normalized
from cnnlab.theory.channels import Channels
from cnnlab.theory.convolution import convolved, returned, taps_in_common
from cnnlab.theory.graph import IMAGE, Activate, Add, Graph, Join, Node, Normalize, Pool, Weights
from cnnlab.theory.maps import MomentMaps, Step, of_images, partners
from cnnlab.theory.pairs import activated, slopes_between
from cnnlab.theory.samples import Activated, Samples, of_patches
from cnnlab.theory.spreading import spread
from cnnlab.theory.tracked import Plan, affordable, gradient_plan, plan_of
from cnnlab.theory.weights import WeightMoments

MAX_IMAGES = 16  # that stand for a batch; fewer where pairs of positions are many


@dataclass(frozen=True)
class State:
    """A node's output. `maps`: expected products, not covariances, (N, H, W). `samples`: between positions and images.
    `channels`: how the channels at one position are distributed.

    `slopes`: E (d output / d input)^2, as a map (N, H, W) of an activation, per window and cell (N, H', W', km) of a
    pooling; (2,) of a norm: the factor, and the part of it that is due to its channels' scatter. `activated`: the
    samples in an activation, or in one that a max pool includes.
    """

    maps: MomentMaps
    samples: Samples
    channels: Channels
    slopes: Tensor | None = None
    activated: Activated | None = None

    @property
    def covariances(self) -> MomentMaps:
        """Of pre-activations, whose means are those of every channel."""
        mean = self.maps.mean
        pairs = self.maps.pairs - mean[:, None] * partners(mean, self.maps.steps)
        pairs[:, 0].clamp_min_(0)  # means that differ by position are approximate behind a norm
        return replace(self.maps, pairs=pairs)


def forward(
    graph: Graph, weights: Mapping[str, WeightMoments], images: Tensor, batch: Tensor | None = None
) -> list[State]:
    """The states of all nodes. `images`: (N, C, H, W) float64, normalized; `batch`: all those that they stand for."""
    batch = images if batch is None else batch
    walk = _Walk(graph, weights, batch)
    for place, node in enumerate(graph.nodes):
        if isinstance(node, Pool) and node.whole:
            # The square of a global average needs every pair of positions: computed exactly on a few images, whose
            # ratio to the mean square is then used for all.
            part = Graph(graph.nodes[: place + 1], {})
            plan = plan_of(part, images, walk.factors)
            some = images[:: -(-len(images) // affordable(part, plan, len(images)))]
            states = _Walk(part, weights, batch, dict(walk.factors)).run(some, plan)
            below = states[node.inputs[0]].maps.square.mean((1, 2), keepdim=True)
            walk.factors[place] = float(states[-1].maps.square.mean() / below.mean().clamp_min(1e-300))
    return walk.run(images, plan_of(graph, images, walk.factors))


class _Walk:
    """`factors`: by global average, its mean square over its input's."""

    def __init__(
        self,
        graph: Graph,
        weights: Mapping[str, WeightMoments],
        batch: Tensor,
        factors: dict[int, float] | None = None,
    ):
        self.graph, self.weights, self.batch, self.factors = graph, weights, len(batch), factors or {}
        first = next(node for node in graph.nodes if isinstance(node, Weights) and IMAGE in node.inputs)
        self.samples = of_patches(first, batch[:: -(-len(batch) // MAX_IMAGES)].double())

    def run(self, images: Tensor, plan: Plan) -> list[State]:
        maps = of_images(images, plan[0])
        self.image = State(maps, self.samples, _normal(maps, IMAGE))
        states: list[State] = []
        for place, (node, steps) in enumerate(zip(self.graph.nodes, plan[1:], strict=True)):
            fed = [states[i] if i != IMAGE else self.image for i in node.inputs]
            if not isinstance(node, Weights | Pool):  # these read other steps than they write
                fed = [replace(x, maps=x.maps.at(steps)) for x in fed]
            states.append(self._through(place, node, fed, steps))
        return states

    def _through(self, place: int, node: Node, fed: list[State], steps: tuple[Step, ...]) -> State:
        x = fed[0]
        match node:
            case Weights():
                maps = convolved(x.maps, node, self.weights[node.layer], steps)
                alike = 1.0 if IMAGE in node.inputs else taps_in_common(node, self.weights[node.layer], x.maps.size)
                return State(maps, x.samples.through_weights(*_level(maps), alike), _normal(maps, place))
            case Activate():
                return _activated(node, x)
            case Pool():
                return _pooled(place, node, x, steps, self.factors.get(place))
            case Normalize():
                below = self.graph.nodes[node.inputs[0]]
                features = below.c_in if isinstance(below, Weights) and IMAGE not in below.inputs else None
                done = normalized(x.maps, x.samples, node, self.batch, features)
                values = x.channels.standardized(node.scale, node.shift)
                return State(done.maps, done.samples, values, torch.tensor([done.slope, done.inverse]))
            case Add():
                return _sum(fed)
            case Join():
                return self._joined(node, fed)
        raise AssertionError(node)

    def _joined(self, node: Node, fed: list[State]) -> State:
        own = [self.graph.nodes[i].channels if i != IMAGE else 0 for i in node.inputs]
        image = node.channels - sum(own)
        shares = [(c or image) / node.channels for c in own]
        mean = torch.stack([s * x.maps.mean for s, x in zip(shares, fed, strict=True)]).sum(0)
        pairs = torch.stack([s * x.maps.pairs for s, x in zip(shares, fed, strict=True)]).sum(0)
        products = torch.stack([s * x.samples.products for s, x in zip(shares, fed, strict=True)]).sum(0)
        maps = MomentMaps(mean, pairs, fed[0].maps.steps)
        samples = Samples(products, float(mean.mean()), fed[0].samples.images)
        return State(maps, samples, channels.joined([x.channels for x in fed], shares))


def backward(graph: Graph, weights: Mapping[str, WeightMoments], states: list[State], top: Tensor) -> list[Tensor]:
    """Second moments of d loss / d output, (N, H, W) per node, from those of the logits, `top` (N, 1, 1).

    Gradients of several branches add up as independent ones; those of windows that overlap, by how alike they are. NaN
    below a hidden layer whose weights have non-zero mean: the gradient then has a component shared by all channels,
    which second moments alone cannot track. (The logits' weights may: gradients sum to 0 over classes.)
    """
    last = len(graph.nodes) - 1
    gradients = [
        MomentMaps(torch.zeros_like(mean), mean.new_zeros(len(mean), len(steps), *mean.shape[1:]), steps)
        for mean, steps in zip((state.maps.mean for state in states), gradient_plan(graph), strict=True)
    ]
    gradients[last] = replace(gradients[last], pairs=top[:, None])
    by_channel = [torch.zeros_like(channels.alike()) for _ in states]  # times the gradients' mean squares
    for place in range(last, -1, -1):
        node, above = graph.nodes[place], gradients[place]
        level = float(by_channel[place].mean())
        passed = by_channel[place] / level if level > 0 else channels.alike()
        for i in node.inputs:
            if i == IMAGE:
                continue
            size, steps = graph.nodes[i].size, gradients[i].steps
            match node:
                case Weights():
                    if place < last and bool(weights[node.layer].mean.any()) and bool(above.square.any()):
                        above = replace(above, pairs=torch.full_like(above.pairs, torch.nan))
                    arrived = returned(above, node, weights[node.layer], size, steps)
                case Pool():
                    arrived = spread(above, _slopes(states[place]), node, size, steps)
                case Activate():
                    passed = states[i].channels.passed(node.activation, passed)
                    slopes = slopes_between(states[i].covariances.at(steps), node.activation, _slopes(states[place]))
                    arrived = above.at(steps).pairs * slopes * float(passed.mean())
                    passed = passed / passed.mean().clamp_min(1e-300)
                case Normalize():
                    arrived = above.at(steps).pairs * _slopes(states[place])[0]
                case _:
                    arrived = above.at(steps).pairs
            renewed = isinstance(node, Weights | Pool | Join)
            gradients[i] = replace(gradients[i], pairs=gradients[i].pairs + arrived)
            by_channel[i] = by_channel[i] + float(arrived[:, 0].mean()) * (channels.alike() if renewed else passed)
    return [gradient.square for gradient in gradients]


def _slopes(state: State) -> Tensor:
    assert state.slopes is not None
    return state.slopes


def _normal(maps: MomentMaps, place: int) -> Channels:
    square, mean = _level(maps)
    return channels.normal(mean, square - mean**2, place)


def _activated(node: Activate, x: State) -> State:
    h = x.covariances
    on_samples = Activated(node.activation, x.samples)
    if x.channels.normal:
        first, second, slopes = moments(node.activation, h.mean, h.square)
    else:
        first, second, slopes = x.channels.moments(node.activation, h.mean, h.square)
    maps = activated(h, node.activation, first, second)
    samples = on_samples.samples()
    samples = samples.scaled(*_level(maps)) if x.channels.normal else samples.pooled(*_level(maps))
    return State(maps, samples, x.channels.activated(node.activation), slopes, on_samples)


def _pooled(place: int, node: Pool, x: State, steps: tuple[Step, ...], factor: float | None) -> State:
    if node.largest:
        maps, slopes = pooling.largest(x.covariances, node, steps)
        on_samples = Activated(node.activation, x.samples)
        return State(maps, on_samples.samples().pooled(*_level(maps)), _normal(maps, place), slopes, on_samples)
    share = pooling.shares(node, x.maps.size)
    slopes = share.square()[None, ..., None].expand(1, *node.size, node.window.kernel[0] * node.window.kernel[1])
    if node.whole and factor is not None:
        square = factor * x.maps.square.mean((1, 2), keepdim=True)
        maps = MomentMaps(x.maps.mean.mean((1, 2), keepdim=True), square[:, None], steps)
    else:
        maps = pooling.linear(x.maps, node, steps)
    cells = node.window.kernel[0] * node.window.kernel[1]
    if node.whole:
        samples = x.samples.averaged_whole(*_level(maps), cells)
    else:
        samples = x.samples.averaged(*_level(maps), float(share.mean()) * cells)
    return State(maps, samples, _normal(maps, place), slopes)


def _sum(fed: list[State]) -> State:
    """Of branches whose deviations from their means are independent."""
    total, *others = fed
    for x in others:
        a, b = total.maps.mean, x.maps.mean
        steps = x.maps.steps
        cross = a[:, None] * partners(b, steps) + b[:, None] * partners(a, steps)
        maps = MomentMaps(a + b, total.maps.pairs + x.maps.pairs + cross, steps)
        total = State(maps, total.samples.plus(x.samples), channels.added([total.channels, x.channels]))
    return total


def _level(maps: MomentMaps) -> tuple[float, float]:
    """Mean square and mean."""
    return float(maps.square.mean()), float(maps.mean.mean())
