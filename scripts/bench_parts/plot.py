"""docs/benchmarks.png: beside other libraries, over the bare loop, and how the cost of measuring grows."""

from pathlib import Path
from statistics import median

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench_parts import growth, loop, peers_side_by_side
from bench_parts.machine import idle
from bench_parts.parts import Found
from bench_parts.tables import Ratio, ratio, ratios

MARKS = "osD^"
BLUE, GREY, GREEN = "#1f6feb", "#8c959f", "#1a7f37"


def draw(found: Found, path: Path) -> None:
    with matplotlib.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12.5, 3.8), layout="constrained")
        beside, over, grown = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
        for axes, name, panel in ((beside, "peers", _peers), (over, "loop", _loop), (grown, "growth", _growth)):
            left = found.get(("cpu", name))
            own = {} if left is None else left.get("found", {})
            if left is None or not (own.get("tables") or own.get("lines")):
                axes.set_axis_off()
                axes.text(0.5, 0.5, f"--part {name}: not measured", ha="center", transform=axes.transAxes)
                continue
            panel(axes, own)
            if not idle(left["machine"]) or left["short"]:
                axes.set_title(f"{axes.get_title()}\n(in brief, or beside other programs)", color="#cf222e")
        figure.savefig(path, dpi=130, metadata={"Software": None})


def _peers(axes: Axes, found: dict) -> None:
    """How many times as fast as the plain script; larger is better."""
    tables = found["tables"]
    names = list(dict.fromkeys(name for each in tables.values() for name in each["times"]))[::-1]
    for number, (title, each) in enumerate(tables.items()):
        times = each["times"]
        for place, name in enumerate(names):
            if name in times:
                color = BLUE if name.startswith("cnnlab") else GREY
                value = ratio(times[peers_side_by_side.PLAIN], times[name])
                _point(axes, value, place + 0.15 * number, color, MARKS[number], along_x=True)
        axes.plot([], [], MARKS[number], color=BLUE, label=title.replace("`", ""))
    for name, target in peers_side_by_side.TARGETS.items():
        if name in names:
            place = names.index(name)
            axes.plot([target, target], [place - 0.35, place + 0.5], color=GREEN, linewidth=2)
    axes.plot([], [], color=GREEN, linewidth=2, label="target, at least")
    axes.axvline(1, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(names)), [name.replace("`", "") for name in names])
    axes.set_xlim(left=0)
    axes.set_title("Steps a second over the plain PyTorch script's")
    axes.legend(loc="upper right", frameon=False)


def _loop(axes: Axes, found: dict) -> None:
    """Over the bare loop; smaller is better."""
    for number, (title, times) in enumerate(found["tables"].items()):
        for place, (name, value) in enumerate(ratios(times, loop.BARE).items()):
            if name != loop.BARE:
                _point(axes, value, place - 1 + 0.12 * (number - 1.5), BLUE, MARKS[number], along_x=False)
        axes.plot([], [], MARKS[number], color=BLUE, label=title.replace("`", ""))
    for place, target in enumerate(loop.TARGETS.values()):
        axes.plot([place - 0.4, place + 0.4], [target, target], color=GREEN, linewidth=2)
    axes.plot([], [], color=GREEN, linewidth=2, label="target, at most")
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(loop.TARGETS)), ["off", "light", "light,\nevery step"])
    axes.set_title("Time over a bare loop's, by telemetry")
    axes.legend(loc="upper left", frameon=False)


def _growth(axes: Axes, found: dict) -> None:
    for mark, (line, points) in zip(MARKS, found["lines"].items(), strict=False):
        values = [int(value) for value in points]
        more = [
            1000 * median(b - a for a, b in zip(times[loop.BARE], times[growth.EVERY], strict=True))
            for times in points.values()
        ]
        axes.plot(values, more, f"{mark}-", label=line, markersize=4)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])  # room for the legend
    axes.set_title("ms that measuring a step takes")
    axes.legend(loc="upper left", frameon=False)


def _point(axes: Axes, value: Ratio, place: float, color: str, mark: str, along_x: bool) -> None:
    error = [[value.middle - value.low], [value.high - value.middle]]
    x, y, bars = (value.middle, place, {"xerr": error}) if along_x else (place, value.middle, {"yerr": error})
    axes.errorbar(x, y, **bars, fmt=mark, color=color, markersize=4, linewidth=1)
