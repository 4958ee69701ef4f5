"""Faults that were written after the first rules: of the initial weights, of optimizer, schedule and trainer, of
number formats."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
TOO_LARGE, TOO_SMALL = "learning_rate_too_large", "learning_rate_too_small"

FRESH_INITIALIZATION = kinds(
    "initialization",
    [
        ("mean and deviation exchanged", "init=exchanged", "weights_equal", ANY, True),
        ("one random number per layer", "init=one_draw", "weights_equal", ANY, True),
        ("99 % of the weights pruned", "init=pruned", "weights_too_small", "plain", True),
        ("kernel size counted twice", "init=kernel_twice", "weights_too_small", "deep", True),
        ("weights drawn as integers", "init=integers", "weights_too_small weights_equal", "plain", True),
        ("memory that nobody wrote to", "init=memory", "weights_too_large", "plain", True),
        ("kaiming with a slope of 10", "init=torch_default init.a=10", "weights_too_small", "plain", True),
        ("randn without a factor", "init=normal init.std=1", "weights_too_large", "plain", True),
        (
            "truncated normal, std 0.0005",
            "init=truncated_normal init.std=0.0005",
            "weights_too_small",
            "plain",
            True,
        ),
        ("He times 0.01", "init=he_scaled init.gain=0.01", "weights_too_small", "plain", True),
        ("He times 100", "init=he_scaled init.gain=100", "weights_too_large", "plain", True),
        ("biases -20", "init.bias=-20", "biases_unsuitable", "plain", True),
    ],
)

FRESH_ONE_LAYER = kinds(
    "one layer",
    [
        (
            "first weights 0",
            "model.fault=first_filled model.amount=0 init=own",
            "layer_out_of_scale weights_equal",
            "plain",
            True,
        ),
        (
            "second weights x0.0003",
            "model.fault=second_scaled model.amount=0.0003 init=own",
            "layer_out_of_scale",
            "plain",
            True,
        ),
        (
            "second to last weights x0.001",
            "model.fault=before_last_scaled model.amount=0.001 init=own",
            "layer_out_of_scale",
            "plain",
            True,
        ),
        (
            "new head with std 10",
            "model.fault=last_drawn model.amount=10 init=own",
            "layer_out_of_scale output_badly_scaled",
            ANY,
            True,
        ),
        (
            "one filter x10,000",
            "model.fault=one_filter_scaled model.amount=10000 init=own",
            "layer_out_of_scale",
            "plain",
            True,
        ),
        (
            "middle weights of rank one",
            "model.fault=middle_rank_one init=own",
            "too_narrow weights_equal layer_out_of_scale weights_unsuitable",
            "plain",
            True,
        ),
        (
            "middle bias 1000",
            "model.fault=middle_bias model.amount=1000 init=own",
            "biases_unsuitable layer_out_of_scale",
            "plain",
            True,
        ),
        (
            "scale of a norm 0",
            "model.fault=middle_norm_filled model.amount=0",
            "layer_out_of_scale",
            "own norm",
            False,
        ),
        (
            "first block's output x300",
            "model.fault=first_output_scaled model.amount=300",
            "layer_out_of_scale",
            "plain",
            False,
        ),
    ],
)

FRESH_OPTIMIZER = kinds(
    "optimizer",
    [
        ("rate x100", "optimizer.lr=*100", TOO_LARGE, ANY, True),
        ("loss summed over the batch", "optimizer=scaled_loss optimizer.factor=64", TOO_LARGE, "sgd", True),
        ("loss divided by the batch twice", "optimizer=scaled_loss optimizer.factor=0.0156", TOO_SMALL, "sgd", True),
        ("loss scale never taken back", "optimizer=scaled_loss optimizer.factor=65536", TOO_LARGE, "sgd", True),
        ("signs of the gradient, SGD's rate", "optimizer=signs", TOO_LARGE, "sgd", True),
        (
            "gradient values clipped to 0.00001",
            "optimizer=clipped_values",
            f"clip_too_small {TOO_SMALL}",
            "sgd",
            False,
        ),
        ("momentum 1", "optimizer.momentum=1.0", f"momentum_too_large {TOO_LARGE}", "sgd", True),
        (
            "Adam with decay 1 in its gradient",
            "optimizer=adam optimizer.weight_decay=1",
            "weight_decay_too_strong",
            ANY,
            True,
        ),
        ("weights x0.9 after each step", "optimizer=shrinking", "weight_decay_too_strong", "sgd", False),
        ("Adadelta with Adam's rate", "optimizer=adadelta optimizer.lr=0.001", TOO_SMALL, ANY, True),
        (
            "Adagrad starts with a full sum",
            "optimizer=adagrad_filled",
            f"epsilon_too_large {TOO_SMALL}",
            ANY,
            True,
        ),
        ("RMSprop with epsilon 10", "optimizer=rmsprop_eps", f"epsilon_too_large {TOO_SMALL}", ANY, True),
        ("RMSprop maximizes", "optimizer=rmsprop_maximizing", "update_reversed", ANY, True),
        (
            "average of the weights put back",
            "optimizer=averaged",
            f"{TOO_SMALL} layers_frozen",
            "sgd",
            True,
        ),
        (
            "one step for 100 batches",
            "optimizer=seldom",
            f"too_few_steps batch_unsuitable {TOO_SMALL}",
            "sgd",
            False,
        ),
        (
            "one epoch of large batches",
            "trainer.batch_size=512 trainer.max_steps=null trainer.epochs=1",
            "too_few_steps batch_unsuitable",
            ANY,
            True,
        ),
        ("milestones in steps", "scheduler=milestones", "schedule_unsuitable", ANY, True),
        ("a transformer's schedule", "scheduler=noam", f"schedule_unsuitable {TOO_SMALL}", ANY, True),
        ("rate as its own factor", "scheduler=rate_as_factor", f"schedule_unsuitable {TOO_SMALL}", ANY, True),
        ("rate x1000 halfway", "scheduler=jump", f"schedule_unsuitable {TOO_LARGE}", ANY, True),
    ],
)

FRESH_NUMBER_FORMAT = kinds(
    "number format",
    [
        ("gradients rounded to 1/8", "optimizer=rounded_gradients", "precision_too_low", "sgd", False),
        ("weights kept in float8", "optimizer=float8", "precision_too_low", "sgd", False),
        (
            "bfloat16 without a copy, small rate",
            "optimizer=bfloat16_adamw optimizer.lr=*0.03",
            f"precision_too_low {TOO_SMALL}",
            "adamw",
            False,
        ),
        (
            "logits overflow in float16",
            "model.fault=half_logits model.amount=100000",
            "precision_too_low output_badly_scaled",
            ANY,
            False,
        ),
        (
            "activations in steps of 10",
            "model.fault=integers_between model.amount=10",
            "precision_too_low layer_out_of_scale",
            "plain",
            False,
        ),
    ],
)
