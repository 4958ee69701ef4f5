"""Faults by somebody who had not seen the rules: of the initial weights, of optimizer, schedule and trainer, of number
formats."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
TOO_LARGE, TOO_SMALL = "learning_rate_too_large", "learning_rate_too_small"

LATER_INITIALIZATION = kinds(
    "initialization",
    [
        (
            "identity kernels, deep",
            "init=dirac",
            "weights_equal weights_too_small too_narrow weights_unsuitable",
            "deep",
            True,
        ),
        ("fan of the whole tensor", "init=fan_of_all", "weights_too_small", "plain", True),
        ("weights around 1", "init=around_one", "weights_too_large weights_equal", "plain", True),
        ("orthogonal, gain 0.1", "init=orthogonal init.gain=0.1", "weights_too_small", "plain", True),
        ("LSUV multiplies", "init=lsuv_multiplied", "weights_too_small", "plain", True),
        ("one number per filter", "init=number_per_filter", "weights_equal weights_too_large", "plain", True),
        ("8-bit weights without their scale", "init=eight_bits", "weights_too_large", "plain", True),
        ("Cauchy for normal", "init=cauchy", "weights_too_large", "plain", True),
        (
            "biases are their own indices",
            "model.fault=biases_counted model.amount=1 init=own",
            "biases_unsuitable",
            "plain",
            True,
        ),
        (
            "gain falls from layer to layer",
            "model.fault=gain_by_depth model.amount=0.4 init=own",
            "weights_too_small layer_out_of_scale",
            "plain",
            True,
        ),
        (
            "gain grows from layer to layer",
            "model.fault=gain_by_depth model.amount=2 init=own",
            "weights_too_large layer_out_of_scale",
            "plain",
            True,
        ),
    ],
)

LATER_ONE_LAYER = kinds(
    "one layer",
    [
        (name, f"model.fault={fault} model.amount={amount:g}{' init=own' if own else ''}", causes, where, own)
        for name, fault, amount, own, causes, where in (
            ("middle weights + 1", "middle_offset", 1, True, "weights_equal layer_out_of_scale", "plain"),
            ("999 of 1000 middle weights 0", "middle_sparse", 0.999, True, "layer_out_of_scale too_narrow", "plain"),
            (
                "first biases scattered by 100",
                "first_biases_scattered",
                100,
                True,
                "biases_unsuitable layer_out_of_scale",
                "plain",
            ),
            ("two layers out of balance", "unbalanced", 100, True, "layer_out_of_scale", "plain relu"),
            (
                "shift -20 of a norm",
                "middle_shift_filled",
                -20,
                False,
                "biases_unsuitable layer_out_of_scale",
                "own norm",
            ),
            (
                "middle output at most 0.001",
                "clamped_between",
                0.001,
                False,
                "layer_out_of_scale activation_unsuitable",
                "plain",
            ),
            (
                "last features + 1000",
                "hidden_offset",
                1000,
                False,
                "layer_out_of_scale biases_unsuitable output_badly_scaled",
                "own",
            ),
            ("a gate that starts shut", "gate_shut", -12, False, "layer_out_of_scale", "plain"),
            ("exp() of the last map", "exponential_map", 1, False, "layer_out_of_scale activation_unsuitable", ANY),
        )
    ],
)

LATER_OPTIMIZER = kinds(
    "optimizer",
    [
        ("Rprop on batches", "optimizer=rprop", f"batch_unsuitable {TOO_SMALL}", ANY, True),
        ("gradients of length 1, rate x100", "optimizer=unit_length optimizer.lr=*100", TOO_LARGE, "sgd", True),
        (
            "RMSprop with momentum 0.99",
            "optimizer=rmsprop optimizer.momentum=0.99",
            f"momentum_too_large {TOO_LARGE}",
            "plain",
            True,
        ),
        (
            "clip below Adam's epsilon",
            "trainer.clip=0.000000001",
            "clip_too_small epsilon_too_large",
            "adamw",
            True,
        ),
        (
            "batch norm with a batch of 1",
            "trainer.batch_size=1",
            "batch_unsuitable evaluation_differs",
            "norm",
            True,
        ),
        ("decay with power 50", "scheduler=polynomial", f"schedule_unsuitable {TOO_SMALL}", ANY, True),
        ("cosine without + 1", "scheduler=whole_cosine", "schedule_unsuitable update_reversed", ANY, True),
        ("schedule of a finished run", "scheduler=finished", f"schedule_unsuitable {TOO_SMALL}", ANY, True),
        ("LARS with SGD's rate", "optimizer=lars", TOO_SMALL, "sgd", True),
        (
            "muP from a width of 4096",
            "optimizer=mup_adamw optimizer.base_width=4096",
            TOO_LARGE,
            "plain",
            True,
        ),
        (
            "the run ends with its warm-up",
            "scheduler.warmup=1.0 trainer.max_steps=30",
            "too_few_steps schedule_unsuitable",
            ANY,
            True,
        ),
        ("rates by layer, in reverse", "optimizer=by_layer", f"{TOO_SMALL} layers_frozen", "sgd", False),
        ("sum of absolute weights in the loss", "optimizer=l1", "weight_decay_too_strong", "sgd", False),
        (
            "pulled back to the first weights",
            "optimizer=pulled_back",
            "weight_decay_too_strong layers_frozen training_unsuitable",
            "sgd",
            False,
        ),
        (
            "weights clipped to 0.01",
            "optimizer=clipped_weights",
            "weight_decay_too_strong clip_too_small weights_too_small training_unsuitable",
            "sgd",
            False,
        ),
        (
            "made anew every 25 steps",
            "optimizer=starts_anew",
            "too_few_steps layers_frozen training_unsuitable",
            "sgd",
            False,
        ),
        (
            "gradients 20 steps late",
            "optimizer=stale",
            f"momentum_too_large {TOO_LARGE} training_unsuitable",
            "sgd",
            False,
        ),
        (
            "16 batches added up, not divided",
            "optimizer=undivided",
            f"gradients_accumulated too_few_steps {TOO_LARGE}",
            "sgd",
            False,
        ),
        ("Adam without its root", "optimizer=unrooted", f"{TOO_LARGE} training_unsuitable", "sgd", False),
    ],
)

LATER_NUMBER_FORMAT = kinds(
    "number format",
    [
        ("weights of three values", "optimizer=three_values", "precision_too_low", "sgd", False),
        (
            "squared gradients in float16",
            "optimizer=half_squares",
            f"precision_too_low {TOO_LARGE}",
            "adamw",
            False,
        ),
        (
            "softmax by hand in float16",
            "model.fault=probabilities_in_half model.amount=2",
            "precision_too_low",
            ANY,
            False,
        ),
        (
            "norm by hand in float16",
            "model.fault=variance_in_half model.amount=300",
            "precision_too_low layer_out_of_scale",
            "plain",
            False,
        ),
    ],
)
