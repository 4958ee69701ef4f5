"""What an error of somebody else's code says, and where it was raised."""

import traceback


def said(error: BaseException) -> str:
    """The first line of the error's message; its type where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def file_of(error: BaseException) -> str:
    """That which raised it, with /; empty if that is not known."""
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename.replace("\\", "/") if frames else ""


def raised_at(error: BaseException, *foreign: str) -> str:
    """`(mine/sets.py, line 3)`: the last line that ran outside of these files and folders; empty if there is none."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    own = next((frame for frame in frames if not frame.filename.startswith(foreign)), None)
    return f"({own.filename}, line {own.lineno})" if own else ""
