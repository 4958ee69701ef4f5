"""Faults of the initial weights: of all layers, and of one."""

from diagnosis_parts.fault import kinds

# `init=own` keeps the weights that the faulty constructor left; any other init draws them anew, so an override helps.
# "plain": batch norm undoes the scale of the weights.
INITIALIZATION = kinds(
    "initialization",
    [
        ("all weights 0", "init=zeros", "weights_equal", "own|shortcut", True),
        ("all weights 0.01", "init=constant", "weights_equal", "own|shortcut", True),
        ("all weights 0.3", "init=constant init.val=0.3", "weights_equal", "plain", True),
        ("all weights -0.05", "init=constant init.val=-0.05", "weights_equal", "own", True),
        ("normal, std 0.0001", "init=normal init.std=0.0001", "weights_too_small", "plain", True),
        ("normal, std 0.001", "init=normal init.std=0.001", "weights_too_small", "plain", True),
        ("normal, std 0.01, deep", "init=normal init.std=0.01", "weights_too_small", "deep", True),
        ("normal, std 0.5", "init=normal init.std=0.5", "weights_too_large", "plain", True),
        ("normal, std 3", "init=normal init.std=3", "weights_too_large", "plain", True),
        ("uniform to 0.005", "init=uniform init.a=-0.005 init.b=0.005", "weights_too_small", "plain", True),
        ("uniform to 1", "init=uniform init.a=-1 init.b=1", "weights_too_large", "plain", True),
        ("uniform from 0 to 0.2", "init=uniform init.a=0 init.b=0.2", "weights_too_large", "plain", True),
        ("truncated normal, std 1", "init=truncated_normal init.std=1", "weights_too_large", "plain", True),
        ("Xavier, gain 0.3, deep", "init=xavier init.gain=0.3", "weights_too_small", "deep", True),
        ("Xavier, gain 10", "init=xavier init.gain=10", "weights_too_large", "plain", True),
        ("orthogonal, gain 4", "init=orthogonal init.gain=4", "weights_too_large", "deep", True),
        ("torch's default, deep", "init=torch_default", "weights_too_small", "deep", True),
        ("He times 0.1", "init=he_scaled init.gain=0.1", "weights_too_small", "plain", True),
        ("He times 5", "init=he_scaled init.gain=5", "weights_too_large", "plain", True),
        ("variance for deviation", "init=fan_not_rooted", "weights_too_small", "plain", True),
        ("deviation grows with fan-in", "init=fan_inverted", "weights_too_large", "plain", True),
        ("fan-in without channels", "init=fan_of_positions", "weights_too_large", "plain", True),
        ("one filter for all channels", "init=same_filters", "weights_equal", "own", True),
        ("only positive weights", "init=positive", "weights_too_large", "plain", True),
        ("biases -5", "init.bias=-5", "biases_unsuitable", "plain", True),
        ("biases -1", "init.bias=-1", "biases_unsuitable", "plain relu", True),
        ("biases 20", "init.bias=20", "biases_unsuitable", "plain", True),
        ("random biases", "model.fault=scattered_biases model.amount=30 init=own", "biases_unsuitable", "plain", True),
    ],
)

ONE_LAYER = kinds(
    "one layer",
    [
        (name, f"model.fault={fault} model.amount={amount:g}{' init=own' if own else ''}", causes, where, own)
        for name, fault, amount, own, causes, where in (
            ("first weights x1000", "first_scaled", 1000, True, "layer_out_of_scale", "plain"),
            ("first weights x0.001", "first_scaled", 0.001, True, "layer_out_of_scale", "plain"),
            ("middle weights x1000", "middle_scaled", 1000, True, "layer_out_of_scale", "plain"),
            ("middle weights x30", "middle_scaled", 30, True, "layer_out_of_scale", "plain"),
            ("middle weights x0.001", "middle_scaled", 0.001, True, "layer_out_of_scale", "plain"),
            ("last weights x1000", "last_scaled", 1000, True, "layer_out_of_scale output_badly_scaled", "own"),
            ("second to last weights x1000", "before_last_scaled", 1000, True, "layer_out_of_scale", "plain"),
            ("middle weights 0", "middle_filled", 0, True, "layer_out_of_scale weights_equal", "plain"),
            ("middle weights 0.1", "middle_filled", 0.1, True, "weights_equal layer_out_of_scale", "plain"),
            ("equal filters in the middle", "middle_same_filters", 1, True, "weights_equal too_narrow", "plain"),
            (
                "middle weights negative",
                "middle_negative",
                1,
                True,
                "layer_out_of_scale weights_unsuitable",
                "plain relu",
            ),
            ("middle bias -10", "middle_bias", -10, True, "biases_unsuitable layer_out_of_scale", "plain"),
            ("first bias -10", "first_bias", -10, True, "biases_unsuitable layer_out_of_scale", "plain"),
            ("hidden bias -30", "hidden_bias", -30, True, "biases_unsuitable layer_out_of_scale", "plain"),
            ("bias 300 of a class", "one_class_bias", 300, True, "biases_unsuitable output_badly_scaled", "own"),
            ("middle output x1000", "middle_output_scaled", 1000, False, "layer_out_of_scale", "plain"),
            ("middle output x0.001", "middle_output_scaled", 0.001, False, "layer_out_of_scale", "plain"),
            ("middle output -1000", "middle_output_offset", -1000, False, "layer_out_of_scale", "plain"),
            ("last features x1000", "hidden_scaled", 1000, False, "layer_out_of_scale output_badly_scaled", "own"),
            ("last features x0.001", "hidden_scaled", 0.001, False, "layer_out_of_scale output_badly_scaled", "own"),
            ("nothing passes a second ReLU", "negative_relu", 1, False, "layer_out_of_scale", "relu plain"),
        )
    ],
)
