"""A user error inside Hydra, which prints this base class in its own words, without a traceback, and exits with 1."""

from hydra.errors import CompactHydraException


class Refusal(CompactHydraException):
    """An InputError, where only Hydra can report it."""

    # Hydra 1.4 prints the part of any exception's traceback that belongs to the job, if it finds one here.
    __traceback__ = None
