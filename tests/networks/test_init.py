"""Initializers: each YAML against its published variance, the two of our own against their definitions."""

import math
from copy import deepcopy
from functools import partial

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import (
    DROPS,
    delta_orthogonal_,
    gain_in_words,
    he_normal_,
    initialize,
    lsuv,
    mup_readout,
    partial_dirac_,
    truncated_normal_,
    whiten,
)
from cnnlab.networks.layers import weight_layers
from cnnlab.theory.weights import weight_moments


def _network(**knobs) -> ConvNet:
    return ConvNet((3, 8, 8), 4, **{"channels": [8, 12], "head": [16], **knobs})


def test_every_weight_and_bias_is_filled():
    net = _network()
    initialize(net, partial(nn.init.constant_, val=0.5), bias=-10.0)
    assert all((layer.weight == 0.5).all() and (layer.bias == -10).all() for layer in weight_layers(net).values())


def test_a_bias_can_be_kept():
    net = _network()
    before = [layer.bias.clone() for layer in weight_layers(net).values()]
    initialize(net, nn.init.zeros_, bias="keep")
    assert all(torch.equal(b, layer.bias) for b, layer in zip(before, weight_layers(net).values(), strict=True))


def test_norm_layers_and_frozen_weights_are_left_alone():
    net = _network(norm="batch")
    net.block1.conv1.weight.requires_grad_(False)
    frozen = net.block1.conv1.weight.clone()
    initialize(net, nn.init.zeros_)
    assert torch.equal(net.block1.conv1.weight, frozen)
    assert (net.block1.norm1.weight == 1).all() and (net.block1.conv2.weight == 0).all()


def test_the_seed_decides_and_the_global_state_does_not_change():
    a, b, c = _network(), _network(), _network()
    state = torch.random.get_rng_state()
    for net, seed in ((a, 1), (b, 1), (c, 2)):
        initialize(net, nn.init.kaiming_normal_, seed=seed)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(a.head.fc1.weight, b.head.fc1.weight) and not torch.equal(a.head.fc1.weight, c.head.fc1.weight)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_weights_on_a_gpu_are_those_of_the_cpu_and_its_random_state_does_not_change():
    state = torch.cuda.get_rng_state()
    here, there = _network(), _network().cuda()
    for net in (here, there):
        initialize(net, nn.init.kaiming_normal_, seed=3)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert torch.equal(there.head.fc1.weight.cpu(), here.head.fc1.weight)


