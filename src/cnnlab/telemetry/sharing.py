"""Intermediate results that several statistics of one tensor need, computed once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps

from torch import Tensor

# {(function, id of the tensor): (tensor, result)}; it holds the tensor, since an id is free once its object is gone.
_Known = dict[tuple[Callable[[Tensor], Tensor], int], tuple[Tensor, Tensor]]
_known: ContextVar[_Known | None] = ContextVar("known", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Inside, a `shared` function is computed once per tensor; no tensor may change in it. Anywhere else it is computed
    whenever it is called."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def shared(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Decorator of a function of one tensor; see `sharing`."""

    @wraps(function)
    def once(x: Tensor) -> Tensor:
        known = _known.get()
        if known is None:
            return function(x)
        key = (function, id(x))
        if key not in known:
            known[key] = (x, function(x))
        return known[key][1]

    return once
