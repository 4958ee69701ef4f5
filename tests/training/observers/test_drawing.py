"""What a drawing observer leaves in the event file, and at which steps."""

import pytest
import torch

from cnnlab.datasets.base import normalize
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import Schedule
from cnnlab.training.observers.drawing import Drawing
from cnnlab.views.gallery import Gallery


@pytest.fixture
def drawing(data, network, dashboard, tmp_path) -> Drawing:
    image = normalize(data.validation.images[:1], data.mean, data.std)[0]
    recorder = Recorder(Probe(network), Schedule(1, 9), dashboard, lambda *_: None)
    return Drawing(Gallery(network, image, 9, dashboard), data, recorder, tmp_path / "figures")


def _steps(drawing, network) -> None:
    for step in range(9):
        with drawing.watch(step, None):
            network(torch.randn(4, 1, 8, 8)).sum().backward()
        drawing.measured(step, {"train/loss": 1.0})


def test_it_draws_at_the_steps_that_it_wants_and_at_no_other(drawing, network, dashboard, events, tmp_path):
    _steps(drawing, network)
    dashboard.end(True)
    wanted = [step for step in range(9) if drawing.due(step)]
    assert wanted[0] == 0 and wanted[-1] == 8 and len(wanted) < 9
    found = events(tmp_path)
    for tag in ("pictures/first_kernels", "pictures/maps/block1.conv1"):
        assert [event.step for event in found.Images(tag)] == wanted
    assert [event.step for event in found.Histograms("histogram/gradient/01_block1.conv1")] == wanted


def test_a_scaled_gradient_is_drawn_as_it_is(drawing, network, dashboard, events, tmp_path):
    x = torch.randn(4, 1, 8, 8)
    for step, scale in ((0, 1.0), (1, 1024.0)):
        network.zero_grad()
        with drawing.watch(step, torch.tensor(scale)):
            (scale * network(x).square().sum()).backward()
        drawing.measured(step, {})
    dashboard.end(True)
    first, second = (e.histogram_value for e in events(tmp_path).Histograms("histogram/gradient/02_head.logits"))
    assert second.max == pytest.approx(first.max) and second.sum_squares == pytest.approx(first.sum_squares)


def test_after_the_run_there_are_the_confusions_and_the_mistakes(drawing, data, dashboard, events, tmp_path):
    drawing.tested(9, torch.randn(len(data.test), 10), data.test.labels)
    dashboard.end(True)
    found = events(tmp_path)
    for tag in ("mistakes/confusion", "mistakes/most_mistaken"):
        (event,) = found.Images(tag)
        assert event.step == 9 and event.width > 100


def test_the_mistakes_are_among_the_test_images(drawing, data, monkeypatch):
    given = []
    monkeypatch.setattr(drawing.gallery, "mistakes", lambda *arguments: given.append(arguments))
    logits = torch.randn(len(data.test), 10)
    drawing.tested(9, logits, data.test.labels)
    ((images, said, labels, classes, step),) = given
    assert images is data.test.images and torch.equal(said, logits) and torch.equal(labels, data.test.labels)
    assert classes == tuple("0123456789") and step == 9


def test_at_the_end_there_are_heat_maps_of_the_whole_history(drawing, dashboard, events, tmp_path):
    drawing.recorder.history = [{"step": step, "gradient/std/01_a": 0.1} for step in range(3)]  # as when resumed
    drawing.results(3)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["layers_gradient_std.png"]
    dashboard.end(True)
    assert [event.step for event in events(tmp_path).Images("pictures/all_layers/gradient_std")] == [3]


def test_heat_maps_that_cannot_be_drawn_are_a_warning(drawing, monkeypatch, caplog):
    monkeypatch.setattr(drawing.gallery, "layers", lambda *_: 1 / 0)
    assert "time/pictures_s" in drawing.results(3)
    assert "the heat maps could not be drawn: ZeroDivisionError" in caplog.text


def test_its_result_is_the_time_that_drawing_took(drawing, network):
    _steps(drawing, network)
    after = drawing.gallery.seconds
    assert 0 < after < 30
    drawing.measured(7, {})
    assert drawing.gallery.seconds == after, "nothing is drawn at step 7"
    assert drawing.results(9) == {"time/pictures_s": drawing.gallery.seconds} and drawing.gallery.seconds > after
