"""Faults in the structure of the network by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"

LATER_NETWORK = kinds(
    "network",
    [
        ("arg max before the loss", "model.fault=arg_max", "layers_detached output_bounded", ANY, False),
        (
            "one number for ten classes",
            "model.fault=one_number",
            "too_narrow output_bounded output_badly_scaled",
            ANY,
            False,
        ),
        (
            "dropout 0.95 on the logits",
            "model.fault=dropout_on_logits model.amount=0.95",
            "dropout_too_strong",
            ANY,
            False,
        ),
        (
            "all frozen after 8 batches",
            "model.fault=stopped_after model.amount=8",
            "layers_frozen layers_detached too_few_steps",
            ANY,
            False,
        ),
        (
            "a layer made in forward()",
            "model.fault=made_anew",
            "layers_frozen input_ignored network_unsuitable",
            ANY,
            False,
        ),
        (
            "variance for deviation in evaluation",
            "model.fault=variance_as_deviation",
            "evaluation_differs",
            "norm",
            False,
        ),
        (
            "the centre, enlarged, in evaluation",
            "model.fault=centre_enlarged",
            "evaluation_differs test_unlike_training",
            ANY,
            False,
        ),
        (
            "Gaussian dropout with deviation 30",
            "model.fault=gaussian_dropout model.amount=30",
            "dropout_too_strong",
            ANY,
            False,
        ),
        (
            "softmax over positions",
            "model.fault=softmax_over_positions",
            "activation_unsuitable layer_out_of_scale input_ignored",
            ANY,
            False,
        ),
        (
            "a threshold above every pixel",
            "model.fault=images_thresholded model.amount=5",
            "input_ignored images_constant",
            ANY,
            False,
        ),
        (
            "position codes x100",
            "model.fault=position_codes model.amount=100",
            "images_not_standardized layer_out_of_scale input_ignored",
            ANY,
            False,
        ),
        ("softplus, deep", "model.activation=softplus init=xavier", "activation_unsuitable too_deep", "deep", True),
        (
            "sigmoid in a shallow network, SGD",
            "model.activation=sigmoid init=torch_default",
            "activation_unsuitable learning_rate_too_small weights_too_small",
            "hidden plain sgd",
            True,
        ),
        (
            "1 x 1 kernels and an average",
            "model.kernel_size=1 model.head=average",
            "too_narrow network_unsuitable",
            "hidden",
            True,
        ),
        (
            "three blocks with sum pooling",
            "model.channels=[8,16,16] model.pool=sum",
            "layer_out_of_scale output_badly_scaled",
            "hidden plain relu",
            True,
        ),
    ],
)
