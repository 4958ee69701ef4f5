"""Heat maps: cells against the logged rows, colours of what has no place on a scale, long runs, deep networks."""

import math

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from cnnlab.views.heat_map import COLUMNS, NAMED, SHOWN, UNMEASURED, ZERO, heat_maps
from cnnlab.views.tiles import NOT_FINITE


def _row(step: int, **layers: float) -> dict[str, float]:
    return {"step": step, "epoch": 0, **{f"gradient/std/{layer[1:]}": value for layer, value in layers.items()}}


def _one(history: list[dict[str, float]]) -> Figure:
    ((name, figure),) = heat_maps(history)
    assert name == "gradient_std"
    return figure


def _cells(figure: Figure) -> np.ndarray:
    """(layers, steps), colours as hex."""
    (mesh,) = [artist for artist in figure.axes[0].collections if isinstance(artist, QuadMesh)]
    colours = np.asarray(mesh.get_array())
    return np.array([[to_hex(cell) for cell in row] for row in colours])


def _legend(figure: Figure) -> dict[str, str]:
    if not figure.legends:
        return {}
    legend = figure.legends[0]
    words = [text.get_text() for text in legend.get_texts()]
    return dict(zip(words, (to_hex(patch.get_facecolor()) for patch in legend.get_patches()), strict=True))


def test_layers_are_rows_in_order_and_steps_are_columns(check_texts):
    history = [_row(0, _02_b=1e-2, _01_a=1.0), {"step": 3, "validation/loss": 1.0}, _row(8, _01_a=1e-4, _02_b=1e-2)]
    figure = _one(history)
    cells = _cells(figure)
    assert cells.shape == (2, 2) and cells[0, 0] != cells[0, 1] and cells[1, 0] == cells[1, 1]
    ax = figure.axes[0]
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first layer is on top"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["01_a", "02_b"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "8"]
    assert not _legend(figure)
    texts = check_texts(figure)
    assert "standard deviation of d loss / d pre-activation, logarithmic" in texts
    assert {"1e-4", "1e-3", "0.01", "0.1", "1"} <= set(texts)


def test_the_colour_is_that_of_the_logarithm():
    cells = _cells(_one([_row(0, _01_a=1.0, _02_b=1e-2, _03_c=1e-4), _row(1, _01_a=1.0, _02_b=1e-2, _03_c=1e-4)]))
    linear = _cells(_one([_row(0, _01_a=3.0, _02_b=3e-3, _03_c=3e-6), _row(1, _01_a=3.0, _02_b=3e-3, _03_c=3e-6)]))
    assert (cells == linear).all(), "the middle one is half way on both"


def test_what_has_no_place_on_the_scale_has_a_colour_and_a_word_of_its_own(check_texts):
    history = [_row(0, _01_a=1.0, _02_b=0.0, _03_c=1e-9), _row(1, _01_a=math.inf, _02_b=math.nan), _row(2, _01_a=1.0)]
    figure = _one(history)
    cells = _cells(figure)
    assert cells[1, 0] == ZERO and cells[0, 1] == cells[1, 1] == NOT_FINITE
    assert cells[2, 1] == cells[2, 2] == cells[1, 2] == UNMEASURED
    assert {cells[0, 0], cells[2, 0]}.isdisjoint({ZERO, NOT_FINITE, UNMEASURED})
    assert _legend(figure) == {"exactly 0": ZERO, "NaN or infinite": NOT_FINITE, "not measured": UNMEASURED}
    check_texts(figure)


def test_small_is_not_zero_to_the_eye():
    figure = _one([_row(0, _01_a=1.0, _02_b=1e-20), _row(1, _01_a=1.0, _02_b=0.0)])
    small, zero = _cells(figure)[1]
    brightness = [int(small[i : i + 2], 16) for i in (1, 3, 5)]
    assert zero == "#000000" and max(brightness) > 100


def test_nothing_looks_larger_than_it_is():
    cells = _cells(_one([_row(0, _01_a=1.0), _row(1, _01_a=1.01)]))
    first, second = ([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in cells[0])
    assert max(abs(a - b) for a, b in zip(first, second, strict=True)) < 8


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_a_run_of_nothing_else_is_drawn(value, check_texts):
    check_texts(_one([_row(0, _01_a=value), _row(1, _01_a=value)]))


def test_shares_are_on_a_scale_from_0_to_100_percent(check_texts):
    history = [{"step": step, "activation/dead/01_a": 0.0, "activation/dead/02_b": 1.0} for step in (0, 1)]
    ((name, figure),) = heat_maps(history)
    assert name == "activation_dead" and {"0%", "50%", "100%"} <= set(check_texts(figure))
    cells = _cells(figure)
    assert cells[0, 0] != cells[1, 0] and ZERO not in cells and not _legend(figure)


def test_every_statistic_that_was_measured_has_one():
    history = [{"step": step, **{f"{name}/01_a": 0.5 for name in SHOWN}, "weight/std/01_a": 1.0} for step in (0, 1)]
    assert [name for name, _ in heat_maps(history)] == [name.replace("/", "_") for name in SHOWN]
    assert not list(heat_maps(history[:1])), "one step shows no course"
    assert not list(heat_maps([]))


def test_a_step_that_was_logged_twice_is_one_column():
    assert _cells(_one([_row(0, _01_a=1.0), _row(5, _01_a=1.0), _row(5, _01_a=0.0)]))[0, 1] == ZERO


def test_many_steps_become_few_columns_in_which_nothing_is_lost():
    steps = sorted({0, *(2**i for i in range(14)), *range(0, 10_000, 5)})
    history = [_row(step, _01_a=1.0, _02_b=1.0 / (1 + step)) for step in steps]
    history[-3]["gradient/std/01_a"] = math.nan
    figure = _one(history)
    cells = _cells(figure)
    assert 100 < cells.shape[1] <= COLUMNS
    assert (cells[0] == NOT_FINITE).sum() == 1
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "9,995"
    first = _cells(_one([row for row in history if row["step"] in (0, 9995)]))
    assert cells[1, 0] == first[1, 0], "the early steps are kept apart"


@pytest.mark.parametrize("layers", [1, NAMED, 100])
def test_a_network_of_any_depth_fits(layers, check_texts):
    names = [f"gradient/std/{i:03d}_a_block_with_a_long_name{i}.conv{i}" for i in range(1, layers + 1)]
    figure = _one([{"step": step, **dict.fromkeys(names, 10.0**step)} for step in (0, 1, 2)])
    texts = check_texts(figure)
    assert _cells(figure).shape == (layers, 3)
    assert ("layer, in order of execution" in texts) == (layers > NAMED)
    assert figure.get_figwidth() == 3.5 and figure.get_figheight() < 6
