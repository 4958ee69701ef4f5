"""The files of an image folder's classes, and what was left out."""

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnlab.common.errors import InputError
from cnnlab.common.words import plural
from cnnlab.datasets.cache import ImageFile
from cnnlab.datasets.places import ONE_CLASS, Places
from cnnlab.datasets.remarks import listed, skipped
from cnnlab.datasets.splits import class_folders, classes_in, folders, hidden, pictures


@dataclass(frozen=True)
class Listing:
    """`folder`: of the class folders. `files`: sorted by class and path. `skipped`: those that are no images, by their
    ending."""

    folder: Path
    classes: tuple[str, ...]
    files: list[ImageFile]
    skipped: Counter[str]
    remarks: tuple[str, ...]


def list_files(places: Places, part: str, learned: Listing | None = None) -> Listing:
    """The files of the class folders in `part`, one of the parts that `places` knows. `learned`: the training images,
    if these are test images; some of their classes may have no image here, and there may be no others. Raises
    InputError."""
    folder = places.home / part
    names = sorted(folders(folder), key=composed)
    _check_names(folder, names)
    own = [composed(name) for name in names]
    if learned is None and len(names) < 2:
        raise InputError(_too_few(folder, names, bool(part)))
    if learned is not None and not set(own) <= set(learned.classes):
        raise InputError((_unlabelled if len(own) == 1 else _other_classes)(folder, own, learned))
    known, files, others, twice = (
        list(learned.classes if learned else own),
        list[ImageFile](),
        Counter[str](),
        list[str](),
    )
    for name in names:
        found, left, again = _class_files(places, folder / name, known.index(composed(name)))
        if not found and (learned is None or again):
            raise InputError(_no_image(folder / name, left, again))
        files, others, twice = files + found, others + left, twice + again
    if learned is not None and not files:
        raise InputError(_unlabelled(folder, own, learned))
    remarks = []
    if twice:
        count = plural(len(twice), "folder")
        remarks.append(f"{folder}: links lead to {count} a second time, not read again: {listed(twice)}.")
    if loose := pictures(folder):
        remarks.append(f"{folder}: {plural(loose, 'picture')} beside the folders of classes, not read.")
    if alike := [name for name, count in Counter(name.strip().lower() for name in own).items() if count > 1]:
        told = [repr(name) for name in own if name.strip().lower() == alike[0]]
        remarks.append(f"{folder}: {' and '.join(told)} are read as different classes.")
    if learned is None and (shared := _in_each(folder, names)):
        each, classes = (listed([f"{name}/" for name in some]) for some in (names, shared))
        remarks.append(
            f"{folder}: the classes are {each}, and each of them has {classes}. If these are the classes, put them on "
            f"top: {folder}/{shared[0]}/{names[0]}/*, {folder}/{shared[1]}/{names[0]}/*, ..."
        )
    return Listing(folder, tuple(known), files, others, tuple(remarks))


def _in_each(folder: Path, names: Sequence[str]) -> list[str]:
    """The folders that are in every class folder, if these hold the same ones, at least two, and nothing else: classes
    may be divided so, and as well cameras, years or folds, each with all classes."""
    first = class_folders(folder, names[0])
    alike = len(first) > 1 and all(class_folders(folder, name) == first for name in names[1:])
    return sorted(first) if alike else []


def composed(name: str) -> str:
    """One name, whichever system wrote it: macOS writes an accent as a character of its own (NFD), others do not."""
    return unicodedata.normalize("NFC", name)


def _class_files(places: Places, folder: Path, label: int) -> tuple[list[ImageFile], Counter[str], list[str]]:
    """The pictures at any depth, the other files by ending, and in words the folders in it that are read elsewhere."""
    from cnnlab.datasets.decode import extensions

    endings, files, others, twice = extensions(), list[ImageFile](), Counter[str](), list[str]()
    for inner, below, entries in os.walk(folder, followlinks=True, onerror=_refuse):
        if (path := places.elsewhere(inner, folder)) is not None:
            below[:] = []
            twice.append(places.in_words(inner, path))
            continue
        below[:] = sorted(name for name in below if not hidden(name))
        place = os.path.relpath(inner, places.home)
        for file in sorted(entry for entry in entries if not hidden(entry)):
            ending = os.path.splitext(file)[1].lower()
            if ending not in endings:
                others[ending] += 1
            elif (status := _regular(os.path.join(inner, file))) is None:
                others["pipe or device"] += 1
            else:
                changed = (status.st_mtime_ns, status.st_ctime_ns)
                files.append(ImageFile(os.path.join(place, file), label, status.st_size, changed))
    return files, others, twice


