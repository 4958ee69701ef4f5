"""Theory beside measurement, under telemetry's keys."""

import math
from collections.abc import Mapping

from cnnlab.theory.expectation import Expectation


def log_ratios(expectation: Expectation, measured: Mapping[str, float]) -> dict[str, float]:
    """ln(measured / predicted) of the standard deviations: 0 where they agree, 0.69 where twice was measured.

    `theory/log_ratio/<layer>` is that of the activations (of the pre-activations for a layer without
    activation), `theory/gradient_log_ratio/<layer>` that of the gradients. -inf where nothing was left in
    float32; layers for which nothing or no finite number was measured or predicted are left out.
    """
    ratios: dict[str, float] = {}
    for key, expected in expectation.by_key().items():
        what, _, layer = key.split("/")
        value = measured.get(key, math.nan)
        if not (math.isfinite(value) and math.isfinite(expected.value) and expected.value > 0):
            continue
        # Of the two forward ones, the activation's comes later and stays.
        name = "gradient_log_ratio" if what == "gradient" else "log_ratio"
        ratios[f"theory/{name}/{layer}"] = math.log(value / expected.value) if value > 0 else -math.inf
    return ratios


def by_depth(expectation: Expectation) -> dict[str, dict[str, float]]:
    """The twins of telemetry's charts against depth: {`_predicted` | `_lower` | `_upper`: {telemetry's key: value}}."""
    expected = {key: e for key, e in expectation.by_key().items() if math.isfinite(e.value)}
    return {
        "_predicted": {key: e.value for key, e in expected.items()},
        "_lower": {key: e.lower for key, e in expected.items()},
        "_upper": {key: e.upper for key, e in expected.items()},
    }
