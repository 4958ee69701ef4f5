"""The machine that was measured on, and whether it was idle."""

import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from cnnlab.common.words import plural

# Share of the cores that other programs may take just before and after a part, for a figure of it to be quoted.
IDLE = 0.1
SECONDS = 3.0


def facts(threads: int, device: str) -> dict[str, Any]:
    found = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "torch": version("torch"),
        "cnnlab": version("cnnlab"),
        "python": platform.python_version(),
        "date": date.today().isoformat(),
        "others": others(),
    }
    if device == "cuda":
        import torch

        found["gpu"] = torch.cuda.get_device_name()
    return found


def others() -> float:
    """The share of all cores that other programs take, asked while nothing is measured."""
    return psutil.cpu_percent(SECONDS) / 100


def processor() -> str:
    """As /proc/cpuinfo has it, where there is one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def in_words(found: dict[str, Any]) -> str:
    where = f"{found['gpu']}, {found['processor']}" if "gpu" in found else found["processor"]
    counts = f"{plural(found['cores'], 'core')}, {plural(found['threads'], 'thread')}"
    words = f"{found['date']}, {where}, {counts}, cnnlab {found['cnnlab']}, torch {found['torch']}"
    if not idle(found):
        words += (
            f"; **not idle**: just before or after it, other programs took {100 * found['others']:.0f} % of the cores"
        )
    return words


def idle(found: dict[str, Any]) -> bool:
    return found["others"] <= IDLE
