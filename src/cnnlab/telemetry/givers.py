"""Which layers give a tensor: those from which autograd's graph leads to it by way of no other."""

from torch import Tensor
from torch.autograd.graph import Node


class Givers:
    """Of one step. It keeps no tensor and no part of the graph: nodes are known by their numbers."""

    def __init__(self) -> None:
        self._layers: dict[int, str] = {}

    def made(self, layer: str, output: Tensor) -> None:
        if output.grad_fn is not None:
            self._layers[output.grad_fn._sequence_nr()] = layer

    def of(self, x: Tensor) -> set[str]:
        """Empty where no graph leads there."""
        found, met, ahead = set[str](), set[Node](), [x.grad_fn]
        while ahead:
            node = ahead.pop()
            if node is None or node in met:
                continue
            met.add(node)
            if (layer := self._layers.get(node._sequence_nr())) is not None:
                found.add(layer)
            else:
                ahead += [before for before, _ in node.next_functions]
        return found
