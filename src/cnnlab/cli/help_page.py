"""`--help` of a command: what its YAML says of itself, the choices of each group, and the flags."""

import re
import textwrap
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra

from cnnlab.cli.schema import CONVNET_RULES

WIDTH = 100
COLUMN = 17  # of what stands behind a group's name
MOST = 30  # choices that are listed
SHOWN = ("model.pool", "model.activation", "model.norm")  # of the network's settings
FLAGS = {
    "-m": "a sweep: settings may have several values, as model=vgg,plain 'seed=range(6)'",
    "--config-dir": "a folder with choices of your own, as mine/model/bottleneck.yaml",
    "--cfg job": "every setting with its value; --hydra-help: Hydra's own flags",
}
OF_CHOICES = ("-m", "--config-dir")  # flags that a command without choices does not need
_GROUP = re.compile(r"  - (?:optional )?(\w+): (\S+)(?: +# (.*))?")


def help_page(configs: Path, config_name: str) -> str:
    """Of `configs`/<config_name>.yaml: its comment on top, its groups with their comments, its settings as they stand
    there. Templates of Hydra read it, so that `$` is doubled."""
    top, groups, settings = _parts((configs / f"{config_name}.yaml").read_text().splitlines())
    lines = [f"python -m cnnlab.{config_name}: {top[0]}", *top[1:]]
    if groups:
        lines += ["", "Choices, a YAML file each:"]
        for group, chosen, comment in groups:
            lines += _entry(f"{group}=", " ".join([_options(group, chosen), f"({comment})" * bool(comment)]))
    if any(group == "model" for group, *_ in groups):
        lines += ["", "Of the network, besides model.kernel_size=5 model.convs_per_block=1 model.channels=[8,16] ...:"]
        for key in SHOWN:
            lines += _entry(f"{key}=", CONVNET_RULES[key].allowed.partition(";")[0])
    lines += ["", "Settings:", *(f"  {line}" for line in settings), "", "Flags:"]
    for flag, meaning in FLAGS.items():
        lines += _entry(flag, meaning) if groups or flag not in OF_CHOICES else []
    return "\n".join(lines).replace("$", "$$")


def _parts(lines: Sequence[str]) -> tuple[list[str], list[tuple[str, str, str]], list[str]]:
    """The comment on top; (group, choice, comment) of the defaults list; the lines of the command's own settings."""
    top = [line.removeprefix("#").removeprefix(" ") for line in takewhile(lambda line: line.startswith("#"), lines)]
    groups = [(found[1], found[2], found[3] or "") for line in lines if (found := _GROUP.fullmatch(line))]
    groups = [each for each in groups if len(_names(each[0])) > 1]
    rest, settings, inside = lines[len(top) :], [], False
    for line in rest:
        if line and not line.startswith((" ", "#")):
            inside = not line.startswith(("hydra:", "defaults:"))
        if inside and line.strip():
            settings.append(line)
    return top, groups, settings


def _options(group: str, chosen: str) -> str:
    """The names, what is chosen if nothing is typed first."""
    names = _names(group)
    if len(names) > MOST:
        return f"{len(names)} of them: ls configs/{group}"
    return " ".join([chosen, *(name for name in names if name != chosen)] if chosen in names else names)


def _names(group: str) -> list[str]:
    """Also those in a folder of one's own."""
    return GlobalHydra.instance().config_loader().get_group_options(group)


def _entry(name: str, text: str) -> list[str]:
    start, rest = f"  {name:<{COLUMN}} ", " " * (COLUMN + 3)
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=rest, break_long_words=False)
