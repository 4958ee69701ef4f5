"""Torchvision's transforms and functions of one's own as augmentation."""

import pytest
import torch
from torchvision.transforms import RandomRotation, ToTensor, v2

from cnnlab.common.errors import InputError
from cnnlab.datasets.augmentation import Augmentation
from cnnlab.datasets.base import Split
from cnnlab.datasets.batches import Batches
from cnnlab.datasets.foreign_augmentation import ForeignAugmentation, augmentation_of

IMAGES = torch.arange(6 * 3 * 8 * 8).view(6, 3, 8, 8).remainder(256).byte()


def _generator(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inverted(images, generator):
    chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(chosen, 255 - images, images)


def test_cnnlabs_own_is_taken_as_it_is():
    own = Augmentation(flip=True)
    assert augmentation_of(own) is own and augmentation_of(None) is None
    assert augmentation_of(foreign := ForeignAugmentation(inverted, by_image=False)) is foreign


@pytest.mark.parametrize(
    "transform",
    [v2.RandomHorizontalFlip(), v2.RandAugment(), v2.Compose([v2.RandomCrop(8, padding=2)]), RandomRotation(20)],
)
def test_a_transform_draws_anew_for_each_image_and_the_same_in_each_run(transform):
    made = augmentation_of(transform)
    assert isinstance(made, ForeignAugmentation) and made.by_image
    made.check((3, 8, 8))
    same = IMAGES[:1].expand(32, -1, -1, -1)
    before = torch.random.get_rng_state()
    first, again, other = made(same, _generator()), made(same, _generator()), made(same, _generator(1))
    assert torch.equal(torch.random.get_rng_state(), before), "the run's other random numbers are as without it"
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert len(first.unique(dim=0)) > 1


def test_it_is_called_image_by_image_with_the_batchs_seed():
    made = augmentation_of(v2.RandomHorizontalFlip())
    torch.manual_seed(int(torch.randint(2**31, (), generator=_generator())))
    expected = torch.stack([v2.RandomHorizontalFlip()(image) for image in IMAGES])
    assert torch.equal(made(IMAGES, _generator()), expected)


def test_a_function_gets_the_batch_and_the_generator():
    made = augmentation_of(inverted)
    assert isinstance(made, ForeignAugmentation) and not made.by_image
    made.check((3, 8, 8))
    assert torch.equal(made(IMAGES, _generator()), inverted(IMAGES, _generator()))
    batches = Batches(Split(IMAGES, torch.arange(6)), (0.0,) * 3, (1.0,) * 3, 6, augment=inverted)
    (x, y) = next(batches.epoch(0))
    back = (x * 255).round()[y.argsort()]
    kept = (back == IMAGES).flatten(1).all(1)
    turned = (back == 255 - IMAGES.float()).flatten(1).all(1)
    assert (kept | turned).all() and turned.any()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (v2.Resize(4), "uint8 .3, 8, 8. it makes uint8 .3, 4, 4."),
        (v2.ToDtype(torch.float32, scale=True), "it makes float32 .3, 8, 8."),
        (ToTensor(), "TypeError: pic should be PIL Image or ndarray"),
        (lambda images, generator: images[:, :, 1:], "uint8 .2, 3, 8, 8. it makes uint8 .2, 3, 7, 8."),
        (lambda images, generator: images.to("meta"), "it makes uint8 .2, 3, 8, 8. on meta"),
        (lambda images, generator: None, "it makes NoneType"),
        (lambda images, generator: images / 0 + {}, "TypeError: unsupported operand"),
        (lambda images: images, "TypeError: .* takes 1 positional argument"),
    ],
)
def test_what_changes_size_or_type_or_fails_is_told(given, says):
    with pytest.raises(InputError, match=f"^augmentation: .*{says}") as told:
        Batches(Split(IMAGES, torch.arange(6)), (0.0,) * 3, (1.0,) * 3, 6, augment=given)
    assert "leave out ToTensor, Normalize" in str(told.value) and str(told.value).count("\n") <= 4


@pytest.mark.parametrize(
    ("transform", "says"),
    [
        (v2.RandomRotation((45, 45), expand=True), r"uint8 \(3, 8, 8\) it makes uint8 \(3, 1\d, 1\d\)"),
        (v2.ToDtype(torch.float32), r"uint8 \(3, 8, 8\) it makes float32 \(3, 8, 8\)"),
    ],
)
def test_what_changes_few_images_only_is_told_when_it_does(transform, says):
    rarely = v2.RandomApply([transform], p=0.05)
    batches = Batches(Split(IMAGES, torch.arange(6)), (0.0,) * 3, (1.0,) * 3, 6, augment=rarely)
    with pytest.raises(InputError, match=f"^augmentation: of {says}.\nAn augmentation gives uint8 images of the size"):
        for epoch in range(40):
            list(batches.epoch(epoch))


def test_what_cannot_be_called_is_told():
    with pytest.raises(InputError, match="a str cannot be called"):
        augmentation_of("flip")


def test_an_input_error_of_ones_own_is_passed_on():
    def refuses(images, generator):
        raise InputError("only grey images")

    with pytest.raises(InputError, match="^only grey images$"):
        augmentation_of(refuses).check((3, 8, 8))
