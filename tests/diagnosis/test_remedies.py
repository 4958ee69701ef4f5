"""Overrides that fit the run."""

import pytest

from cnnlab.diagnosis import Context, remedies

CONTEXT = Context(classes=10, largest_class_share=0.1, learning_rate=0.1)


def _context(**changed) -> Context:
    return Context(**(CONTEXT.__dict__ | changed))


@pytest.mark.parametrize(
    ("lr", "factor", "typed"), [(0.1, 0.1, "0.01"), (0.05, 0.1, "0.005"), (0.03, 0.1, "0.002"), (2, 0.01, "0.02")]
)
def test_learning_rates_are_round(lr, factor, typed):
    value = remedies.learning_rate(_context(learning_rate=lr), factor)
    assert value == f"optimizer.lr={typed}" or float(value.split("=")[1]) == pytest.approx(lr * factor, rel=0.6)


@pytest.mark.parametrize(
    ("activation", "initializer", "override"),
    [
        ("relu", "normal", "init=he"),
        ("leaky_relu", "torch_default", "init=he"),
        ("tanh", "normal", "init=xavier"),
        ("relu", "he_uniform", "model.norm=batch"),
        ("relu", "orthogonal", "model.norm=batch"),
        ("tanh", "xavier_normal", "model.norm=batch"),
    ],
)
def test_an_initializer_that_fits_is_not_advised_again(activation, initializer, override):
    context = _context(activation=activation, initializer=initializer)
    assert remedies.scale(context, vanishing=True, step=0)[1] == override


def test_what_training_did_is_answered_with_the_learning_rate():
    assert remedies.scale(CONTEXT, vanishing=False, step=50)[1] == "optimizer.lr=0.01"
