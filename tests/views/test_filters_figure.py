"""Learned filters with their names: a panel and a row a filter, grey where chance comes as near."""

import pytest
import torch
from rich.console import Console
from torch import nn

from cnnlab.networks.filters import name_filters
from cnnlab.networks.kernels import CLASSICAL
from cnnlab.views.filters_figure import filters_figure, filters_table, print_filters

GREY = "#999999"


@pytest.fixture
def known() -> nn.Conv2d:
    """A Sobel kernel, a Laplacian turned round, and one like nothing: its cosine to every kernel is small."""
    layer = nn.Conv2d(1, 3, 3)
    odd = torch.tensor([[1.0, -2.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]])
    with torch.no_grad():
        kernels = [3 * CLASSICAL["sobel_x"].tensor(), -CLASSICAL["laplacian"].tensor(), odd]
        layer.weight.copy_(torch.stack(kernels)[:, None])
    return layer


@pytest.mark.parametrize(("c_in", "count", "size"), [(1, 3, 3), (3, 20, 5), (1, 1, 1)])
def test_a_panel_and_a_row_a_filter(check_texts, c_in: int, count: int, size: int) -> None:
    filters = name_filters(nn.Conv2d(c_in, count, size))
    figure = filters_figure(filters)
    check_texts(figure)
    assert [ax.get_title() for ax in figure.axes] == [str(i) for i in range(count)]
    assert max(sum(ax.get_position().y0 == first.get_position().y0 for ax in figure.axes) for first in figure.axes) <= 8
    table = filters_table(filters)
    assert table.row_count == count and len(table.columns) == (5 if c_in > 1 else 4)


def test_a_panel_names_the_kernel_and_is_grey_where_the_name_is_an_accident(known) -> None:
    figure = filters_figure(name_filters(known))
    said = [ax.xaxis.label for ax in figure.axes]
    assert [label.get_text() for label in said][:2] == ["sobel x\n1.00", "-laplacian\n1.00"]
    assert float(said[2].get_text().split("\n")[1]) < 0.6
    assert [label.get_color() == GREY for label in said] == [False, False, True]


def test_a_panel_shows_the_pattern_with_zero_in_the_middle_of_its_colours(known) -> None:
    (image,) = filters_figure(name_filters(known)).axes[0].images
    assert image.get_array().tolist() == [[-3, 0, 3], [-6, 0, 6], [-3, 0, 3]]
    assert image.get_clim() == (-6, 6)


def test_the_table_has_the_sign_and_tells_accidents(known) -> None:
    table = filters_table(name_filters(known))
    columns = [list(column.cells) for column in table.columns]
    assert columns[0] == ["0", "1", "2"]
    assert columns[1][:2] == ["sobel_x", "-laplacian"] and columns[2][:2] == ["+1.00", "-1.00"]
    assert columns[3] == ["yes", "yes", "no"]
    assert [row.style for row in table.rows] == ["", "", "dim"]


def test_in_colour_the_share_of_the_one_pattern_is_told() -> None:
    layer = nn.Conv2d(3, 2, 3)
    one, other = CLASSICAL["sobel_x"].tensor(), CLASSICAL["sobel_y"].tensor()
    with torch.no_grad():
        layer.weight[0] = torch.stack([one, -2 * one, 0.5 * one])
        layer.weight[1] = torch.stack([one, other, 0 * one])  # as long, and at a right angle
    shares = list(filters_table(name_filters(layer)).columns[4].cells)
    assert shares == ["100 %", "50 %"]


def test_the_table_is_printed(known, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_filters(name_filters(known))
    lines = capsys.readouterr().out.splitlines()
    assert Console().width == 80 and max(map(len, lines)) <= 80
    assert any(line.replace("│", " ").split() == ["0", "sobel_x", "+1.00", "yes"] for line in lines)
