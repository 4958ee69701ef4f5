"""One picture through every step of a network: which steps are drawn, with what beside them."""

import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from cnnlab.inference.follow import follow
from cnnlab.networks.convnet import ConvNet
from cnnlab.views.journey_figure import follow_figure, probability_bars, short

DIGITS = tuple("0123456789")
LONG = ("aeroplane with a very long name", "b", "coach", "dog")


@pytest.fixture
def journey_figure(check_texts):
    """journey_figure(classes, shape, **knobs): the texts of a new network's figure."""

    def journey_figure(classes: tuple[str, ...], shape: tuple[int, int, int] = (1, 14, 14), **knobs) -> list[str]:
        network = ConvNet(shape, len(classes), **knobs).eval()
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8)
        journey = follow(network, pixels[None] / 255)
        return check_texts(follow_figure(journey, journey.logits.softmax(0), classes, pixels, "cat.png: dog"))

    return journey_figure


def test_follow_of_the_default_network(journey_figure) -> None:
    texts = journey_figure(DIGITS, channels=[16, 32])
    assert {"input", "block1.conv1", "block2.pool", "head.flatten", "head.logits"} <= set(texts)
    assert any("first 12 channels" in text for text in texts)


def test_follow_marks_partial_windows_and_bears_long_names(journey_figure) -> None:
    texts = journey_figure(LONG, (3, 13, 13), channels=[4, 4, 4], kernel_size=4, norm="batch", dropout=0.2, head=[])
    assert any("last row and column of cut windows" in text for text in texts)
    assert any(text.startswith("channel ") for text in texts)


def test_follow_of_a_deep_network_leaves_layers_out_and_says_so(journey_figure) -> None:
    texts = journey_figure(LONG, channels=[4], convs_per_block=30, head="average", activation="tanh")
    # 30 convolutions with their activations and 5 other steps (input, pool, average, flatten, logits): 9 layers fit.
    assert any("42 steps in between are not drawn" in text for text in texts)
    assert {"block1.conv1", "block1.conv30", "block1.pool", "head.average", "head.logits"} <= set(texts)


def test_follow_without_convolution_and_with_broken_weights(check_texts, journey_figure) -> None:
    assert {"input", "head.flatten", "head.logits"} <= set(journey_figure(DIGITS, channels=[], head=[]))
    network = ConvNet((1, 8, 8), 4, channels=[4], head=[]).eval()
    nn.init.constant_(network.get_parameter("block1.conv1.weight"), torch.inf)
    pixels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    journey = follow(network, pixels[None] / 255)
    check_texts(follow_figure(journey, torch.full((4,), 0.25), LONG, pixels, "nothing but nan"))


def test_follow_of_a_network_without_a_full_connection_at_the_end(check_texts) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pixels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    journey = follow(network, pixels[None] / 255)
    assert journey.votes is None
    texts = check_texts(follow_figure(journey, journey.logits.softmax(0), LONG, pixels, "cat.png"))
    assert not any(text.startswith("votes for") for text in texts)


def test_the_votes_of_a_class_and_their_rest_make_its_logit() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 5))
    pixels = torch.randint(0, 256, (1, 3, 3), dtype=torch.uint8)
    journey = follow(network, pixels[None] / 255)
    shares = journey.logits.softmax(0)
    figure = follow_figure(journey, shares, DIGITS[:5], pixels, "a digit")
    drawn = {ax.get_title(): ax for ax in figure.axes if ax.get_title().startswith("votes for")}
    best = journey.logits.argsort(descending=True)[:4].tolist()
    assert [title.split("\n")[0] for title in drawn] == [f"votes for {k}" for k in best]
    layer = network[1]
    for k, (title, ax) in zip(best, drawn.items(), strict=True):
        votes = sorted((layer.weight[k] * pixels.flatten() / 255).tolist(), key=abs, reverse=True)
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(votes[:6], rel=1e-5)
        assert title.endswith(f"logit {journey.logits[k]:.3g}")
        bias, others = layer.bias[k].item(), sum(votes[6:])
        assert f"others {others:+.2g},\nbias {bias:+.2g}" in ax.get_xlabel()


def test_bars_are_sorted_and_a_small_share_is_no_zero() -> None:
    ax = Figure().subplots()
    probability_bars(ax, torch.tensor([0.004, 0.2, 0.7, 0.096]), LONG, 3)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.7, 0.2, 0.096])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["coach", "b", "dog"]
    assert [text.get_text() for text in ax.texts] == ["0.70", "0.20", "0.10"]
    top, bottom = ax.get_ylim()[1], ax.get_ylim()[0]
    assert top < 0 < bottom, "the most probable stands on top"
    every = Figure().subplots()
    probability_bars(every, torch.tensor([0.004, 0.2, 0.7, 0.096]), LONG, 10)
    assert [text.get_text() for text in every.texts][-1] == "<0.01" and len(every.patches) == 4


@pytest.mark.parametrize(
    ("name", "limit", "said"),
    [
        ("dog", 3, "dog"),
        ("horse", 4, "h…se"),
        ("a" * 16, 16, "a" * 16),
        ("n02085620-Chihuahua", 16, "n020856…hihuahua"),
    ],
)
def test_long_names_are_cut_to_the_limit(name: str, limit: int, said: str) -> None:
    assert short(name, limit) == said
