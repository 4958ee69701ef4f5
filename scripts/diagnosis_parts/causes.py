"""The causes of `diagnosis/<finding>/cause` in results.json, each with words of which a refusal (an InputError before
the run) must use one in order to name it."""

CAUSES: dict[str, tuple[str, ...]] = {
    "images_not_finite": ("nan", "infin"),
    "images_not_standardized": ("standardized", "normalized", "mean"),
    "images_constant": ("constant", "black", "same"),
    "images_repeated": ("repeat", "distinct"),
    "channels_constant": ("channel",),
    "augmentation_too_strong": ("augmentation",),
    "labels_unrelated": ("label",),
    "labels_noisy": ("label",),
    "labels_unbalanced": ("class", "balance"),
    "classes_absent": ("class",),
    "test_unlike_training": ("test",),
    "weights_too_small": ("weights",),
    "weights_too_large": ("weights",),
    "weights_equal": ("weights", "equal"),
    "biases_unsuitable": ("bias",),
    "layer_out_of_scale": ("layer",),
    "output_bounded": ("softmax", "sigmoid", "bounded"),
    "output_badly_scaled": ("logits", "output"),
    "layers_frozen": ("frozen", "train", "parameter"),
    "layers_detached": ("detach", "gradient", "require"),
    "too_deep": ("deep", "depth"),
    "dropout_too_strong": ("dropout",),
    "too_narrow": ("narrow", "channels", "units"),
    "evaluation_differs": ("evaluation",),
    "input_ignored": ("input", "ignore", "image"),
    "activation_unsuitable": ("activation",),
    "learning_rate_too_large": ("lr", "rate"),
    "learning_rate_too_small": ("lr", "rate"),
    "weight_decay_too_strong": ("decay",),
    "clip_too_small": ("clip",),
    "momentum_too_large": ("momentum", "beta"),
    "epsilon_too_large": ("eps",),
    "update_reversed": ("maximize", "sign"),
    "label_smoothing_too_strong": ("smoothing",),
    "schedule_unsuitable": ("schedule",),
    "too_few_steps": ("steps",),
    "batch_unsuitable": ("batch",),
    "gradients_accumulated": ("zero_grad", "accumul"),
    "training_unsuitable": ("optimizer", "schedule"),
    "weights_unsuitable": ("weights",),
    "network_unsuitable": ("network", "layer"),
    "precision_too_low": ("precision", "fp16", "bf16", "float"),
}


def names_cause(message: str, causes: tuple[str, ...]) -> bool:
    """Whether a refusal names one of these causes."""
    return any(word in message.lower() for cause in causes for word in CAUSES[cause])
