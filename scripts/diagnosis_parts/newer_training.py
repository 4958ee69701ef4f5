"""Faults by somebody who had not seen the rules: of the initial weights, of optimizer, schedule and trainer, of number
formats."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
TOO_LARGE, TOO_SMALL = "learning_rate_too_large", "learning_rate_too_small"

NEWER_INITIALIZATION = kinds(
    "initialization",
    [
        (
            "equal weights, torch's biases",
            "init=constant init.val=0.05 init.bias=keep",
            "weights_equal",
            "own",
            True,
        ),
        (
            "AlexNet's weights and biases",
            "init=normal init.std=0.01 init.bias=1",
            "weights_too_small biases_unsuitable",
            "plain",
            True,
        ),
        (
            "tanh's gain in 30 ReLU layers",
            "init.nonlinearity=tanh model.convs_per_block=[1,1,28]",
            "weights_too_large too_deep",
            "deep",
            True,
        ),
        (
            "orthogonal, gain 1, 30 layers",
            "init=orthogonal init.gain=1 model.convs_per_block=[1,1,28]",
            "weights_too_small too_deep",
            "deep",
            True,
        ),
        ("product of both fans for their sum", "init=fans_multiplied", "weights_too_small", "plain", True),
        ("bilinear kernels in all layers", "init=bilinear", "weights_equal weights_too_large", "plain", True),
        (
            "kernels that sum to 1",
            "init=sum_to_one",
            "weights_equal weights_too_small weights_unsuitable",
            "plain",
            True,
        ),
        ("weights counted through", "init=counted", "weights_equal weights_too_large too_narrow", "plain", True),
        ("Fixup without shortcuts", "init=fixup", "weights_too_small too_deep", "deep", True),
        (
            "LSUV on images divided by 255 twice",
            "init=lsuv_on_dark",
            "weights_too_large layer_out_of_scale",
            "plain",
            True,
        ),
        (
            "each block ends with zeros, without shortcuts",
            "model.fault=blocks_end_with_zeros init=own",
            "weights_equal layer_out_of_scale weights_too_small",
            "own",
            True,
        ),
    ],
)

NEWER_ONE_LAYER = kinds(
    "one layer",
    [
        (
            "muP's readout from a width of 100,000,000",
            "init=mup init.after.base_width=100000000",
            "output_badly_scaled layer_out_of_scale weights_too_large",
            ANY,
            True,
        ),
        *(
            (name, f"model.fault={fault} model.amount={amount:g}{' init=own' if own else ''}", causes, where, own)
            for name, fault, amount, own, causes, where in (
                (
                    "layer scales without shortcuts",
                    "layer_scales",
                    1e-6,
                    False,
                    "layer_out_of_scale weights_too_small",
                    "plain",
                ),
                (
                    "weights scaled in place in forward()",
                    "scaled_in_place",
                    0.9,
                    False,
                    "layer_out_of_scale weights_too_small weight_decay_too_strong",
                    "plain",
                ),
                (
                    "a new class with weights of 30",
                    "new_class",
                    30,
                    True,
                    "layer_out_of_scale output_badly_scaled weights_too_large",
                    ANY,
                ),
                (
                    "gradients x1000 before the middle",
                    "gradient_scaled_in_the_middle",
                    1000,
                    False,
                    f"{TOO_LARGE} layer_out_of_scale",
                    "sgd",
                ),
                (
                    "a frozen last layer of zeros",
                    "last_zero_and_frozen",
                    1,
                    False,
                    "layers_frozen weights_equal layer_out_of_scale",
                    ANY,
                ),
                ("maps padded with 1000", "padded_with", 1000, False, "layer_out_of_scale", "plain"),
                (
                    "each filter 1.5 times the one before",
                    "filters_growing",
                    1.5,
                    True,
                    "layer_out_of_scale weights_too_large",
                    "plain",
                ),
                (
                    "class counts as the last biases",
                    "class_counts",
                    150,
                    True,
                    "biases_unsuitable output_badly_scaled",
                    "own",
                ),
                (
                    "noise of a latent space, deviation 30",
                    "latent_noise",
                    30,
                    False,
                    "layer_out_of_scale input_ignored dropout_too_strong network_unsuitable",
                    ANY,
                ),
            )
        ),
    ],
)

NEWER_OPTIMIZER = kinds(
    "optimizer",
    [
        ("no momentum", "optimizer.momentum=0 optimizer.nesterov=false", f"{TOO_SMALL} too_few_steps", "sgd", True),
        (
            "a tight clip without momentum",
            "optimizer.momentum=0 optimizer.nesterov=false trainer.clip=0.1",
            f"clip_too_small {TOO_SMALL}",
            "sgd",
            True,
        ),
        ("beta2 of 0", "optimizer.betas=[0.9,0.0]", f"{TOO_LARGE} momentum_too_large", "adamw", True),
        ("RMSprop with alpha 1", "optimizer=rmsprop optimizer.alpha=1.0", TOO_LARGE, ANY, True),
        ("Adadelta's rate for Adagrad", "optimizer=adagrad optimizer.lr=1", TOO_LARGE, ANY, True),
        (
            "lambd of ASGD as a rate",
            "optimizer=asgd optimizer.lr=0.02 optimizer.lambd=5",
            f"weight_decay_too_strong {TOO_SMALL}",
            ANY,
            True,
        ),
        ("Adadelta with epsilon 1e-14", "optimizer=adadelta_eps", TOO_SMALL, ANY, True),
        (
            "RAdam with beta2 0.99999",
            "optimizer=radam optimizer.betas=[0.9,0.99999]",
            f"{TOO_SMALL} momentum_too_large",
            ANY,
            True,
        ),
        (
            "two epochs of a subset for debugging",
            "dataset.count=300 trainer.max_steps=null trainer.epochs=2",
            "too_few_steps",
            ANY,
            True,
        ),
        ("cosine that ends at a rate of 1", "scheduler=cosine_to_one", f"schedule_unsuitable {TOO_LARGE}", ANY, True),
        (
            "ExponentialLR takes the steps for gamma",
            "scheduler=exponential",
            f"schedule_unsuitable {TOO_LARGE}",
            ANY,
            True,
        ),
        (
            "rate scaled up for a batch of 512",
            "trainer.batch_size=512 optimizer.lr=*16 trainer.max_steps=100",
            f"{TOO_LARGE} batch_unsuitable",
            ANY,
            True,
        ),
        (
            "rate scaled down for a batch of 4",
            "trainer.batch_size=4 optimizer.lr=*0.03",
            f"{TOO_SMALL} batch_unsuitable too_few_steps",
            ANY,
            True,
        ),
        (
            "batch of 4 to save memory, rate of a large one",
            "trainer.batch_size=4 optimizer.lr=*5",
            f"{TOO_LARGE} batch_unsuitable",
            ANY,
            True,
        ),
        (
            "a small rate and 50 steps",
            "optimizer.lr=*0.15 trainer.max_steps=50",
            f"{TOO_SMALL} too_few_steps",
            ANY,
            True,
        ),
        (
            "momentum 0.98 added to a large rate",
            "optimizer.momentum=0.98 optimizer.lr=*4",
            f"momentum_too_large {TOO_LARGE}",
            "sgd",
            True,
        ),
        (
            "three regularizations at once",
            "model.dropout=0.7 trainer.label_smoothing=0.6 optimizer.weight_decay=0.03",
            "weight_decay_too_strong dropout_too_strong label_smoothing_too_strong",
            "hidden sgd",
            False,
        ),
        ("factors of a schedule multiplied up", "scheduler=multiplied", f"schedule_unsuitable {TOO_SMALL}", ANY, True),
        (
            "Adam without bias correction, beta2 0.99999",
            "optimizer=uncorrected",
            f"{TOO_LARGE} momentum_too_large",
            "adamw",
            True,
        ),
        ("biases go up the gradient", "optimizer=biases_up", "update_reversed biases_unsuitable", "sgd", False),
        (
            "weight decay with the wrong sign",
            "optimizer=growing",
            "weight_decay_too_strong update_reversed weights_too_large training_unsuitable",
            "sgd",
            False,
        ),
        (
            "filters averaged after each step",
            "optimizer=filters_averaged",
            "weights_equal too_narrow training_unsuitable",
            "sgd",
            False,
        ),
        ("half of the gradients never zeroed", "optimizer=half_zeroed", "gradients_accumulated", "sgd", False),
    ],
)

NEWER_NUMBER_FORMAT = kinds(
    "number format",
    [
        (
            "weights of 2 bits in evaluation",
            "model.fault=rounded_in_evaluation model.amount=1",
            "precision_too_low evaluation_differs",
            ANY,
            False,
        ),
        (
            "running statistics in whole numbers",
            "model.fault=statistics_in_integers",
            "precision_too_low evaluation_differs",
            "norm",
            False,
        ),
        (
            "images cast to bool",
            "model.fault=images_as_bool",
            "precision_too_low input_ignored images_constant",
            ANY,
            False,
        ),
        (
            "activations wrap around in 8 bits",
            "model.fault=wrapped_between model.amount=100",
            "precision_too_low layer_out_of_scale",
            ANY,
            False,
        ),
    ],
)
