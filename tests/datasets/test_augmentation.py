"""Each change against a picture-by-picture calculation from the same draws."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from scipy import ndimage
from torch import Tensor

from cnnlab.cli.build import construct
from cnnlab.common.errors import InputError
from cnnlab.datasets.augmentation import Augmentation, _rotate

N, C, H, W = 40, 2, 9, 12


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(dtype: torch.dtype = torch.uint8) -> Tensor:
    return torch.randint(1, 256, (N, C, H, W)).to(dtype)


def one_by_one(batch: Tensor, augment: Augmentation) -> Tensor:
    """flip, translate and cutout in plain loops; the order is: shift a mirrored picture, then cut the hole."""
    _, flips, downs, rights, hole_y, hole_x = torch.rand(6, N, 1, generator=seeded())[..., 0].tolist()
    result = torch.zeros_like(batch)
    for n in range(N):
        reach = augment.translate
        down, right = (math.floor(d[n] * (2 * reach + 1)) - reach for d in (downs, rights))
        top, left = (math.floor(d[n] * side) - augment.cutout // 2 for d, side in ((hole_y, H), (hole_x, W)))
        for y in range(H):
            for x in range(W):
                in_hole = top <= y < top + augment.cutout and left <= x < left + augment.cutout
                from_y, from_x = y + down, x + right
                if in_hole or not (0 <= from_y < H and 0 <= from_x < W):
                    continue
                if augment.flip and flips[n] < 0.5:
                    from_x = W - 1 - from_x
                result[n, :, y, x] = batch[n, :, from_y, from_x]
    return result


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(
    "augment",
    [
        Augmentation(flip=True),
        Augmentation(translate=3),
        Augmentation(cutout=3),
        Augmentation(cutout=4),
        Augmentation(flip=True, translate=2, cutout=5),
    ],
)
def test_changes_are_those_of_a_plain_loop(augment: Augmentation, dtype: torch.dtype) -> None:
    batch = images(dtype)
    before = batch.clone()
    found = augment(batch, seeded())
    assert found.dtype == dtype
    assert torch.equal(found, one_by_one(batch, augment))
    assert torch.equal(batch, before)


def test_nothing_switched_on_is_free() -> None:
    batch, generator = images(), seeded()
    augment = Augmentation()
    assert not augment and augment(batch, generator) is batch
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize("degrees", [-37.0, 8.0, 90.0, 121.0])
def test_rotation_is_scipys(degrees: float) -> None:
    batch = torch.rand(1, 1, 15, 21)
    found = _rotate(batch, torch.tensor([math.radians(degrees)]))[0, 0].numpy()
    options = {"reshape": False, "order": 1, "mode": "grid-constant"}
    expected = [ndimage.rotate(batch[0, 0].numpy(), sign * degrees, **options) for sign in (1, -1)]
    differences = [np.abs(found - e).max() for e in expected]
    assert min(differences) < 1e-4 < max(differences)


def test_rotation_stays_below_its_angle_and_turns_both_ways() -> None:
    wedge = torch.zeros(400, 1, 41, 41, dtype=torch.uint8)
    wedge[:, :, 20, 38] = 255  # a point right of the centre
    turned = Augmentation(rotate=30)(wedge, seeded()).float()
    y, x = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    weight = turned.sum((1, 2, 3))
    angles = torch.atan2((turned[:, 0] * y).sum((1, 2)) / weight, (turned[:, 0] * x).sum((1, 2)) / weight).rad2deg()
    assert turned.dtype == torch.float32 and angles.abs().max() < 30.5
    assert angles.min() < -28 and angles.max() > 28 and abs(angles.mean()) < 3


def test_draws_are_uniform() -> None:
    ramp = torch.arange(100.0).repeat(2000, 1, 100, 1)
    shifts = Augmentation(translate=2)(ramp, seeded())[:, 0, 50, 50] - 50
    counts = torch.stack([(shifts == s).sum() for s in range(-2, 3)])
    assert counts.sum() == 2000 and ((counts - 400).abs() < 100).all()
    flipped = Augmentation(flip=True)(ramp, seeded())[:, 0, 0, 0] == 99
    assert abs(int(flipped.sum()) - 1000) < 120


def test_generator_decides_and_global_state_does_not() -> None:
    augment, batch = Augmentation(True, 2, 10.0, 3), images()
    first = augment(batch, seeded())
    torch.manual_seed(77)
    assert torch.equal(first, augment(batch, seeded()))
    assert not torch.equal(first, augment(batch, seeded(6)))


def test_switching_one_change_on_leaves_the_others() -> None:
    batch = images()
    flipped, holed = Augmentation(flip=True)(batch, seeded()), Augmentation(flip=True, cutout=2)(batch, seeded())
    assert torch.equal(torch.where(holed == 0, flipped, holed), flipped)


@pytest.mark.parametrize("knob", [{"translate": -1}, {"rotate": 181.0}, {"rotate": float("nan")}, {"cutout": -2}])
def test_out_of_range(knob: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"augmentation.{next(iter(knob))}="):
        Augmentation(**knob)  # type: ignore[arg-type]


@pytest.mark.parametrize("knob", ["translate", "cutout"])
def test_too_large_for_the_images(knob: str) -> None:
    Augmentation(**{knob: 27}).check((1, 28, 40))
    with pytest.raises(InputError, match=f"augmentation.{knob}=28 .* 28x40"):
        Augmentation(**{knob: 28}).check((1, 28, 40))


def test_each_yaml_gives_the_four_knobs(configs: Path) -> None:
    base = OmegaConf.load(configs / "augmentation" / "none.yaml")
    assert not construct("augmentation", base)
    for path in (configs / "augmentation").glob("*.yaml"):
        config = OmegaConf.load(path)
        own = {k: v for k, v in config.items() if k not in ("defaults", "_target_")}
        assert set(own) <= {"flip", "translate", "rotate", "cutout"}
        assert path.stem == "none" or construct("augmentation", OmegaConf.merge(base, own))
