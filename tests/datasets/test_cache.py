"""Decoded once, then read; decoded anew when a file changes; whole or not there."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cnnlab.common.errors import InputError
from cnnlab.datasets import cache as module
from cnnlab.datasets import decode
from cnnlab.datasets.cache import DecodedFiles, ImageFile

COUNT = 7


def listed(root: Path) -> list[ImageFile]:
    paths = sorted(p for p in root.rglob("*") if p.is_file())
    stats = [(p, p.stat()) for p in paths]
    return [ImageFile(str(p.relative_to(root)), 0, s.st_size, (s.st_mtime_ns, s.st_ctime_ns)) for p, s in stats]


def opened(root: Path, size: int | None = None, channels: int = 3) -> DecodedFiles:
    return DecodedFiles(root, listed(root), channels, size)


@pytest.fixture
def root(tmp_path: Path, picture: Callable[..., Path]) -> Path:
    for i in range(COUNT):
        picture(tmp_path / "pets" / f"{i}.png", (10 * i, 20 * i, 30 * i))
    return tmp_path / "pets"


def arrays(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.npy"))


def forbid(*_: object) -> None:
    raise AssertionError("decoded although it need not")


def test_images_come_in_the_order_of_their_files(root: Path, cache: Path) -> None:
    images = opened(root).load()
    expected = np.array([[10 * i, 20 * i, 30 * i] for i in range(COUNT)], np.uint8)[:, :, None, None]
    assert images.shape == (COUNT, 3, 6, 6) and np.array_equal(images, np.broadcast_to(expected, images.shape))
    assert [p.name.split("-")[0] for p in arrays(cache)] == ["pets"]


def test_a_second_look_decodes_nothing(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(root).load()
    monkeypatch.setattr(decode, "decode_into", forbid)
    assert np.array_equal(opened(root).load(), first)


@pytest.mark.usefixtures("cache")
def test_what_is_written_to_the_images_stays_in_the_process(root: Path) -> None:
    opened(root).load()[:] = 255
    assert opened(root).load()[0].max() == 0


@pytest.mark.parametrize(
    ("change", "reds"),
    [
        ("content", [250, 10, 20, 30, 40, 50, 60]),
        ("new file", [0, 250, 10, 20, 30, 40, 50, 60]),
        ("gone", [10, 20, 30, 40, 50, 60]),
        ("renamed", [10, 20, 30, 40, 50, 60, 0]),
    ],
)
def test_a_change_is_seen_and_replaces_the_old_array(
    change: str, reds: list[int], root: Path, cache: Path, picture: Callable[..., Path]
) -> None:
    opened(root).load()
    old = arrays(cache)
    if change == "content":
        picture(root / "0.png", (250, 0, 0))
    elif change == "new file":
        picture(root / "01.png", (250, 0, 0))
    elif change == "gone":
        (root / "0.png").unlink()
    else:
        (root / "0.png").rename(root / "9.png")
    assert opened(root).load()[:, 0, 0, 0].tolist() == reds
    assert len(arrays(cache)) == 1 and arrays(cache) != old


def test_size_and_channels_have_arrays_of_their_own(root: Path, cache: Path) -> None:
    shapes = [opened(root, size, channels).load().shape[1:] for size, channels in ((None, 3), (4, 3), (4, 1))]
    assert shapes == [(3, 6, 6), (3, 4, 4), (1, 4, 4)] and len(arrays(cache)) == 3


@pytest.mark.parametrize("kept", [0, 50, 300])
def test_a_truncated_array_is_made_again(kept: int, root: Path, cache: Path) -> None:
    first = np.array(opened(root).load())
    (path,) = arrays(cache)
    path.write_bytes(path.read_bytes()[:kept])
    assert np.array_equal(opened(root).load(), first)


def test_processes_decode_what_one_would(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = np.array(opened(root).load())
    (path,) = arrays(cache)
    path.unlink()
    monkeypatch.setattr(module, "SERIAL_BYTES", 0)
    monkeypatch.setattr(module, "FILES_PER_TASK", 2)
    assert np.array_equal(opened(root).load(), alone)


def test_two_that_need_it_at_once_decode_once(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, decode_into = [], decode.decode_into

    def counted(*arguments):
        calls.append(arguments)
        return decode_into(*arguments)

    monkeypatch.setattr(decode, "decode_into", counted)
    with ThreadPoolExecutor(3) as pool:
        images = list(pool.map(lambda _: opened(root).load(), range(3)))
    assert len(calls) == 1 and all(np.array_equal(image, images[0]) for image in images)


def test_damaged_images_are_named_and_nothing_is_kept(root: Path, cache: Path) -> None:
    for i in (1, 3, 4, 5):
        (root / f"{i}.png").write_bytes(b"no image")
    with pytest.raises(InputError) as caught:
        opened(root, size=6).load()
    lines = str(caught.value).splitlines()
    [every] = [path for path in cache.iterdir() if path.suffix != ".lock"]
    assert lines[0] == f"4 of 7 images cannot be used; {every} lists them, e.g." and len(lines) == 5
    assert [f"{root / f'{i}.png'}: " in line for i, line in zip((1, 3, 4), lines[1:4], strict=True)] == [True] * 3
    told = [line.split("\t") for line in every.read_text().splitlines()]
    assert [path for path, _ in told] == [str(root / f"{i}.png") for i in (1, 3, 4, 5)]
    assert all(reason.startswith("not an image") for _, reason in told)
    for path, _ in told:
        Path(path).unlink()
    opened(root, size=6).load()
    assert not every.exists()


@pytest.mark.usefixtures("cache")
def test_a_first_image_that_is_damaged_is_named(root: Path) -> None:
    (root / "0.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"0.png: the file is empty\nRepair or remove them\.$"):
        opened(root).load()


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("size", [None, 6])
@pytest.mark.parametrize("damaged", [(0, 4), (0, 1, 2, 5, 6), (3,), tuple(range(COUNT))])
def test_all_that_are_damaged_are_counted_whichever_is_tried_first(
    damaged: tuple[int, ...], size: int | None, root: Path
) -> None:
    for i in damaged:
        path = root / f"{i}.png"
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=f"^{len(damaged)} of {COUNT} images cannot be used"):
        opened(root, size).load()


@pytest.mark.usefixtures("cache")
def test_where_none_of_the_first_can_be_decoded_the_others_are_not_tried(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILES_PER_TASK", 2)
    for i in range(COUNT):
        (root / f"{i}.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="^2 of the first 2 images cannot be used:"):
        opened(root).load()


def test_a_damaged_file_with_a_name_that_is_not_utf8_is_listed(root: Path, cache: Path) -> None:
    for i in range(3):
        (root / f"{i}.png").write_bytes(b"no image")
    with open(os.path.join(os.fsencode(root), b"caf\xe9.png"), "wb"):
        pass
    with pytest.raises(InputError, match="^4 of 8"):
        opened(root, size=6).load()
    assert b"caf\xe9.png\t" in next(cache.glob("*.txt")).read_bytes()


@pytest.mark.parametrize("first", [True, False])
def test_sixteen_bits_have_one_scale_in_all_files(first: bool, tmp_path: Path, cache: Path) -> None:
    """A dark picture stays dark beside bright ones."""
    (tmp_path / "deep").mkdir()
    for i, value in enumerate([60000, 3000, 200] if first else [200, 60000, 3000]):
        Image.fromarray(np.full((4, 4), value, np.uint16)).save(tmp_path / f"deep/{i}.png")
    levels = opened(tmp_path / "deep", channels=1).load()[:, 0, 0, 0].tolist()
    assert levels == ([60000 >> 8, 3000 >> 8, 0] if first else [0, 60000 >> 8, 3000 >> 8])


def test_files_of_several_pages_are_counted_also_the_next_time(root: Path, cache: Path) -> None:
    frames = [Image.new("RGB", (6, 6), (20 * i, 0, 0)) for i in range(3)]
    for name in ("a.gif", "b.tif", "c.webp", "d.png"):
        frames[0].save(root / name, save_all=True, append_images=frames[1:])
    Image.new("RGB", (6, 6)).save(root / "one.tif")
    Image.new("RGB", (6, 6)).save(root / "one.gif")
    for _ in range(2):
        array = opened(root)
        assert array.load()[:, 0].max() == 10 * (COUNT - 1) and array.paged() == 4


@pytest.mark.usefixtures("cache")
def test_images_of_many_sizes_want_a_size(root: Path, picture: Callable[..., Path]) -> None:
    picture(root / "5.png", (0, 0, 0), (9, 8))
    with pytest.raises(InputError, match=r"5.png: 9x8 pixels, not 6x6\n.* dataset.size=6\."):
        opened(root).load()
    assert opened(root, size=6).load().shape == (COUNT, 3, 6, 6)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("odd", [0, 3])
def test_an_image_has_another_size_where_most_have_one_whichever_is_first(
    odd: int, root: Path, picture: Callable[..., Path]
) -> None:
    picture(root / f"{odd}.png", (0, 0, 0), (9, 12))
    (root / "4.png").write_bytes(b"no image")
    with pytest.raises(InputError) as told:
        opened(root).load()
    first, *named, advice = str(told.value).splitlines()
    assert first == f"2 of {COUNT} images cannot be used:" and len(named) == 2
    assert named[0] == f"{root}/{odd}.png: 9x12 pixels, not 6x6"
    assert advice == "Repair or remove them, or resize all images to one size with dataset.size=6."


@pytest.mark.usefixtures("cache")
def test_photos_are_not_advised_their_own_size(root: Path, picture: Callable[..., Path]) -> None:
    for file in root.glob("*.png"):
        picture(file, (0, 0, 0), (90, 100) if file.name == "3.png" else (100, 90))
    with pytest.raises(InputError, match=r"dataset.size=64\."):
        opened(root).load()


@pytest.mark.usefixtures("cache")
def test_a_full_disk_is_told_before_decoding(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(InputError, match=r"images take 0.7 KiB; .* has 0.1 KiB left.\n.*XDG_CACHE_HOME"):
        opened(root).load()


def test_a_cache_that_cannot_be_written(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written to .* Not a directory|export XDG_CACHE_HOME"):
        opened(root).load()


def test_a_folder_with_a_long_name_in_any_script(tmp_path: Path, cache: Path, picture: Callable[..., Path]) -> None:
    root = tmp_path / ("\u732b" * 80)
    picture(root / "0.png", (1, 2, 3))
    assert opened(root).load()[0, :, 0, 0].tolist() == [1, 2, 3]


def test_a_user_without_a_home_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(InputError, match="no home folder.*\nChoose another: export XDG_CACHE_HOME=FOLDER"):
        opened(root)


def test_moments_are_remembered_by_key(root: Path, cache: Path) -> None:
    array = opened(root)
    array.load()
    assert array.remembered("a", lambda: [[0.25, 0.5], [1.0, 0.125]]) == [[0.25, 0.5], [1.0, 0.125]]
    assert opened(root).remembered("a", forbid) == [[0.25, 0.5], [1.0, 0.125]]
    assert array.remembered("b", lambda: [[0.75], [1.0]]) == [[0.75], [1.0]]
    (path,) = cache.glob("*.json")
    assert set(json.loads(path.read_text())) == {"a", "b", "paged", "top"}
    path.write_text("{cut o")
    assert array.remembered("a", lambda: 3) == 3


def test_no_progress_bar_where_nobody_watches(root: Path, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    opened(root).load()
    assert capfd.readouterr() == ("", "")


def test_a_fragment_of_a_killed_decoding_is_removed_by_the_next(root: Path, cache: Path) -> None:
    wanted = opened(root)
    cache.mkdir(parents=True, exist_ok=True)
    fragment = cache / f".{wanted.name}-abc.npy"
    fragment.write_bytes(b"half")
    wanted.load()
    assert not fragment.exists() and len(arrays(cache)) == 1
