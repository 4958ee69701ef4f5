"""Where telemetry measures a layer: its activation is the first that gets its output, as in `telemetry.attribution`."""

from cnnlab.networks.modules.table import layer_type
from cnnlab.networks.trace import Call

# Roles that pass a layer's output on.
_CARRYING = ("norm", "pooling", "padding", "dropout", "flatten", "nothing")


def attributed(calls: list[Call]) -> dict[int, tuple[int, int | None]]:
    """Place of each layer with weights -> places of the last call before its activation and of the activation.

    A layer without an activation of its own is measured at its output: (its place, None).
    """
    roles = [known.role if (known := layer_type(call.module)) else None for call in calls]
    found: dict[int, tuple[int, int | None]] = {
        place: (place, None) for place, role in enumerate(roles) if role == "weights"
    }
    ambiguous = set()
    for place, call in enumerate(calls):
        if roles[place] != "activation":
            continue
        before = layer = call.inputs[0]
        while layer >= 0 and roles[layer] in _CARRYING:
            layer = calls[layer].inputs[0]
        if layer < 0 or roles[layer] != "weights":
            continue
        others = {roles[user] for user, other in enumerate(calls) if before in other.inputs}
        if found[layer][1] is not None or others - {"activation", *_CARRYING}:
            ambiguous.add(layer)
        found[layer] = (before, place)
    return {place: (place, None) if place in ambiguous else kept for place, kept in found.items()}
