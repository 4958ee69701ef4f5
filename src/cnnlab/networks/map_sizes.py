"""How blocks of convolutions and poolings shrink a map, and what to change where an image is too small for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cnnlab.common.errors import InputError
from cnnlab.common.words import shown, sides


@dataclass(frozen=True)
class _Step:
    """A convolution, or a pooling of `kernel_size` 2 and stride 2. It needs a map as large as its kernel."""

    layer: str
    kernel_size: int
    stride: int
    padding: str
    pools: bool = False

    def after(self, side: int) -> int:
        """floor((n - k) / s) + 1 for `valid`, ceil(n / s) for `same`."""
        return -(-side // self.stride) if self.padding == "same" else (side - self.kernel_size) // self.stride + 1


@dataclass(frozen=True)
class MapSizes:
    """One value per block of all but the last two; `stride`: of a block's first convolution. `pool_after`: "last" or
    "first", the convolution of a block that its pooling follows."""

    kernel_size: Sequence[int]
    convs_per_block: Sequence[int]
    stride: Sequence[int]
    pool: Sequence[str]
    padding: str
    pool_after: str = "last"

    def last(self, size: Sequence[int]) -> list[int]:
        """The sides of the last map, for an image of these sides; InputError if a layer's map is too small for it."""
        now = list(size)
        for step in self._steps():
            if min(now) < step.kernel_size:
                raise InputError(self._too_small(size, step, now))
            now = [step.after(side) for side in now]
        return now

    def smallest(self) -> int:
        """The side of the smallest square image that all layers fit."""
        return smallest(self._fits)

    def _steps(self) -> Iterator[_Step]:
        blocks = zip(self.kernel_size, self.convs_per_block, self.stride, self.pool, strict=True)
        for i, (kernel_size, depth, stride, pool) in enumerate(blocks, start=1):
            pooled_after = 1 if self.pool_after == "first" else depth
            for j in range(1, depth + 1):
                yield _Step(f"block{i}.conv{j}", kernel_size, stride if j == 1 else 1, self.padding)
                if pool != "none" and j == pooled_after:
                    yield _Step(f"block{i}.pool", 2, 2, "same", pools=True)

    def _fits(self, side: int) -> bool:
        for step in self._steps():
            if side < step.kernel_size:
                return False
            side = step.after(side)
        return True

    def _too_small(self, size: Sequence[int], step: _Step, now: Sequence[int]) -> str:
        least = self.smallest()
        instead = [
            change for change in (self._smaller_kernels(min(size)), self._less_pooling(step, min(size))) if change
        ]
        what = (
            f"{step.layer} has a {sides(tuple(now))} input map, which cannot be pooled further"
            if step.pools
            else f"model.kernel_size={step.kernel_size} is larger than the {sides(tuple(now))} map at the input of "
            f"{step.layer}"
        )
        return (
            f"{what}: images of {sides(tuple(size))} are too small for this network.\n"
            f"The smallest that fit are {least}x{least}: dataset.size={least}, "
            "with dataset=noise if only sizes matter.\n"
            + (f"Or keep the images, with {' or '.join(instead)}." if instead else "Or give it fewer layers.")
        )

    def _smaller_kernels(self, side: int) -> str:
        """The largest kernels, none of them above the present, that fit an image of this side; empty for 1x1."""

        def limited(most: int) -> MapSizes:
            return replace(self, kernel_size=[min(size, most) for size in self.kernel_size])

        fitting = [most for most in range(2, min(max(self.kernel_size), side + 1)) if limited(most)._fits(side)]
        return _setting("kernel_size", limited(fitting[-1]).kernel_size) if fitting else ""

    def _less_pooling(self, step: _Step, side: int) -> str:
        """Without pooling from the block of `step` on, or from one before; empty where that does not suffice."""
        block = int(step.layer.removeprefix("block").partition(".")[0])
        for kept in range(block - 1, -1, -1):
            pools = [pool if i < kept else "none" for i, pool in enumerate(self.pool)]
            if pools != list(self.pool) and replace(self, pool=pools)._fits(side):
                return _setting("pool", pools)
        return ""


def smallest(fits: Callable[[int], bool]) -> int:
    """The smallest side for which `fits` holds, as it must for all above it."""
    high = 1
    while not fits(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _setting(name: str, values: Sequence[int | str]) -> str:
    """One value where all blocks have the same."""
    return f"model.{name}={shown(values[0] if all(a == b for a, b in pairwise(values)) else list(values))}"