def test_no_other_generator_is_begun_anew(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    initialize(_network(), nn.init.kaiming_normal_, seed=3)
    weight_moments(nn.init.kaiming_normal_, (4, 3, 3, 3))
    assert seeded == [], "dropout on a GPU would draw the same whatever the run's seed"


@pytest.mark.parametrize(
    "activation, gain", [("sigmoid", 1.0), ("tanh", 5 / 3), ("none", 1.0), ("selu", 0.75), ("prelu", 32**0.5 / 17**0.5)]
)
def test_a_gain_that_is_not_the_papers_is_told_and_is_the_weights(activation, gain):
    fill, weight = partial(he_normal_, nonlinearity=activation), torch.empty(200, 50, 3, 3)
    fill(weight)
    assert weight.std().item() * 450**0.5 == pytest.approx(gain, rel=0.02)
    said = gain_in_words(fill, "he")
    assert said.startswith(f"init=he takes the gain of {activation}, {gain:.3g}, by which ") and "1.41" in said


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_the_papers_gain_is_no_remark(activation):
    assert gain_in_words(partial(he_normal_, nonlinearity=activation), "he") == ""
    assert gain_in_words(nn.init.xavier_normal_, "xavier") == gain_in_words(None, "own") == ""


def test_lsuv_leaves_frozen_layers_alone():
    network = _network()
    first = next(iter(weight_layers(network).values()))
    before = first.weight.requires_grad_(False).clone()
    lsuv(network, 5 * torch.randn(8, 3, 8, 8))
    assert torch.equal(first.weight, before)


def test_a_fully_connected_layer_is_filled_as_a_1x1_convolution():
    net = _network()
    initialize(net, nn.init.dirac_)
    assert torch.equal(net.head.logits.weight, torch.eye(4, 16))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_transposed_convolution_is_filled_by_its_output_channels(groups, layout):
    layer = nn.ConvTranspose2d(4, 6, 2, stride=2, groups=groups).to(memory_format=layout)
    own, shapes = 6 // groups, []

    def fill(weight):
        shapes.append(tuple(weight.shape))
        weight.copy_(torch.arange(float(own))[:, None, None, None].expand_as(weight))

    initialize(nn.Sequential(layer), fill)
    assert shapes == groups * [(own, 4 // groups, 2, 2)]
    out = layer(torch.ones(1, 4, 3, 3))
    expected = (4 // groups * torch.arange(float(own))).repeat(groups)
    assert torch.equal(out, expected[None, :, None, None].expand_as(out))


@pytest.mark.parametrize("groups", [4, 32])
@pytest.mark.parametrize("make", [nn.Conv2d, nn.ConvTranspose2d], ids=["plain", "transposed"])
def test_each_group_is_a_convolution_of_its_own(groups, make):
    layer, x = make(32, 32, 3, padding=1, groups=groups), torch.randn(2, 32, 5, 5)
    network = nn.Sequential(layer)
    initialize(network, nn.init.dirac_)
    assert torch.equal(layer(x), x)
    initialize(network, partial_dirac_)
    assert torch.equal(layer(x), x)
    initialize(network, delta_orthogonal_)
    torch.testing.assert_close(layer(x).norm(dim=1), x.norm(dim=1))
    initialize(network, nn.init.orthogonal_)
    own = 32 // groups
    matrix = layer.weight.detach() if make is nn.Conv2d else layer.weight.detach().unflatten(0, (groups, own))
    rows = (matrix if make is nn.Conv2d else matrix.transpose(1, 2)).reshape(groups, own, -1)
    torch.testing.assert_close(rows @ rows.mT, torch.eye(own).expand(groups, own, own))


def test_the_fan_out_is_that_of_one_group():
    """Glorot and Bengio's 2 / (fan_in + fan_out): an input channel reaches 4 output channels through 9 taps."""
    layer = nn.Conv2d(256, 128, 3, groups=32)
    initialize(nn.Sequential(layer), nn.init.xavier_normal_)
    assert layer.weight.var().item() == pytest.approx(2 / (8 * 9 + 4 * 9), rel=0.05)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_delta_orthogonal_and_dirac_along_any_number_of_axes(axes):
    make = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    layer, x = make(4, 4, 3, padding=1), torch.randn(2, 4, *(5,) * axes)
    initialize(nn.Sequential(layer), nn.init.dirac_)
    assert torch.equal(layer(x), x)
    initialize(nn.Sequential(layer), delta_orthogonal_)
    torch.testing.assert_close(layer(x).norm(dim=1), x.norm(dim=1))


@pytest.mark.parametrize("layer", [nn.Conv1d(2, 4, 3), nn.ConvTranspose1d(4, 2, 3)], ids=["plain", "transposed"])
def test_layers_along_one_axis_are_filled_as_images_one_pixel_wide(layer):
    shapes = []
    initialize(nn.Sequential(layer), lambda weight: shapes.append(tuple(weight.shape)))
    assert shapes == [(4, 2, 3, 1)] if isinstance(layer, nn.Conv1d) else [(2, 4, 3, 1)]


@pytest.mark.parametrize("channels", [1, 3])
def test_weights_in_channels_last_are_filled_alike(channels):
    """torch's orthogonal_ cannot by itself. With one channel they are contiguous in both layouts."""
    plain, turned = (nn.Sequential(nn.Conv2d(channels, 8, 3)) for _ in range(2))
    turned.to(memory_format=torch.channels_last)
    for network in (plain, turned):
        initialize(network, nn.init.orthogonal_)
    assert torch.equal(plain[0].weight, turned[0].weight)
    assert turned[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_delta_orthogonal_keeps_the_length_of_every_pixel():
    conv = nn.Conv2d(6, 10, 3, padding=1, bias=False).double()
    with torch.no_grad():
        delta_orthogonal_(conv.weight, gain=2.0)
        x = torch.randn(2, 6, 5, 5, dtype=torch.float64)
        torch.testing.assert_close(conv(x).norm(dim=1), 2 * x.norm(dim=1))


def test_truncated_normal_ends_at_two_deviations():
    weight = truncated_normal_(torch.empty(200, 200, 3, 3), std=0.1)
    assert weight.abs().max() <= 0.2
    # E z^2 of a standard normal cut at 2: 1 - 4 phi(2) / (2 Phi(2) - 1)
    share = 1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))
    assert weight.var().item() == pytest.approx(0.01 * share, rel=0.01)


def test_lsuv_gives_every_layer_variance_one():
    net, batch = _network(activation="tanh"), torch.randn(64, 3, 8, 8)
    initialize(net, nn.init.orthogonal_, after=lsuv, batch=batch)
    seen = {}
    for key, layer in weight_layers(net).items():
        layer.register_forward_hook(lambda m, i, output, key=key: seen.update({key: output.var().item()}))
    net(batch)
    assert list(seen.values()) == pytest.approx([1.0] * 6, abs=0.011)


def _small(*between: nn.Module) -> nn.Sequential:
    parts = [nn.Conv2d(3, 8, 3), *between, nn.Conv2d(8, 8, 3), *between, nn.Flatten(), nn.Linear(8 * 16, 4)]
    return nn.Sequential(*parts)


@pytest.mark.parametrize("between", [(nn.BatchNorm2d(8), nn.ReLU()), (nn.ReLU(), nn.Dropout(0.5))])
@pytest.mark.parametrize("training", [True, False])
def test_lsuv_gives_variance_one_in_training_and_leaves_all_else(between, training):
    """Untrained batch norm does nothing in evaluation mode, and dropout never does."""
    net, batch = _small(*deepcopy(between)).train(training), torch.randn(256, 3, 8, 8)
    buffers, state = [buffer.clone() for buffer in net.buffers()], torch.get_rng_state()
    initialize(net, nn.init.orthogonal_, after=lsuv, batch=batch)
    assert torch.equal(torch.get_rng_state(), state) and net.training == net[1].training == training
    assert all(torch.equal(now, then) for now, then in zip(net.buffers(), buffers, strict=True))
    seen = []
    for layer in weight_layers(net).values():
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.var().item()))
    net.train()(batch)
    assert seen == pytest.approx([1.0] * 3, abs=0.05 if isinstance(between[1], nn.Dropout) else 0.011)


class Skipping(nn.Module):
    """Residual blocks that training leaves out half of the time, with a head of its own that only training runs."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(6))
        self.aside = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        for block in self.blocks:
            if not self.training or torch.rand(()) >= 0.5:
                x = x + block(x)
        return (x, self.aside(x)) if self.training else x


def test_lsuv_scales_layers_that_only_training_or_only_evaluation_runs():
    net, batch = Skipping(), 5 * torch.randn(64, 3, 8, 8)
    initialize(net, nn.init.orthogonal_, after=lsuv, batch=batch)
    seen = {}
    for layer in weight_layers(net).values():
        layer.register_forward_hook(lambda module, inputs, output: seen.update({module: output.var().item()}))
    net.eval()(batch)
    assert seen.keys() == {*net.blocks}
    torch.default_generator.manual_seed(DROPS)
    net.train()(batch)  # where it runs a layer, that counts
    assert list(seen.values()) == pytest.approx([1.0] * 7, abs=0.011)


def test_weights_that_are_spread_over_processes_are_refused_and_stay():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        network, images = _small(), torch.randn(8, 3, 8, 8)
        fully_shard(network, mesh=init_device_mesh("cpu", (1,)))
        before = [weight.full_tensor().clone() for weight in network.parameters()]
        for change in (
            lambda: initialize(network, nn.init.zeros_),
            lambda: initialize(network, None, bias="keep", after=lsuv, batch=images),
            lambda: whiten(network, images),
            lambda: mup_readout(network, images),
        ):
            with pytest.raises(InputError, match="spread over processes.*\nInitialize the network before"):
                change()
        initialize(network, None, bias="keep")
        network(images)
        assert not any(hasattr(weight, "to_local") for weight in network.parameters()), "copies, for the moment"
        with pytest.raises(InputError, match="spread over processes"):
            initialize(network, nn.init.zeros_)
        network.reshard()
        assert all(torch.equal(p.full_tensor(), old) for p, old in zip(network.parameters(), before, strict=True))
    finally:
        dist.destroy_process_group()


def test_a_batch_that_is_too_small_for_batch_norm_is_told():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with pytest.raises(InputError, match="cannot be run as in training on 1 images: .*\nGive a batch of more images"):
        initialize(net, nn.init.orthogonal_, after=lsuv, batch=torch.randn(1, 3, 2, 2))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "fill", [nn.init.orthogonal_, delta_orthogonal_, he_normal_, partial(truncated_normal_, std=0.1)]
)
def test_weights_in_half_precision_are_those_of_float32_rounded(fill, kind):
    half, full = _small().to(kind), _small()
    for net in (half, full):
        initialize(net, fill, seed=2)
    for name, weight in half.state_dict().items():
        assert weight.dtype == kind and torch.equal(weight, full.state_dict()[name].to(kind)), name


def test_lsuv_in_half_precision():
    net, batch = _small(nn.ReLU()).bfloat16(), torch.randn(64, 3, 8, 8).bfloat16()
    initialize(net, nn.init.orthogonal_, after=lsuv, batch=batch)
    assert net(batch).float().var().item() == pytest.approx(1.0, abs=0.011)


def _smooth(n: int = 256) -> torch.Tensor:
    """Images whose neighbouring pixels and whose channels are correlated."""
    images = nn.functional.avg_pool2d(torch.randn(n, 3, 10, 10, generator=torch.Generator().manual_seed(3)), 3, 1)
    return images + 0.5 * images.mean(1, keepdim=True)


def _responses(conv: nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
    """(patches, c_out), of the patches within the images, by cutting them out one by one."""
    k = conv.kernel_size[0]
    patches = [images[:, :, i : i + k, j : j + k] for i in range(9 - k) for j in range(9 - k)]
    return torch.cat([torch.einsum("nchw,ochw->no", patch, conv.weight) for patch in patches]).double()


@pytest.mark.parametrize("kernel_size", [2, 3])  # for 2, a layer pads the image first
def test_whitened_outputs_are_uncorrelated_and_of_mean_square_one(kernel_size):
    n = 3 * kernel_size**2
    net, images = _network(channels=[2 * n], kernel_size=kernel_size), _smooth()
    initialize(net, he_normal_, after=partial(whiten, eps=0.0), batch=images)
    seen = _responses(net.block1.conv1, images)
    if kernel_size == 3:  # with even kernels, the patches at the border hold zeros, which the above leaves out
        torch.testing.assert_close(seen[:, :n].T @ seen[:, :n] / len(seen), torch.eye(n).double(), atol=1e-3, rtol=0)
    assert torch.equal(net.block1.conv1.weight[:n], -net.block1.conv1.weight[n:])
    assert not net.block1.conv1.weight.requires_grad and net.block1.conv2.weight.requires_grad


@pytest.mark.parametrize("channels", [5, 60])
def test_fewer_channels_take_the_largest_patterns_and_more_keep_what_they_had(channels):
    net, plain, images = _network(channels=[channels]), _network(channels=[channels]), _smooth()
    initialize(plain, he_normal_)
    initialize(net, he_normal_, after=partial(whiten, eps=0.0, freeze=False), batch=images)
    first, second = net.block1.conv1, net.block1.conv2
    assert first.weight.requires_grad and torch.equal(second.weight, plain.block1.conv2.weight)
    if channels == 60:
        assert torch.equal(first.weight[54:], plain.block1.conv1.weight[54:])
        assert torch.equal(first.weight[:27], -first.weight[27:54])
        return
    assert torch.equal(first.weight[:2], -first.weight[3:])
    # 1 / norm^2 of a filter is its eigenvalue
    data = _responses(_unit(first), images)
    assert (data.square().mean(0)[:3] * first.weight[:3].flatten(1).norm(dim=1).square()).tolist() == pytest.approx(
        [1.0] * 3, rel=1e-3
    )
    assert data.square().mean(0)[:3].diff().max() < 0


def _unit(conv: nn.Conv2d) -> nn.Conv2d:
    unit = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size)
    unit.weight = nn.Parameter(conv.weight.detach() / conv.weight.detach().flatten(1).norm(dim=1).view(-1, 1, 1, 1))
    return unit


def test_a_frozen_first_layer_is_not_whitened():
    net, images = _network(channels=[11], first_layer="classical"), _smooth()
    before = net.block1.conv1.weight.clone()
    whiten(net, images)
    assert torch.equal(net.block1.conv1.weight, before)


class HeadFirst(nn.Module):
    """Defined in another order than it runs, with a layer that does not run."""

    def __init__(self):
        super().__init__()
        self.head, self.second, self.unused = nn.Linear(12, 5), nn.Conv2d(8, 12, 3), nn.Conv2d(3, 4, 3)
        self.first = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.second(torch.tanh(self.first(x)))).mean((2, 3)))


def test_the_order_is_that_in_which_the_layers_run():
    network, batch = HeadFirst(), _smooth(32)
    plain = {name: weight.clone() for name, weight in network.state_dict().items()}
    mup_readout(network, batch, base_width=3)
    torch.testing.assert_close(network.head.weight, plain["head.weight"] / 2)
    assert all(torch.equal(network.state_dict()[name], plain[name]) for name in plain if name != "head.weight")
    lsuv(network, batch, tolerance=1e-4)
    seen = []
    for layer in (network.first, network.second, network.head):
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.var().item()))
    network(batch)
    assert seen == pytest.approx([1.0] * 3, abs=1e-3)
    whiten(network, batch)
    assert torch.equal(network.first.weight[:4], -network.first.weight[4:])
    assert torch.equal(network.unused.weight, plain["unused.weight"])


def test_a_first_layer_that_is_called_by_keyword_is_whitened_alike():
    class Named(nn.Module):
        def __init__(self, conv):
            super().__init__()
            self.conv = conv

        def forward(self, x):
            return self.conv(input=x)

    torch.manual_seed(0)
    plain, named = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)
    whiten(nn.Sequential(plain), _smooth(8))
    whiten(Named(named), _smooth(8))
    assert torch.equal(plain.weight, named.weight)


def test_a_network_without_layers_is_refused_or_left_alone():
    with pytest.raises(InputError, match="runs no layer with weights"):
        whiten(nn.Sequential(nn.Flatten()), _smooth(8))
    mup_readout(nn.Sequential(nn.Flatten()), _smooth(8))


@pytest.mark.parametrize("first", [nn.Linear(8, 4), nn.Conv2d(4, 4, 3, groups=2)])
def test_only_an_ungrouped_convolution_whitens(first):
    with pytest.raises(InputError, match=f"the first layer is {type(first).__name__}"):
        whiten(nn.Sequential(first), torch.zeros(2, 4, 8, 8))


def test_partial_dirac_copies_its_input_in_the_first_channels():
    conv, x = nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.randn(2, 3, 6, 6)
    partial_dirac_(conv.weight.data)
    assert torch.equal(conv(x)[:, :3], x)
    assert conv.weight[3:].var().item() == pytest.approx(1 / (3 * 27), rel=0.3)
    narrow = partial_dirac_(torch.zeros(4, 64, 3, 3))
    assert narrow.var().item() == pytest.approx(1 / (3 * 576), rel=0.1)


def _new(weight, value=0.5):
    return torch.full(weight.shape, value)


@pytest.mark.parametrize("fill", [_new, partial(_new, value=3.0), torch.randn_like, lambda w: _new(w).numpy()])
def test_new_weights_that_are_only_returned_are_refused(fill):
    with pytest.raises(InputError, match=r"block1.conv1, weights .* returns new weights.*: weight.copy_") as error:
        initialize(_network(), fill)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory: you tried to allocate 9 bytes")])
def test_memory_that_is_not_enough_is_no_fault_of_the_initializer(error):
    def full(weight):
        raise error

    with pytest.raises(
        InputError, match=r"not enough memory.*, to fill 01_block1.conv1, weights .*\nThe images are 99x200"
    ):
        initialize(_network(), full, batch=torch.empty(1, 3, 99, 200))


def _to_data(weight):
    weight.data = _new(weight)


def _halved(weight):
    return weight.mul_(0.5).clone()


@pytest.mark.parametrize("groups", [1, 3])
def test_what_arrives_in_the_weights_is_taken(groups):
    net = nn.Sequential(nn.Conv2d(3, 6, 3, groups=groups))
    for _ in range(2):  # also where the weights have those values already
        initialize(net, _to_data)
        assert (net[0].weight == 0.5).all()
    initialize(net, _new)
    initialize(net, _halved)
    assert (net[0].weight == 0.25).all()
    initialize(net, lambda weight: None)
    initialize(net, lambda weight: weight.std())
    assert (net[0].weight == 0.25).all()


def test_a_fill_that_cannot_is_named():
    with pytest.raises(InputError, match=r"cannot fill 01_block1.conv1, weights \(8, 3, 3, 3\)"):
        initialize(_network(), lambda weight: (_ for _ in ()).throw(ValueError("no")))


@pytest.mark.parametrize("width", [16, 64, 256])
def test_the_last_layers_deviation_falls_as_one_over_the_width(width):
    """sqrt(2 / width) of He, times sqrt(16 / width); the other layers stay He's."""
    net = ConvNet((3, 8, 8), 400, channels=[width], convs_per_block=2, head="average")
    initialize(net, he_normal_, after=partial(mup_readout, base_width=16), batch=torch.zeros(2, 3, 8, 8))
    assert net.head.logits.weight.std().item() == pytest.approx(math.sqrt(2 * 16) / width, rel=0.05)
    assert net.block1.conv2.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * width)), rel=0.05)
    plain = ConvNet((3, 8, 8), 400, channels=[width], convs_per_block=2, head="average")
    initialize(plain, he_normal_)
    torch.testing.assert_close(net.head.logits.weight, plain.head.logits.weight * math.sqrt(16 / width))
    assert all(torch.equal(a, b) for a, b in zip(net.block1.parameters(), plain.block1.parameters(), strict=True))


def test_a_frozen_last_layer_stays():
    net = _network()
    net.head.logits.weight.requires_grad_(False)
    before = net.head.logits.weight.clone()
    mup_readout(net, torch.zeros(1, 3, 8, 8), base_width=4)
    assert torch.equal(net.head.logits.weight, before)


def test_mup_does_not_guess_which_layer_is_last():
    class Cosine(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

        def forward(self, x):
            return nn.functional.linear(self.conv(x).mean((2, 3)), self.head.weight)

    batch = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match=r"init=mup: the weights of 02_head are used without calling it"):
        initialize(Cosine(), nn.init.kaiming_normal_, after=mup_readout, batch=batch)


def test_networks_without_numbers_are_taken():
    with torch.device("meta"):
        network = nn.Conv2d(3, 4, 3)
    initialize(network, nn.init.kaiming_normal_)
    assert network.weight.is_meta
