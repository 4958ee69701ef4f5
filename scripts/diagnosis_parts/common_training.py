"""Faults in weights, training and number format, after what is published of faults in real programs: Humbatova et al.
2020 (arXiv:1910.11015), Islam et al. 2019, Zhang et al. 2018, DeepCrime, AUTOTRAINER, UMLAUT, Karpathy's recipe and
what is asked in forums."""

from diagnosis_parts.fault import kinds

ALL = "own|shortcut"

COMMON_INITIALIZATION = kinds(
    "initialization",
    [
        ("every weight is 0.02", "init=constant init.val=0.02", "weights_equal", "own", True),
        ("every weight is one", "init=constant init.val=1", "weights_equal weights_too_large", "own", True),
        ("weights from torch.rand", "init=uniform init.a=0 init.b=1", "weights_too_large", "own plain", True),
        ("weights N(0, 0.7^2) in all layers", "init=normal init.std=0.7", "weights_too_large", "own plain", True),
        ("weights N(0, 0.0004^2)", "init=normal init.std=0.0004", "weights_too_small", "own", True),
        (
            "a transformer's std of 0.02 in ten plain layers",
            "init=truncated_normal init.std=0.02",
            "weights_too_small",
            "deep",
            True,
        ),
        ("the variance taken for the std", "init=once_variance_as_std", "weights_too_small", "own plain", True),
        ("fan-in without the channels", "init=once_fan_without_channels", "weights_too_large", "own plain", True),
        ("one random filter for a whole layer", "init=once_one_filter", "weights_equal", ALL, True),
        ("biases of -2 in all layers", "init.bias=-2", "biases_unsuitable", "own plain relu", True),
        (
            "biases drawn as wide as 6",
            "model.fault=wide_biases model.amount=6 init=own",
            "biases_unsuitable",
            "own plain",
            True,
        ),
        (
            "every norm's scale starts at zero",
            "model.fault=norms_at_zero init=own",
            "weights_too_small weights_equal input_ignored",
            "norm",
            False,
        ),
        (
            "PyTorch's weights in eighteen layers",
            "init=torch_default model.convs_per_block=[1,1,16]",
            "weights_too_small too_deep",
            "deep",
            True,
        ),
    ],
)

COMMON_ONE_LAYER = kinds(
    "one layer",
    [
        (
            "the classifier from torch.randn times 3",
            "model.fault=classifier_from_randn model.amount=3 init=own",
            "layer_out_of_scale output_badly_scaled weights_too_large",
            "own|shortcut",
            True,
        ),
        (
            "the second convolution starts at zero",
            "model.fault=second_starts_at_zero init=own",
            "layer_out_of_scale weights_too_small weights_equal",
            "own plain",
            True,
        ),
        (
            "the hidden layer from normal_ as it is",
            "model.fault=hidden_from_normal model.amount=1 init=own",
            "layer_out_of_scale weights_too_large",
            "hidden colour|adamw",
            True,
        ),
        (
            "fully connected layers filled with 0.01",
            "model.fault=classifier_filled model.amount=0.01 init=own",
            "weights_equal",
            "hidden",
            True,
        ),
        (
            "the second layer switched off by its biases",
            "model.fault=second_switched_off model.amount=15 init=own",
            "biases_unsuitable",
            "own plain",
            True,
        ),
        (
            "features divided by their number",
            "model.fault=mean_of_features",
            "layer_out_of_scale output_badly_scaled",
            "sgd",
            False,
        ),
        (
            "a layer scale of 0.0001 without a shortcut",
            "model.fault=branch_scaled_down model.amount=0.0001",
            "layer_out_of_scale",
            "plain",
            False,
        ),
        (
            "dropout of 0.95 behind the first block",
            "model.fault=dropout_behind_first model.amount=0.95",
            "dropout_too_strong",
            ALL,
            False,
        ),
        ("a bottleneck of one channel", "model.fault=one_channel_wide", "too_narrow", "colour|deep|shortcut", False),
    ],
)

