"""What no signature shows is told before a run begins."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from cnnlab.common.errors import InputError
from cnnlab.networks.dry_run import check_forward


class Returning(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.fc, self.output = nn.Linear(64, 5), output

    def forward(self, x):
        logits = self.fc(x.flatten(1))
        return self.output(logits) if self.training else logits


def told(network, shape=(1, 8, 8), classes=5, **settings):
    with pytest.raises(InputError) as error:
        check_forward(network, shape, classes, **settings)
    lines = str(error.value).splitlines()
    assert len(lines) <= 5
    return " ".join(lines)


def test_logits_pass_and_the_random_state_stays():
    network = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 5))
    before = torch.random.get_rng_state()
    check_forward(network, (1, 8, 8), 5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_other_outputs_are_named_although_evaluation_would_give_logits():
    assert "returns a tuple" in told(Returning(lambda y: (y, y)))
    assert "returns a dict (out, aux)" in told(Returning(lambda y: {"out": y, "aux": y}))
    assert "returns (N, 5), but for 3 classes" in told(Returning(lambda y: y), classes=3)
    assert "returns (N, 5, 1, 1)" in told(Returning(lambda y: y[:, :, None, None]))


def test_a_norm_layer_with_one_value_is_named_with_what_to_give():
    def network():
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(1, 5))

    check_forward(network(), (1, 8, 8), 5, images=2)
    words = told(network(), images=1)
    assert "at 1 gets a single value" in words and "larger batches than trainer.batch_size=1" in words
    alone = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.InstanceNorm2d(1))
    assert "trainer.batch_size" not in told(alone) and "dataset.size" in told(alone)


def test_images_that_are_too_small_are_told():
    words = told(nn.Sequential(nn.MaxPool2d(4), nn.Conv2d(1, 1, 5)))
    assert "Images of 1x8x8 are too small" in words and "at 1" in words
    assert "at 1" in told(nn.Sequential(nn.MaxPool2d(8), nn.MaxPool2d(2)))


def test_the_networks_own_mistake_is_told_with_file_and_line():
    class Wrong(nn.Module):
        def forward(self, x):
            return self.missing(x)

    words = told(Wrong())
    assert "AttributeError" in words and "missing" in words and "test_dry_run.py, line" in words
    words = told(nn.Sequential(nn.Flatten(), nn.Linear(63, 5)))
    assert "at 1: RuntimeError" in words and ".py" not in words  # no line is the user's own


def test_hooks_are_gone_afterwards():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    check_forward(network, (1, 8, 8), 5)
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize(
    "hidden", [lambda layer: [layer], lambda layer: {"a": layer}, lambda layer: (lambda x: layer(x),)]
)
def test_layers_that_run_without_being_registered_are_told(hidden):
    class Hiding(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside, self.fc = hidden(nn.Conv2d(1, 2, 3)), nn.Linear(2 * 36, 5)

        def forward(self, x):
            layers = self.inside.values() if isinstance(self.inside, dict) else self.inside
            for layer in layers:
                x = layer(x)
            return self.fc(x.flatten(1))

    words = told(Hiding())
    assert "2 parameters" in words and "(2, 1, 3, 3)" in words and "nn.ModuleList" in words


def test_what_is_frozen_computed_or_lazy_is_no_stranger():
    class Teacher(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.teacher = nn.LazyLinear(5), [nn.Linear(64, 5)]
            self.teacher[0].requires_grad_(False)

        def forward(self, x):
            return self.fc(x.flatten(1)) + self.teacher[0](x.flatten(1))

    check_forward(Teacher(), (1, 8, 8), 5)
    check_forward(nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(64, 5))), (1, 8, 8), 5)


class Full(nn.Module):
    """As PyTorch, where there is not the memory."""

    def forward(self, x):
        raise RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1048576 bytes"
        )


def test_memory_that_is_not_enough_is_told_with_the_size_of_large_images():
    network = nn.Sequential(nn.Flatten(), Full())
    text = told(network, shape=(1, 300, 400))
    assert "not enough memory for 0.0 GiB more, in 1. " in text and "images are 300x400" in text
    assert "images are" not in told(network, shape=(1, 28, 28))
