"""Faults in weights, training and number format that are unlike those of the other sets: rare mistakes of whoever
writes an initializer, an optimizer or a schedule by hand."""

from diagnosis_parts.fault import kinds

ALL = "own|shortcut"

RARE_INITIALIZATION = kinds(
    "initialization",
    [
        ("delta-orthogonal in the kernel's corner", "init=rare_in_the_corner", "weights_unsuitable", "deep", True),
        (
            "weights with their bytes in the wrong order",
            "init=rare_other_bytes",
            "weights_too_large weights_unsuitable",
            ALL,
            True,
        ),
        (
            "one number with signs in turn",
            "init=rare_signs_in_turn",
            "weights_equal weights_unsuitable",
            "own plain",
            True,
        ),
        (
            "only the first input channel is drawn",
            "init=rare_first_channel_only",
            "weights_too_small too_narrow weights_unsuitable",
            "deep|colour",
            True,
        ),
        (
            "the mean of a channel added to its bias",
            "init=rare_centred_the_wrong_way",
            "biases_unsuitable weights_unsuitable",
            "own plain",
            True,
        ),
        (
            "halves that cancel in each layer",
            "model.fault=cancelling init=own",
            "weights_equal weights_unsuitable",
            "own relu",
            True,
        ),
    ],
)

RARE_ONE_LAYER = kinds(
    "one layer",
    [
        (
            "the classes' weights are views of one row",
            "model.fault=one_row",
            "weights_equal input_ignored network_unsuitable",
            ALL,
            False,
        ),
        (
            "softmax over the classifier's weights",
            "model.fault=weights_of_attention",
            "layer_out_of_scale output_badly_scaled network_unsuitable",
            "sgd",
            False,
        ),
        (
            "signs of the middle weights, not scaled",
            "model.fault=binary_weights",
            "layer_out_of_scale weights_too_large",
            "plain colour",
            False,
        ),
        (
            "divided by the norm of the whole batch",
            "model.fault=norm_of_the_batch",
            "layer_out_of_scale",
            "plain",
            False,
        ),
        (
            "a spatial transformer that begins at zero",
            "model.fault=transformer_at_zero",
            "input_ignored biases_unsuitable network_unsuitable",
            "hidden sgd",
            False,
        ),
        (
            "places of the maxima for their values",
            "model.fault=places_of_maxima",
            "layers_detached layer_out_of_scale network_unsuitable",
            ALL,
            False,
        ),
    ],
)

RARE_OPTIMIZER = kinds(
    "optimizer",
    [
        (
            "SAM's step uphill is not taken back",
            "optimizer=rare_uphill_kept optimizer.lr=*1",
            "update_reversed training_unsuitable",
            "sgd",
            True,
        ),
        (
            "Adam multiplies by its root",
            "optimizer=rare_times_root",
            "learning_rate_too_small training_unsuitable",
            ALL,
            True,
        ),
        (
            "step() in the loop over the parameters",
            "optimizer=rare_steps_in_the_loop optimizer.lr=*1",
            "learning_rate_too_large training_unsuitable",
            "relu sgd",
            True,
        ),
        (
            "the schedule's factor set as weight_decay, too",
            "scheduler=rare_on_weight_decay",
            "weight_decay_too_strong schedule_unsuitable",
            "sgd",
            True,
        ),
        (
            "error feedback that keeps what was sent",
            "optimizer=rare_sent_again optimizer.lr=*1",
            "gradients_accumulated training_unsuitable",
            "sgd",
            True,
        ),
        (
            "a cautious mask the wrong way round",
            "optimizer=rare_cautious_reversed optimizer.lr=*1",
            "training_unsuitable update_reversed",
            "plain adamw",
            True,
        ),
        (
            "one buffer for all layers of a shape",
            "optimizer=rare_buffers_by_shape",
            "training_unsuitable",
            "deep",
            True,
        ),
        (
            "Newton-Schulz steps without the norm",
            "optimizer=rare_not_normalized optimizer.lr=*1",
            "learning_rate_too_large training_unsuitable",
            "sgd",
            True,
        ),
        (
            "steps with a large gradient left out",
            "optimizer=rare_quiet_only optimizer.lr=*1",
            "layers_frozen too_few_steps training_unsuitable",
            "sgd",
            True,
        ),
        (
            "a warm-up of the first group alone",
            "optimizer=rare_head_and_body scheduler=rare_first_group_alone",
            "layers_frozen schedule_unsuitable learning_rate_too_small",
            "deep|colour|shortcut",
            True,
        ),
    ],
)

RARE_NUMBER_FORMAT = kinds(
    "number format",
    [
        (
            "float16 weights read as bfloat16",
            "model.fault=half_as_bfloat16 init=own",
            "weights_too_small precision_too_low weights_unsuitable",
            "own",
            True,
        ),
        (
            "the learning rate as a whole number",
            "optimizer=rare_whole_rate optimizer.lr=*1",
            "learning_rate_too_small layers_frozen precision_too_low",
            "sgd",
            True,
        ),
        (
            "8-bit weights without their zero point",
            "model.fault=zero_point_lost model.amount=8",
            "precision_too_low weights_too_large weights_unsuitable",
            "plain",
            False,
        ),
    ],
)
