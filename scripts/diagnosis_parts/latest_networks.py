"""Faults in the structure of the network by somebody who had not seen the rules."""

from diagnosis_parts.fault import kinds

ANY = "own|shortcut"
FOURTEEN = ",".join(["5"] * 14)

LATEST_NETWORK = kinds(
    "network",
    [
        (
            "fourteen layers of five units",
            f"model.head=[{FOURTEEN}]",
            "too_deep too_narrow",
            "hidden plain relu",
            True,
        ),
        (
            "two channels before an average",
            "model.channels=[16,2] model.head=average",
            "too_narrow",
            "hidden",
            True,
        ),
        (
            "kernels smaller than their stride",
            "model.kernel_size=1 model.stride=4 model.convs_per_block=1 model.pool=none",
            "input_ignored too_narrow network_unsuitable",
            "hidden plain",
            True,
        ),
        (
            "sigmoids and an average",
            "model.activation=sigmoid model.head=average",
            "activation_unsuitable too_narrow learning_rate_too_small",
            "hidden plain",
            True,
        ),
        (
            "dropout 0.85 in a short run",
            "model.dropout=0.85 trainer.max_steps=50",
            "dropout_too_strong too_few_steps",
            "hidden|shortcut",
            False,
        ),
        *(
            (name, f"model.fault={fault} model.amount={amount:g}", causes, where, False)
            for name, fault, amount, causes, where in (
                (
                    "a dropout mask drawn once",
                    "mask_drawn_once",
                    0.9,
                    "evaluation_differs dropout_too_strong",
                    ANY,
                ),
                (
                    "mean over quarter turns in evaluation",
                    "turned_in_evaluation",
                    1,
                    "evaluation_differs test_unlike_training",
                    ANY,
                ),
                ("no activations in evaluation", "linear_in_evaluation", 1, "evaluation_differs", ANY),
                (
                    "an untrained head in evaluation",
                    "another_head_in_evaluation",
                    1,
                    "evaluation_differs layers_frozen",
                    ANY,
                ),
                (
                    "attention over the batch",
                    "attention_over_batch",
                    1,
                    "input_ignored network_unsuitable labels_unrelated",
                    ANY,
                ),
                (
                    "features sorted by size",
                    "features_sorted",
                    1,
                    "network_unsuitable input_ignored too_narrow",
                    ANY,
                ),
                (
                    "straight-through the wrong way round",
                    "straight_through_reversed",
                    1,
                    "layers_detached layers_frozen",
                    ANY,
                ),
                (
                    "the smallest of 7 x 7 behind a ReLU",
                    "smallest_of_window",
                    3,
                    "network_unsuitable layer_out_of_scale input_ignored",
                    "plain relu",
                ),
                (
                    "three classes masked",
                    "classes_masked",
                    3,
                    "output_badly_scaled output_bounded biases_unsuitable",
                    ANY,
                ),
                (
                    "images of the batch before",
                    "batch_before",
                    1,
                    "labels_unrelated input_ignored network_unsuitable",
                    ANY,
                ),
                (
                    "a mask that keeps the background",
                    "background_kept",
                    1,
                    "input_ignored images_constant",
                    ANY,
                ),
                ("a codebook of two", "two_codes", 1, "too_narrow network_unsuitable", ANY),
            )
        ),
    ],
)
