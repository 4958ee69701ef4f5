"""Theory against measurement, under telemetry's keys."""

import math
from collections.abc import Mapping

from cnnlab.theory.expectation import Expectation


def log_ratios(expectation: Expectation, measured: Mapping[str, float]) -> dict[str, float]:
    """ln(measured / predicted) of the standard deviations: 0 where they agree, 0.69 where measured is twice predicted.

    `theory/log_ratio/<layer>` compares activations (pre-activations for a layer without activation),
    `theory/gradient_log_ratio/<layer>` gradients. -inf where the measured value underflowed to 0 in float32;
    layers without a finite measurement and a finite prediction are left out.
    """
    ratios: dict[str, float] = {}
    for key, expected in expectation.by_key().items():
        what, _, layer = key.split("/")
        value = measured.get(key, math.nan)
        if not (math.isfinite(value) and math.isfinite(expected.value) and expected.value > 0):
            continue
        # The activation comes after the pre-activation and overwrites it.
        name = "gradient_log_ratio" if what == "gradient" else "log_ratio"
        ratios[f"theory/{name}/{layer}"] = math.log(value / expected.value) if value > 0 else -math.inf
    return ratios


def by_depth(expectation: Expectation) -> dict[str, dict[str, float]]:
    """Predicted curves beside the measured ones: {`_predicted` | `_lower` | `_upper`: {telemetry's key: value}}."""
    expected = {key: e for key, e in expectation.by_key().items() if math.isfinite(e.value)}
    return {
        "_predicted": {key: e.value for key, e in expected.items()},
        "_lower": {key: e.lower for key, e in expected.items()},
        "_upper": {key: e.upper for key, e in expected.items()},
    }


def curve_and_band(expectation: Expectation) -> dict[str, float]:
    """For results.json: `theory/activation_std/<layer>`, the band as `theory/activation_std_lower/<layer>` and
    `theory/activation_std_upper/<layer>`; likewise for preactivation and gradient."""
    found: dict[str, float] = {}
    for key, expected in expectation.by_key().items():
        what, statistic, layer = key.split("/")
        if math.isfinite(expected.value):
            found[f"theory/{what}_{statistic}/{layer}"] = expected.value
            found[f"theory/{what}_{statistic}_lower/{layer}"] = expected.lower
            found[f"theory/{what}_{statistic}_upper/{layer}"] = expected.upper
    return found
