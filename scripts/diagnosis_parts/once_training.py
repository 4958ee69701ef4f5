"""Faults of initialization, of one layer, of training and of number format, by somebody who had not seen the rules.

Drawn from what is published of faults in practice: Humbatova et al. 2020 (arXiv:1910.11015), Islam et al. 2019
(arXiv:1906.01388), Zhang et al. 2018, AUTOTRAINER (Zhang et al. 2021), DeepCrime's operators (Humbatova et al. 2021),
DeepLocalize (Wardat et al. 2021), UMLAUT (Schoop et al. 2021), Karpathy's recipe, and questions in PyTorch's forum."""

from diagnosis_parts.fault import kinds

ANY, PLAIN = "own|shortcut", "plain own"

ONCE_INITIALIZATION = kinds(
    "initialization",
    [
        ("each weight 0.07", "init=constant init.val=0.07", "weights_equal", "own", True),
        (
            "zero weights, biases slightly positive",
            "init=zeros init.bias=0.01",
            "weights_equal weights_too_small",
            ANY,
            True,
        ),
        (
            "randn without a factor, cut off at two deviations",
            "init=truncated_normal init.std=1.1",
            "weights_too_large",
            PLAIN,
            True,
        ),
        ("a fixed deviation of 0.002", "init=normal init.std=0.002", "weights_too_small", PLAIN, True),
        (
            "rand in place of randn",
            "init=practice_halves",
            "weights_too_large weights_unsuitable",
            PLAIN,
            True,
        ),
        ("He's variance taken as deviation", "init=practice_variance_as_std", "weights_too_small", PLAIN, True),
        ("the kernel's area as fan-in", "init=practice_fan_of_kernel", "weights_too_large", PLAIN, True),
        ("the seed set before each filter", "init=practice_seeded_filters", "weights_equal", ANY, True),
        ("all biases strongly negative", "init=he init.bias=-4", "biases_unsuitable", "relu plain own", True),
        (
            "zeroed with the biases: batch norm's weights",
            "model.fault=one_dimensional_zeroed init=own",
            "weights_too_small weights_unsuitable layer_out_of_scale",
            "norm",
            False,
        ),
        (
            "pruned before training",
            "model.fault=pruned model.amount=0.03 init=own",
            "weights_too_small weights_unsuitable",
            PLAIN,
            False,
        ),
    ],
)

ONCE_ONE_LAYER = kinds(
    "one layer",
    [
        (
            "fully connected layers of normal_'s default",
            "model.fault=head_of_unit_normal init=own",
            "layer_out_of_scale output_badly_scaled weights_too_large",
            "hidden",
            False,
        ),
        (
            "logits' weights from int8 without a factor",
            "model.fault=logits_in_integers init=own",
            "layer_out_of_scale output_badly_scaled weights_too_large",
            PLAIN,
            False,
        ),
        (
            "first convolution multiplied by 255",
            "model.fault=first_for_small_pixels init=own",
            "layer_out_of_scale weights_too_large",
            "relu plain own",
            False,
        ),
        (
            "middle layer of another scale",
            "model.fault=middle_multiplied model.amount=60 init=own",
            "layer_out_of_scale weights_too_large",
            PLAIN,
            False,
        ),
        (
            "middle layer still zero",
            "model.fault=middle_zeroed init=own",
            "layer_out_of_scale weights_equal weights_too_small",
            PLAIN,
            False,
        ),
        (
            "middle layer's biases at -25",
            "model.fault=middle_biased model.amount=-25 init=own",
            "biases_unsuitable",
            PLAIN,
            False,
        ),
        (
            "logits' bias of another task",
            "model.fault=first_class_preferred model.amount=60 init=own",
            "biases_unsuitable output_badly_scaled",
            "sgd",
            False,
        ),
    ],
)

