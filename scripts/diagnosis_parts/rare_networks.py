"""Faults in how a network is put together, and unlike those of the other sets: aliases, wrong axes, what is shared, and
backward passes by hand."""

from diagnosis_parts.fault import kinds

ALL = "own|shortcut"

RARE_NETWORK = kinds(
    "network",
    [
        (
            "one batch norm for all layers of a width",
            "model.fault=one_norm_per_width",
            "evaluation_differs network_unsuitable",
            "norm",
            False,
        ),
        (
            "images cached by their shape",
            "model.fault=cached_by_shape",
            "input_ignored images_repeated",
            ALL,
            False,
        ),
        (
            "each layer of a loop gets the first input",
            "model.fault=each_gets_the_first",
            "layers_detached network_unsuitable",
            "deep",
            False,
        ),
        (
            "the branch overwritten by the shortcut",
            "model.fault=branch_lost",
            "layers_detached network_unsuitable",
            "shortcut",
            False,
        ),
        (
            "features in a new order at each forward",
            "model.fault=reordered_anew",
            "network_unsuitable input_ignored",
            ALL,
            False,
        ),
        (
            "views repeated in one order, averaged in another",
            "model.fault=views_mixed_up model.amount=5",
            "evaluation_differs",
            ALL,
            False,
        ),
        (
            "clamp with its limits exchanged",
            "model.fault=clamp_reversed",
            "activation_unsuitable input_ignored",
            ALL,
            False,
        ),
        (
            "a ReLU whose backward has the opposite mask",
            "model.fault=backward_mask_reversed",
            "activation_unsuitable network_unsuitable",
            "relu",
            False,
        ),
        (
            "a temperature that falls with each batch",
            "model.fault=annealed model.amount=0.95",
            "output_badly_scaled",
            "sgd",
            False,
        ),
        (
            "exp(-d^2) of the distance to each class",
            "model.fault=radial",
            "output_bounded output_badly_scaled activation_unsuitable",
            ALL,
            False,
        ),
    ],
)
