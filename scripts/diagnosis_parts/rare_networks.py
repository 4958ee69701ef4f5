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
            "all weights are views of one memory",
            "model.fault=one_memory",
            "network_unsuitable weights_unsuitable training_unsuitable",
            ALL,
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
            "all get the map of the batch's last image",
            "model.fault=last_of_the_batch",
            "input_ignored network_unsuitable",
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
            "channels in a new order at each forward",
            "model.fault=reordered_anew",
            "network_unsuitable input_ignored",
            ALL,
            False,
        ),
        (
            "grey images minus their mean over channels",
            "model.fault=centred_over_channels",
            "input_ignored images_constant",
            "grey",
            False,
        ),
        (
            "grid_sample with coordinates in pixels",
            "model.fault=sampled_in_pixels",
            "input_ignored images_constant too_narrow",
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
            ALL,
            False,
        ),
        (
            "spectral norm in ten layers",
            "model.fault=spectral",
            "network_unsuitable weights_too_small output_badly_scaled",
            "deep",
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
