from pathlib import Path

from torch import nn

from cnnlab.designs.design import design
from cnnlab.networks.convnet import ConvNet
from cnnlab.views.design_figure import design_figure
from cnnlab.views.panels import save

SHAPE = (3, 16, 16)


def test_lines_are_sizes_and_fields_over_depth(tmp_path: Path) -> None:
    figure = design_figure([design("it", ConvNet(SHAPE, 5, channels=(4,)), SHAPE)])
    top, bottom = figure.axes
    assert list(top.lines[0].get_ydata()) == [16, 16, 16, 8]
    assert list(bottom.lines[0].get_ydata()) == [1, 3, 5, 6]
    names = [tick.get_text() for tick in bottom.get_xticklabels()]
    assert names == ["image", "block1 conv1 3x3", "block1 conv2 3x3", "block1 max pool 2x2"]
    assert save(figure, tmp_path / "design.png").stat().st_size > 5_000


def test_several_designs_and_unknown_fields() -> None:
    own = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 4, 3))
    figure = design_figure([design("a", ConvNet(SHAPE, 5), SHAPE), design("own", own, SHAPE)])
    top, bottom = figure.axes
    assert [line.get_label() for line in top.lines] == ["a", "own"]
    assert list(top.lines[1].get_ydata()) == [16, 14, 12]
    assert list(bottom.lines[1].get_ydata()) == [1, 3]
