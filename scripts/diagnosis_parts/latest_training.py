"""Faults by somebody who had not seen the rules: of the initial weights, of optimizer,
schedule and trainer, of number formats."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
TOO_LARGE, TOO_SMALL = "learning_rate_too_large", "learning_rate_too_small"

LATEST_INITIALIZATION = kinds(
    "initialization",
    [
        ("weights 0, biases 0.1", "init=zeros init.bias=0.1", "weights_equal", "own", True),
        (
            "uniform from -0.2 to 0",
            "init=uniform init.a=-0.2 init.b=0",
            "weights_unsuitable",
            "plain relu",
            True,
        ),
        (
            "uniform from 0.049 to 0.05",
            "init=uniform init.a=0.049 init.b=0.05",
            "weights_equal weights_too_large",
            "plain",
            True,
        ),
        (
            "normal, std 10, behind batch norm",
            "init=normal init.std=10",
            f"weights_too_large {TOO_SMALL} output_badly_scaled",
            "norm",
            True,
        ),
        ("biases that saturate tanh", "init.bias=4", "biases_unsuitable", "tanh", True),
        ("root of He's deviation", "init=root_twice", "weights_too_large", "plain", True),
        ("absolute weights of a filter sum to 1", "init=absolute_sum_one", "weights_too_small", "plain", True),
        ("numpy's uniform with one limit", "init=one_limit", "weights_too_large weights_equal", "plain", True),
        (
            "infinite weights of Box and Muller",
            "init=box_muller",
            "weights_too_large weights_unsuitable precision_too_low",
            ANY,
            True,
        ),
        (
            "outer products in ten layers",
            "init=outer_products",
            "weights_unsuitable weights_equal too_narrow",
            "deep",
            True,
        ),
        ("fan-in of the whole image", "init=fan_of_images", "weights_too_small", "plain", True),
        (
            "19 of 20 units begin dead",
            "model.fault=mostly_dead model.amount=0.95 init=own",
            "biases_unsuitable too_narrow weights_unsuitable",
            "plain relu",
            True,
        ),
    ],
)

LATEST_ONE_LAYER = kinds(
    "one layer",
    [
        (
            "first filters cut out of images to 255",
            "init=patches",
            "layer_out_of_scale weights_too_large",
            "plain",
            True,
        ),
        *(
            (name, f"model.fault={fault} model.amount={amount:g}{' init=own' if own else ''}", causes, where, own)
            for name, fault, amount, own, causes, where in (
                (
                    "standardization folded into the first layer",
                    "folded_twice",
                    65535,
                    True,
                    "layer_out_of_scale weights_too_small biases_unsuitable",
                    "plain",
                ),
                (
                    "a weight of NaN in the middle",
                    "one_nan",
                    1,
                    True,
                    "weights_unsuitable layer_out_of_scale",
                    ANY,
                ),
                (
                    "weight normalization that begins at 0.00001",
                    "weight_norm_short",
                    0.00001,
                    False,
                    "layer_out_of_scale weights_too_small",
                    "plain",
                ),
                (
                    "exp() of the middle weights",
                    "exponential_weights",
                    1,
                    False,
                    "layer_out_of_scale weights_too_large weights_equal",
                    "plain",
                ),
                (
                    "the size of the file as a feature",
                    "file_size",
                    20000,
                    False,
                    "layer_out_of_scale output_badly_scaled images_not_standardized",
                    ANY,
                ),
                (
                    "a sum kept from batch to batch",
                    "summed_up",
                    1,
                    False,
                    "layer_out_of_scale evaluation_differs biases_unsuitable network_unsuitable",
                    ANY,
                ),
                (
                    "maps divided by their deviation, without epsilon",
                    "divided_by_deviation",
                    1,
                    False,
                    "layer_out_of_scale network_unsuitable",
                    ANY,
                ),
                (
                    "a learned map of positions, deviation 100",
                    "learned_map",
                    100,
                    False,
                    "layer_out_of_scale biases_unsuitable",
                    ANY,
                ),
                (
                    "a frozen last layer with std 0.0001",
                    "last_small_and_frozen",
                    0.0001,
                    False,
                    "output_badly_scaled layers_frozen layer_out_of_scale weights_too_small",
                    ANY,
                ),
                (
                    "cumulative sum over the features",
                    "cumulative",
                    1,
                    False,
                    "layer_out_of_scale output_badly_scaled network_unsuitable",
                    "own",
                ),
            )
        ),
    ],
)

LATEST_OPTIMIZER = kinds(
    "optimizer",
    [
        ("noise on each gradient", "optimizer=noisy", f"training_unsuitable {TOO_LARGE}", "sgd", False),
        (
            "Adam with epsilon 0",
            "optimizer=adam_no_eps",
            "training_unsuitable precision_too_low",
            "hidden grey",
            True,
        ),
        (
            "RMSprop, centred, with alpha 0",
            "optimizer=rmsprop_centered optimizer.alpha=0",
            f"{TOO_LARGE} training_unsuitable",
            ANY,
            True,
        ),
        ("Adadelta with rho 1", "optimizer=adadelta optimizer.rho=1.0", TOO_LARGE, "plain", True),
        ("Adam's rate for Adagrad", "optimizer=adagrad optimizer.lr=0.0002", TOO_SMALL, ANY, True),
        (
            "twelve times the rate, and no schedule",
            "scheduler=constant optimizer.lr=*12",
            f"{TOO_LARGE} schedule_unsuitable",
            "plain",
            True,
        ),
        (
            "a small rate that rises to the end",
            "scheduler.warmup=1.0 optimizer.lr=*0.05",
            f"{TOO_SMALL} schedule_unsuitable",
            ANY,
            True,
        ),
        (
            "a large rate that is reached at the end",
            "scheduler.warmup=0.97 optimizer.lr=*12",
            f"schedule_unsuitable {TOO_LARGE}",
            "plain",
            True,
        ),
        (
            "25 steps of 8 images",
            "trainer.batch_size=8 trainer.max_steps=25",
            "too_few_steps batch_unsuitable",
            ANY,
            True,
        ),
        (
            "label smoothing 0.9 and a clip of 0.02",
            "trainer.label_smoothing=0.9 trainer.clip=0.02",
            "clip_too_small label_smoothing_too_strong",
            "sgd",
            False,
        ),
        ("a line that goes on below 0", "scheduler=past_zero", "schedule_unsuitable update_reversed", ANY, True),
        (
            "division without remainder in a schedule",
            "scheduler=whole_division",
            f"schedule_unsuitable {TOO_SMALL} too_few_steps",
            ANY,
            True,
        ),
        ("absolute values of the gradients", "optimizer=absolute", "update_reversed training_unsuitable", "sgd", False),
        (
            "weights standardized after each step",
            "optimizer=standardized",
            "weights_too_large training_unsuitable",
            "plain sgd",
            False,
        ),
        (
            "99 of 100 gradients lost",
            "optimizer=dropped",
            f"{TOO_SMALL} layers_frozen training_unsuitable",
            "sgd",
            False,
        ),
        (
            "pruned at every step",
            "optimizer=pruned_often",
            "weight_decay_too_strong weights_too_small too_narrow training_unsuitable",
            "sgd",
            False,
        ),
        (
            "running means of another network",
            "optimizer=others_state",
            f"momentum_too_large {TOO_LARGE} training_unsuitable",
            "adamw",
            False,
        ),
        ("gradients given to the wrong layers", "optimizer=wrong_layers", "training_unsuitable", "deep", False),
    ],
)

LATEST_NUMBER_FORMAT = kinds(
    "number format",
    [
        (
            "images + 1000 in bfloat16",
            "trainer.precision=bf16 dataset.fault=offset dataset.amount=1000",
            "images_not_standardized precision_too_low",
            "plain",
            False,
        ),
        (
            "gradients overflow in float16",
            "model.fault=half_gradient model.amount=1000000000",
            "precision_too_low",
            ANY,
            False,
        ),
        (
            "fixed point with steps of 1/2",
            "model.fault=fixed_point model.amount=0.5",
            "precision_too_low weights_too_small weights_equal",
            "plain",
            False,
        ),
        ("gradients of 64 processes in float8", "optimizer=float8_gradients", "precision_too_low", "sgd", False),
    ],
)
