"""Overrides that fit the run."""

import pytest

from cnnlab.diagnosis import Context, Remedy, remedies

CONTEXT = Context(classes=10, largest_class_share=0.1, learning_rate=0.1)


def _context(**changed) -> Context:
    return Context(**(CONTEXT.__dict__ | changed))


@pytest.mark.parametrize(
    ("lr", "factor", "typed"), [(0.1, 0.1, "0.01"), (0.05, 0.1, "0.005"), (0.03, 0.1, "0.002"), (2, 0.01, "0.02")]
)
def test_learning_rates_are_round(lr, factor, typed):
    remedy = remedies.learning_rate(_context(learning_rate=lr), factor)
    assert remedy.override == f"optimizer.lr={typed}" or remedy.value == pytest.approx(lr * factor, rel=0.6)


@pytest.mark.parametrize(
    ("suited", "initializer", "keeps"),
    [
        ("he", "normal", False),
        ("he", "torch_default", False),
        ("he", "he_uniform", True),
        ("he", "orthogonal", True),
        ("xavier", "xavier_normal", True),
        ("xavier", "he", False),
        (None, None, False),
    ],
)
def test_an_initializer_that_suits_the_activation_is_known(suited, initializer, keeps):
    assert remedies.keeps(_context(suited=suited, initializer=initializer)) == keeps


@pytest.mark.parametrize(("rate", "typed"), [(0.013, "0.01"), (0.00017, "0.0002"), (0.9, "1"), (3e-7, "2e-07")])
def test_a_rate_is_rounded_on_a_log_scale(rate, typed):
    assert remedies.rate(rate).override == f"optimizer.lr={typed}"


def test_what_is_not_known_is_not_guessed():
    assert remedies.initializer(Context()) == Remedy("init", "lsuv")
    assert remedies.learning_rate(Context(), 0.1) == Remedy("optimizer.lr", factor=0.1)


def test_of_several_rates_a_run_sets_one_and_all_groups_keep_their_ratio():
    slower = _context(slower=("01_conv",), settings={"optimizer.lr": 0.1})
    assert remedies.learning_rate(slower, 10).override == "optimizer.lr=1" and slower.at_lower_rates == ()
    by_hand = remedies.learning_rate(_context(slower=("01_conv",)), 10)
    assert by_hand == Remedy("optimizer.lr", factor=10) and not by_hand.typeable


REMEDIES = {
    Remedy("init", "he"): ("init=he", 'cnnlab.initialize(network, "he")'),
    Remedy("init", "lsuv"): ("init=lsuv", 'cnnlab.initialize(network, "lsuv", batch=x)'),
    Remedy("init.bias", 0): ("init.bias=0", "nn.init.constant_(layer.bias, 0) for every layer with weights"),
    Remedy("model.norm", "batch"): ("model.norm=batch", "nn.BatchNorm2d(channels) after every convolution"),
    Remedy("model.activation", "leaky_relu"): ("model.activation=leaky_relu", "F.leaky_relu as the activation"),
    Remedy("model.dropout", 0.5): ("model.dropout=0.5", "nn.Dropout(0.5) before every fully connected layer"),
    Remedy("optimizer.lr", 0.002): (
        "optimizer.lr=0.002",
        'for group in optimizer.param_groups: group["lr"] = 0.002',
    ),
    Remedy("optimizer.lr", factor=0.1): (
        "optimizer.lr times 0.1",
        'for group in optimizer.param_groups: group["lr"] *= 0.1',
    ),
    Remedy("optimizer.weight_decay", 0.005): (
        "optimizer.weight_decay=0.005",
        'for group in optimizer.param_groups: group["weight_decay"] = 0.005',
    ),
    Remedy("optimizer.dampening", 0): (
        "optimizer.dampening=0",
        'for group in optimizer.param_groups: group["dampening"] = 0',
    ),
    Remedy("optimizer", "adamw"): ("optimizer=adamw", "torch.optim.AdamW(network.parameters()) as the optimizer"),
    Remedy("scheduler", "one_cycle"): (
        "scheduler=one_cycle",
        "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps), stepped after every step",
    ),
}


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.override)
def test_a_remedy_is_an_override_and_a_line_of_code(remedy):
    assert (remedy.override, remedy.code) == REMEDIES[remedy]


def test_what_cannot_be_typed_is_said_in_torchs_words():
    remedy = Remedy("model.norm", "batch", exists=False)
    assert remedy.override == remedy.code == "nn.BatchNorm2d(channels) after every convolution"


def test_what_only_an_optimizers_code_can_do_wrong():
    """A command can take another one; in a loop that is written by hand somebody must look."""
    assert remedies.another_optimizer(Context(settings={"optimizer.lr": 0.1}), "look").override == "optimizer=adamw"
    assert remedies.another_optimizer(Context(), "look for a sign").override == "look for a sign"


def test_what_has_to_change_together_is_typed_together():
    both = Remedy("model.activation", "relu", also=Remedy("init", "he"))
    assert both.typeable and both.override == "model.activation=relu init=he"
    assert both.code == 'F.relu as the activation, and cnnlab.initialize(network, "he")'
    assert remedies.by_setting(both.override) == {"model.activation": "relu", "init": "he"}
    assert remedies.by_setting("optimizer.betas=[0.9,0.999]") == {"optimizer.betas": "[0.9,0.999]"}
    assert remedies.by_setting("") == {}
