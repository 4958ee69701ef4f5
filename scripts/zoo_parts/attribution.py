"""cnnlab's probe against the recorder: every statistic of every layer in one training step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnnlab
from zoo_parts.networks import CLASSES, Specimen
from zoo_parts.recorder import Record, Recorder

Values = Mapping[str, float]  # as Probe.read() returns them
Expected = dict[str, tuple[float, float]]  # {what/statistic: (value, absolute tolerance)}

RATE = 0.01


@dataclass
class Comparison:
    """`compared`: calls of layers whose every number was compared. `unseen`: {call: why the recorder cannot tell};
    `unmeasured`: {layer: cnnlab's reason}; `wrong`: one sentence each, with both values."""

    layers: int
    compared: int = 0
    numbers: int = 0
    unseen: dict[str, str] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)  # weights that belong to no layer


def compare(specimen: Specimen, images: int = 3) -> Comparison:
    """Two networks with the same weights take the same step, one beside the probe, one beside the recorder."""
    x, y = specimen.images(images), torch.arange(images) % CLASSES
    plain = specimen.made()
    torch.manual_seed(2)  # lazy layers draw their weights in the first pass
    recorder = Recorder(plain, x, y)

    network = specimen.made()
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    probe = cnnlab.Probe(network)
    torch.manual_seed(2)
    with probe.watch():
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
    found = probe.read()

    keys = {key.partition("_")[2]: key for key in probe.layers}
    result = Comparison(len(keys), unmeasured={key.partition("_")[2]: why for key, why in probe.unmeasured.items()})
    ran = set()
    for record in recorder.records:
        call = keys[record.layer] + (f".call{record.call}" if record.call > 1 else "")
        ran.add(call)
        if record.unseen:
            result.unseen[call.partition("_")[2]] = record.unseen
        else:
            result.compared += 1
            _check(result, found, call, _of_record(record), KINDS)
    for name, key in keys.items():
        weights = _of_weights(plain, name)
        if weights is None and name not in result.unmeasured:
            result.wrong.append(f"{name}: its weights are computed, and cnnlab does not say so")
        lazy = "no shape yet" in result.unmeasured.get(name, "")
        _check(result, found, key, {} if weights is None or lazy else weights, ["weight"])
    named = {key.split("/", 2)[2] for key in found if key.split("/")[0] in KINDS}
    result.wrong += [f"{call}: measured by cnnlab, but it did not run" for call in sorted(named - ran)]
    result.wrong += [
        f"{name}: did not run, and cnnlab does not say so"
        for name, key in keys.items()
        if key not in ran and name not in result.unmeasured
    ]
    result.outside = [n for n, p in plain.named_parameters() if p.dim() > 1 and not _belongs(plain, n, keys)]
    return result


KINDS = ("preactivation", "activation", "saturation", "gradient")
COMPARED = {
    "weight": ("std", "gradient_std", "update_ratio", "distinct"),
    "activation": ("mean", "std", "largest", "nonfinite", "zeros", "dead"),
    "preactivation": ("mean", "std", "largest", "nonfinite"),
    "saturation": ("share",),
    "gradient": ("mean", "std", "nonfinite"),
}


def _check(result: Comparison, found: Values, call: str, expected: Expected, kinds: Sequence[str]) -> None:
    """Nothing but what is expected may have been found."""
    for what in kinds:
        for statistic in COMPARED[what]:
            value = found.get(f"{what}/{statistic}/{call}")
            wanted, tolerance = expected.get(f"{what}/{statistic}", (None, 0.0))
            result.numbers += wanted is not None
            if value is None and wanted is None:
                continue
            if value is None or wanted is None or not _same(value, wanted, tolerance):
                result.wrong.append(f"{what}/{statistic} of {call}: cnnlab {_text(value)}, recorder {_text(wanted)}")


def _same(a: float, b: float, tolerance: float) -> bool:
    return isclose(a, b, rel_tol=2e-3, abs_tol=tolerance) or (a != a and b != b)


def _text(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"


def _of_record(record: Record) -> Expected:
    """Means are compared to within a thousandth of the deviation."""
    expected: Expected = {}
    for what in ("preactivation", "activation", "gradient"):
        tensor: Tensor | None = getattr(record, what)
        if tensor is None:
            continue
        tensor = tensor.double()
        std, largest = tensor.std(correction=0).item(), tensor.abs().max().item()
        expected[f"{what}/mean"] = tensor.mean().item(), 1e-3 * std + 1e-12
        expected[f"{what}/std"] = std, 1e-6 * largest
        expected[f"{what}/nonfinite"] = (~tensor.isfinite()).sum().item(), 0.0
        if what != "gradient":
            expected[f"{what}/largest"] = largest, 0.0
        if what == "activation":
            expected |= _of_activation(record, tensor)
    return expected


def _of_activation(record: Record, tensor: Tensor) -> Expected:
    """Shares; one value may be on the other side of the limit."""
    shape, axis = record.units
    units = (tensor == 0).reshape(shape).movedim(axis, 0).flatten(1)
    shares = {"activation/zeros": (tensor == 0).double(), "activation/dead": units.all(1).double()}
    if record.bounds is not None:
        low, high = record.bounds
        shares["saturation/share"] = ((tensor - (low + high) / 2).abs() > 0.49 * (high - low)).double()
    return {key: (share.mean().item(), 1.5 / share.numel()) for key, share in shares.items()}


def _of_weights(network: nn.Module, name: str) -> Expected | None:
    """After one step of SGD; None for weights that are no parameter."""
    attention = name.endswith("in_proj")
    owner = name.removesuffix("in_proj").rstrip(".") if attention else name.replace("network", "")
    parameters = dict(network.get_submodule(owner).named_parameters(recurse=False))
    weight = parameters.get("in_proj_weight" if attention else "weight")
    if weight is None:
        return None
    before = weight.detach()
    gradient = torch.zeros_like(before) if weight.grad is None else weight.grad
    after = before - RATE * gradient
    update, size = (after - before).double().norm().item(), after.double().norm().item()
    filters = after.double().flatten(1)
    apart = (filters - filters.mean(0)).norm().item() if len(filters) > 1 else torch.nan
    return {
        "weight/std": (after.double().std(correction=0).item(), 1e-9),
        "weight/gradient_std": (gradient.double().std(correction=0).item(), 1e-12),
        "weight/update_ratio": (update / size if size else torch.nan, 1e-9),
        "weight/distinct": (apart / size if size else torch.nan, 1e-6),
    }


def _belongs(network: nn.Module, parameter: str, keys: dict[str, str]) -> bool:
    """Whether the parameter is the weight of one of the layers, possibly behind a parametrization."""
    owner = parameter.partition(".parametrizations.")[0] if ".parametrizations." in parameter else parameter
    owner = owner if owner != parameter else parameter.rpartition(".")[0]
    return (owner or "network") in keys or f"{owner}.in_proj".lstrip(".") in keys
