"""The layers that an image passes through, in order, with shapes and with what feeds them."""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from cnnlab.networks.layers import WEIGHTED, check_open, leaves
from cnnlab.networks.modules.functions import Function, layers_like

IMAGE = -1  # in Call.inputs: the image itself


@dataclass(frozen=True)
class Call:
    """One call of a layer, or of a function: `module` is then the layer that does the same, or a `Function`.

    `name`: dotted; a function's ends with torch's name for it, `layer1.0.add`. Shapes are per image, (C, H, W) for a
    map, (F,) when flat; `input` is that of the first input. `inputs`: the places in the trace of the calls whose
    output came in, IMAGE for the image.
    """

    name: str
    module: nn.Module
    input: tuple[int, ...]
    output: tuple[int, ...]
    inputs: tuple[int, ...]

    @property
    def known(self) -> bool:
        return not isinstance(self.module, Function)


@dataclass(frozen=True)
class Trace:
    """`output`: the place of the call whose output is the network's; None for anything but one tensor."""

    calls: list[Call]
    output: int | None

    def used(self) -> set[int]:
        """The places that the network's output depends on; all, where it is not one tensor."""
        if self.output is None:
            return set(range(len(self.calls)))
        found, waiting = set[int](), [self.output]
        while waiting:
            place = waiting.pop()
            if place != IMAGE and place not in found:
                found.add(place)
                waiting += self.calls[place].inputs
        return found

    def narrowest(self) -> tuple[str, int] | None:
        """The call with the fewest values per image that everything passes through, and their number; the calls
        before the first weights and from the last weights on do not count. None if there is no such call."""
        places = sorted(self.used())
        weighted = [place for place in places if isinstance(self.calls[place].module, WEIGHTED)]
        hidden = [place for place in places if weighted and weighted[0] <= place < weighted[-1]]
        # A shortcut around a call lets some values pass beside it.
        all_pass = [p for p in hidden if all(i >= p for q in places if q > p for i in self.calls[q].inputs)]
        found = [(math.prod(self.calls[place].output), self.calls[place].name) for place in all_pass]
        values, name = min(found, default=(0, ""))
        return (name, values) if found else None


def trace(network: nn.Module, image_shape: tuple[int, int, int], evaluate: bool = True) -> Trace:
    """Run images of zeros through the network, on its device (or meta), and record every layer and function that
    they reach.

    Runs in evaluation mode, or else, for what a forward method does in training only, in the mode that it is in.
    Running statistics and the random state do not change. Layers are modules without children. A tensor changed in
    place by an assignment comes from the Function "assignment".
    """
    check_open(network := unwrapped(network))
    images = zero_images(network, image_shape, images=1 if evaluate else 2)  # batch norm needs two values
    recorder = Recorder(images)
    with (
        torch.no_grad(),
        eager(),
        untouched(network, images) as buffers,
        mode(network, training=False) if evaluate else nullcontext(),
        recorder.listening(network),
        recorder,
    ):
        output = torch.func.functional_call(network, buffers, (images,))
    return Trace(recorder.calls, recorder.place(output) if isinstance(output, Tensor) else None)


