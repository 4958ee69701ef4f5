"""The sections of the page: title, and the tables of what was found; words.py says what is measured."""

from collections.abc import Callable
from statistics import mean, median
from typing import Any

from bench_parts import augmented, growth, loop, peers_side_by_side, recipe, switches, waiting, whole_run
from bench_parts.tables import Ratio, at_least, at_most, ms, ratio, ratios, table

Found = dict[str, Any]


def loop_tables(found: Found) -> str:
    texts = []
    for title, times in found["tables"].items():
        rows = [
            [name, ms(times[name]), f"{r.middle:.3f}", f"{r.low:.3f} .. {r.high:.3f}", _target(loop.TARGETS, name, r)]
            for name, r in ratios(times, loop.BARE).items()
        ]
        texts.append(table([title, "ms a step", "over bare", "from .. to", "target"], rows))
    return "\n\n".join(texts)


def peers_tables(found: Found) -> str:
    texts = []
    for title, each in found["tables"].items():
        times, peak, starts, plain = each["times"], each["peak"], each["start_up"], peers_side_by_side.PLAIN
        rows = []
        for name in times:
            fast = ratio(times[plain], times[name])
            target = peers_side_by_side.TARGETS.get(name)
            more = peak[name] / peak[plain]
            memory = at_most(more, peers_side_by_side.MEMORY_TARGET) if name.startswith("cnnlab") else ""
            rows.append([name, ms(times[name]), f"{fast.middle:.2f}", fast.span, _least(fast, target)])
            rows[-1] += [f"{peak[name] / 2**20:,.0f} MiB", f"{more:.2f}", memory, f"{starts[name]:.1f} s"]
        head = [
            title,
            "ms a step",
            "times as fast",
            "from .. to",
            "target",
            "memory",
            "over plain",
            "target",
            "first step",
        ]
        texts.append(table(head, rows))
    return "\n\n".join(texts)


def whole_tables(found: Found) -> str:
    rows = []
    for name, run in found["runs"].items():
        starts, goal = run["start_up"], run["goal"]
        reached = [f"{goal['seconds']:.1f} s", str(goal["steps"])] if goal else ["not reached", ""]
        span = f"{min(starts):.1f} .. {max(starts):.1f}"
        rows.append(
            [name, f"{median(starts):.1f} s", span, *reached, f"{run['seconds']:.1f} s", f"{run['accuracy']:.2%}"]
        )
    head = [
        "`stacked3x3`, MNIST",
        "first step",
        "from .. to",
        f"to {whole_run.GOAL:.0%}",
        "steps",
        "all steps",
        "test accuracy",
    ]
    return table(head, rows) if rows else ""


def switches_table(found: Found) -> str:
    """A row per setting, a column per network."""
    tables = {network: ratios(times, switches.BASE) for network, times in found["tables"].items()}
    rows = []
    for name in switches.VARIANTS:
        cells = [f"{t[name].middle:.2f} ({t[name].span})" if name in t else "failed" for t in tables.values()]
        rows.append([name, *cells])
    base = [f"*{switches.BASE}, ms a step*", *(ms(times[switches.BASE]) for times in found["tables"].values())]
    return table(["time over NCHW, fp32", *(f"`{network}`" for network in tables)], [base, *rows[1:]])


def growth_tables(found: Found) -> str:
    texts = []
    for line, points in found["lines"].items():
        rows = []
        for value, times in points.items():
            more = [b - a for a, b in zip(times[loop.BARE], times[growth.EVERY], strict=True)]
            over = ratio(times[growth.EVERY], times[loop.BARE])
            rows.append([value, ms(times[loop.BARE]), ms(more), f"{over.middle:.2f}", over.span])
        texts.append(table([line, "ms, bare", "ms for measuring", "over bare", "from .. to"], rows))
    return "\n\n".join(texts)


def waiting_table(found: Found) -> str:
    rows = []
    for name, idle in found["idle"].items():
        busy, first = found["busy"][name], found["idle"].get(waiting.DEFAULT)
        slower = ratio(busy, idle)
        same = first is not None and name not in (waiting.OWN, waiting.LATER)  # which have another loop
        target = at_most(slower.middle, waiting.TARGET) if name == waiting.OWN else ""
        over = f"{ratio(idle, first).middle:.2f}" if same and first is not None else ""
        rows.append([name, ms(idle), over, ms(busy), f"{slower.middle:.2f}", slower.span, target])
    head = ["", "ms, idle", "over OpenMP's default", "ms, busy", "busy over idle", "from .. to", "target"]
    return table(head, rows)


def augmentation_table(found: Found) -> str:
    times = found["times"]
    rows = [[name, ms(times[name]), f"{r.middle:.3f}", r.span] for name, r in ratios(times, augmented.STEP).items()]
    return table([f"`vgg`, {found['data']}", "ms", "over the first", "from .. to"], rows)


def accuracy_text(found: Found) -> str:
    return f"```console\n$ {found['command']}\n{found['text'].strip()}\n```" if found["text"] else ""


def recipe_table(found: Found) -> str:
    rows = []
    other = found["rows"].get(recipe.AIRBENCH)
    for name, row in found["rows"].items():
        seconds, accuracy = row["seconds"], row["accuracy"]
        over = f"{median(seconds) / median(other['seconds']):.2f}" if other else ""
        files = f"{median(row['with files']):.2f} s" if row["with files"] else ""
        more = f"{mean(row['six views']):.2%}" if "six views" in row else ""
        span = f"{min(accuracy):.2%} .. {max(accuracy):.2%}"
        rows.append([name, f"{median(seconds):.2f} s", over, files, f"{mean(accuracy):.2%}", span, more])
    head = ["", "training", "over airbench", "with files", "test accuracy", "from .. to", "of six views"]
    return table(head, rows) if rows else ""


def _target(targets: dict[str, float], name: str, value: Ratio) -> str:
    return at_most(value.middle, targets[name]) if name in targets else ""


def _least(value: Ratio, target: float | None) -> str:
    return "" if target is None else at_least(value.middle, target)


SECTIONS: dict[str, tuple[str, Callable[[Found], str]]] = {
    "loop": ("The loop and its telemetry", loop_tables),
    "peers": ("Beside other libraries", peers_tables),
    "run": ("Whole commands", whole_tables),
    "settings": ("What each setting brings", switches_table),
    "growth": ("What measuring every step costs, by depth, width and batch", growth_tables),
    "waiting": ("Threads that wait, idle and beside a busy program", waiting_table),
    "augmentation": ("Augmentation", augmentation_table),
    "accuracy": ("What bf16 costs in accuracy", accuracy_text),
    "recipe": ("A quick recipe for CIFAR-10", recipe_table),
}
