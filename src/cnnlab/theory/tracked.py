"""Which pairs of positions each node must track for what comes above it: poolings need those within their windows; for
gradients, those in the windows that share cells."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.common.errors import NotApplicable
from cnnlab.theory import convolution, pooling, spreading
from cnnlab.theory.graph import IMAGE, Activate, Graph, Pool, Weights
from cnnlab.theory.maps import HERE, Step, kept

# Position pairs per layer that a global average may cost; 2 million take about 0.2 s. As many images as fit are
# used; a map whose pairs exceed the second limit for a single image raises NotApplicable.
_MAX_PAIRS, _MAX_PAIRS_ONE_IMAGE = 2_000_000, 12_000_000

# By node, the image first: the steps between positions of its output.
Plan = list[tuple[Step, ...]]


def plan_of(graph: Graph, images: Tensor, factors: Mapping[int, float]) -> Plan:
    """What the poolings above need. Global averages in `factors` need nothing."""
    sizes = [(images.shape[-2], images.shape[-1]), *(node.size for node in graph.nodes)]
    of_gradients = gradient_plan(graph)
    plan: Plan = [(HERE,) for _ in sizes]
    for place in range(len(graph.nodes) - 1, -1, -1):
        node, above = graph.nodes[place], plan[place + 1]
        for i in node.inputs:
            below = sizes[i + 1]
            match node:
                case Weights():
                    (down, right) = node.stride
                    steps = kept([(down * a, right * b) for a, b in above], below)
                case Pool():
                    steps = (HERE,) if place in factors else pooling.steps_below(node, above, below)
                case Activate() if i != IMAGE:
                    steps = (*above, *of_gradients[i])  # whose slopes they are multiplied by
                case _:
                    steps = above
            plan[i + 1] = kept({*plan[i + 1], *steps}, below)
    return plan


def gradient_plan(graph: Graph) -> Plan:
    """By node: the steps between positions of its output whose gradients are alike where it matters below."""
    plan: Plan = [(HERE,) for _ in graph.nodes]
    for place, node in enumerate(graph.nodes):
        for below in (plan[i] for i in node.inputs if i != IMAGE):
            match node:
                case Weights():
                    steps = convolution.steps_above(node, below)
                case Pool():
                    steps = spreading.steps_above(node, below)
                case _:
                    steps = below
            plan[place] = kept({*plan[place], *steps}, node.size)
    return plan


def pairs_of_positions(graph: Graph, images: Tensor) -> int:
    """Position pairs per image tracked over all layers, excluding those for global averages."""
    averages = {i: 1.0 for i, node in enumerate(graph.nodes) if isinstance(node, Pool) and node.whole}
    return sum(_pairs(graph, plan_of(graph, images, averages)))


def _pairs(graph: Graph, plan: Plan) -> list[int]:
    return [
        len(steps) * node.size[0] * node.size[1]
        for node, steps in zip(graph.nodes, plan[1:], strict=True)
        if isinstance(node, Weights)
    ]


def affordable(graph: Graph, plan: Plan, images: int) -> int:
    """How many of `images` images. Raises NotApplicable if not even one is."""
    pairs = max(_pairs(graph, plan))
    if pairs > _MAX_PAIRS_ONE_IMAGE:
        raise NotApplicable(f"its global average needs too many pairs of positions ({pairs:,})")
    return min(images, max(1, _MAX_PAIRS // pairs))
