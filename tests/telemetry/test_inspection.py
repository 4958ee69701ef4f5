"""What a network and an optimizer tell of themselves, and what stays unknown."""

import pytest
import torch
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.telemetry.inspection import context_of, has_modes
from cnnlab.training.schedules import one_cycle


@pytest.mark.parametrize(("activation", "suited"), [("relu", "he"), ("gelu", "he"), ("tanh", "xavier")])
def test_the_only_activation_is_named_with_what_suits_it(activation, suited):
    found = context_of(ConvNet((1, 8, 8), 3, activation=activation))
    assert (found.activation, found.suited) == (activation, suited)


def test_two_activations_or_none_are_not_guessed():
    for network in (nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh()), nn.Linear(2, 2)):
        found = context_of(network)
        assert found.activation is found.suited is None


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)], ids=str)
def test_a_norm_layer_is_seen(norm):
    assert context_of(nn.Sequential(nn.Conv2d(3, 4, 1), norm)).batch_norm is True
    assert context_of(nn.Conv2d(3, 4, 1)).batch_norm is False


def test_the_optimizer_tells_its_name_and_the_peak_of_a_schedule():
    network = nn.Linear(2, 2)
    assert context_of(network).learning_rate is context_of(network).optimizer is None
    optimizer = torch.optim.SGD([{"params": [network.weight]}, {"params": [network.bias], "lr": 0.1}], lr=0.3)
    assert context_of(network, optimizer).learning_rate == 0.3
    one_cycle(optimizer, 100)
    assert optimizer.param_groups[0]["lr"] < 0.02, "a warm-up has lowered it"
    found = context_of(network, optimizer, classes=7)
    assert (found.learning_rate, found.optimizer, found.classes) == (0.3, "SGD", 7)


def test_the_strongest_dropout_counts_and_no_dropout_is_unknown():
    assert context_of(nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.4))).dropout == 0.4
    assert context_of(nn.Linear(2, 2)).dropout is None


def test_what_nobody_can_read_from_a_network_is_none():
    found = context_of(ConvNet((1, 8, 8), 3))
    assert found.initializer is found.largest_class_share is found.classes is None


def test_functions_count_like_modules():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.1))
    assert context_of(network).activation is None
    assert context_of(network, functions=[nn.Tanh()]).activation == "tanh"
    assert context_of(network, functions=[nn.Tanh(), nn.ReLU()]).activation is None, "ambiguous"
    assert context_of(network, functions=[nn.BatchNorm2d(4)]).batch_norm is True


def test_the_optimizers_numbers_are_read_under_torchs_names():
    network = nn.Linear(2, 2)
    found = context_of(network, torch.optim.SGD(network.parameters(), 0.1, momentum=0.99, maximize=True)).update
    assert found["momentum"] == 0.99 and found["maximize"] == 1 and found["dampening"] == 0
    found = context_of(network, torch.optim.AdamW(network.parameters(), betas=(0.5, 0.9), eps=1.0)).update
    assert (found["beta1"], found["beta2"], found["eps"]) == (0.5, 0.9, 1.0)


def test_layers_that_are_not_trained_are_named():
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    network[0].requires_grad_(False)
    found = context_of(network, torch.optim.SGD([network[2].bias], 0.1))
    assert found.frozen == ("01_0",) and found.left_out == ("02_2",)
    assert found.units == {"01_0": 8, "02_2": 3} and found.fan_in == {"01_0": 4, "02_2": 8}


def test_the_narrowest_type_of_the_weights_counts():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).to(torch.bfloat16))
    assert context_of(network).precision == "bfloat16" and context_of(network[0]).precision == "float32"


class Listed(nn.Module):
    """Its layers stand in lists and dicts, and are none of its `parameters()`; so does a teacher, on purpose."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.blocks = [nn.Linear(4, 4), {"more": nn.Linear(4, 4)}]
        self._scale = [nn.Parameter(torch.ones(4))]
        self.named = [self.first]
        self.teacher = [nn.Linear(4, 4).requires_grad_(False)]

    def forward(self, x):
        x = self.blocks[1]["more"](self.blocks[0](self.first(x))) * self._scale[0]
        return (x - self.teacher[0](x)).square().mean()


def test_modules_in_lists_that_get_a_gradient_and_that_nobody_trains():
    network = Listed()
    few = torch.optim.SGD(network.parameters())
    assert context_of(network, few).unregistered == (), "nothing is known before a gradient"
    network(torch.ones(2, 4)).backward()
    assert context_of(network, few).unregistered == ("blocks.0", "blocks.1.more", "_scale.0")
    assert context_of(nn.Sequential(network), few).unregistered[0] == "0.blocks.0"
    lists = [*network.blocks[0].parameters(), *network.blocks[1]["more"].parameters(), *network._scale]
    assert context_of(network, torch.optim.SGD([*network.parameters(), *lists])).unregistered == ()


def test_a_recurrent_layers_own_lists_are_its_parameters():
    network = nn.LSTM(4, 4)
    network(torch.ones(3, 2, 4))[0].sum().backward()
    assert context_of(network, torch.optim.SGD(network.parameters())).unregistered == ()


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        (nn.BatchNorm2d(3), True),
        (nn.BatchNorm2d(3, track_running_stats=False), False),
        (nn.GroupNorm(1, 3), False),
        (nn.Dropout(0.5), True),
        (nn.Dropout(0.0), False),
        (nn.ReLU(), False),
    ],
)
def test_what_evaluation_mode_changes(module, changes):
    network, x = nn.Sequential(nn.Conv2d(1, 3, 1), module), torch.ones(2, 1, 4, 4) * torch.arange(4.0)
    torch.manual_seed(0)
    outputs = [network.train(mode)(x) for mode in (True, False)]
    assert has_modes(network) is changes and torch.allclose(*outputs) is not changes


def test_what_is_no_optimizer_is_told():
    with pytest.raises(InputError, match="^The optimizer is of type str; give the one that takes the steps"):
        context_of(nn.Linear(2, 2), "sgd")  # pyright: ignore[reportArgumentType]


def test_layers_with_a_lower_rate_and_those_that_were_set_aside_are_named():
    network = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3))
    network[0].requires_grad_(False)
    groups = [{"params": network[1].parameters(), "lr": 1e-5}, {"params": network[2].parameters()}]
    found = context_of(network, torch.optim.SGD(groups, lr=0.1))
    assert (found.slower, found.set_aside, found.left_out) == (("02_1",), ("01_0",), ())
    found = context_of(network, torch.optim.SGD(network.parameters(), lr=0.1))
    assert (found.slower, found.set_aside) == ((), ()), "frozen, but given to the optimizer"
