"""Faults in how a network is put together, and in what of it reaches the loss; sources as in common_training.py."""

from diagnosis_parts.fault import kinds

ALL = "own|shortcut"

COMMON_NETWORK = kinds(
    "network",
    [
        ("probabilities given to the loss", "model.fault=probabilities", "output_bounded", ALL, False),
        ("dim=0 in the softmax", "model.fault=softmax_with_dim_0", "output_bounded", ALL, False),
        ("the last layer has its ReLU, too", "model.fault=rectified_logits", "output_bounded", ALL, False),
        ("a temperature of 500", "model.fault=hot model.amount=500", "output_badly_scaled", ALL, False),
        (
            "logits wrapped in a new Variable",
            "model.fault=wrapped_anew",
            "layers_detached",
            ALL,
            False,
        ),
        ("features under no_grad", "model.fault=body_without_grad", "layers_detached", "deep|colour|shortcut", False),
        (
            "features compared with a threshold",
            "model.fault=thresholded model.amount=0",
            "layers_detached activation_unsuitable",
            ALL,
            False,
        ),
        (
            "a body frozen without pretraining",
            "model.fault=body_frozen",
            "layers_frozen",
            "deep|colour|shortcut",
            False,
        ),
        ("convolutions kept in a list", "model.fault=in_a_list model.amount=2", "layers_frozen", ALL, False),
        ("softmax as hidden activation", "model.fault=hidden_softmax", "activation_unsuitable", ALL, False),
        ("sigmoid in every layer", "model.activation=sigmoid", "activation_unsuitable", "own plain", True),
        ("kernels of one pixel", "model.kernel_size=1", "network_unsuitable", "deep", True),
        ("thirty-six plain convolutions", "model.convs_per_block=[1,1,34]", "too_deep", "deep", True),
        ("two hidden units", "model.head=[2]", "too_narrow", "hidden", True),
        ("dropout of 0.96", "model.dropout=0.96", "dropout_too_strong", "hidden|shortcut", True),
        (
            "functional dropout, on in evaluation",
            "model.fault=functional_dropout model.amount=0.85",
            "evaluation_differs dropout_too_strong",
            ALL,
            False,
        ),
        (
            "batch norm's momentum is 0.0005",
            "model.fault=slow_norms model.amount=0.0005",
            "evaluation_differs",
            "norm",
            False,
        ),
        (
            "scaled once more in evaluation",
            "model.fault=scaled_in_evaluation",
            "evaluation_differs test_unlike_training",
            ALL,
            False,
        ),
        (
            "reshaped across the batch",
            "model.fault=batch_last",
            "network_unsuitable input_ignored",
            ALL,
            False,
        ),
        (
            "instance norm before the average",
            "model.fault=normalized_then_averaged",
            "input_ignored",
            "deep|shortcut",
            False,
        ),
        ("the mask of bad pixels inverted", "model.fault=mask_inverted", "input_ignored images_constant", ALL, False),
    ],
)
