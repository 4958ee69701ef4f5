"""A hook for the gradient of a tensor that may be changed in place later."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle


def on_gradient(x: Tensor, measure: Callable[[Tensor], None]) -> RemovableHandle:
    """Calls `measure` with the gradient of `x` as it is now.

    To change a view in place changes its history, so that no gradient reaches it: that of the whole is taken instead.
    """
    whole = x._base
    if whole is None or whole.numel() != x.numel():
        return x.register_hook(measure)
    size, strides, place = x.size(), x.stride(), x.storage_offset() - whole.storage_offset()
    whole_size, whole_strides = whole.size(), whole.stride()

    def see(gradient: Tensor) -> None:
        with torch._C.DisableTorchFunction():
            if gradient.stride() != whole_strides:
                gradient = gradient.new_empty_strided(whole_size, whole_strides).copy_(gradient)
            measure(gradient.as_strided(size, strides, gradient.storage_offset() + place))

    return whole.register_hook(see)
