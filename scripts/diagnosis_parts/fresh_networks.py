"""Faults in the structure of the network that were written after the first rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"

FRESH_NETWORK = kinds(
    "network",
    [
        (
            "log-softmax with temperature 1000",
            "model.fault=log_softmax_cooled model.amount=1000",
            "output_badly_scaled",
            ANY,
            False,
        ),
        (
            "log-softmax over the batch",
            "model.fault=log_softmax_over_batch",
            "output_bounded output_badly_scaled evaluation_differs",
            ANY,
            False,
        ),
        ("exp() before the loss", "model.fault=exponential", "output_bounded output_badly_scaled", ANY, False),
        (
            "logits sorted",
            "model.fault=logits_sorted",
            "labels_unrelated input_ignored output_bounded network_unsuitable",
            ANY,
            False,
        ),
        ("all convolutions frozen", "model.fault=frozen_convolutions", "layers_frozen", ANY, False),
        ("all weights frozen", "model.fault=frozen_weights", "layers_frozen", ANY, False),
        ("signs between two blocks", "model.fault=sign_between", "layers_detached activation_unsuitable", ANY, False),
        ("dropout 0.97 as if kept", "model.dropout=0.97", "dropout_too_strong", ANY, True),
        (
            "dropout 0.97 on the images",
            "model.fault=dropout_on_images model.amount=0.97",
            "dropout_too_strong augmentation_too_strong",
            ANY,
            False,
        ),
        (
            "dropout 0.95 of channels",
            "model.fault=dropout_of_channels model.amount=0.95",
            "dropout_too_strong",
            ANY,
            False,
        ),
        (
            "epsilon 10,000 of the norms",
            "model.fault=norms_epsilon model.amount=10000",
            "epsilon_too_large layer_out_of_scale",
            "norm",
            False,
        ),
        (
            "running statistics hardly move",
            "model.fault=norms_momentum model.amount=0.0005",
            "evaluation_differs",
            "norm",
            False,
        ),
        (
            "noise on images in evaluation",
            "model.fault=noise_in_evaluation model.amount=10",
            "evaluation_differs test_unlike_training",
            ANY,
            False,
        ),
        ("mean over the channels", "model.fault=mean_over_channels", "too_narrow", ANY, False),
        (
            "sine of 100 x between blocks",
            "model.fault=sine_between model.amount=100",
            "activation_unsuitable",
            ANY,
            False,
        ),
        (
            "threshold 20 between two blocks",
            "model.fault=threshold_between model.amount=20",
            "activation_unsuitable layer_out_of_scale",
            ANY,
            False,
        ),
        ("no activation at all", "model.activation=none", "activation_unsuitable", "plain own", True),
        (
            "28 layers with leaky ReLU, Xavier",
            "model.convs_per_block=14 model.activation=leaky_relu init=xavier",
            "too_deep weights_too_small",
            "plain hidden grey",
            True,
        ),
        ("one unit between two of 64", "model.head=[64,1,64]", "too_narrow", "hidden", True),
        ("only a corner is seen", "model.fault=corner model.amount=2", "input_ignored too_narrow", ANY, False),
    ],
)
