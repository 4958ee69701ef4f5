"""What an optimizer is given in a watched step, against autograd's own gradients."""

import gc

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import (
    _global_optimizer_post_hooks,
    _global_optimizer_pre_hooks,
    register_optimizer_step_post_hook,
)

from cnnlab.networks.layers import weight_layers
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.stepping import (
    _COUNTING,
    Stepped,
    Stepping,
    Steps,
    counted,
    gradients_given,
    loss_share,
    scale_of,
)

X, Y = torch.randn(16, 5, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 3


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [module.weight for module in weight_layers(network).values()]


def _backward(network: nn.Module) -> None:
    F.cross_entropy(network(X), Y).backward()


def test_the_rate_is_that_of_the_step_and_none_without_one():
    network = _network()
    first, last = network[0], network[2]
    groups = [{"params": first.parameters(), "lr": 0.3}, {"params": last.parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    with Stepping(network, _weights(network)) as stepping:
        _backward(network)
    assert stepping.seen.rate is stepping.seen.share is None
    with Stepping(network, _weights(network)) as stepping:
        optimizer.step()
        optimizer.param_groups[1]["lr"] = 7.0
        torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=100.0).step()  # somebody else's
    assert stepping.seen.rate == 0.1 and not stepping.seen.arrived, "the optimizer's own, not a group's"


def test_the_share_is_that_of_clipping_and_of_what_was_not_cleared():
    network = _network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    shares = []
    for limit in (1e-3, 1e9):
        optimizer.zero_grad()
        with Stepping(network, _weights(network)) as stepping:
            _backward(network)
            norm = nn.utils.clip_grad_norm_(network.parameters(), limit)
            optimizer.step()
        shares.append(stepping.seen.share.item() / min(1, limit / norm.item()))
    assert shares == pytest.approx([1, 1], rel=1e-3)
    with Stepping(network, _weights(network)) as stepping:  # the gradient of before is still there, and is the same
        _backward(network)
        optimizer.step()
    assert stepping.seen.share.item() == pytest.approx(2)


def test_no_hook_stays_behind():
    network, before = _network(), len(_global_optimizer_pre_hooks)
    with pytest.raises(ZeroDivisionError), Stepping(network, _weights(network)):
        assert len(_global_optimizer_pre_hooks) == before + 1
        raise ZeroDivisionError
    assert len(_global_optimizer_pre_hooks) == before
    assert not any(weight._backward_hooks for weight in network.parameters())


def test_frozen_weights_and_none_at_all_are_no_obstacle():
    network = _network().requires_grad_(False)
    for weights in (_weights(network), {}):
        with Stepping(network, weights) as stepping:
            network(X)
        assert stepping.seen == Stepped()


def _steps(*shares: float) -> list[Stepped]:
    return [Stepped(0.1, True, torch.tensor(share)) for share in shares]


def test_what_the_shares_say_of_a_run():
    assert gradients_given(_steps(1.0, 2.0, 4.0, 6.0, float("inf"))) == {
        "check/gradient_first": 1.0,
        "check/gradient_second": 2.0,
        "check/gradient_later": 5.0,
        "check/gradient_kept": 6.0,
    }
    assert "check/gradient_kept" not in gradients_given(_steps(*[2.0**-16] * 3, *[2.0**-15] * 3)), (
        "that is a loss scale"
    )
    assert gradients_given(_steps(*[3e-5] * 6))["check/gradient_kept"] == pytest.approx(3e-5)
    assert gradients_given(_steps(1.0, 2.0)) == {} == gradients_given([])
    accumulating = [Stepped(None, True)] * 3
    assert gradients_given([*accumulating, *_steps(4.0, 3.0, 4.0, 3.0)]) == {}


@pytest.mark.parametrize(("momentum", "anew"), [(0.9, [True, False]), (0.0, [False, False])])
def test_an_optimizer_that_remembers_nothing_of_earlier_steps_is_a_new_one(momentum, anew):
    network, seen = _network(), []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=momentum)
    for _ in range(2):
        with Stepping(network, _weights(network)) as stepping:
            network(X).square().mean().backward()
            optimizer.step()
        seen.append(stepping.seen.anew)
    assert seen == anew
    new = [Stepped(0.1, True, torch.tensor(1.0), anew=True)] * 5
    assert gradients_given(new)["check/optimizer_anew"] == 1.0
    assert "check/optimizer_anew" not in gradients_given([*new, Stepped(0.1, True, torch.tensor(1.0))])


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_is_that_in_which_the_gradient_arrived(mode):
    network = _network().train(mode)
    with Stepping(network, _weights(network)) as stepping:
        network(X).square().mean().backward()
        network.train(not mode)
    assert stepping.seen.evaluating is not mode


def test_an_optimizer_s_steps_are_counted_between_watched_ones_too():
    network, other = _network(), _network()
    steps = Steps(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    foreign = torch.optim.SGD(other.parameters(), lr=0.1)
    for _ in range(7):
        _backward(network)
        optimizer.step()
        foreign.step()
    assert steps.done == 7 and steps.held == {id(p) for p in network.parameters()}
    second = torch.optim.SGD([network[0].weight], lr=0.1)  # two take turns, as of two losses
    for _ in range(5):
        second.step()
    assert steps.done == 7


def test_counting_ends_with_the_one_who_counts_and_one_hook_serves_all():
    steps = [Steps(_network()) for _ in range(3)]
    hooks, counting = len(_global_optimizer_post_hooks), len(_COUNTING)
    steps.append(Steps(_network()))
    assert len(_global_optimizer_post_hooks) == hooks and len(_COUNTING) == counting + 1
    steps.clear()
    gc.collect()
    assert len(_global_optimizer_post_hooks) == hooks and len(_COUNTING) <= counting - 3


def test_a_probe_may_be_collected_while_an_optimizer_calls_its_hooks():
    network = _network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    probes = [Probe(network)]
    hooks = [register_optimizer_step_post_hook(lambda *_: (probes.clear(), gc.collect())) for _ in range(2)]
    _backward(network)
    optimizer.step()
    for hook in hooks:
        hook.remove()
    assert not probes


@pytest.mark.parametrize(
    ("before", "numbers"),
    [([0, 20, 40], [0, 20, 40]), ([0, 0, 0, 1, 1], [0, 1, 2, 3, 4]), ([0, 0, 0, 9], [0, 1, 2, 9]), ([], [])],
)
def test_watched_steps_have_the_number_of_the_optimizer_s_step(before, numbers):
    """Those of one step, as with accumulated gradients, count one by one, and so where no optimizer steps."""
    assert counted([Stepped(before=steps) for steps in before]) == numbers


def test_of_several_optimizers_the_largest_rate_counts_whichever_steps_last():
    network = _network()
    large, small = (torch.optim.SGD([network[i].weight], lr=rate) for i, rate in ((0, 0.02), (2, 3e-4)))
    for order in ((large, small), (small, large)):
        with Stepping(network, _weights(network)) as stepping:
            _backward(network)
            for optimizer in order:
                optimizer.step()
        assert stepping.seen.rate == 0.02


@pytest.mark.parametrize(("share", "scale"), [(2.0**-10, 1024.0), (0.25, None), (1 / 30, None), (1.0001 / 32, None)])
def test_a_loss_scale_is_an_exact_power_of_two(share, scale):
    assert scale_of(share) == scale


def test_the_losss_share_of_the_mean_cross_entropy():
    steps = [Stepped(cross_entropy=torch.tensor(mean)) for mean in (2.0, 4.0, 8.0)] + [Stepped()]
    rows = [{"train/loss": loss} for loss in (1.0, 1.0, 1.0)] + [{}]
    assert loss_share(steps, rows) == {"check/loss_share": 0.25} and loss_share(steps[3:], rows[3:]) == {}


@pytest.mark.parametrize("own_loop", [True, False])
def test_the_mean_cross_entropy_is_kept_where_a_diagnosis_may_ask_for_it(own_loop):
    network = nn.Linear(4, 3)
    probe = Probe(network, own_loop=own_loop)
    with probe.watch():
        loss = nn.functional.cross_entropy(network(torch.ones(2, 4)), torch.tensor([0, 1]))
    assert (probe._stepped[0].cross_entropy == loss.detach()) if own_loop else probe._stepped[0].cross_entropy is None
