"""Pictures beside the probabilities of their classes: counted panels, bars and words."""

import pytest
import torch
from matplotlib.colors import to_hex

from cnnlab.views.panels import MARK
from cnnlab.views.probabilities import probabilities_figure, variants_figure

LONG = ("aeroplane with a very long name", "b", "coach", "dog")


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_a_picture_and_its_bars_for_up_to_sixteen(check_texts, count: int) -> None:
    shares = torch.rand(count, 4).softmax(1)
    pictures = [torch.randint(0, 256, (3, 12, 20), dtype=torch.uint8)] * count
    names = ["a_very_long_name_of_a_picture_file_somewhere.png"] * count
    figure = probabilities_figure(pictures, names, shares, LONG, 3)
    texts = check_texts(figure)
    assert texts.count("probabilities") == min(count, 16)
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == min(count, 16) and len(figure.axes) == 2 * len(drawn)
    assert all(len(ax.patches) == 3 for ax in figure.axes if not ax.images)


def test_each_picture_stands_beside_its_own_probabilities() -> None:
    pictures = [torch.full((1, 4, 4), 85 * i, dtype=torch.uint8) for i in range(3)]
    shares = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.0, 0.0, 0.2, 0.8]])
    axes = probabilities_figure(pictures, ["one.png", "two.png", "three.png"], shares, LONG, 2).axes
    for i, (name, best) in enumerate((("one.png", 0.7), ("two.png", 0.6), ("three.png", 0.8))):
        picture, bars = axes[2 * i], axes[2 * i + 1]
        assert picture.get_title() == name
        assert float(picture.images[0].get_array().max()) == pytest.approx(i / 3)
        assert bars.patches[0].get_width() == pytest.approx(best)
        same_height = picture.get_position()
        assert bars.get_position().y0 < (same_height.y0 + same_height.y1) / 2 < bars.get_position().y1


def test_variants(check_texts) -> None:
    shares = torch.tensor([[0.1, 0.7, 0.1, 0.1], [0.6, 0.3, 0.1, 0.0], [0.2, 0.8, 0.0, 0.0]])
    words = ["unchanged", "2 px up", "height x 0.75"]
    figure = variants_figure([torch.rand(1, 8, 8)] * 3, words, shares, LONG, "cat.png, shifted")
    texts = check_texts(figure)
    assert "classified as b in 1 of 2 changed versions; bars: probability of b" in texts
    assert {"b 0.70", "aeropla…ong name 0.60", "b 0.80", "cat.png, shifted", *words} <= set(texts)
    bars = [ax.patches[0] for ax in figure.axes if ax.patches]
    assert [bar.get_width() for bar in bars] == pytest.approx([0.7, 0.3, 0.8]), "of the unchanged picture's class"
    assert [to_hex(bar.get_facecolor()) == MARK for bar in bars] == [False, True, False]


@pytest.mark.parametrize(("count", "rows"), [(4, 1), (6, 1), (7, 2), (13, 3)])
def test_variants_stand_in_rows_of_six(check_texts, count: int, rows: int) -> None:
    figure = variants_figure([torch.rand(3, 8, 8)] * count, ["2 px up"] * count, torch.eye(4)[[1] * count], LONG, "cat")
    check_texts(figure)
    pictures = [ax.get_position() for ax in figure.axes if ax.images]
    assert len(pictures) == count
    assert len({round(place.y0, 6) for place in pictures}) == rows
    assert len({round(place.x0, 6) for place in pictures}) == min(count, 6)
