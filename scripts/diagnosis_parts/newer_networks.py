"""Faults in the structure of the network by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
SIXTEEN = ",".join(["64"] * 16)

NEWER_NETWORK = kinds(
    "network",
    [
        (
            "a stride of 8 in the first block",
            "model.stride=[8,1] model.kernel_size=[3,1] model.convs_per_block=1 model.pool=none",
            "too_narrow input_ignored",
            "hidden grey",
            True,
        ),
        (
            "16 fully connected layers, torch's default",
            f"model.head=[{SIXTEEN}] init=torch_default",
            "too_deep weights_too_small",
            "hidden plain",
            True,
        ),
        (
            "dropout 0.8 before each of five layers",
            "model.dropout=0.8 model.head=[64,64,64,64]",
            "dropout_too_strong",
            "hidden",
            True,
        ),
        (
            "40 layers with batch norm",
            "model.norm=batch model.convs_per_block=[1,1,38]",
            "too_deep",
            "deep",
            True,
        ),
        (
            "a linear network",
            "model=linear",
            "activation_unsuitable too_narrow network_unsuitable",
            "hidden colour",
            True,
        ),
        (
            "dropout on four units",
            "model.head=[4] model.dropout=0.5",
            "too_narrow dropout_too_strong",
            "hidden",
            True,
        ),
        (
            "one convolution and an average",
            "model.channels=[8] model.kernel_size=3 model.convs_per_block=1 model.pool=none model.head=average",
            "too_narrow network_unsuitable",
            "hidden",
            True,
        ),
        (
            "activation after each eighth convolution",
            "model.activate=last",
            "activation_unsuitable weights_too_large",
            "deep",
            True,
        ),
        (
            "a network as of 1990",
            "model.activation=sigmoid init=uniform optimizer.momentum=0 optimizer.nesterov=false",
            "activation_unsuitable learning_rate_too_small weights_too_small",
            "hidden plain sgd",
            False,
        ),
        (
            "square root of a map with zeros",
            "model.fault=square_root",
            "activation_unsuitable layer_out_of_scale",
            ANY,
            False,
        ),
        (
            "20 layers that are one",
            "model.fault=one_layer_often model.amount=20",
            "too_deep layer_out_of_scale",
            ANY,
            False,
        ),
        (
            "probabilities at least 0.3",
            "model.fault=probabilities_clamped model.amount=0.3",
            "output_bounded layers_detached",
            ANY,
            False,
        ),
        (
            "batch norm over single images in training",
            "model.fault=norm_of_each_image",
            "evaluation_differs batch_unsuitable",
            "norm",
            False,
        ),
        (
            "mean over the images in evaluation",
            "model.fault=mean_over_batch_in_evaluation",
            "evaluation_differs input_ignored",
            ANY,
            False,
        ),
        (
            "average of the weights in evaluation",
            "model.fault=averaged_in_evaluation model.amount=0.9999",
            "evaluation_differs",
            ANY,
            False,
        ),
        (
            "layers in a Python list",
            "model.fault=layers_in_a_list model.amount=8",
            "layers_frozen layer_out_of_scale weights_too_small",
            ANY,
            False,
        ),
        (
            "adapters with two factors of 0",
            "model.fault=adapters_of_zeros model.amount=4",
            "layers_frozen weights_equal",
            ANY,
            False,
        ),
    ],
)
