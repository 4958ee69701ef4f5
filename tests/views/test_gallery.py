"""Pictures of a run, read back from the event file; `seconds` by a clock of its own."""

from io import BytesIO

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.theory import Expectation, Expected
from cnnlab.theory.expectation import ExpectedLayer
from cnnlab.views import gallery as module
from cnnlab.views.gallery import Gallery

STEPS = 20
CARD_PIXELS = 350  # what TensorBoard's IMAGES tab gives an image


@pytest.fixture
def network() -> ConvNet:
    return ConvNet((1, 8, 8), 10, channels=(2, 3), convs_per_block=1, head=())


@pytest.fixture
def events(tmp_path):
    """events(gallery): closes its event file and reads all of it."""

    def events(gallery: Gallery) -> EventAccumulator:
        gallery.dashboard.end(True)
        every = dict.fromkeys(("images", "histograms", "tensors", "scalars"), 0)
        return EventAccumulator(str(tmp_path), size_guidance=every).Reload()

    return events


def train(gallery: Gallery, batch: torch.Tensor) -> None:
    for step in range(STEPS):
        with gallery.watch(step):
            gallery.network(batch).square().mean().backward()
        gallery.draw(step)


def test_it_draws_few_steps_and_the_first_and_last_among_them(network, tmp_path, events) -> None:
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    train(gallery, torch.randn(4, 1, 8, 8))
    found = events(gallery)
    drawn = [event.step for event in found.Images("pictures/first_kernels")]
    assert drawn == sorted(gallery.steps) and drawn[0] == 0 and drawn[-1] == STEPS - 1 and len(drawn) <= 6
    assert [event.step for event in found.Images("pictures/input")] == [0]
    tags = found.Tags()
    assert set(tags["images"]) == {"pictures/input", "pictures/first_kernels"} | {
        f"pictures/maps/block{i}.{layer}" for i in (1, 2) for layer in ("conv1", "activation1")
    }
    layers = ("01_block1.conv1", "02_block2.conv1", "03_head.logits")
    expected = {f"histogram/{what}/{layer}" for what in ("activation", "gradient", "weight") for layer in layers}
    assert set(tags["histograms"]) == expected - {"histogram/activation/03_head.logits"}
    assert "histogram/left_out/text_summary" not in tags["tensors"]


def test_a_step_that_is_not_drawn_is_not_measured(network, tmp_path, monkeypatch) -> None:
    watched = []

    class Counted(Probe):
        def watch(self, gradient_scale=None):
            watched.append(step)
            return super().watch(gradient_scale)

    monkeypatch.setattr(module, "Probe", Counted)
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    for step in range(STEPS):
        with gallery.watch(step):
            network(torch.randn(4, 1, 8, 8)).sum().backward()
    assert watched == sorted(gallery.steps)
    gallery.dashboard.end(True)


@pytest.mark.parametrize(("images", "counted"), [(None, 6), (4, 4)])
def test_histograms_are_of_the_first_images_of_a_batch(network, tmp_path, events, images, counted) -> None:
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path), images)
    train(gallery, torch.randn(6, 1, 8, 8))
    found = events(gallery)
    activations = found.Histograms("histogram/activation/01_block1.conv1")[0].histogram_value
    assert activations.num == counted * 2 * 8 * 8 == sum(activations.bucket)
    weight = network.get_parameter("block1.conv1.weight")
    drawn = found.Histograms("histogram/weight/01_block1.conv1")[-1].histogram_value
    assert (drawn.num, drawn.min, drawn.max) == (18, weight.min().item(), weight.max().item())


def test_what_a_histogram_leaves_out_is_told(network, tmp_path, events) -> None:
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    batch = torch.randn(4, 1, 8, 8)
    batch[0] = torch.nan
    train(gallery, batch)
    (first, *_) = events(gallery).Tensors("histogram/left_out/text_summary")
    assert "| activation/histogram/01_block1.conv1 | 25 % |" in first.tensor_proto.string_val[0].decode()


def test_a_network_without_convolution_has_no_kernels_and_maps(tmp_path, events) -> None:
    gallery = Gallery(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    train(gallery, torch.randn(4, 1, 8, 8))
    tags = events(gallery).Tags()
    assert tags["images"] == ["pictures/input"] and "histogram/weight/01_1" in tags["histograms"]


def test_theory_is_a_file_and_a_card_of_the_dashboard(network, tmp_path, events) -> None:
    known = Expected(1.0, 0.5, 2.0)
    expectation = Expectation({"01_a": ExpectedLayer(1, 1, 0, 1, known, known, known)})
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    gallery.theory(expectation, {"activation/std/01_a": 1.1}, tmp_path / "figures")
    (event,) = events(gallery).Images("pictures/by_depth")
    with (
        Image.open(tmp_path / "figures" / "theory.png") as file,
        Image.open(BytesIO(event.encoded_image_string)) as own,
    ):
        assert event.step == 0 and own.width == CARD_PIXELS and own.height > own.width
        assert file.width > 2 * file.height, "side by side"


def test_every_picture_is_as_wide_as_a_card_of_tensorboard(tmp_path, events) -> None:
    network = ConvNet((3, 64, 64), 10, channels=(2, 70), convs_per_block=1, head=())
    gallery = Gallery(network, torch.randn(3, 64, 64), STEPS, Dashboard(tmp_path))
    train(gallery, torch.randn(4, 3, 64, 64))
    images = torch.zeros(12, 3, 64, 64, dtype=torch.uint8)
    gallery.mistakes(images, torch.randn(12, 10), torch.arange(12) % 10, [f"class {i}" for i in range(10)], 7)
    gallery.layers([{"step": step, "activation/std/01_a": 1.0} for step in (0, 9)], tmp_path / "figures", 10)
    found = events(gallery)
    assert {event.width for tag in found.Tags()["images"] for event in found.Images(tag)} == {CARD_PIXELS}


def test_heat_maps_of_the_layers_are_files_and_cards(network, tmp_path, events) -> None:
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    history = [{"step": step, "activation/std/01_a": 1.0, "gradient/std/01_a": 0.1} for step in (0, 1, 9)]
    gallery.layers(history, tmp_path / "figures", 10)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "layers_activation_std.png",
        "layers_gradient_std.png",
    ]
    found = events(gallery)
    for name in ("activation_std", "gradient_std"):
        assert [event.step for event in found.Images(f"pictures/all_layers/{name}")] == [10]


def test_the_mistakes_are_two_figures(network, tmp_path, events) -> None:
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    gallery.mistakes(images, torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1]), ("a", "b", "c"), 7)
    found = events(gallery)
    assert [event.step for tag in ("confusion", "most_mistaken") for event in found.Images(f"mistakes/{tag}")] == [7, 7]


def test_seconds_are_those_of_drawing(network, tmp_path, monkeypatch) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr(module, "perf_counter", lambda: next(ticks))
    gallery = Gallery(network, torch.randn(1, 8, 8), STEPS, Dashboard(tmp_path))
    assert gallery.seconds == 0
    train(gallery, torch.randn(4, 1, 8, 8))
    assert gallery.seconds == len(gallery.steps) < STEPS, "a tick each"
    gallery.mistakes(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.eye(2), torch.tensor([0, 1]), ("a", "b"), 9)
    assert gallery.seconds == len(gallery.steps) + 1
    gallery.dashboard.end(True)
