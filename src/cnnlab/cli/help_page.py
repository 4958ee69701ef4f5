"""`--help` of a command: what its YAML says of itself, the choices of each group, and the flags."""

import re
import textwrap
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from cnnlab.cli.folders import check_own
from cnnlab.cli.overrides import flags
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


def asked(configs: Path, config_name: str, arguments: Sequence[str]) -> str | None:
    """The page, with the choices in `--config-dir` as well, if `--help` is among the arguments; raises InputError.

    Hydra's own way to a page composes the config and reads every group, for half a second.
    """
    args = flags(arguments)
    if not args.help:
        return None
    return help_page([configs, *([check_own(args.config_dir)] if args.config_dir else [])], config_name)


def help_page(folders: Sequence[Path], config_name: str) -> str:
    """Of <config_name>.yaml in the first folder: its comment on top, its groups with their comments and the choices in
    all folders, its settings as they stand there."""
    top, groups, settings = _parts((folders[0] / f"{config_name}.yaml").read_text(encoding="utf-8").splitlines())
    choices = {
        group: sorted({path.stem for f in folders for path in (f / group).glob("*.yaml")}) for group, *_ in groups
    }
    groups = [each for each in groups if len(choices[each[0]]) > 1]
    lines = [": ".join([f"python -m cnnlab.{config_name}", *top[:1]]), *top[1:]]
    if groups:
        lines += ["", "Choices, a YAML file each:"]
        for group, chosen, comment in groups:
            lines += _entry(
                f"{group}=", " ".join([_options(group, choices[group], chosen), f"({comment})" * bool(comment)])
            )
    if any(group == "model" for group, *_ in groups):
        lines += ["", "Of the network, besides model.kernel_size=5 model.convs_per_block=1 model.channels=[8,16] ...:"]
        for key in SHOWN:
            lines += _entry(f"{key}=", CONVNET_RULES[key].allowed.partition(";")[0])
    lines += ["", "Settings:", *(f"  {line}" for line in settings), "", "Flags:"]
    for flag, meaning in FLAGS.items():
        lines += _entry(flag, meaning) if groups or flag not in OF_CHOICES else []
    return "\n".join(lines)


def _parts(lines: Sequence[str]) -> tuple[list[str], list[tuple[str, str, str]], list[str]]:
    """The comment on top; (group, choice, comment) of the defaults list; the lines of the command's own settings."""
    top = [line.removeprefix("#").removeprefix(" ") for line in takewhile(lambda line: line.startswith("#"), lines)]
    groups = [(found[1], found[2], found[3] or "") for line in lines if (found := _GROUP.fullmatch(line))]
    rest, settings, inside = lines[len(top) :], [], False
    for line in rest:
        if line and not line.startswith((" ", "#")):
            inside = not line.startswith(("hydra:", "defaults:"))
        if inside and line.strip():
            settings.append(line)
    return top, groups, settings


def _options(group: str, names: Sequence[str], chosen: str) -> str:
    """The names, what is chosen if nothing is typed first."""
    if len(names) > MOST:
        return f"{len(names)} of them: ls configs/{group}"
    return " ".join([chosen, *(name for name in names if name != chosen)] if chosen in names else names)


def _entry(name: str, text: str) -> list[str]:
    start, rest = f"  {name:<{COLUMN}} ", " " * (COLUMN + 3)
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=rest, break_long_words=False)
