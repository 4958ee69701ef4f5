from pathlib import Path

import pytest
from hydra.utils import get_method
from omegaconf import OmegaConf

from cnnlab.cli.resolvers import CONFIGS
from cnnlab.common.errors import InputError
from cnnlab.datasets.digits import digits
from cnnlab.datasets.noise import noise
from cnnlab.datasets.shapes import KNOWN, shape_of
from cnnlab.datasets.torchvision import mnist

SETS = sorted(p.stem for p in (CONFIGS / "dataset").glob("*.yaml"))


def config(name: str, **changes: object) -> dict:
    return {**OmegaConf.to_container(OmegaConf.load(CONFIGS / "dataset" / f"{name}.yaml")), **changes}  # type: ignore[dict-item]


@pytest.mark.parametrize("size", [None, 28, 12])
def test_digits_as_loaded(size: int | None) -> None:
    data = digits(size=size)
    assert shape_of(config("digits", size=size)) == (data.shape, len(data.classes))


@pytest.mark.parametrize("settings", [{}, {"size": None}, {"size": 5, "channels": 1, "classes": 3}])
def test_noise_as_loaded(settings: dict) -> None:
    data = noise(**settings)
    assert shape_of(config("noise", **settings)) == (data.shape, len(data.classes))


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_known_or_needs_its_files(name: str) -> None:
    settings = config(name)
    known = shape_of(settings)
    assert (known is None) == (name == "image_folder")
    if known:  # the loader's docstring begins with its shape: "3 x 32 x 32, ..." or "1 x size x size, ..."
        (c, h, w), classes = known
        said = (get_method(settings["_target_"]).__doc__ or "").split(",")[0]
        said = said.replace("channels", str(c)).replace("size", str(h))
        assert said == f"{c} x {h} x {w}"
        assert classes == (100 if name == "cifar100" else 10)


def test_known_paths_exist() -> None:
    assert all(callable(get_method(path)) for path in KNOWN)


def test_a_real_set_as_loaded(real_data: Path) -> None:
    data = mnist(root=str(real_data))
    assert shape_of(config("mnist")) == (data.shape, len(data.classes))


def test_a_folder_of_images_by_its_class_folders(tmp_path: Path) -> None:
    for name in ("train/cat", "train/dog", "train/.hidden", "test/cat", "test/dog"):
        (tmp_path / name).mkdir(parents=True)
    folder = {"root": str(tmp_path), "size": 24}
    assert shape_of(config("image_folder", **folder)) == ((3, 24, 24), 2)
    assert shape_of(config("image_folder", **folder, channels=1)) == ((1, 24, 24), 2)
    assert shape_of(config("image_folder", root=str(tmp_path / "train"), size=24)) == ((3, 24, 24), 2)
    (tmp_path / "test" / "dog").rmdir()
    (tmp_path / "test" / "cat").rmdir()
    (tmp_path / "test").rmdir()
    # half a split, no folder, no size: the loader says what is wrong or looks at the images
    assert shape_of(config("image_folder", **folder)) is None
    assert shape_of(config("image_folder", root=str(tmp_path / "nowhere"), size=24)) is None
    assert shape_of(config("image_folder", root=str(tmp_path / "train"))) is None


@pytest.mark.parametrize(("names", "classes"), [(("Train", "TEST"), 3), (("training", "val"), 3), (("a", "b"), 2)])
def test_splits_are_those_of_the_loader(names: tuple[str, ...], classes: int, tmp_path: Path) -> None:
    for split in names:
        for name in ("cat", "dog", "eel"):
            (tmp_path / split / name).mkdir(parents=True)
    assert shape_of(config("image_folder", root=str(tmp_path), size=8)) == ((3, 8, 8), classes)


def test_a_set_of_ones_own_is_left_to_its_loader() -> None:
    assert shape_of({"_target_": "mine.load", "size": 3}) is None


def test_bad_knobs_are_refused_as_by_the_loader() -> None:
    with pytest.raises(InputError, match="dataset.size=0"):
        shape_of(config("digits", size=0))