def _refuse(error: OSError) -> None:
    """os.walk passes over a folder that it cannot read."""
    raise error


def _regular(path: str) -> os.stat_result | None:
    """None for a pipe or a device, which could be read for ever."""
    status = os.stat(path)
    return status if stat.S_ISREG(status.st_mode) else None


def _no_image(folder: Path, left: Counter[str], again: Sequence[str]) -> str:
    if again:
        return (
            f"{folder} has no image of its own: {listed(again)}, which is read already.\n"
            f"{ONE_CLASS}: put copies of others there, or remove the link."
        )
    if left:
        return skipped(str(folder), left) + "\nThere is no other: save them as .jpg or .png, or remove the folder."
    return (
        f"{folder} contains no image, but every folder is a class.\nAdd images (.jpg, .png, ...) or remove the folder."
    )


def _other_classes(folder: Path, own: Sequence[str], learned: Listing) -> str:
    classes = learned.classes
    new, missing = ([name for name in one if name not in other] for one, other in ((own, classes), (classes, own)))
    lacking = f" Without images here: {listed(missing)}." if missing else ""
    return (
        f"{folder} has classes that the training images have not: {listed(new)}.{lacking}\n"
        "Give each class one name in both folders, or remove what is not to be learned."
    )


def _too_few(folder: Path, names: Sequence[str], is_split: bool) -> str:
    """The message for a folder without two classes; names the folder below, if that is the one that was meant."""
    head = f"{_holds(folder, names)}; at least two are needed.\n"
    for name in names:
        inner = folder / classes_in(folder, name)
        if len(folders(inner)) >= 2:
            way = f"mv {inner}/* {folder}" if is_split else f"dataset.root={inner}"
            return f"{head}The folders are in {inner}: {way}"
    return f"{head}It should look like {folder}/cat/*.jpg, {folder}/dog/*.jpg"


def _unlabelled(folder: Path, names: Sequence[str], learned: Listing) -> str:
    """The message for test images in no class, as those of competitions are."""
    head = f"{_holds(folder, names)}: no image of the training classes ({listed(learned.classes)}).\n"
    for inner in (folder / classes_in(folder, name) for name in names):
        if set(map(composed, folders(inner))) & set(learned.classes):
            return f"{head}The folders are in {inner}: mv {inner}/* {folder}"
    return (
        f"{head}Test images belong in {folder / learned.classes[0]}, ... Without labels they test nothing:\n"
        f"dataset.root={learned.folder} takes some of the training images for the test, and predict classifies these."
    )


def _holds(folder: Path, names: Sequence[str]) -> str:
    loose = pictures(folder)
    beside = f", and {plural(loose, 'picture')} in none" if loose else ""
    return f"{folder} holds {plural(len(names), 'folder')} of classes{beside}"


def _check_names(folder: Path, classes: Iterable[str]) -> None:
    """Raise InputError for class names that are not UTF-8, as old zip files have: no file could name the class; and for
    two that look the same."""
    twins = [name for name, count in Counter(map(composed, classes)).items() if count > 1]
    if twins:
        raise InputError(
            f"{folder}: two folders are called {twins[0]!r}, in two ways of writing accents (Unicode's NFC and NFD).\n"
            "Put their images into one."
        )
    wrong = [os.fsencode(name) for name in classes if not _is_text(name)]
    if wrong:
        names = listed([repr(name)[1:] for name in wrong])
        raise InputError(
            f"{ascii(str(folder))[1:-1]}: a class is named after its folder, but these names are not UTF-8: {names}.\n"
            "Rename them; if they come from Western Windows: convmv -f latin1 -t utf8 -r --notest FOLDER"
        )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
