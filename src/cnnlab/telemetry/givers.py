"""Which layers give a tensor: those from which autograd's graph leads to it by way of no other."""

from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import Node


class Givers:
    """Of one step. It keeps no tensor and no part of the graph: nodes are known by their numbers."""

    def __init__(self) -> None:
        self._layers: dict[int, str] = {}
        self._without_graph = False  # whether a layer ran that left no node

    def made(self, layer: str, output: Tensor) -> None:
        if output.grad_fn is None:
            self._without_graph = True
        else:
            self._layers[output.grad_fn._sequence_nr()] = layer

    def of(self, x: Tensor) -> set[str]:
        """Empty where no graph leads there, and where a layer may be hidden on the way: one that ran without a graph
        inside a function with a backward pass of its own, as a reentrant checkpoint has."""
        found, met, ahead = set[str](), set[Node](), [x.grad_fn]
        while ahead:
            node = ahead.pop()
            if node is None or node in met:
                continue
            met.add(node)
            if (layer := self._layers.get(node._sequence_nr())) is not None:
                found.add(layer)
            elif self._without_graph and isinstance(node, BackwardCFunction):
                return set()
            else:
                ahead += [before for before, _ in node.next_functions]
        return found