class Recorder(TorchFunctionMode):
    """Records `calls` inside `with recorder.listening(network), recorder:`, and tells `note(call, output)` of each.

    Follows tensors by identity; their version tells changes in place that no function returned.
    """

    def __init__(self, image: Tensor, note: Callable[[Call, Any], object] = lambda call, output: None):
        super().__init__()
        self.calls: list[Call] = []
        self._note = note
        self._places = {id(image): (image, IMAGE, version_of(image))}  # holds the tensors: ids are not used again
        self._within: list[str] = []  # the modules that are running
        self._layers = 0  # the layers among them: their functions are their own business
        self._named: Counter[str] = Counter()

    @contextmanager
    def listening(self, network: nn.Module) -> Iterator[None]:
        layers = {module for _, module in leaves(network)}
        handles = []
        for name, module in network.named_modules():
            layer = module in layers
            handles.append(module.register_forward_pre_hook(partial(self._enter, name, layer), with_kwargs=True))
            handles.append(module.register_forward_hook(partial(self._leave, layer), with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str, layer: bool, module: nn.Module, args: tuple, kwargs: dict) -> None:
        self._within.append(name)
        self._layers += layer
        if self._layers == layer == 1:
            with torch._C.DisableTorchFunction():
                tensors = [*_tensors((*args, *kwargs.values()))]
                # Before it runs, since a layer in place gives its input a new version.
                self._fed = _shape(tensors[0]) if tensors else (), self._origins(tensors)

    def _leave(self, layer: bool, module: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
        name = self._within.pop()
        self._layers -= layer
        if layer and not self._layers:
            with torch._C.DisableTorchFunction():
                self._record(name or "network", [module], *self._fed, output)

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if self._layers:
            return func(*args, **kwargs)
        tensors = [*_tensors((*args, *kwargs.values()))]
        inputs = self._origins(tensors)
        shape = _shape(tensors[0]) if inputs else ()
        result = func(*args, **kwargs)
        if inputs and any(True for _ in _tensors((result,))):
            layers: Sequence[nn.Module] = layers_like(func, (args, kwargs), result)
            if len(inputs) < len(tensors) and not isinstance(layers[0], nn.BatchNorm2d):
                layers = [Function(func.__name__)]  # also of a tensor that does not come from the image
            self._record(self._name_of(func), layers, shape, inputs, result)
        return result

    def _name_of(self, function: Callable) -> str:
        within = self._within[-1] if self._within else ""
        name = f"{within}.{function.__name__.strip('_')}".lstrip(".")
        self._named[name] += 1
        return f"{name}_{self._named[name]}" if self._named[name] > 1 else name

    def forget(self) -> None:
        """Let go of the tensors, and with them of what autograd keeps for those that led nowhere."""
        self._places.clear()

    def place(self, x: Tensor) -> int | None:
        """Of the call that `x` comes from; None if it does not depend on the image."""
        if id(x) not in self._places:
            return None
        _, place, version = self._places[id(x)]
        if version_of(x) != version:
            self.calls.append(call := Call("assignment", Function("assignment"), _shape(x), _shape(x), (place,)))
            self._note(call, x)
            self._places[id(x)] = (x, place := len(self.calls) - 1, version_of(x))
        return place

    def _origins(self, tensors: list[Tensor]) -> tuple[int, ...]:
        return tuple(place for x in tensors if (place := self.place(x)) is not None)

    def _record(
        self, name: str, layers: Sequence[nn.Module], shape: tuple[int, ...], inputs: tuple[int, ...], output: Any
    ) -> None:
        for layer in layers:
            result = output
            if layer is not layers[-1]:  # of a global average, before it is flat
                result = output[..., None, None]
            self.calls.append(call := Call(name, layer, shape, _shape(result), inputs))
            self._note(call, result)
            shape, inputs = call.output, (len(self.calls) - 1,)
        for x in _tensors((output,)):
            self._places[id(x)] = (x, inputs[0], version_of(x))


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(value.values())


def unwrapped(network: nn.Module) -> nn.Module:
    """The network that torch.compile or a parallel wrapper got."""
    while inner := getattr(network, "_orig_mod", None) or (
        network.module if isinstance(network, nn.DataParallel | DistributedDataParallel) else None
    ):
        network = inner
    return network


@contextmanager
def eager() -> Iterator[None]:
    """Runs what is compiled as it is written: torch.compile would compile the hooks too, anew at each step."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and the import takes a second
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def zero_images(network: nn.Module, image_shape: tuple[int, int, int], images: int = 1) -> Tensor:
    """Zeros (images, C, H, W) with the network's device and dtype."""
    like = next(network.parameters(), torch.empty(0))
    return torch.zeros(images, *image_shape, device=like.device, dtype=like.dtype)


@contextmanager
def untouched(network: nn.Module, images: Tensor) -> Iterator[dict[str, Tensor]]:
    """Copies of its buffers, to be given to torch.func.functional_call, and a random state that comes back."""
    devices = [images.device] if images.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield {name: b.clone() for name, b in network.named_buffers() if not nn.parameter.is_lazy(b)}


@contextmanager
def mode(network: nn.Module, training: bool) -> Iterator[None]:
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


@contextmanager
def left_as_it_was(network: nn.Module, training: bool = False) -> Iterator[None]:
    """In evaluation mode inside, or in that of `training`; afterwards modes and buffers, also those that `forward`
    changes, are as before."""
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers() if not is_lazy(buffer)]
    with mode(network, training), torch.no_grad():
        try:
            yield
        finally:
            for buffer, before in buffers:
                buffer.copy_(before)


def version_of(x: Tensor) -> int:
    return 0 if x.is_inference() else x._version


def _shape(value: object) -> tuple[int, ...]:
    """Of a tensor, or of the first of several, as attention and recurrent layers return them."""
    value = value[0] if isinstance(value, tuple | list) and value else value
    return tuple(value.shape[1:]) if isinstance(value, Tensor) else ()
