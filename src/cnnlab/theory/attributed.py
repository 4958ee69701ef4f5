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
    found: dict[int, tuple[int, int | None]] = {}
    for layer, role in enumerate(roles):
        if role != "weights":
            continue
        carried, users = {layer}, []
        for place, call in enumerate(calls):
            if place > layer and carried & set(call.inputs):
                if roles[place] in _CARRYING:
                    carried.add(place)
                else:
                    users.append(place)
        alone = len(users) == 1 and roles[users[0]] == "activation"
        found[layer] = (calls[users[0]].inputs[0], users[0]) if alone else (layer, None)
    return found
