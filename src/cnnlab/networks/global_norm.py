"""Batch norm over the batches of several processes, as one process would compute it over their whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules._functions import SyncBatchNorm
from torch.overrides import wrap_torch_function

_batch_norm = F.batch_norm
_group: Any = None  # of processes; None: each normalizes its own batch


@contextmanager
def global_norms(group: Any, compiled: bool = False) -> Iterator[None]:
    """Inside, batch norm in training mode is over the batches of all processes in `group`, which must be of one size;
    whether a module or a function asks for it. `compiled`: by torch.compile, which leaves it as it is."""
    global _group
    F.batch_norm, _group = torch.compiler.disable(global_batch_norm) if compiled else global_batch_norm, group
    try:
        yield
    finally:
        F.batch_norm, _group = _batch_norm, None


# Named to whoever listens to torch's functions (see `torch.overrides`), as torch's own is.
@wrap_torch_function(lambda input, *rest, **named: (input,))  # pyright: ignore[reportArgumentType]
def global_batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.batch_norm` of input (N, C, ...)."""
    x = input
    if not training:
        return _batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    if x.is_cuda:
        count = dist.get_world_size(_group)
        return SyncBatchNorm.apply(x, weight, bias, running_mean, running_var, eps, momentum, _group, count)
    # torch's synchronized one is for CUDA only.
    values, others = x.float(), [i for i in range(x.dim()) if i != 1]
    var, mean = torch.var_mean(values, others, correction=0)
    each = _Gathered.apply(torch.stack([mean, var]), _group)  # (processes, 2, C)
    mean = each[:, 0].mean(0)
    var = (each[:, 1] + (each[:, 0] - mean).square()).mean(0)
    if running_mean is not None and running_var is not None:
        images = len(each) * x.numel() // x.shape[1]
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * (images / (images - 1))).to(running_var.dtype), momentum)
    shape = [-1 if i == 1 else 1 for i in range(x.dim())]
    scale = (var + eps).rsqrt() if weight is None else weight.float() * (var + eps).rsqrt()
    y = (values - mean.view(shape)) * scale.view(shape)
    return (y if bias is None else y + bias.float().view(shape)).to(x.dtype)


class _Gathered(torch.autograd.Function):
    """Of each process, in order; the gradient is that of the sum of all processes' losses."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        every = [torch.empty_like(x) for _ in range(dist.get_world_size(group))]
        dist.all_gather(every, x.contiguous(), group=group)
        return torch.stack(every)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total, group=ctx.group)
        return total[dist.get_rank(ctx.group)], None
