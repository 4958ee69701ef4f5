"""Links into TensorBoard that open ready: which runs, in which colours, which charts, nothing smoothed.

What its page understands in an address was read off its source (2.21): `runFilter`, `runColorGroup=regex:...`,
`pinnedCards`, `tagFilter` and `smoothing` behind the `?`, the tab behind the `#`.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from cnnlab.telemetry.by_depth import LOGARITHMIC
from cnnlab.views.dashboard.chosen_runs import MEAN, ChosenRuns

COLOURS = 7  # of TensorBoard's palette, after which it begins again
DEPTH = {"tagFilter": f"^{LOGARITHMIC.partition(',')[0]}"}
LEARNING = ("Accuracy/validation", "Loss/validation", "Accuracy/train", "Loss/train")


def addresses(chosen: ChosenRuns) -> dict[str, str]:
    """{what it shows: address}, relative to the server's."""
    depth = "signal and gradient against depth"
    if chosen.means:
        means = {"runFilter": f"^{MEAN}"} | _coloured(chosen, chosen.means)
        runs = {"runFilter": f"^(?!{MEAN})"} | _coloured(chosen, chosen.runs)
        curves = {
            "learning curves, mean of each arm": _curves(means, LEARNING[:2]),
            f"{depth}, mean of each arm": _curves(DEPTH | means),
            "learning curves, every run": _curves(runs, LEARNING[:2]),
            f"{depth}, every run": _curves(DEPTH | runs),
        }
    else:
        colours = _coloured(chosen, chosen.runs)
        curves = {
            "learning curves": _curves(colours, LEARNING),
            depth: _curves(DEPTH | colours),
        }
    alone = {
        "every layer at every step": _tab("images&tagFilter=all_layers"),
        "in the band of theory": _tab("custom_scalars&_smoothingWeight=0"),
        "pictures": _tab("images"),
    }
    several = {"a row per run: settings and results": _tab("hparams")}
    return curves | (alone if len(chosen.runs) == 1 else several) | {"diagnosis": _tab("text")}


def colour_group(chosen: ChosenRuns, names: list[str]) -> str | None:
    """A regular expression whose groups have a colour each: what was swept, as far as the colours reach; None where
    each name has a colour of its own."""
    arms = {re.sub(r",seed=[^,]*$", "", name) for name in names}
    if len(arms) <= COLOURS:
        return None if len(arms) == len(names) else r"^(.*),seed="
    axes = ((axis, values) for axis, values in chosen.levels.items() if 1 < len(values) <= COLOURS)
    axis, values = next(axes, ("", ()))
    if not axis:
        return None
    # Runs are called init=he,..., means also `he, ...` and `lr=0.1, ...`.
    keys = {axis, axis.rpartition(".")[2]}
    either = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    return rf"(?:^|[\s,])(?:(?:{'|'.join(map(re.escape, sorted(keys)))})=)?({either})(?:,|$)"


def _coloured(chosen: ChosenRuns, names: list[str]) -> dict[str, str]:
    group = colour_group(chosen, names)
    return {} if group is None else {"runColorGroup": f"regex:{group}"}


def _curves(settings: Mapping[str, str], pinned: tuple[str, ...] = ()) -> str:
    cards = json.dumps([{"plugin": "scalars", "tag": tag} for tag in pinned], separators=(",", ":"))
    given = {**settings, **({"pinnedCards": cards} if pinned else {}), "smoothing": "0"}
    return "/?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in given.items()) + "#timeseries"


def _tab(name: str) -> str:
    """A tab whose settings are behind the `#` too."""
    return f"/#{name}"
