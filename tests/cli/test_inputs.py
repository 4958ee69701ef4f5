"""From the configs of `kernels` and `predict` to pictures, kernels, cells and files."""

from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.inputs import (
    cells_of,
    check_kernels,
    check_pictures,
    learned_filters,
    of_each,
    picture_and_kernels,
    picture_files,
)
from cnnlab.common.errors import InputError
from cnnlab.datasets.pictures import header
from cnnlab.networks.convnet import ConvNet
from cnnlab.runs import checkpoint


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures of 6x5; `a.png` is all of one shade."""
    monkeypatch.chdir(tmp_path)
    for name, shade in (("a", 7), ("b", 8), ("c", 9)):
        Image.fromarray(np.full((6, 5), shade, np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def _jobs(command: str, *arguments: str):
    return compose_jobs(command, arguments)


@pytest.fixture
def run(home: Path):
    """`run(channels=[...])` -> the folder of a run with that network, whose weights are those of its constructor."""

    def save(**knobs) -> Path:
        model = {"head": [], "convs_per_block": 1, **knobs}
        (home / "run").mkdir()
        section = {"_target_": "cnnlab.networks.convnet.ConvNet", **model}
        OmegaConf.save(OmegaConf.create({"model": section}), home / "run" / "config.yaml")
        about = {"image_shape": [1, 8, 8], "classes": ["x", "y"], "mean": [0.5], "std": [0.5]}
        state = {"network": ConvNet((1, 8, 8), 2, **model).state_dict()} | about
        checkpoint.save(home / "run" / "checkpoints" / "last.pt", state)
        return home / "run"

    return save


def test_kernels_are_named_and_those_of_ones_own_numbered_by_their_place() -> None:
    [job] = _jobs("kernels", "image=a.png", "kernels=[sobel_x,[[0,1],[-1,0.5]],[[2]]]")
    image, kernels = picture_and_kernels(job)
    assert image.shape == (1, 6, 5) and (image == 7).all()
    assert {name: kernel.tensor().tolist() for name, kernel in kernels.items()} == {
        "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "kernel_2": [[0, 1], [-1, 0.5]],
        "kernel_3": [[2]],
    }


@pytest.mark.parametrize("size, fits", [(5, True), (6, False)])
def test_a_kernel_fits_into_the_shorter_side(size: int, fits: bool) -> None:
    [job] = _jobs("kernels", "image=a.png", f"kernels=[{[[1] * size] * size}]".replace(" ", ""))
    if fits:
        assert len(picture_and_kernels(job)[1]["kernel_1"].values) == size
    else:
        with pytest.raises(InputError, match=r"Kernel kernel_1 is 6x6, larger than the picture \(5 pixels"):
            picture_and_kernels(job)


def test_without_a_cell_each_kernel_has_its_own_strongest() -> None:
    # Its one bright cell lies under the only weight of either kernel at two places.
    pixels = np.zeros((6, 5), np.uint8)
    pixels[3, 2] = 200
    Image.fromarray(pixels).save("a.png")
    [job] = _jobs("kernels", "image=a.png", "kernels=[[[1,0],[0,0]],[[0,0],[0,1]]]", "border=valid")
    assert cells_of(job, *picture_and_kernels(job)) == {"kernel_1": (3, 2), "kernel_2": (2, 1)}


def test_a_cell_is_that_of_every_kernel() -> None:
    [job] = _jobs("kernels", "image=a.png", "kernels=[sharpen,outline]", "cell=[5,4]")
    assert cells_of(job, *picture_and_kernels(job)) == {"sharpen": (5, 4), "outline": (5, 4)}


@pytest.mark.parametrize("wrong", ["kernels=[sharpen],[sharpn]", "border=edge,mirror", "cell=[0,0],[6,0]"])
def test_the_last_job_of_a_sweep_is_checked_too(wrong: str) -> None:
    check_kernels(_jobs("kernels", "image=a.png"))
    with pytest.raises(InputError):
        check_kernels(_jobs("kernels", "-m", "image=a.png", wrong))


def test_the_first_layers_filters_have_the_names_that_they_were_filled_with(run) -> None:
    folder = run(channels=[4], first_layer="classical")
    found = learned_filters(_jobs("kernels", f"run={folder}")[0])
    assert [named.match.name for named in found] == ["identity", "box_blur", "gaussian", "sharpen"]


def test_a_network_without_filters_has_none_to_name(run) -> None:
    with pytest.raises(InputError, match="this network has no convolution with square kernels"):
        learned_filters(_jobs("kernels", f"run={run(channels=[])}")[0])


@pytest.mark.parametrize(
    "image, names",
    [
        ("b.png", ["b.png"]),
        ("*.png", ["a.png", "b.png", "c.png"]),
        ("[c.png,'[ab].png',c.png]", ["c.png", "a.png", "b.png"]),
        ("['*.png',a.png]", ["a.png", "b.png", "c.png"]),
    ],
)
def test_each_picture_is_named_once_in_the_order_given(image: str, names: list[str]) -> None:
    assert picture_files(_jobs("predict", f"image={image}")[0]) == [Path(name) for name in names]


def test_pictures_of_every_job_are_checked(run, home: Path) -> None:
    folder = run(channels=[2])
    check_pictures(_jobs("predict", "-m", f"run={folder}", "image=a.png,b.png"))
    (home / "b.png").write_text("no picture")
    with pytest.raises(InputError, match="b.png is not a picture"):
        check_pictures(_jobs("predict", "-m", f"run={folder}", "image=a.png,b.png"))


@pytest.mark.parametrize("shift, fits", [(7, True), (8, False)])
def test_a_shift_has_to_leave_something_of_the_networks_image(run, shift: int, fits: bool) -> None:
    jobs = _jobs("predict", f"run={run(channels=[2])}", "image=a.png", "invariance=true", f"shifts=[{shift}]")
    if fits:
        check_pictures(jobs)
    else:
        with pytest.raises(InputError, match="^shifts: a shift by 8 leaves nothing of images of 8x8"):
            check_pictures(jobs)


def test_what_cannot_be_read_costs_the_others_nothing(run, home: Path) -> None:
    (home / "b.png").write_text("no picture")
    check_pictures(_jobs("predict", f"run={run(channels=[2])}", "image=*.png"))
    found, failed = of_each([Path("a.png"), Path("b.png"), Path("c.png")], header)
    assert [each.width for each in found] == [5, 5] and list(failed) == [Path("b.png")]
    assert str(failed[Path("b.png")]).startswith("b.png is not a picture.")


def test_where_no_picture_can_be_read_several_are_named_and_what_to_do(home: Path) -> None:
    files = [home / f"{i}.HEIC" for i in range(5)]
    for file in files:
        file.touch()
    with pytest.raises(InputError) as told:
        of_each(files, header)
    first, *named, advice = str(told.value).splitlines()
    assert first == "None of the 5 pictures can be read:" and advice == "Save it as .jpg or .png."
    assert named == [f"{file} is not a picture of a known format, but .heic." for file in files[:3]]


def test_what_is_wrong_with_all_pictures_alike_is_told_once() -> None:
    def read(path: Path) -> None:
        raise InputError("This network takes images of 5 channels.")

    with pytest.raises(InputError, match="^This network takes images of 5 channels.$"):
        of_each([Path("a.png"), Path("b.png")], read)
