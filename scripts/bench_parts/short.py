"""The few sentences that are quoted; only from what was measured at full length on an idle machine."""

from collections.abc import Callable, Iterable
from typing import Any

from bench_parts import loop, peers_side_by_side, waiting
from bench_parts.machine import idle
from bench_parts.parts import Found
from bench_parts.tables import ratio, ratios


def short(found: Found) -> list[str]:
    """A list in Markdown."""
    return [f"- {_said(found, part, sentence)}" for part, sentence in SENTENCES.items()]


def _said(found: Found, part: str, sentence: Callable[[dict[str, Any]], str]) -> str:
    left = found.get(("cpu", part))
    quotable = left is not None and "failed" not in left and not left["short"] and idle(left["machine"])
    said = sentence(left["found"]) if left is not None and quotable else ""
    return said or f"{WHAT[part]}: not measured on an idle machine."


def _loop(found: dict[str, Any]) -> str:
    tables = [ratios(times, loop.BARE) for times in found["tables"].values()]
    of = {name: _range(table[name].middle for table in tables) for name in loop.TARGETS}
    off, light, every = loop.TARGETS
    return (
        f"{WHAT['loop']}: {of[off]} with telemetry off (target {loop.TARGETS[off]}), {of[light]} with the default "
        f"(target {loop.TARGETS[light]}), {of[every]} with every layer measured at every step "
        f"(target {loop.TARGETS[every]})."
    )


def _peers(found: dict[str, Any]) -> str:
    parts = []
    for title, table in found["tables"].items():
        times, plain = table["times"], table["times"].get(peers_side_by_side.PLAIN)
        if plain is not None and all(name in times for name in peers_side_by_side.TARGETS):
            fast, faster = (ratio(plain, times[name]).middle for name in peers_side_by_side.TARGETS)
            parts.append(f"{fast:.2f} and in bf16 {faster:.2f} times as fast with {title}")
    fp32, bf16 = peers_side_by_side.TARGETS.values()
    return f"{WHAT['peers']}: {'; '.join(parts)} (targets {fp32} and {bf16})." if parts else ""


def _waiting(found: dict[str, Any]) -> str:
    if waiting.OWN not in found["busy"]:
        return ""
    slower = ratio(found["busy"][waiting.OWN], found["idle"][waiting.OWN]).middle
    return f"{WHAT['waiting']}: {slower:.2f} times the time on an idle machine (target {waiting.TARGET})."


def _range(values: Iterable[float]) -> str:
    low, *_, high = [*sorted(values)] * 2
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


WHAT = {
    "loop": "Time of a training step over that of a bare loop",
    "peers": "Training steps with the default telemetry, beside a plain PyTorch script",
    "waiting": "A training step while another program keeps all cores at work",
}
SENTENCES = {"loop": _loop, "peers": _peers, "waiting": _waiting}
