"""Weight initialization: any `torch.nn.init` function, and schemes that torch lacks.

`ls configs/init` lists the initializers. A fill is a function that changes one weight tensor in place.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.common.errors import InputError, out_of_memory
from cnnlab.common.random import cpu_seed, undisturbed
from cnnlab.networks.called import as_they_run, called_layers, used_uncalled
from cnnlab.networks.kernels import classical_
from cnnlab.networks.layers import bias_of, is_spread, weight_layers, weight_of
from cnnlab.networks.modules.moments import gain
from cnnlab.networks.trace import left_as_it_was, mode

Fill = Callable[[Tensor], object]
After = Callable[[nn.Module, Tensor], object]  # network, images (N, C, H, W)
Fan = Literal["fan_in", "fan_out"]
DROPS = 0  # seed of what dropout drops while lsuv measures
PAPER_GAIN = math.sqrt(2)  # He et al. 2015, derived for relu


def initialize(
    network: nn.Module,
    fill: Fill | None,
    *,
    bias: float | Literal["keep"] = 0.0,
    after: After | None = None,
    batch: Tensor | None = None,
    seed: int = 0,
) -> None:
    """Apply `fill` to the weights of every convolution and fully connected layer, then `after(network, batch)`.

    None: the weights stay as they are.
    A fill gets (c_out, c_in, k, k). A fully connected layer is passed as a 1x1 convolution, which has the same fan-in
    and suits dirac and delta-orthogonal; of a grouped convolution, each group by itself, with that group's fan-in and
    fan-out (in torch, whose fan-out is of all groups, xavier's weights are smaller); kernels along one or three axes
    are (k, 1) and (k, k, k). `classical_`, whose kernels follow each other over all channels, gets all groups at once.
    `bias="keep"` leaves the biases as constructed. Frozen and parametrized weights and norm layers are not changed.
    `batch`: (N, C, H, W), for data-dependent schemes. The global random state is preserved. Raises InputError.
    """
    if fill is not None or bias != "keep":
        _check_whole(network)
    with cpu_seed(seed), torch.no_grad():
        for name, layer in weight_layers(network).items():
            weight, own_bias = weight_of(layer), bias_of(layer)
            if weight is None or not weight.requires_grad:
                continue
            try:
                if fill is not None:
                    _fill(fill, layer, weight)
                if bias != "keep" and own_bias is not None:
                    nn.init.constant_(own_bias, bias)
            except (ValueError, RuntimeError, TypeError, ArithmeticError, MemoryError) as error:
                weights = f"{name}, weights {tuple(weight.shape)}"
                size = None if batch is None else batch.shape[2:]
                if (memory := out_of_memory(error, f", to fill {weights}", size)) is not None:
                    raise memory from error
                raise InputError(f"This initializer cannot fill {weights}: {str(error).splitlines()[0]}") from error
        if after is not None:
            if batch is None:
                raise InputError("This initializer looks at images: pass initialize(..., batch=images), (N, C, H, W).")
            after(network, batch)


def _check_whole(network: nn.Module) -> None:
    """InputError for weights of which each process has a part, and would draw it by itself. After a forward pass some
    are gathered in copies, which fully_shard gives up: its modules are those with `unshard`."""
    layers = weight_layers(network).values()
    spread = any(is_spread(weight) for layer in layers for weight in layer.parameters())
    if spread or any(hasattr(module, "unshard") for module in network.modules()):
        raise InputError(
            "The weights are spread over processes, and an initializer needs them whole.\n"
            "Initialize the network before it is sharded, as by fully_shard(network)."
        )


def _fill(fill: Fill, layer: nn.Module, weight: Tensor) -> None:
    groups = groups_of(layer)
    by_group = weight.unflatten(0, (groups, -1))
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):  # they store (c_in, c_out, k, k)
        by_group = by_group.transpose(1, 2)
    # On the CPU, whose generator is seeded, the weights are the same for every device; torch's orthogonal_ cannot fill
    # those in channels_last, nor of half precision. A copy: with one channel they are contiguous in either layout.
    missing = (1,) * (5 - by_group.dim())
    here = _wide(by_group if by_group.is_meta else by_group.cpu())
    dense = here.clone(memory_format=torch.contiguous_format).view(*by_group.shape, *missing)
    function = fill.func if isinstance(fill, partial) else fill
    if function is classical_:
        here, dense = here.flatten(0, 1)[None], dense.flatten(0, 1)[None]
    for before, part in zip(here, dense, strict=True):
        given = part.detach()
        _check_written(fill(given), given, before)
        part.copy_(given)  # itself, but where the fill gave `weight.data` other values
    by_group.copy_(dense.view_as(by_group))


def _wide(values: Tensor) -> Tensor:
    """In float32 at least."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _check_written(returned: object, weight: Tensor, before: Tensor) -> None:
    """Raise ValueError where a fill returned new weights, a tensor or an array, and left those that it got as they were
    `before`."""
    if weight.is_meta or getattr(returned, "shape", None) != weight.shape:
        return
    new = torch.as_tensor(returned).to(weight)
    if torch.equal(weight.flatten(), before.flatten()) and not torch.equal(new, weight):
        raise ValueError("it returns new weights, and has to write them into those it gets: weight.copy_(...)")


def groups_of(layer: nn.Module) -> int:
    """Each group of channels is a convolution of its own."""
    return layer.groups if isinstance(layer, nn.modules.conv._ConvNd) else 1


def he_normal_(
    weight: Tensor, mode: Fan = "fan_in", nonlinearity: str = "relu", a: float | None = None, gain: float | None = None
) -> Tensor:
    """N(0, gain^2 / fan) as in torch's kaiming_normal_, for every activation in `networks.modules` (He et al. 2015,
    arXiv:1502.01852, eq. 10). `a`: slope of leaky_relu or prelu; None: the one they start with. `gain`: in place of
    that of `nonlinearity`."""
    return nn.init.normal_(weight, std=_he_std(weight, mode, nonlinearity, a, gain))


def he_uniform_(
    weight: Tensor, mode: Fan = "fan_in", nonlinearity: str = "relu", a: float | None = None, gain: float | None = None
) -> Tensor:
    """Uniform with the variance of `he_normal_`."""
    bound = math.sqrt(3.0) * _he_std(weight, mode, nonlinearity, a, gain)
    return nn.init.uniform_(weight, -bound, bound)


def _he_std(weight: Tensor, mode: Fan, nonlinearity: str, a: float | None, own: float | None) -> float:
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(weight)
    return (gain(nonlinearity, a) if own is None else own) / math.sqrt(fan_in if mode == "fan_in" else fan_out)


def gain_in_words(fill: Fill | None, init: str | None = None) -> str:
    """A sentence, where a fill after He et al., chosen as `init`, takes another gain than the paper's from the
    activation; else empty."""
    found = fill.keywords if isinstance(fill, partial) else {}
    activation = found.get("nonlinearity", "relu")
    taken = gain(activation, found.get("a"))
    if math.isclose(taken, PAPER_GAIN, rel_tol=1e-3):
        return ""
    return (
        f"{f'init={init}' if init else 'The initializer'} takes the gain of {activation}, {taken:.3g}, by which it "
        f"multiplies the weights; He et al. 2015 have {PAPER_GAIN:.3g}, for relu: init=he_relu."
    )


def truncated_normal_(weight: Tensor, std: float) -> Tensor:
    """N(0, std^2) truncated at two standard deviations; torch's default truncates at -2 and 2 whatever the std."""
    return nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def delta_orthogonal_(weight: Tensor, gain: float = 1.0) -> Tensor:
    """An orthogonal matrix at the kernel's centre, zeros around it (Xiao et al. 2018, arXiv:1806.05393).

    `weight`: (c_out, c_in, k, ...). The layer acts on each pixel alone and preserves norms up to `gain`; for
    c_out < c_in only on a c_out-dimensional subspace. For an even kernel the tap above left of the centre is used,
    which is the centre under `same` padding.
    """
    c_out, c_in, *kernel = weight.shape
    centre = torch.empty(c_out, c_in, device=weight.device, dtype=weight.dtype)
    nn.init.orthogonal_(centre, gain)
    weight.zero_()
    weight[(slice(None), slice(None), *((k - 1) // 2 for k in kernel))] = centre
    return weight


def partial_dirac_(weight: Tensor) -> Tensor:
    """The first c_in of c_out channels copy the input, as far as there are as many; the others are torch's default,
    U(-b, b) with b = 1 / sqrt(fan-in) (Jordan 2024, arXiv:2404.00498, section 3.2). `weight`: (c_out, c_in, k, k)."""
    c_out, c_in = weight.shape[:2]
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    if c_out >= c_in:
        nn.init.dirac_(weight[:c_in])
    return weight


@torch.no_grad()
def whiten(network: nn.Module, batch: Tensor, eps: float = 5e-4, freeze: bool = True) -> None:
    """Make the first layer's outputs uncorrelated and of equal mean square (PCA whitening; Jordan 2024,
    arXiv:2404.00498, section 3.1).

    The filters are the eigenvectors v of the patches' second moments over `batch` (N, C, H, W), largest eigenvalue l
    first, as v / sqrt(l + eps), and the same once more with the opposite sign, since a following relu would lose half
    of each. c_out channels take as many, half of either sign; those above 2 x fan-in stay as they are. The first layer
    is the one that runs first, a convolution without groups; frozen, it is not changed. `freeze`: it is not trained.
    Raises InputError for another first layer.
    """
    _check_whole(network)
    layer = next(iter(as_they_run(network, batch)), None)
    if layer is None:
        raise InputError("init=whitening: the network runs no layer with weights.\nUse init=own.")
    weight = weight_of(layer)
    if weight is None or not weight.requires_grad:
        return
    if not isinstance(layer, nn.Conv2d) or layer.groups > 1:
        raise InputError(
            f"init=whitening: the first layer is {type(layer).__name__}, and it takes a convolution without groups.\n"
            "Use a network that begins with one, as model=stacked3x3, or init=he."
        )
    inputs: list[Tensor] = []

    def note(module: nn.Module, args: tuple, kwargs: dict) -> None:
        inputs.extend((*args, *kwargs.values())[:1])

    with layer.register_forward_pre_hook(note, with_kwargs=True), mode(network, training=False):
        network(batch)
    shape = {"dilation": layer.dilation, "padding": 0, "stride": layer.stride}
    patches = F.unfold(inputs[0].double(), layer.kernel_size, **shape).transpose(1, 2).flatten(0, 1)
    moments, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / (moments + eps).sqrt()).T.flip(0).view(-1, *weight.shape[1:])
    positive = -(-min(layer.out_channels, 2 * len(filters)) // 2)
    both = torch.cat([filters[:positive], -filters[: layer.out_channels - positive]])
    weight[: len(both)] = both
    weight.requires_grad_(not freeze)


@torch.no_grad()
def mup_readout(network: nn.Module, batch: Tensor, base_width: int = 16) -> None:
    """Multiply the last layer's weights by sqrt(base_width / fan-in) (Yang et al. 2022, arXiv:2203.03466, table 3).

    After a fill with variance ~ 1 / fan-in, their standard deviation falls as 1 / fan-in; with `base_width` inputs
    they stay as they are. The last layer is the one that runs last on `batch` (N, C, H, W); frozen, it is not changed.
    """
    _check_whole(network)
    layers = as_they_run(network, batch)
    if (name := used_uncalled(network, batch, layers)) is not None:
        raise InputError(
            f"init=mup: the weights of {name} are used without calling it, so which layer is last is not known.\n"
            "Call the layer in forward(), or take another initializer."
        )
    weight = weight_of(layers[-1]) if layers else None
    if weight is not None and weight.requires_grad:
        weight.mul_(math.sqrt(base_width / weight[0].numel()))


@torch.no_grad()
def lsuv(network: nn.Module, batch: Tensor, tolerance: float = 0.01, iterations: int = 10) -> None:
    """Layer-sequential unit variance (Mishkin & Matas 2016, arXiv:1511.06422).

    Layer by layer in the order in which they run, divide the weights by the standard deviation of the layer's output on
    `batch` (N, C, H, W) until the variance is within `tolerance` of 1. Meant to follow an orthogonal fill; frozen
    layers and layers with constant output are not changed. The outputs are those of training: behind batch norm by the
    batch's own statistics, and behind dropout, which drops the same each time; of layers that training skips then, as
    under stochastic depth, those of evaluation. Running statistics and random states stay as they were. Raises
    InputError for a batch too small for batch norm.
    """

    def run(training: bool = True) -> None:
        with undisturbed(DROPS, batch.device), mode(network, training):
            network(batch)

    _check_whole(network)
    with left_as_it_was(network, training=True):
        try:
            _scale_layers(network, run, tolerance, iterations)
        except ValueError as error:  # batch norm's, of one value per channel
            raise InputError(
                f"init=lsuv: the network cannot be run as in training on {len(batch)} images: {error}\n"
                "Give a batch of more images, or another initializer, as init=orthogonal."
            ) from error


def _scale_layers(network: nn.Module, run: Callable[..., None], tolerance: float, iterations: int) -> None:
    in_training, in_evaluation = (called_layers(network, partial(run, training)) for training in (True, False))
    for layer in dict.fromkeys([*in_evaluation, *in_training]):  # only in training run heads that help it
        weight = weight_of(layer)
        if weight is None or not weight.requires_grad or isinstance(layer, nn.MultiheadAttention):
            continue  # its output is not that of in_proj
        outputs: list[Tensor] = []
        hook = layer.register_forward_hook(lambda module, inputs, output, seen=outputs: seen.append(output))
        try:
            for _ in range(iterations):
                outputs.clear()
                run(layer in in_training)
                variance = float(_wide(outputs[0]).var())
                if not math.isfinite(variance) or variance == 0 or abs(variance - 1) < tolerance:
                    break
                weight.div_(math.sqrt(variance))
        finally:
            hook.remove()
