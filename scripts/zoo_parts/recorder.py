"""A recorder of every layer's values that works by other means than cnnlab's.

It reads autograd's graph: which node uses a layer's output, and what the node has saved. It hooks no functions and
follows no tensors; the only hooks on modules note which node made a layer's output.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd

from zoo_parts.nodes import ACTIVATIONS, BOUNDS, BREAKING, PASSING, Node, unit_axis

Place = tuple[Node, int]  # a node, and the number of its output


@dataclass
class Record:
    """One call of a layer. `preactivation`: its output, carried to the activation's input where there is one.

    `gradient`: of the loss with respect to it, None if none of the weights below is trained. `units`: shape and axis
    in which the activation's units can be told apart, before a reshape that mixes them with positions. `bounds`: of the
    activation, if it has both. `unseen`: why autograd's graph does not tell, or None; the tensors then mean nothing.
    """

    layer: str
    module: nn.Module
    call: int
    output: Tensor
    place: Place
    preactivation: Tensor
    activation: Tensor | None = None
    gradient: Tensor | None = None
    units: tuple[torch.Size, int] | None = None
    bounds: tuple[float, float] | None = None
    unseen: str | None = None


class Recorder:
    """One forward and backward pass of `network` on x (N, C, H, W), y (N,): `records`, in order of execution.

    Changes `network`'s gradients, running statistics and `inplace` flags.
    """

    def __init__(self, network: nn.Module, x: Tensor, y: Tensor):
        for module in network.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        self.records: list[Record] = []
        self._calls: Counter[str] = Counter()
        leaf = x.clone().requires_grad_()  # so that frozen layers are in the graph as well
        handles = [m.register_forward_hook(self._noting(name, m)) for name, m in layers(network)]
        loss = F.cross_entropy(network(leaf.clone()), y)
        for handle in handles:
            handle.remove()  # before the backward pass, in which checkpoints run layers again
        # From the layers as well: one that the loss does not depend on still uses others' outputs.
        users = users_of([loss.grad_fn, *(r.place[0] for r in self.records if r.place[0] is not None)])
        trained: dict[Node, bool] = {}
        for record in self.records:
            if record.unseen is None:
                (node, number) = self._follow(record, users)
                if _is_trained(node, leaf, trained):
                    node.register_prehook(lambda gradients, r=record, i=number: _keep(r, gradients[i]))
        loss.backward()

    def _noting(self, name: str, module: nn.Module):
        def note(module: nn.Module, inputs: tuple, output: Tensor | tuple) -> None:
            self._calls[name] += 1
            tensor = output[0] if isinstance(output, tuple) else output
            value, node = tensor.detach().clone(), tensor.grad_fn
            record = Record(name, module, self._calls[name], value, (node, tensor.output_nr), value)
            record.unseen = "as it ran without autograd" if node is None else None
            self.records.append(record)

        return note

    def _follow(self, record: Record, users: dict[Place, list[Node]]) -> Place:
        """Fills in what is attributed; returns where the gradient is to be read."""
        place, value = record.place, record.output
        if not users[place]:
            record.unseen = "as the loss does not depend on it"
        last = isinstance(record.module, nn.Linear | nn.Bilinear | nn.MultiheadAttention)
        axis: int | None = value.dim() - 1 if last else 1
        units = value.shape, axis
        while len(users[place]) == 1:
            (user,) = users[place]
            name = user.name()
            if user.next_functions[0] != place or name in BREAKING:
                break  # a norm's scale, or a sum
            if name in ACTIVATIONS:
                record.preactivation, record.activation = value, ACTIVATIONS[name](user, value).detach().clone()
                record.units, record.bounds = units, BOUNDS[name](user) if name in BOUNDS else None
                return place
            passed = PASSING[name](user, value) if name in PASSING else None
            if passed is None:
                record.unseen = f"as {name} uses it"
                break
            axis = unit_axis(user, value.shape, axis)
            place, value = (user, 0), passed.detach()
            units = units if axis is None else (value.shape, axis)
        return record.place


def layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Convolutions and fully connected layers. An attention's output is that of its projection."""
    for name, module in network.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            yield f"{name}.out_proj".lstrip("."), module
        elif isinstance(module, _ConvNd | nn.Linear | nn.Bilinear):
            yield name or "network", module


def users_of(roots: list[Node]) -> dict[Place, list[Node]]:
    """By place: the nodes that get it, once for each time."""
    users, seen = defaultdict(list), set(roots)
    waiting = list(seen)
    while waiting:
        node = waiting.pop()
        for below, number in node.next_functions:
            if below is not None:
                users[below, number].append(node)
                if below not in seen:
                    seen.add(below)
                    waiting.append(below)
    return users


def _keep(record: Record, gradient: Tensor | None) -> None:
    record.gradient = torch.zeros_like(record.preactivation) if gradient is None else gradient.clone()


def _is_trained(root: Node, image: Tensor, known: dict[Node, bool]) -> bool:
    """Whether a parameter is below."""
    waiting = [root]
    while waiting:
        node = waiting[-1]
        below = [b for b, _ in node.next_functions if b is not None]
        open_ones = [b for b in below if b not in known]
        variable = getattr(node, "variable", None)
        if variable is None and open_ones:
            waiting += open_ones
            continue
        known[node] = variable is not image if variable is not None else any(known[b] for b in below)
        waiting.pop()
    return known[root]
