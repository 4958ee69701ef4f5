"""SVG for a page: colours are variables, marks survive, names cannot break it."""

import re
from xml.etree import ElementTree

from cnnlab.views.report.arm_legend import LIGHT
from cnnlab.views.report.vector_page import INK, VARIABLES, Sketch, is_logarithmic, make_logarithmic


def _draw(name: str = "x", label: str = "label", tip: str = "a tip") -> str:
    with Sketch(name, 4, 3) as sketch:
        (ax,) = sketch.panels()
        (line,) = ax.plot([1, 2], [1e-5, 1], color=LIGHT[2], marker="o")
        sketch.mark(line, 2, tip)
        ax.set_title(label, color=INK)
        make_logarithmic(ax, "y")
    return sketch.svg


def test_it_is_well_formed_and_marked():
    svg = _draw(tip='<"&>', label="a < b & $x$ 漢字")
    root = ElementTree.fromstring(svg)
    (part,) = [each for each in root.iter() if each.get("data-arm")]
    assert (part.get("data-arm"), part.get("class"), part.get("data-tip")) == ("2", "arm", '<"&>')
    assert "a < b & $x$ 漢字" in "".join(root.itertext())


def test_colours_are_the_page_s_variables():
    svg = _draw()
    assert "var(--c2)" in svg and "var(--ink)" in svg and "var(--grid)" in svg
    assert not [colour for colour in VARIABLES if colour in svg]


def test_nothing_is_fetched_and_no_two_figures_share_a_name():
    first, second = _draw("a"), _draw("b")
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    addresses = set(re.findall(r"https?://[^\"' )]+", first))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<image" not in first and "DejaVu" not in first


def test_it_is_drawn_the_same_twice():
    assert _draw() == _draw()


def test_ticks_of_a_logarithmic_axis_are_numbers():
    text = "".join(ElementTree.fromstring(_draw()).itertext())
    assert "1e-05" in text and "mathdefault" not in text


def test_what_spreads_is_logarithmic():
    assert (
        is_logarithmic([1, 30])
        and not is_logarithmic([1, 10])
        and not is_logarithmic([0, 30])
        and not is_logarithmic([])
    )
