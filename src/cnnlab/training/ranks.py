"""The processes that train one run together, each on its share of every batch: what they tell each other."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep
from typing import Any, NamedTuple, Protocol, TypeVar
from zlib import crc32

import psutil
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnnlab.common.errors import InputError
from cnnlab.networks.global_norm import global_norms

T = TypeVar("T")
Network = Callable[[Tensor], Tensor]
# A process that is gone is noticed at once; this is for one that hangs. It is longer than any drawing or saving takes.
TIMEOUT = timedelta(hours=1)
GONE_S = 2.0  # within which a process that closed its connections is gone


class Agreed(NamedTuple):
    """`stop`: a signal's number, or 0."""

    stop: int
    save: bool


class Lost(RuntimeError):
    """Another process is gone, so this one cannot go on."""


class Ranks(Protocol):
    """Process `rank` of `count`. Methods must be called by all of them, in the same order."""

    rank: int
    count: int

    def wrapped(self, network: nn.Module, compile: bool) -> tuple[Network, Network]:
        """What training calls instead of `network`, as is and compiled: gradients are of the global batch's mean loss,
        batch norm is over the global batch."""
        ...

    def agree(self, stop: int, save: bool) -> Agreed:
        """What any of them asked for, the same for all: at the call before this one, so that nobody waits."""
        ...

    def rows(self, x: Tensor, first: int | None, key: str) -> Tensor:
        """Rank 0: the first rows (None: all) of the global x, which the ranks have equal parts of; others: some."""
        ...

    def everyone(self, x: Tensor, key: str) -> Tensor:
        """(count, ...): x of every rank."""
        ...

    def collect(self, value: T) -> list[T] | None:
        """Rank 0: the values of all, which can be pickled; others: None."""
        ...

    def tell(self, value: T) -> T:
        """Rank 0's value."""
        ...

    @contextmanager
    def naming_the_lost(self) -> Iterator[None]:
        """An error inside that another process caused by its end is raised as Lost."""
        ...


class Alone:
    """One process."""

    rank, count = 0, 1

    def wrapped(self, network: nn.Module, compile: bool) -> tuple[Network, Network]:
        return network, torch.compile(network) if compile else network

    def agree(self, stop: int, save: bool) -> Agreed:
        return Agreed(stop, save)

    def rows(self, x: Tensor, first: int | None, key: str) -> Tensor:
        return x[:first]

    def everyone(self, x: Tensor, key: str) -> Tensor:
        return x[None]

    def collect(self, value: T) -> list[T] | None:
        return [value]

    def tell(self, value: T) -> T:
        return value

    @contextmanager
    def naming_the_lost(self) -> Iterator[None]:
        yield


ALONE = Alone()


class Together:
    """Several, in torch's default process group; groups of their own keep what they tell each other apart from the
    gradients, which are sent while the backward pass goes on."""

    def __init__(self, device: torch.device):
        self.rank, self.count, self.device = dist.get_rank(), dist.get_world_size(), device
        self._layers: Any
        self._norms: Any
        self._layers, self._norms = (dist.new_group(timeout=TIMEOUT) for _ in range(2))
        # On the CPU, where nothing waits for the GPU.
        self._talk: Any = dist.new_group(timeout=TIMEOUT, backend="gloo")
        self._keys: Any = dist.new_group(timeout=TIMEOUT, backend="gloo")
        self._asked: tuple[Any, Tensor] | None = None
        self._processes: list[Any] = [None] * self.count
        dist.all_gather_object(self._processes, (socket.gethostname(), os.getpid()), group=self._talk)

    def wrapped(self, network: nn.Module, compile: bool) -> tuple[Network, Network]:
        if not any(parameter.requires_grad for parameter in network.parameters()):
            return self._whole(network), self._whole(torch.compile(network) if compile else network, compile)
        devices = [self.device.index or torch.cuda.current_device()] if self.device.type == "cuda" else None
        # Which parameters take part may depend on the step, as where blocks are skipped at random.
        together = DistributedDataParallel(network, devices, process_group=None, find_unused_parameters=True)
        return self._whole(together), self._whole(torch.compile(together) if compile else together, compile)

    def _whole(self, network: Network, compiled: bool = False) -> Network:
        def call(x: Tensor) -> Tensor:
            with global_norms(self._norms, compiled):
                return network(x)

        return call

    def agree(self, stop: int, save: bool) -> Agreed:
        said = (0, 0)
        if self._asked is not None:
            work, tensor = self._asked
            work.wait()
            said = tensor.tolist()
        asked = torch.tensor([stop, int(save)])
        self._asked = dist.all_reduce(asked, dist.ReduceOp.MAX, group=self._talk, async_op=True), asked
        return Agreed(int(said[0]), bool(said[1]))

    def rows(self, x: Tensor, first: int | None, key: str) -> Tensor:
        if x.dim() < 2 or (first is not None and first <= len(x)):
            return x[:first]  # which rank 0 has
        self._meet(f"{key} {tuple(x.shape)}")
        x = x.contiguous()
        parts = [torch.empty_like(x) for _ in range(self.count)] if self.rank == 0 else None
        dist.gather(x, parts, group=self._layers)
        return x if parts is None else torch.cat(parts)[:first]

    def everyone(self, x: Tensor, key: str) -> Tensor:
        self._meet(key)
        x = x.detach().contiguous()
        parts = [torch.empty_like(x) for _ in range(self.count)]
        dist.all_gather(parts, x, group=self._layers)
        return torch.stack(parts)

    def _meet(self, what: str) -> None:
        """Never values of one layer beside those of another. Raises InputError."""
        own = torch.tensor([crc32(what.encode())])
        each = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(each, own, group=self._keys)
        if any(other != own for other in each):
            raise InputError(
                f"The processes did not run the same layers in one step: rank {self.rank} has {what}, and another "
                "something else.\nThese are not parts of one batch: use telemetry=off, or trainer.devices=1."
            )

    def collect(self, value: T) -> list[T] | None:
        values: list[Any] | None = [None] * self.count if self.rank == 0 else None
        dist.gather_object(value, values, group=self._talk)
        return values

    def tell(self, value: T) -> T:
        told = [value]
        dist.broadcast_object_list(told, group=self._talk)
        return told[0]

    @contextmanager
    def naming_the_lost(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            if (rank := self._lost()) is None:
                raise
            raise Lost(f"rank {rank} of {self.count} is gone") from error

    def _lost(self) -> int | None:
        """A rank of this machine that is gone, or is about to be."""
        host, end = socket.gethostname(), monotonic() + GONE_S
        mine = {rank: pid for rank, (where, pid) in enumerate(self._processes) if where == host and rank != self.rank}
        while monotonic() < end:
            for rank, pid in mine.items():
                if _gone(pid):
                    return rank
            sleep(0.05)
        return None


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def mean(ranks: Ranks, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of values that are means over equal parts: those over the whole."""
    if ranks.count == 1:
        return dict(values)
    whole = ranks.everyone(torch.stack([value.float() for value in values.values()]), "scores").mean(0)
    return dict(zip(values, whole, strict=True))
