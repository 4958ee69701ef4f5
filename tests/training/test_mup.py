"""Learning rates by width, against those worked out by hand."""

import pytest
import torch
from torch import nn

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


def test_at_the_base_width_it_is_adamw() -> None:
    weights = []
    for make in (
        lambda p: mup_adamw(p, 0.01, (0.9, 0.999), 0.1, 4),
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
    ):
        torch.manual_seed(0)
        net = ConvNet((1, 8, 8), 3, channels=[4], head="average")
        optimizer = make(net.parameters())
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
