"""Intermediate results that several statistics of one tensor need, computed once."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")
# {(function, id of the tensor): (tensor, result)}; it holds the tensor, since an id is free once its object is gone.
_Known = dict[tuple[Callable[[Tensor], Any], int], tuple[Tensor, Any]]
_known: ContextVar[_Known | None] = ContextVar("known", default=None)


class sharing:
    """Inside, a `shared` function is computed once per tensor; no tensor may change in it. Anywhere else it is computed
    whenever it is called."""

    def __enter__(self) -> None:
        self._token = _known.set({})

    def __exit__(self, *_: object) -> None:
        _known.reset(self._token)


def shared(function: Callable[[Tensor], T]) -> Callable[[Tensor], T]:
    """Decorator of a function of one tensor; see `sharing`."""

    @wraps(function)
    def once(x: Tensor) -> T:
        known = _known.get()
        if known is None:
            return function(x)
        key = (function, id(x))
        if key not in known:
            known[key] = (x, function(x))
        return known[key][1]

    return once
