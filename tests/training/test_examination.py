"""The closer look at a finished run: against what is built in, and without touching the run."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from cnnlab.common.errors import NotApplicable
from cnnlab.datasets.augmentation import Augmentation
from cnnlab.datasets.base import ImageSet, Split
from cnnlab.datasets.batches import Batches
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.training.examination import LIKE_IMAGES, Examination
from cnnlab.training.schedules import constant
from cnnlab.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data() -> ImageSet:
    return digits(size=12)


def _examination(data: ImageSet, network: nn.Module, lr: float = 0.02, augment: Augmentation | None = None):
    optimizer = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9)
    trainer = Trainer(network, optimizer, constant(optimizer, 10), CPU)
    return Examination(trainer, data, Batches(data.train, data.mean, data.std, 64, augment=augment))


def _network(data: ImageSet, **model) -> nn.Module:
    torch.manual_seed(0)
    network = ConvNet(data.shape, 10, channels=[8, 16], head=[32], **model)
    initialize(network, nn.init.kaiming_normal_)
    return network


def test_the_baseline_sees_the_images_as_they_are_trained_on(data):
    class Blank(Augmentation):
        def __call__(self, images, generator):
            return torch.zeros_like(images)

        def __bool__(self):
            return True

    clean = _examination(data, _network(data)).baseline()
    assert clean.keys() == {"check/baseline"} and clean["check/baseline"] > 0.85
    blank = _examination(data, _network(data), augment=Blank()).baseline()
    assert blank["check/baseline"] < 0.3 and blank["check/baseline_clean"] > 0.85


def test_the_labels_are_those_of_the_run(data):
    labels = data.train.labels[torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))]
    shuffled = replace(data, train=replace(data.train, labels=labels))
    assert _examination(shuffled, _network(data)).baseline()["check/baseline"] < 0.3


def test_modes_that_agree(data):
    found = _examination(data, _network(data)).modes()
    assert found["check/training_mode"] == found["check/evaluation_mode"]


def test_answers_that_do_not_depend_on_neighbours(data):
    assert _examination(data, _network(data)).order() == {"check/evaluation_varies": 0, "check/order_matters": 0}
    few = replace(data, validation=Split(data.validation.images[:3], data.validation.labels[:3]))
    assert _examination(few, _network(data)).order() == {}


def test_splits_of_one_set_are_alike_and_others_are_told_apart(data):
    assert 0.35 < _examination(data, _network(data)).likeness()["check/told_apart"] < 0.65
    dark = replace(data, test=replace(data.test, images=data.test.images // 3))
    assert _examination(dark, _network(data)).likeness()["check/told_apart"] > 0.95
    few = replace(data, test=Split(data.test.images[:10], data.test.labels[:10]))
    assert _examination(few, _network(data)).likeness() == {}


def test_only_the_images_that_are_compared_are_taken(data):
    """Of a large training set there is no room for a second copy."""
    taken = []

    class Indexed(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if func is torch.Tensor.__getitem__ and result.dim() == 4:
                taken.append(len(result))
            return result

    examination = _examination(data, _network(data))
    assert len(data.equal.first) > LIKE_IMAGES
    with Indexed():
        examination.likeness()
    assert taken and max(taken) <= LIKE_IMAGES


def test_wrong_labels_cannot_be_foretold(data):
    clean = _examination(data, _network(data)).likeness()
    assert min(clean["check/train_labels"], clean["check/test_labels"]) > 0.8
    random = torch.randint(10, (len(data.train),), generator=torch.Generator().manual_seed(0))
    half = torch.where(torch.arange(len(random)) % 2 == 0, random, data.train.labels)
    noisy = _examination(replace(data, train=replace(data.train, labels=half)), _network(data)).likeness()
    assert noisy["check/train_labels"] < 0.65 and noisy["check/test_labels"] > 0.8
    few = Split(data.test.images[:100], data.test.labels[:100])
    assert "check/test_labels" not in _examination(replace(data, test=few), _network(data)).likeness()


def test_classes_in_other_shares_do_not_tell_splits_apart(data):
    zeros = data.train.labels == 0
    order = torch.cat([zeros.nonzero()[:, 0].repeat(20), (~zeros).nonzero()[:, 0]])
    unequal = replace(data, train=replace(data.train, images=data.train.images[order], labels=data.train.labels[order]))
    assert 0.35 < _examination(unequal, _network(data)).likeness()["check/told_apart"] < 0.7


def test_copies_in_training_foretell_nothing(data):
    """Random labels of images that are all there five times; the half that is foretold has copies in the other."""
    some = torch.arange(300)
    random = torch.randint(10, (300,), generator=torch.Generator().manual_seed(0))
    train = Split(data.train.images[some].repeat(5, 1, 1, 1), random.repeat(5))
    found = _examination(replace(data, train=train), _network(data)).likeness()
    assert found.get("check/train_labels", 0.0) < 0.3


def test_what_is_dropped_at_random_makes_two_passes_differ(data):
    class Dropped(nn.Module):
        def forward(self, x):
            return nn.functional.dropout2d(x, 0.95, self.training)

    alone, dropped = (
        _examination(data, network).modes()["check/agreement"]
        for network in (_network(data), nn.Sequential(Dropped(), _network(data)))
    )
    assert alone == pytest.approx(1) and dropped < 0.3


def test_dropout_that_is_never_off_and_images_that_mix(data):
    class Always(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, 0.5, training=True)

    class Neighbours(nn.Module):
        def forward(self, x):
            return x.roll(1, 0)

    random, mixing = (_examination(data, nn.Sequential(_network(data), m)).order() for m in (Always(), Neighbours()))
    assert random["check/evaluation_varies"] == 1 and mixing["check/order_matters"] == 1
    assert mixing["check/evaluation_varies"] == 0


def test_trials_tell_a_network_that_cannot_from_a_rate_that_is_too_small(data):
    slow = _examination(data, _network(data), lr=1e-6).trials()
    assert slow["check/one_batch"] < 0.5 and slow["check/reference"] == 1
    assert 1e-3 < slow["check/best_rate"] < 1

    zero = _network(data)
    for parameter in zero.parameters():
        nn.init.zeros_(parameter)
    never = _examination(data, zero).trials()
    assert never["check/reference"] < 0.5 and never["check/best_rate"] == 0
    assert never["check/reference_unfinished"] == slow["check/reference_unfinished"] == 0


def test_exchanges_tell_weights_that_cannot_from_a_rate_that_is_too_small(data):
    slow = _examination(data, _network(data), lr=1e-6).exchanges()
    assert slow["check/usual_training"] > 0.6 > 0.3 > max(slow["check/again"], slow["check/usual_weights"])
    zero = _network(data)
    for parameter in zero.parameters():
        nn.init.zeros_(parameter)
    found = _examination(data, zero).exchanges()
    assert found["check/usual_weights"] > 0.6 > 0.3 > max(found["check/again"], found["check/usual_training"])
    assert found["check/usual_both"] > 0.6


def test_noise_that_has_driven_a_network_into_a_constant_shows_at_its_start(data):
    class Noisy(nn.Module):
        def forward(self, x):
            return 100 * torch.randn_like(x) if self.training else x

    network = nn.Sequential(Noisy(), _network(data))
    examination = _examination(data, network)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    found = examination.modes()
    assert found["check/agreement_at_start"] < 0.1 and not found["check/agreement"] < 0.5


def test_nothing_of_the_run_is_touched(data):
    network = _network(data, norm="batch", dropout=0.3)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    examination, random = _examination(data, network), torch.get_rng_state()
    examination.baseline(), examination.likeness(), examination.modes(), examination.trials()
    examination.exchanges()
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_network_that_cannot_be_copied_has_no_trials(data):
    network = _network(data)
    network.lock = (i for i in range(3))  # a generator cannot be copied
    assert _examination(data, network).trials() == {}


def test_a_remedy_that_cannot_be_tried_says_nothing(data):
    examined = _examination(data, _network(data))
    assert examined.remedy("init=he") == {}, "started from Python"

    def refused(override: str) -> float:
        raise NotApplicable("not here")

    examined.try_remedy = refused
    assert examined.remedy("init=he") == {}
    examined.try_remedy = lambda override: 0.5
    assert examined.remedy("init=he") == {"check/remedy/init=he": 0.5} and examined.remedy("") == {
        "check/as_it_was": 0.5
    }


def test_a_softmax_over_the_batch_is_seen_though_no_order_matters(data):
    """Turned around, the batch has the same outputs, turned around."""

    class OverTheBatch(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = _network(data)

        def forward(self, x):
            return self.inner(x).softmax(0)

    assert _examination(data, OverTheBatch()).order()["check/order_matters"] == 1


def test_the_origin_of_nan(data):
    class Divided(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = _network(data)

        def forward(self, x):
            x = self.inner(x)
            return x / (x - x.detach())

    found = _examination(data, Divided()).origin()
    assert list(found) == ["check/produced/div in float32", "check/produced_by_update"]
    assert 0 < found["check/produced/div in float32"] < 100 and found["check/produced_by_update"] == 0
    assert _examination(data, _network(data)).origin() == {}


def test_updates_are_compared_with_autograds_gradient(data):
    def look(optimizer, **numbers):
        network = _network(data)
        made = optimizer(network.parameters(), lr=0.01, **numbers)
        trainer = Trainer(network, made, constant(made, 10), CPU)
        return Examination(trainer, data, Batches(data.train, data.mean, data.std, 64)).updating()

    class NeverCleared(torch.optim.SGD):
        def zero_grad(self, set_to_none: bool = True) -> None:
            pass

    usual = look(torch.optim.SGD)
    assert usual["check/update_cosine"] == pytest.approx(1) and usual["check/gradient_later"] == pytest.approx(1)
    assert look(torch.optim.Adam)["check/update_cosine"] > 0.1
    assert look(torch.optim.Adam, maximize=True)["check/update_cosine"] < -0.1
    assert look(torch.optim.SGD, maximize=True)["check/update_cosine"] == pytest.approx(-1)
    summed = look(NeverCleared)
    assert summed["check/gradient_first"] == pytest.approx(1) and summed["check/gradient_later"] > 2.5


def test_weights_are_looked_at_for_their_grid(data):
    network = _network(data)
    examined = _examination(data, network)
    assert examined.weights()["check/weight_bits"] == 24 and examined.weights()["check/weight_levels"] > 1000
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.bfloat16().float())
    assert examined.weights()["check/weight_bits"] == 8
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(100).round_().clamp_(-127, 127)
    assert examined.weights()["check/weight_levels"] <= 255 < 1000 < examined.weights()["check/weight_levels_at_start"]
