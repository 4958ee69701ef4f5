"""Downloads from a server on this machine, and what is said when there is none."""

import hashlib
import re
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter

import pytest
from torchvision.datasets import CIFAR10, CIFAR100, MNIST, FashionMNIST

from cnnlab.common.errors import InputError
from cnnlab.datasets import download
from cnnlab.datasets.torchvision import cifar10, cifar100, fashion_mnist, mnist


class Handler(SimpleHTTPRequestHandler):
    served: list[str]

    def log_message(self, format: str, *args: object) -> None:
        if self.path not in ("/",):
            self.served.append(self.path)


@pytest.fixture
def served(tmp_path: Path, idx_archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """MNIST's mirror is this machine; gives the paths that were asked for."""
    folder = tmp_path / "server"
    folder.mkdir()
    for name, content in idx_archives.items():
        (folder / name).write_bytes(content)
    asked: list[str] = []
    handler = type("Logged", (Handler,), {"served": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        sums = [(name, hashlib.md5(content).hexdigest()) for name, content in idx_archives.items()]
        monkeypatch.setattr(MNIST, "resources", sums)
        yield asked
        server.shutdown()
        thread.join()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    for dataset in (MNIST, FashionMNIST):
        monkeypatch.setattr(dataset, "mirrors", [url])
    for dataset in (CIFAR10, CIFAR100):
        monkeypatch.setattr(dataset, "url", url + dataset.filename)


def files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and p.suffix != ".lock")


def test_a_download_leaves_whole_files_and_nothing_else(
    served: list[str], tmp_path: Path, idx_files: dict[str, bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    assert len(mnist(str(root)).test) == 20
    assert files(root) == [f"MNIST/raw/{name}" for name in sorted(idx_files)]
    assert all((root / "MNIST/raw" / name).read_bytes() == content for name, content in idx_files.items())
    assert capfd.readouterr() == ("", "")
    asked = len(served)
    mnist(str(root))
    assert len(served) == asked


def test_two_that_download_at_once_download_once(served: list[str], tmp_path: Path) -> None:
    root = str(tmp_path / "data")
    with ThreadPoolExecutor(3) as pool:
        sets = list(pool.map(mnist, [root] * 3))
    assert [len(data.test) for data in sets] == [20, 20, 20]
    assert len([path for path in served if "train-images" in path]) <= 2  # torchvision asks for the head first


def test_only_what_is_missing_takes_its_place(served: list[str], tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    folder = tmp_path / "data/MNIST/raw"
    folder.mkdir(parents=True)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_files["t10k-labels-idx1-ubyte"])
    before = (folder / "t10k-labels-idx1-ubyte").stat().st_mtime_ns
    mnist(str(tmp_path / "data"))
    assert (folder / "t10k-labels-idx1-ubyte").stat().st_mtime_ns == before


@pytest.mark.usefixtures("offline")
def test_archives_that_someone_put_in_place_need_no_network(tmp_path: Path, idx_archives: dict[str, bytes]) -> None:
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    for name, content in idx_archives.items():
        (folder / name).write_bytes(content)
    assert len(mnist(str(tmp_path)).test) == 20


@pytest.mark.usefixtures("offline")
def test_a_truncated_archive_is_named(tmp_path: Path, idx_archives: dict[str, bytes]) -> None:
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(idx_archives[path.name][:300])
    with pytest.raises(InputError, match=f"{path} is damaged"):
        mnist(str(tmp_path))


@pytest.mark.usefixtures("offline")
def test_an_empty_archive_is_named_and_nothing_is_made_of_it(tmp_path: Path, idx_archives: dict[str, bytes]) -> None:
    path = tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte.gz"
    path.parent.mkdir(parents=True)
    for name, content in idx_archives.items():
        (path.parent / name).write_bytes(content)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=f"^{path} is empty.\nDelete it and run again"):
        mnist(str(tmp_path))
    assert sorted(file.name for file in path.parent.iterdir()) == sorted(idx_archives)


@pytest.mark.usefixtures("offline")
def test_only_the_archives_that_are_not_there_are_asked_for(tmp_path: Path, idx_archives: dict[str, bytes]) -> None:
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    for name, content in idx_archives.items():
        (folder / name).write_bytes(content)
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"\nDownload train-images-idx3-ubyte.gz\n"):
        mnist(str(tmp_path))


@pytest.mark.usefixtures("offline")
def test_an_archive_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-100-python", "cifar-100-python")
    words = f"^{tmp_path}/cifar-10-python.tar.gz is there, but does not hold cifar-10-batches-py/data_batch_1, and"
    with pytest.raises(InputError, match=words):
        cifar10(str(tmp_path))


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("folder", ["", "MNIST", "MNIST/raw"])
@pytest.mark.parametrize(("spelled", "end"), [("-idx", ""), (".idx", ""), ("-idx", ".gz"), (".idx", ".gz")])
def test_files_elsewhere_are_told_with_the_way_to_where_they_are_read(
    folder: str, spelled: str, end: str, tmp_path: Path, idx_files: dict[str, bytes], idx_archives: dict[str, bytes]
) -> None:
    """A download would train on other images than those that somebody put there."""
    root = tmp_path / "my data"
    (root / folder).mkdir(parents=True)
    for name, content in (idx_archives if end else idx_files).items():
        (root / folder / name.replace("-idx", spelled)).write_bytes(content)
    if (folder, spelled) != ("MNIST/raw", "-idx"):
        with pytest.raises(InputError, match="dataset=mnist reads .*/MNIST/raw/train-images-idx3-ubyte, ...; ") as told:
            mnist(str(root))
        way = re.search("are of MNIST: (mkdir .*)", str(told.value))
        assert way and len(str(told.value).splitlines()) == 3
        subprocess.run(way[1], shell=True, check=True)
    assert len(mnist(str(root)).test) == 20


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("folder", ["", "MNIST/raw"])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_files_each_in_a_folder_of_its_name_are_told_with_the_way(
    folder: str, end: str, tmp_path: Path, idx_files: dict[str, bytes], idx_archives: dict[str, bytes]
) -> None:
    for name, content in (idx_archives if end else idx_files).items():
        below = tmp_path / folder / name.removesuffix(end)
        below.mkdir(parents=True)
        (below / name).write_bytes(content)
    with pytest.raises(InputError, match="dataset=mnist reads .*, ...; there is") as told:
        mnist(str(tmp_path))
    way = re.search("are of MNIST: (mkdir .*)", str(told.value))
    assert way
    subprocess.run(way[1], shell=True, check=True)
    assert len(mnist(str(tmp_path)).test) == 20


@pytest.mark.parametrize("below", ["cifar-10-python/cifar-10-batches-py", "cifar-10-batches-py/cifar-10-batches-py"])
def test_an_archive_unpacked_into_one_folder_more_is_told(below: str, cifar_files: Path) -> None:
    (cifar_files / "cifar-10-batches-py").rename(cifar_files / "own")
    (cifar_files / below).parent.mkdir()
    (cifar_files / "own").rename(cifar_files / below)
    with pytest.raises(InputError, match="dataset=cifar10 reads") as told:
        cifar10(str(cifar_files))
    way = re.search("are of CIFAR10: (mkdir .*)", str(told.value))
    assert way
    subprocess.run(way[1], shell=True, check=True)
    assert len(cifar10(str(cifar_files)).test) == 20


@pytest.mark.usefixtures("served")
def test_a_root_too_deep_is_told_with_the_right_one(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    for name, content in idx_files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=f"are of MNIST: dataset.root={tmp_path}\n"):
        mnist(str(folder))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("load", "words"),
    [
        (mnist, ["dataset=mnist", "train-images-idx3-ubyte.gz", "data/MNIST/raw,", "FOLDER/MNIST/raw"]),
        (fashion_mnist, ["dataset=fashion_mnist", "t10k-labels-idx1-ubyte.gz", "data/FashionMNIST/raw,"]),
        (cifar100, ["dataset=cifar100", "cifar-100-python.tar.gz", "FOLDER/cifar-100-python", "test"]),
        (cifar10, ["dataset=cifar10", "cifar-10-python.tar.gz", "FOLDER/cifar-10-batches-py", "data_batch_1"]),
    ],
)
def test_a_failed_download_says_what_to_do_in_five_lines(load, words: list[str], tmp_path: Path) -> None:
    began = perf_counter()
    with pytest.raises(InputError) as caught:
        load(str(tmp_path / "data"))
    message = str(caught.value)
    assert perf_counter() - began < 5
    assert len(message.splitlines()) == 5 and "Connection refused" in message
    assert all(word in message for word in [*words, "dataset=digits needs no download"])
    assert not (tmp_path / "data").exists()


def test_a_silent_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{silent.getsockname()[1]}/"])
        with pytest.raises(InputError, match="timed out"):
            mnist(str(tmp_path))
    assert socket.getdefaulttimeout() is None


@pytest.mark.usefixtures("offline")
def test_a_root_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(InputError, match="File exists"):
        mnist(str(tmp_path / "data"))


def test_a_folder_that_may_not_be_looked_into_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(InputError, match=r"MNIST/raw/.* cannot be read: Permission denied.\nCheck its permissions"):
        mnist(str(tmp_path))
