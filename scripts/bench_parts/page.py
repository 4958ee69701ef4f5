"""docs/benchmarks.md, from what the parts left."""

from pathlib import Path
from typing import Any

from bench_parts.machine import in_words
from bench_parts.parts import ON_ALONE, Found
from bench_parts.sections import SECTIONS
from bench_parts.short import short
from bench_parts.words import WORDS
from cnnlab.common.words import plural

HEAD = """# Benchmarks

What cnnlab costs and what its settings bring, as ratios. `make bench` writes this page; it was not edited. All variants
of a table take turns of ten steps, so that drift of the machine affects them equally; what they took in a round is
divided by what the first took in the same round. Shown are the median over the rounds and, from .. to, the smallest
and the largest. The ratios matter; milliseconds depend on the machine. A part that was measured in brief, or while
other programs ran, says so, and is not quoted here:
"""
SWEEPS = Path(__file__).with_name("sweeps.md")
NO_GPU = 'Not measured, for lack of a GPU. `make bench ARGS="--device cuda"` makes the same tables there.'


def page(found: Found, picture: str) -> str:
    parts = [
        HEAD,
        "\n".join(short(found)),
        f"![What cnnlab's steps cost]({picture})",
        "## CPU",
        *_sections(found, "cpu"),
    ]
    cuda = _sections(found, "cuda") if any(device == "cuda" for device, _ in found) else [NO_GPU]
    return "\n\n".join(text.strip() for text in [*parts, SWEEPS.read_text(), "## CUDA", *cuda]) + "\n"


def _sections(found: Found, device: str) -> list[str]:
    texts = []
    for name, (title, tables) in SECTIONS.items():
        if ON_ALONE.get(name, device) != device:
            continue
        texts += [f"### {title}", WORDS[name]]
        left = found.get((device, name))
        texts.append(_section(name, left, tables))
    return texts


def _section(name: str, left: dict[str, Any] | None, tables: Any) -> str:
    if left is None:
        return f'Not measured. `make bench ARGS="--part {name}"` does it.'
    if "failed" in left:
        return f"**Failed**: {left['failed']}"
    own = left["found"]
    brief = "; **in brief**" if left["short"] else ""
    took = f"; {left['seconds'] / 60:.1f} minutes"
    lines = [f"*{in_words(left['machine'])}{_length(own)}{took}{brief}.*", tables(own)]
    lines += [f"Not measured: {text}." for text in own.get("missing", [])]
    lines += [f"Failed: {variant}: {why}" for variant, why in own.get("failed variants", {}).items()]
    return "\n\n".join(line for line in lines if line)


def _length(own: dict[str, Any]) -> str:
    return f"; {plural(own['rounds'], 'round')} of {plural(own['steps'], 'step')}" if "rounds" in own else ""
