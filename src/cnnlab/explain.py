"""`python -m cnnlab.explain NAME`: what a finding or a cause of a diagnosis means; without NAME, the list of all.

Without Hydra, whose grammar has no bare words, and without torch: there is nothing to compose or to compute.
"""

import sys
from collections.abc import Sequence

from cnnlab.common.errors import InputError
from cnnlab.common.unread import quiet_if_unread
from cnnlab.diagnosis import pages

HELP = """python -m cnnlab.explain NAME: what a finding or a cause of a diagnosis means, how it is measured, what else
it could be, what to do, and a command that shows it. Without NAME, the list of all.

  python -m cnnlab.explain
  python -m cnnlab.explain dead_units"""


def task(name: str | None) -> None:
    from cnnlab.views.explanation import show_list, show_page

    if name is None:
        show_list()
    else:
        show_page(name)


def check(words: Sequence[str]) -> str | None:
    """The page asked for, None for the list. `Dead units` may be two words. Raises InputError."""
    for word in words:
        if word.startswith("-") or "=" in word:
            raise InputError(
                f"'{word}' is not allowed: this command takes a name, and no settings.\n"
                "Type `python -m cnnlab.explain dead_units`, or `python -m cnnlab.explain` for the list of all names."
            )
    return pages.find(" ".join(words)) if words else None


def main() -> None:
    with quiet_if_unread():
        _run(sys.argv[1:])


def _run(words: Sequence[str]) -> None:
    if {"-h", "--help"} & set(words):
        print(HELP)
        return
    try:
        name = check(words)
    except InputError as error:
        sys.exit(str(error))
    task(name)


if __name__ == "__main__":
    main()
