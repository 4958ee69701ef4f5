"""Figures as SVG inside a page: colours become CSS variables, marked parts know their arm and what hovering tells."""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from cnnlab.views.report.arm_legend import LIGHT

# Placeholders that the page's style sheet replaces, on light paper and on dark.
INK, MUTED, GRID, PAPER = "#1c1c1d", "#6b6b6c", "#dcdcdd", "#fdfdfe"
GOOD, BAD, UNSURE = "#1a703e", "#b5432b", "#9b5c01"
VARIABLES: Mapping[str, str] = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    GOOD: "good",
    BAD: "bad",
    UNSURE: "unsure",
    **{colour: f"c{i}" for i, colour in enumerate(LIGHT)},
}
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's font
    "text.parse_math": False,  # a $ in a run's name is no formula
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.formatter.useoffset": False,  # losses that differ by 1e-5 are 2.30251 and 2.30252, not 1 and 2
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
}


WIDTH = 9.9  # inches, the page's text width


class _PlainLogFormatter(LogFormatter):
    """0.1 and 1e-05, where LogFormatter puts a number; matplotlib's default writes formulas, which text cannot show."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


class Sketch:
    """A figure whose parts can be marked. A context, in which it is drawn; `svg` afterwards."""

    def __init__(self, name: str, width: float, height: float):
        self.name, self.size, self.marks = name, (width, height), []
        self.svg = ""

    def __enter__(self) -> "Sketch":
        self._rc = matplotlib.rc_context({**_RC, "svg.hashsalt": self.name})
        self._rc.__enter__()
        self.figure = Figure(figsize=self.size)
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        try:
            if kind is None:
                self.svg = self._rendered()
        finally:
            self._rc.__exit__(kind, *rest)

    def panels(self, rows: int = 1, columns: int = 1, **kwargs: Any) -> list[Axes]:
        """The figure's axes, row by row."""
        return list(self.figure.subplots(rows, columns, squeeze=False, **kwargs).flat)

    def mark(self, artist: Any, arm: int | None, tip: str = "") -> None:
        """`arm`: the legend entry that hides it; `tip`: what hovering tells."""
        artist.set_gid(f"mark{len(self.marks)}")
        self.marks.append((arm, tip))

    def _rendered(self) -> str:
        file = io.StringIO()
        with warnings.catch_warnings():
            # Only the space that it needs is measured with matplotlib's font; the browser draws it with its own.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            self.figure.savefig(
                file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
            )
        text = file.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        text = re.sub(r'id="mark(\d+)"', lambda found: self._marked(int(found[1])), text)
        used = set(re.findall(r"[#](\w+)", text))
        text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
        text = re.sub(r"#[0-9a-f]{6}", lambda found: _as_variable(found[0]), text)
        text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
        text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)  # of the whole page otherwise
        return re.sub(r"\n\s*", "\n", text)

    def _marked(self, number: int) -> str:
        arm, tip = self.marks[number]
        attributes = 'class="arm"' + (f' data-arm="{arm}"' if arm is not None else "")
        return attributes + (f' data-tip="{escape(tip)}"' if tip else "")


def _as_variable(colour: str) -> str:
    return f"var(--{VARIABLES[colour]})" if colour in VARIABLES else colour


def is_logarithmic(values: Sequence[float], ratio: float = 20.0) -> bool:
    """Whether positive values spread over more than `ratio`."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > ratio


def make_logarithmic(ax: Axes, which: Literal["x", "y"]) -> None:
    """With plain numbers at the ticks."""
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_formatter(_PlainLogFormatter())
    axis.set_minor_formatter(_PlainLogFormatter(minor_thresholds=(1.2, 0.5)))
    ax.tick_params(which="minor", labelsize=7.5)