COMMON_OPTIMIZER = kinds(
    "optimizer",
    [
        ("learning rate 60 times what suits", "optimizer.lr=*60", "learning_rate_too_large", ALL, True),
        ("learning rate of a last fine-tuning", "optimizer.lr=*0.003", "learning_rate_too_small", ALL, True),
        (
            "AdamW at a constant rate of 0.1",
            "optimizer=adamw optimizer.lr=0.1 scheduler=constant",
            "learning_rate_too_large",
            "own",
            True,
        ),
        (
            "plain SGD at Adam's 3e-4",
            "optimizer=sgd optimizer.lr=0.0003 optimizer.momentum=0 optimizer.nesterov=false",
            "learning_rate_too_small",
            ALL,
            True,
        ),
        ("Adadelta at Adam's 0.001", "optimizer=once_adadelta", "learning_rate_too_small", ALL, True),
        ("momentum of 0.997", "optimizer.momentum=0.997", "momentum_too_large", "sgd", True),
        ("Adam's epsilon at one", "optimizer=once_adam_eps", "epsilon_too_large", ALL, True),
        ("weight decay of 0.5 in SGD", "optimizer.weight_decay=0.5", "weight_decay_too_strong", "sgd", True),
        ("Adam with decay of 0.3 as L2", "optimizer=once_adam_l2", "weight_decay_too_strong", ALL, True),
        ("gradients clipped to a norm of 0.002", "trainer.clip=0.002", "clip_too_small", "sgd", True),
        (
            "zero_grad is missing in the loop",
            "optimizer=once_zero_grad_forgotten optimizer.lr=*1",
            "gradients_accumulated",
            "sgd",
            True,
        ),
        (
            "zero_grad before each epoch only",
            "optimizer=once_zero_grad_per_epoch",
            "gradients_accumulated",
            "adamw",
            True,
        ),
        (
            "the loss summed, the rate for the mean",
            "optimizer=once_summed_loss optimizer.lr=*1",
            "learning_rate_too_large",
            "sgd",
            True,
        ),
        (
            "the mean loss divided by the batch size",
            "optimizer=once_averaged_twice optimizer.lr=*0.5",
            "learning_rate_too_small",
            "sgd",
            True,
        ),
        (
            "the loss with its sign reversed",
            "optimizer=once_ascent optimizer.lr=*1",
            "update_reversed",
            "sgd",
            True,
        ),
        (
            "the optimizer holds the former network",
            "optimizer=once_former_network",
            "layers_frozen",
            ALL,
            True,
        ),
        (
            "the optimizer gets the classifier alone",
            "optimizer=once_classifier_only",
            "layers_frozen",
            "deep|colour|shortcut",
            True,
        ),
        (
            "ExponentialLR stepped per batch",
            "scheduler=once_exponential",
            "schedule_unsuitable learning_rate_too_small",
            ALL,
            True,
        ),
        (
            "a warm-up of 10,000 steps",
            "scheduler=once_long_warmup",
            "schedule_unsuitable learning_rate_too_small",
            ALL,
            True,
        ),
        (
            "OneCycleLR with a max_lr of one",
            "scheduler=once_own_peak",
            "learning_rate_too_large schedule_unsuitable",
            ALL,
            True,
        ),
        ("label smoothing of 0.95", "trainer.label_smoothing=0.95", "label_smoothing_too_strong", ALL, True),
        ("stopped after nine steps", "trainer.max_steps=9", "too_few_steps", ALL, True),
        (
            "batches of 1,024 for three epochs",
            "trainer.batch_size=1024 trainer.max_steps=null trainer.epochs=3",
            "too_few_steps batch_unsuitable",
            ALL,
            True,
        ),
        ("batches of three images", "trainer.batch_size=3", "batch_unsuitable", "norm|sgd", True),
    ],
)

COMMON_NUMBER_FORMAT = kinds(
    "number format",
    [
        (
            "weights in int8 without a master copy",
            "optimizer=once_bytes optimizer.lr=*0.2",
            "precision_too_low",
            "sgd",
            True,
        ),
        (
            "ten layers in bfloat16, small updates lost",
            "optimizer=once_bfloat16 optimizer.lr=0.02",
            "precision_too_low",
            "deep",
            True,
        ),
        (
            "Adam on a half() model",
            "optimizer=once_half_adam",
            "precision_too_low",
            ALL,
            True,
        ),
        (
            "activations quantized in steps of 6",
            "model.fault=quantized model.amount=6",
            "precision_too_low",
            "colour|deep|shortcut",
            False,
        ),
        (
            "scaled gradients never unscaled",
            "optimizer=once_unscaled optimizer.lr=*1",
            "learning_rate_too_large",
            "sgd",
            True,
        ),
        (
            "clipped before unscale_",
            "optimizer=once_clipped_while_scaled optimizer.lr=*1",
            "clip_too_small",
            "sgd",
            True,
        ),
    ],
)