ONCE_OPTIMIZER = kinds(
    "optimizer",
    [
        ("SGD at 40 times its rate", "optimizer.lr=*40", "learning_rate_too_large", "sgd", True),
        ("Adam at Adadelta's rate", "optimizer=adamw optimizer.lr=1", "learning_rate_too_large", ANY, True),
        ("a rate for fine-tuning", "optimizer.lr=0.00001", "learning_rate_too_small", "adamw", True),
        ("weight decay of 0.2", "optimizer.weight_decay=0.2", "weight_decay_too_strong", "sgd", True),
        (
            "L2 penalty of 0.3 in Adam's gradient",
            "optimizer=practice_adam_l2 optimizer.lr=*1 optimizer.weight_decay=0.3",
            "weight_decay_too_strong",
            "adamw",
            True,
        ),
        ("gradient norm clipped at 0.0015", "trainer.clip=0.0015", "clip_too_small", "sgd", True),
        ("StepLR called for each batch", "scheduler=practice_steps_in_epochs", "schedule_unsuitable", ANY, True),
        (
            "warm-up longer than the training",
            "scheduler=practice_long_warmup scheduler.until=20000",
            "schedule_unsuitable learning_rate_too_small",
            ANY,
            True,
        ),
        (
            "LambdaLR with the rate as factor",
            "scheduler=practice_rate_as_factor",
            "schedule_unsuitable learning_rate_too_small",
            ANY,
            True,
        ),
        (
            "a cycle with a max_lr of its own",
            "scheduler=practice_own_peak",
            "schedule_unsuitable learning_rate_too_large",
            ANY,
            True,
        ),
        ("momentum of 0.996", "optimizer.momentum=0.996", "momentum_too_large", "sgd", True),
        ("both betas at 0.999", "optimizer.betas=[0.999,0.999]", "momentum_too_large", "adamw", True),
        (
            "zero_grad forgotten",
            "optimizer=practice_never_zeroed optimizer.lr=*1",
            "gradients_accumulated",
            "sgd",
            True,
        ),
        (
            "a step after the loop over batches",
            "optimizer=practice_once_an_epoch optimizer.lr=*1",
            "gradients_accumulated too_few_steps",
            "sgd",
            True,
        ),
        ("gradient added by hand", "optimizer=practice_adds_gradient optimizer.lr=*1", "update_reversed", "sgd", True),
        (
            "loss summed over images",
            "optimizer=practice_scaled optimizer.lr=*1 optimizer.factor=64",
            "learning_rate_too_large",
            "sgd",
            True,
        ),
        (
            "loss divided by the images again",
            "optimizer=practice_scaled optimizer.lr=*1 optimizer.factor=0.002",
            "learning_rate_too_small",
            "sgd",
            True,
        ),
        (
            "optimizer of a replaced network",
            "optimizer=practice_old_copy optimizer.lr=*1",
            "layers_frozen",
            "adamw",
            True,
        ),
        (
            "optimizer of the last layer's weights",
            "optimizer=practice_last_layer optimizer.lr=*1",
            "layers_frozen",
            "adamw",
            True,
        ),
        (
            "four images in a batch",
            "trainer.batch_size=4",
            "batch_unsuitable too_few_steps",
            "colour|deep|shortcut",
            True,
        ),
        (
            "all images in one batch, eight epochs",
            "trainer.batch_size=3600 trainer.max_steps=null trainer.epochs=8",
            "batch_unsuitable too_few_steps",
            ANY,
            True,
        ),
        ("stopped after a dozen batches", "trainer.max_steps=12", "too_few_steps", ANY, True),
    ],
)

ONCE_NUMBER_FORMAT = kinds(
    "number format",
    [
        (
            "weights kept in 8 bits",
            "optimizer=practice_eight_bit_weights optimizer.lr=*1",
            "precision_too_low",
            "sgd",
            True,
        ),
        (
            "fp16 under a fixed loss scale",
            "optimizer=practice_fixed_loss_scale optimizer.lr=*1",
            "precision_too_low",
            "sgd",
            True,
        ),
        ("Adam wholly in fp16", "optimizer=practice_half_adam optimizer.lr=*1", "precision_too_low", "adamw", True),
        (
            "activations as whole numbers",
            "model.fault=whole_activations model.amount=3",
            "precision_too_low",
            ANY,
            False,
        ),
        (
            "squares of bytes in fp16",
            "model.fault=squares_in_half model.amount=60",
            "precision_too_low input_ignored",
            ANY,
            False,
        ),
    ],
)
