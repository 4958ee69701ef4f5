"""A user's mistake is a ValueError, what theory does not cover is none, and a near word is suggested."""

import errno

import pytest
import torch
from torch._inductor.exc import InvalidCxxCompiler

import cnnlab
from cnnlab.common.errors import InputError, NotApplicable, did_you_mean, out_of_memory, refused

MODELS = ["stacked3x3", "single5x5", "single7x7", "plain", "linear"]


@pytest.mark.parametrize(
    "typed, meant", [("stackd3x3", "stacked3x3"), ("sinlge7x7", "single7x7"), ("linaer", "linear"), ("PLAIN", "plain")]
)
def test_the_nearest_word_is_suggested(typed, meant):
    assert did_you_mean(typed, MODELS) == f" Did you mean '{meant}'?"


@pytest.mark.parametrize("allowed", [MODELS, [], iter(MODELS)])
def test_where_none_is_near_nothing_is_said(allowed):
    assert did_you_mean("resnet", allowed) == ""


@pytest.mark.parametrize("typed, meant", [("sta", "stacked3x3"), ("SIN", "single5x5")])
def test_else_the_first_that_begins_so(typed, meant):
    assert did_you_mean(typed, ["other", *MODELS]) == f" Did you mean '{meant}'?"
    assert did_you_mean("s", MODELS) == ""


def test_words_may_come_from_any_iterable():
    assert did_you_mean("plane", (name for name in MODELS)) == " Did you mean 'plain'?"


def test_plain_python_catches_a_mistake_as_a_value_error_and_by_its_public_name():
    with pytest.raises(ValueError, match="seed"):
        raise cnnlab.InputError("seed")
    assert cnnlab.InputError is InputError and cnnlab.NotApplicable is NotApplicable


def test_a_limit_of_the_theory_does_not_pass_for_a_users_mistake():
    with pytest.raises(NotApplicable):
        try:
            raise NotApplicable("this initializer is data-dependent")
        except ValueError:
            pytest.fail("an except clause for mistakes caught it")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            RuntimeError(
                "[enforce] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1073741824 bytes."
            ),
            "1.0 GiB",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB."), "20.00 GiB"),
        (MemoryError(), "not enough memory."),
        (RuntimeError("shapes cannot be multiplied"), None),
        (None, None),
    ],
)
def test_memory_that_was_not_enough_is_told_in_words(error, says):
    told = out_of_memory(error)
    assert (told is None) == (says is None) and (says is None or says in str(told))


def test_large_images_are_told_to_be_why_memory_was_not_enough():
    told = str(out_of_memory(MemoryError(), ", in block1.conv1", (3024, 4032)))
    assert told.startswith("There is not enough memory, in block1.conv1.\nThe images are 3024x4032: smaller ones")
    assert "dataset.size=64.\n" in told and "The images are" not in str(out_of_memory(MemoryError(), "", (64, 64)))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EROFS, "Read-only file system", "a/b.csv"), "Read-only file system: a/b.csv\n"),
        (OSError(errno.EFBIG, "File too large"), "File too large\n"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "aa"), "File name too long: aa\nGive a shorter name"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "Permission denied: x\n"),
        (MemoryError(), "not enough memory"),
        (InvalidCxxCompiler(), "trainer.compile=true does not work here: "),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), None),
        (RuntimeError("something broke"), None),
    ],
)
def test_what_the_machine_does_not_allow_is_told_in_words_and_nothing_else(error, says):
    told = refused(error)
    assert (told is None) == (says is None) and (says is None or says in str(told))
    assert str(told).count("\n") < 5


def test_an_optimizer_that_cannot_train_a_network_is_told():
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    with pytest.raises(RuntimeError) as caught:
        torch.optim.SparseAdam([weight]).step()
    told = refused(caught.value)
    assert told is not None and str(told).startswith("optimizer or scheduler: SparseAdam does not support dense")
    assert refused(RuntimeError("a bug elsewhere")) is None
