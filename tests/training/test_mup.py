"""Learning rates by width, against those worked out by hand."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.training.mup import mup_adamw
from cnnlab.training.schedules import cosine


def _rates(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, tuple[float, float]]:
    """(learning rate, weight decay) by name of parameter."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    return {names[p]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}


def test_rates_of_every_parameter_by_hand() -> None:
    net = ConvNet((3, 8, 8), 5, channels=[32, 64], convs_per_block=[2, 1], norm="batch", head="average")
    optimizer = mup_adamw(net.parameters(), lr=0.01, betas=[0.8, 0.9], weight_decay=0.1, base_width=16)
    expected = dict.fromkeys((name for name, _ in net.named_parameters()), (0.01, 0.1))
    expected |= {
        "block1.conv2.weight": (0.005, 0.2),  # 32 input channels
        "block2.conv1.weight": (0.005, 0.2),
        "head.logits.weight": (0.0025, 0.4),  # 64 inputs
    }
    found = _rates(net, optimizer)
    assert found.keys() == expected.keys()
    assert all(found[name] == pytest.approx(expected[name]) for name in expected)
    assert optimizer.param_groups[0]["lr"] == 0.01 and all(g["betas"] == (0.8, 0.9) for g in optimizer.param_groups)


def _separable(width: int) -> nn.Sequential:
    """Depthwise, grouped and transposed convolutions: `width` channels everywhere, but for the last, twice as many."""
    return nn.Sequential(
        *(nn.Conv2d(1, width, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, groups=width), nn.Conv2d(width, width, 1), nn.ReLU()),
        *(nn.Conv2d(width, width, 1, groups=2), nn.ConvTranspose2d(width, 2 * width, 2), nn.ReLU()),
        *(nn.Conv2d(2 * width, width, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3)),
    )


def test_only_a_fan_in_that_grows_with_the_width_lowers_the_rate() -> None:
    net = _separable(64)
    rates = _rates(net, mup_adamw(net.parameters(), lr=0.01, base_width=16, network=net))
    found = {name: rate / 0.01 for name, (rate, _) in rates.items() if name.endswith("weight")}
    by_hand = {"0": 1, "2": 1, "3": 1 / 4, "5": 1 / 4, "6": 1 / 4, "8": 1 / 8, "11": 1 / 4}
    assert found == pytest.approx({f"{place}.weight": factor for place, factor in by_hand.items()})


def test_weights_that_are_spread_over_processes_have_the_rates_of_the_whole() -> None:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        whole, net = _separable(64), _separable(64)
        fully_shard(net, mesh=init_device_mesh("cpu", (1,)))
        rates, expected = (_rates(n, mup_adamw(n.parameters(), lr=0.01, network=n)) for n in (net, whole))
        assert rates == expected
    finally:
        dist.destroy_process_group()


def test_without_the_network_a_depthwise_layer_is_known_by_its_shape() -> None:
    net = nn.Sequential(nn.Conv2d(1, 64, 3), nn.Conv2d(64, 64, 3, groups=64))
    assert {rate for rate, _ in _rates(net, mup_adamw(net.parameters(), lr=0.01)).values()} == {0.01}


@pytest.mark.parametrize("separable", [False, True])
def test_at_the_base_width_it_is_adamw(separable: bool) -> None:
    weights = []
    for make in (
        lambda net: mup_adamw(net.parameters(), 0.01, (0.9, 0.999), 0.1, 4, net),
        lambda net: torch.optim.AdamW(net.parameters(), 0.01, weight_decay=0.1),
    ):
        torch.manual_seed(0)
        net = ConvNet((1, 8, 8), 3, channels=[4], head="average")
        if separable:
            net = nn.Sequential(*_separable(4)[:6], *_separable(4)[-3:])  # all of width 4
        optimizer = make(net)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(torch.randn(6, 1, 8, 8)), torch.arange(6) % 3).backward()
            optimizer.step()
        weights.append(nn.utils.parameters_to_vector(net.parameters()).detach())
    assert torch.equal(*weights)


def test_a_schedule_scales_all_rates_alike_and_weights_decay_alike() -> None:
    net = ConvNet((1, 8, 8), 3, channels=[8, 32], head="average")
    optimizer = mup_adamw(net.parameters(), 0.01, (0.9, 0.999), 0.1, 16)
    begin = [group["lr"] for group in optimizer.param_groups]
    scheduler = cosine(optimizer, 10)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = [p.detach().clone() for p in net.parameters()]
    optimizer.step()
    for old, new in zip(before, net.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old * (1 - 0.01 * 0.1))
    scheduler.step()
    ratios = {round(group["lr"] / lr, 9) for group, lr in zip(optimizer.param_groups, begin, strict=True)}
    assert len(begin) == 3 and len(ratios) == 1 and ratios != {1.0}


def test_the_update_of_a_wide_layer_moves_its_output_as_much_as_that_of_a_narrow_one() -> None:
    """Adam's first step is lr * sign(gradient): in a layer of n aligned inputs it moves the output by n * lr."""
    moved = []
    for width in (16, 64, 256):
        net = nn.Sequential(nn.Linear(1, width, bias=False), nn.Linear(width, 1, bias=False))
        nn.init.ones_(net[0].weight)  # type: ignore[arg-type]
        optimizer = mup_adamw([net[0].weight, net[1].weight], 0.01, (0.9, 0.999), 0.0, 16)  # type: ignore[list-item]
        hidden = net[0](torch.ones(1, 1)).detach()
        before = net[1](hidden)
        net[1](hidden).sum().backward()
        optimizer.step()
        moved.append((before - net[1](hidden)).item())
    assert moved == pytest.approx([16 * 0.01] * 3, rel=1e-3)


def test_a_width_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="optimizer.base_width=0"):
        mup_adamw(nn.Linear(2, 2).parameters(), base_width=0)
