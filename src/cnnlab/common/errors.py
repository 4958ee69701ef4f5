"""User errors, and cases that the theory does not cover."""

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches

from cnnlab.common.raised import file_of, said

USUAL_SIZE = 64  # pixels, of images on which networks train in minutes
SHORTEST = 3  # letters of a beginning that tells a word
OPTIMIZERS = "/torch/optim/"


class InputError(ValueError):
    """A user error; the message (one to five lines) gives the value, what is allowed and what to type instead.

    Entry points print it without a traceback and exit with 1. Any other exception is a bug in cnnlab.
    """


class NotApplicable(Exception):
    """The theory does not cover this network or initializer; the message is a clause that says why."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the closest allowed word, else for the first that begins so, as `dead_units` with
    `dead`, or an empty string if there is none."""
    words = {known.lower(): known for known in allowed}
    near = get_close_matches(word.lower(), list(words), n=1)
    near += [known for known in words if len(word) >= SHORTEST and known.startswith(word.lower())]
    return f" Did you mean '{words[near[0]]}'?" if near else ""


# What a disk or its rights do not allow, whatever cnnlab does.
_REFUSALS = {
    getattr(errno, name, None)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EFBIG", "EIO", "ENAMETOOLONG")
}


def refused(error: BaseException) -> InputError | None:
    """What to say where memory, a disk, a right or a compiler is missing, or where an optimizer of torch's cannot train
    this network; None for all else."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = "" if error.filename is None else f": {error.filename}"
        what = "Give a shorter name" if error.errno == errno.ENAMETOOLONG else "Make room, or see to the rights"
        return InputError(f"{error.strerror}{where}\n{what}, or give another folder.")
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        return InputError(
            f"trainer.compile=true does not work here: {said(error)}\n"
            "Use trainer.compile=false; where a compiler is missing, install g++ or name yours in CXX."
        )
    if type(error) in (RuntimeError, ValueError) and OPTIMIZERS in file_of(error):
        return InputError(
            f"optimizer or scheduler: {said(error)}\nTake another one, or other optimizer.* and scheduler.* settings."
        )
    return out_of_memory(error)


def out_of_memory(
    error: BaseException | None, where: str = "", image: tuple[int, ...] | None = None
) -> InputError | None:
    """What to say where memory, or a GPU's, was not enough; torch has no type for the former. `where`: continues the
    sentence. `image`: (H, W) of the images, which are the reason where they are large."""
    words = str(error)
    if not isinstance(error, MemoryError) and not ("allocate" in words and "memory" in words):
        return None
    asked = re.search(r"allocate ([\d.]+ ?\w*)", words)
    amount = asked[1].removesuffix("bytes").strip() if asked else ""
    if amount.isdigit():
        amount = f"{int(amount) / 2**30:,.1f} GiB"
    large = ""
    if image is not None and min(image) > USUAL_SIZE:
        large = f"The images are {'x'.join(map(str, image))}: smaller ones need less, as dataset.size={USUAL_SIZE}.\n"
    return InputError(
        f"There is not enough memory{f' for {amount} more' if amount else ''}{where}.\n{large}"
        "Give a smaller network, trainer.batch_size or dataset.size, or trainer.resident=false for the images."
    )
