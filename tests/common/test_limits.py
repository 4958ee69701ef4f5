"""Every limit stands once: a config and plain Python are refused the same values in the same words."""

import pytest

from cnnlab.cli.schema import RULES, check_values
from cnnlab.common.errors import InputError
from cnnlab.common.limits import LIMITS, check_limits
from cnnlab.datasets.augmentation import Augmentation
from cnnlab.datasets.digits import digits
from cnnlab.datasets.noise import noise
from cnnlab.evaluation.invariance import Invariance


@pytest.mark.parametrize("share", [-0.1, 0, 0.95, 1, 1.5, float("nan"), "much"])
def test_a_validation_share_out_of_range(share):
    with pytest.raises(InputError, match="dataset.validation=.* is not allowed.\nAllowed: a number > 0 and <= 0.9"):
        digits(validation=share)


@pytest.mark.parametrize("size", [0, -28, 1.5])
def test_a_size_out_of_range(size):
    with pytest.raises(InputError, match=f"dataset.size={size}"):
        check_limits(dataset_size=size)


PLAIN = {"augmentation": Augmentation, "evaluation": Invariance, "dataset": noise}
WRONG = {
    "dataset.validation": 0,
    "dataset.size": 0,
    "dataset.channels": 0,
    "dataset.classes": 1,
    "dataset.images": 0,
    "augmentation.translate": -1,
    "augmentation.rotate": 181,
    "augmentation.cutout": 0.5,
    "evaluation.shifts": [0],
    "evaluation.rotations": [0],
    "evaluation.squashes": [1],
    "evaluation.images": 0,
    "evaluation.permute": 1,
}


@pytest.mark.parametrize("key", WRONG)
def test_a_config_and_plain_python_refuse_alike(key):
    section, _, name = key.partition(".")
    said = []
    for refuse in (lambda: check_values({section: {name: WRONG[key]}}), lambda: PLAIN[section](**{name: WRONG[key]})):
        with pytest.raises(InputError) as error:
            refuse()
        said.append(str(error.value))
    assert said[0] == said[1] and said[0].startswith(f"{key}=")


def test_the_schema_takes_its_limits_from_here():
    assert all(RULES[key] is rule for key, rule in LIMITS.items())
