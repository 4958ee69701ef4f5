"""Faults of how the network is put together, and of what it returns, by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"

ONCE_NETWORK = kinds(
    "network",
    [
        ("softmax twice", "model.fault=ends_in_probabilities", "output_bounded", ANY, False),
        (
            "softmax over dim 0",
            "model.fault=probabilities_over_batch",
            "output_bounded input_ignored",
            ANY,
            False,
        ),
        ("a sigmoid per class", "model.fault=ends_in_sigmoid", "output_bounded", "sgd|deep", False),
        ("an activation after the last layer", "model.fault=ends_in_relu", "output_bounded", ANY, False),
        (
            "temperature of a contrastive loss",
            "model.fault=over_temperature model.amount=100",
            "output_badly_scaled",
            ANY,
            False,
        ),
        ("keep probability given as dropout", "model.dropout=0.92", "dropout_too_strong", "hidden|shortcut", True),
        (
            "whole maps dropped after each block",
            "model.fault=dropped_maps model.amount=0.75",
            "dropout_too_strong",
            ANY,
            False,
        ),
        (
            "functional dropout in the test",
            "model.fault=dropout_without_self_training model.amount=0.7",
            "evaluation_differs dropout_too_strong",
            ANY,
            False,
        ),
        (
            "sigmoids throughout",
            "model.activation=sigmoid init=xavier_normal",
            "activation_unsuitable",
            "relu own",
            True,
        ),
        ("softmax in hidden layers", "model.fault=softmax_inside", "activation_unsuitable", ANY, False),
        ("thirty layers without shortcuts", "model.convs_per_block=[1,1,28]", "too_deep", "deep", True),
        ("a last hidden layer of two units", "model.head=[64,2]", "too_narrow", "hidden", True),
        ("one channel between two halves", "model.fault=one_channel_between", "too_narrow", ANY, False),
        (
            "no_grad around the features",
            "model.fault=features_without_gradient",
            "layers_detached layers_frozen",
            "deep|colour|shortcut",
            False,
        ),
        (
            "frozen but never pretrained",
            "model.fault=frozen_but_logits",
            "layers_frozen",
            "deep|colour|shortcut",
            False,
        ),
        (
            "blocks in a Python list",
            "model.fault=blocks_in_python_list",
            "layers_frozen",
            "deep|colour|shortcut",
            False,
        ),
        ("view in place of permute", "model.fault=images_mixed_by_view", "input_ignored", ANY, False),
        ("mean over the images", "model.fault=averaged_over_batch", "input_ignored", ANY, False),
        (
            "global average after the first block",
            "model.fault=averaged_too_early",
            "network_unsuitable too_narrow",
            ANY,
            False,
        ),
        (
            "batch norm's momentum from another library",
            "model.fault=slow_running_statistics model.amount=0.001",
            "evaluation_differs",
            "norm",
            False,
        ),
        (
            "images standardized in training alone",
            "model.fault=standardizes_in_training model.amount=60",
            "evaluation_differs test_unlike_training",
            ANY,
            False,
        ),
        (
            "a slow average of the weights tested",
            "model.fault=evaluates_slow_average model.amount=0.9995",
            "evaluation_differs",
            ANY,
            False,
        ),
    ],
)
