"""Formatting of numbers, pairs and settings, the same wherever they are printed."""

import json
import math
import os
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import log10
from pathlib import Path
from typing import Any

from cnnlab.common.errors import InputError


def count(value: int) -> str:
    """Exact below a million: 2,736; 1.18M."""
    return f"{value:,}" if value < 1_000_000 else rough(value)


def rough(value: float) -> str:
    """Three significant digits from 10,000 on: 784, 9,408, 113k, 2.08M, 1.32G."""
    if 1e4 <= value < math.inf:
        value = float(f"{value:.3g}")  # before a unit is chosen: 999,500 is 1.00M
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= max(unit, 1e4):
            digits = max(0, 2 - int(log10(value / unit)))
            return f"{value / unit:,.{digits}f}{name}"
    return f"{value:,.0f}"


def two_digits(value: float) -> str:
    """Two significant digits of a number >= 0: 0.84, 0.050, 13, 120; 2.1e-4 where that is shorter."""
    if value == 0:
        return "0"
    if not 1e-2 <= value < 1e4:
        mantissa, _, power = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(power)}" if power else mantissa
    tens = int(f"{value:.1e}".partition("e")[2])  # exponent after rounding: 0.0996 is 0.10
    return f"{value:.{1 - tens}f}" if tens < 1 else f"{round(value, 1 - tens):.0f}"


def kib(size: int) -> str:
    """Bytes in KiB: 0.04, 12.3, 1,240."""
    value = size / 1024
    if value < 1:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def memory(size: int) -> str:
    """Bytes with their unit: 12.3 KiB, 1.5 MiB."""
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 1024:.1f} KiB"


def plural(number: int, noun: str) -> str:
    """`1 channel`, `3 channels`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sides(pair: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in pair)


def same_or_both(pair: tuple[float, float]) -> str:
    """One number if height and width are equal, else both."""
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"{pair[0]:g},{pair[1]:g}"


def number(value: float) -> str:
    """Two significant digits: 0.0031, 5.2e-11, 240, 6.6e+05."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if 1e-4 <= abs(value) < 1e4:
        digits = max(0, 1 - math.floor(math.log10(abs(value))))
        return f"{round(value, digits):.{digits}f}"
    return f"{value:.1e}"


def to_within(value: float, step: float) -> str:
    """With the digits that a difference of `step` > 0 takes, two of its own, seven in all, and each before the point:
    2.3013 and 26,870, where 0.0081 and 290 are a difference; as `number` where nothing would be left."""
    if not math.isfinite(value) or max(abs(value), step) >= 1e15:
        return number(value)
    largest = math.floor(math.log10(max(abs(value), step)))
    digits = max(0, min(1 - math.floor(math.log10(step)), 6 - largest))
    if not round(value, digits):
        return number(value)
    return f"{value:,.{digits}f}" if largest >= -4 else f"{value:.{max(1, digits + largest)}e}"


def one_two_five(value: float) -> float:
    """A number > 0, rounded to 1, 2 or 5 times a power of ten, on a logarithmic scale."""
    power = 10.0 ** math.floor(log10(value))
    return min((1, 2, 5, 10), key=lambda digit: abs(log10(digit * power / value))) * power


def as_sentence(clause: str) -> str:
    """With a capital letter, unless it begins with a setting, a file or a layer: `trainer.clip is 3` stays."""
    first = clause.partition(" ")[0].rstrip(",:;")
    return clause if "." in first or "_" in first else clause[:1].upper() + clause[1:]


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def accuracy_percent(share: float) -> str:
    """`98.33 %`: with as many digits for 9.72 % and 100.00 %, since accuracies are compared."""
    return f"{100 * share:.2f} %"


def probability(value: float, digits: int = 2) -> str:
    """`0.95`; `>0.99` and `<0.01` where rounding would make 1 or 0 of what is neither."""
    least = 10.0**-digits
    if value < least / 2:
        return f"<{least:.{digits}f}"
    return f">{1 - least:.{digits}f}" if value >= 1 - least / 2 else f"{value:.{digits}f}"


def points(difference: float) -> str:
    """Of two shares, in percentage points: 12 points."""
    return f"{100 * difference:.3g} points"


def shown(value: Any) -> str:
    """A value as typed on the command line: null, true, [max,none]."""
    return json.dumps(value, separators=(",", ":"), default=str).replace('"', "")


def shortened(path: Path) -> str:
    """Relative to the working directory if inside it. In full if it is that, since a run may have gone into its folder
    (hydra.job.chdir=true), where whoever reads it is not."""
    here, full = Path.cwd(), path.resolve()
    return str(full.relative_to(here)) if full.is_relative_to(here) and full != here else str(full)


def readable(path: str | Path) -> str:
    """As a terminal and a font take it: bytes of its name that are not UTF-8 are written \\xe9."""
    return os.fsencode(path).decode(errors="backslashreplace")


def expanded(setting: str, path: str) -> Path:
    """The path that a setting gives, with ~ and ~name replaced by that home folder; InputError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{setting}={path}: the home folder is not known.\nGive the whole path.") from error


def dashboard_command(*folders: Path) -> str:
    """To be typed, to see the runs in these folders."""
    return shlex.join(["python", "-m", "cnnlab.dashboard", *map(shortened, folders)])


@contextmanager
def names_in_any_script() -> Iterator[None]:
    """While a figure is drawn: a box for each character of a name that its font lacks, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        yield
