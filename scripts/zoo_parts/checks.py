"""The columns of the table: cnnlab's numbers against another method's, as cells."""

from collections.abc import Callable, Collection, Mapping
from math import inf, isfinite, log
from traceback import extract_tb

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import cnnlab
from cnnlab.common.errors import NotApplicable
from cnnlab.networks import geometry
from cnnlab.theory import Expected, expected
from zoo_parts import oracles
from zoo_parts.attribution import Comparison, compare
from zoo_parts.cell import Cell, grouped, wrong
from zoo_parts.networks import CLASSES, Specimen

TOO_FAR = 1.5  # factor by which a measurement may leave the band that theory predicts


def check(specimen: Specimen) -> dict[str, Cell]:
    """One row. Whatever cnnlab raises, but for its refusals, is a wrong cell."""
    cells: dict[str, Cell] = {}
    compared: list[Comparison] = []

    def layers(specimen: Specimen) -> Cell:
        compared.append(compare(specimen))
        return measured_layers(compared[0])

    columns: Mapping[str, Callable[[Specimen], Cell]] = {
        "layers": layers,
        "statistics": lambda s: statistics(compared[0]) if compared else Cell("see layers", "unseen"),
        "theory": theory,
        "receptive field": receptive_field,
        "parameters": parameters,
        "MACs": macs,
        "saved bytes": saved_bytes,
    }
    for name, column in columns.items():
        try:
            cells[name] = column(specimen)
        except Exception as error:
            if not any("/src/cnnlab/" in frame.filename for frame in extract_tb(error.__traceback__)):
                raise  # of this script, or of a second method
            cells[name] = wrong(f"raises {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    return cells


def measured_layers(found: Comparison) -> Cell:
    text = f"{found.layers - len(found.unmeasured)} of {found.layers}"
    notes = grouped(found.unmeasured.values(), "layer", "layers")
    if found.outside:
        notes += (f"parameters that belong to no convolution or full connection: {_listed(found.outside)}",)
    return Cell(text, "partly" if found.unmeasured else "checked", notes)


def statistics(found: Comparison) -> Cell:
    if found.wrong:
        return wrong(*found.wrong)
    notes = grouped((f"the recorder does not tell, {why}" for why in found.unseen.values()), "call", "calls")
    return Cell(f"{found.numbers:,}", "partly" if notes else "checked", notes)


def theory(specimen: Specimen, images: int = 16) -> Cell:
    network, x, y = specimen.made().train(), specimen.images(images), torch.arange(images) % CLASSES
    try:
        predicted = expected(network, x).by_key()
    except NotApplicable as reason:
        return Cell("refused", "unknown", (str(reason),))
    probe = cnnlab.Probe(network)
    with probe.watch():
        F.cross_entropy(network(x), y).backward()
    frozen = {f"gradient/std/{name}" for name, m in probe.layers.items() if not any(_trained(m))}
    return agreement(predicted, probe.read(), frozen)


def _trained(module: nn.Module) -> list[bool]:
    return [parameter.requires_grad for parameter in module.parameters()]


def agreement(predicted: Mapping[str, Expected], measured: Mapping[str, float], frozen: Collection[str] = ()) -> Cell:
    """Largest |ln(measured / predicted)|, and the share of measurements inside the band. `frozen`: keys of gradients
    that autograd may leave out, since no weight needs them."""
    unneeded = [key for key in predicted if key in frozen and key not in measured]
    predicted = {key: e for key, e in predicted.items() if key not in unneeded}
    known = {key: e for key, e in predicted.items() if isfinite(e.value)}
    missing = [f"{key}: predicted {e.value:.4g}, not measured" for key, e in known.items() if key not in measured]
    far = [
        f"{key}: theory {e.value:.4g} ({e.lower:.4g} to {e.upper:.4g}), measured {measured[key]:.4g}"
        for key, e in known.items()
        if key in measured and not e.lower / TOO_FAR <= measured[key] <= e.upper * TOO_FAR
    ]
    if missing or far or not known:
        return wrong(*missing, *far, *([] if known else ["no prediction is finite"]))
    ratios = [inf if measured[key] <= 0 else abs(log(measured[key] / e.value)) for key, e in known.items() if e.value]
    inside = sum(e.lower <= measured[key] <= e.upper for key, e in known.items())
    notes = grouped(["not predicted"] * (len(predicted) - len(known)), "number", "numbers")
    notes += grouped(["predicted, but not measured, as the layer is frozen"] * len(unneeded), "gradient", "gradients")
    return Cell(f"{max(ratios):.2f}, {inside / len(known):.0%}", "partly" if notes else "checked", notes)


def receptive_field(specimen: Specimen) -> Cell:
    """Clipped by the image, less the lines that strides leave out at its end, around the middle cell: the place is
    checked as well as the size."""
    side = specimen.field_side or specimen.shape[1]
    network, shape = specimen.made(), (3, side, side)
    rows = geometry.rows(network, shape)
    said = geometry.receptive_field(rows)
    if said is None:
        return Cell("not known", "unknown", (geometry.unknown(network, shape) or "cnnlab gives no reason",))
    torch.manual_seed(3)
    found = oracles.field_seen(network, 1 + torch.rand(16 if specimen.family == "odd" else 1, *shape))
    if found is None:
        return Cell(f"{said[0]}", "unseen", ("there is no map before the output",))
    extent, reach, cell, size = found
    row = geometry.last_map(rows) or rows[-1]
    assert row.jump is not None and row.centre is not None
    places = [c + i * jump for c, i, jump in zip(row.centre, cell, row.jump, strict=True)]
    clipped = tuple(
        (max(first, round(place - (n - 1) / 2)), min(last, round(place + (n - 1) / 2)))
        for place, n, (first, last) in zip(places, said, reach, strict=True)
    )
    if clipped != extent or tuple(row.output[1:]) != size:
        ours = f"{said[0]} x {said[1]} pixels, {clipped} at cell {cell} of {row.name}'s map of {row.output[1:]}"
        return wrong(f"cnnlab {ours}; the gradient reaches {extent} from that cell of the last map, {size}")
    return Cell(f"{said[0]}" if said[0] == said[1] else f"{said[0]} x {said[1]}")


def parameters(specimen: Specimen) -> Cell:
    network = specimen.made()
    geometry.rows(network, specimen.shape)  # lazy layers get their shapes
    said, counted = geometry.parameters(network), oracles.parameters_counted(network)
    if said != counted:
        return wrong(f"cnnlab {said:,}, by storage {counted:,}")
    if (published := published_weights(specimen)) is not None:
        full = geometry.parameters(_full(specimen))
        if full != published.meta["num_params"]:
            return wrong(f"with 1000 classes cnnlab {full:,}, torchvision {published.meta['num_params']:,}")
    return Cell(short(said))


def macs(specimen: Specimen) -> Cell:
    said = geometry.macs(specimen.made(), specimen.shape)
    try:
        counted = oracles.macs_counted(specimen.made(), specimen.images(1))
    except (RuntimeError, IndexError) as error:
        return Cell(short(said), "unseen", (f"fvcore cannot trace it ({type(error).__name__})",))
    if said != counted:
        return wrong(f"cnnlab {said:,}, fvcore {counted:,}")
    if (published := published_weights(specimen)) is not None:
        side, stated = published_side(specimen), published.meta["_ops"]
        full = geometry.macs(_full(specimen), (3, side, side)) / 1e9
        if abs(full - stated) > max(0.01 * stated, 6e-4):  # stated with three decimals, with norms by some
            return wrong(f"at {side} pixels cnnlab {full:.3f} G, torchvision {stated:.3f} G")
    return Cell(short(said))


def saved_bytes(specimen: Specimen) -> Cell:
    """Per image, from batches of two and of four."""
    network, sizes = specimen.made(), (2, 4)
    predicted = geometry.saved_bytes(network, specimen.shape)
    measured = sum(geometry.saved_bytes_measured(network, specimen.shape).values())
    if specimen.family == "odd":
        oracles.bytes_allocated(network, (2, *specimen.shape))  # what this frees was allocated before
        two, four = (oracles.bytes_allocated(network, (n, *specimen.shape)) for n in sizes)
    else:
        two, four = (oracles.bytes_in_nodes(network, torch.zeros(n, *specimen.shape)) for n in sizes)
    counted = (four - two) / 2
    if measured != counted or predicted not in (None, counted):
        return wrong(f"cnnlab predicts {predicted}, measures {measured:,}; counted {counted:,.0f}")
    if predicted is None:
        return Cell(short(measured), "partly", (geometry.unknown(network, specimen.shape) or "cnnlab gives no reason",))
    return Cell(short(measured))


def published_weights(specimen: Specimen):
    """torchvision's first set of weights, for what its documents state; None for other networks."""
    return next(iter(torchvision.models.get_model_weights(specimen.published))) if specimen.published else None


def published_side(specimen: Specimen) -> int:
    weights = published_weights(specimen)
    return weights.transforms.keywords["crop_size"] if weights else 0


def _full(specimen: Specimen):
    """With 1000 classes, without memory, as published: of the two with auxiliary classifiers, one counts them."""
    settings = {"googlenet": {"aux_logits": False, "init_weights": False}, "inception_v3": {"init_weights": False}}
    return torchvision.models.get_model(specimen.published, **settings.get(specimen.published, {})).to("meta")


def short(number: float) -> str:
    """Three digits: 61.1 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:,.0f}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
