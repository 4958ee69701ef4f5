"""The filters of a network's first convolution: named after the nearest classical kernels; how rough they are."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.kernels import CLASSICAL, centred

STRETCHED = " stretched"


class Match(NamedTuple):
    """The nearest classical kernel by cosine similarity, of kernels as vectors of k² weights.

    `cosine` is 1 for a positive multiple, -1 for a negative one (the same pattern, signs flipped), 0 for orthogonal
    kernels. 1x1 kernels are always `identity`.
    """

    name: str
    cosine: float

    @property
    def distance(self) -> float:
        """Cosine distance, ignoring sign and scale: 0 for the same pattern, 1 for orthogonal ones."""
        return 1 - abs(self.cosine)

    @property
    def label(self) -> str:
        return f"{'-' if self.cosine < 0 else ''}{self.name}"


class NamedFilter(NamedTuple):
    """Filter `index` of the first convolution: its nearest kernel, spatial pattern (k, k) and channel factors.

    Pattern and factors are the best rank-1 approximation of the filter (c_in, k * k); `share` is the fraction of
    its squared weights that they keep, 1 for one channel.
    """

    index: int
    match: Match
    pattern: Tensor
    channels: tuple[float, ...]
    share: float


def nearest(kernel: Tensor) -> Match:
    """The classical kernel nearest to `kernel` (k, k); `nothing` if the weights are all zero or not finite.

    Kernels above 3x3 are compared with the 3x3 ones both zero-padded and, as `... stretched`, resized to k x k.
    """
    vector = kernel.detach().to("cpu", torch.float32).flatten()
    length = vector.norm()
    if not torch.isfinite(length) or length == 0:
        return Match("nothing", 0.0)
    forms = _forms(kernel.shape[-1])
    cosines = torch.stack(list(forms.values())) @ (vector / length)
    best = int(cosines.abs().argmax())
    return Match(list(forms)[best], float(cosines[best].clamp(-1, 1)))


@cache
def chance(size: int) -> float:
    """95th percentile of random normal (size, size) kernels' |cosine| to the nearest classical one, 2,000 draws.

    Below it a match is no better than chance.
    """
    draws = F.normalize(torch.randn(2000, size * size, generator=torch.Generator().manual_seed(0)))
    best = (draws @ torch.stack(list(_forms(size).values())).T).abs().amax(dim=1)
    return float(best.quantile(0.95))


def name_filters(network: nn.Module) -> list[NamedFilter]:
    """Names for all filters of the first convolution, by order of definition; empty without a square one."""
    layer = _first(network)
    if layer is None or layer.kernel_size[0] != layer.kernel_size[1]:
        return []
    rows = []
    for index, weight in enumerate(layer.weight.detach().to("cpu", torch.float32)):
        pattern, channels, share = _split(weight)
        rows.append(NamedFilter(index, nearest(pattern), pattern, channels, share))
    return rows


def filter_results(filters: list[NamedFilter]) -> Mapping[str, float | str]:
    """Flat keys for results.json: name, cosine and distance per filter, and the share above chance."""
    results: dict[str, float | str] = {}
    for row in filters:
        results[f"first_layer/name/{row.index:03d}"] = row.match.label
        results[f"first_layer/cosine/{row.index:03d}"] = round(row.match.cosine, 4)
        results[f"first_layer/distance/{row.index:03d}"] = round(row.match.distance, 4)
    if filters:
        limit = chance(filters[0].pattern.shape[-1])
        results["first_layer/chance_cosine"] = round(limit, 4)
        results["first_layer/recognized"] = sum(abs(row.match.cosine) > limit for row in filters) / len(filters)
    return results


def roughness(network: nn.Module, when: str) -> dict[str, float]:
    """`first_layer/roughness@<when>` of the first convolution's filters, by order of definition.

    Mean squared difference of weights that are neighbours in a row or a column, over twice the weights' variance
    around their filter's mean. Independent weights of one variance s² have 1 on average, whatever the kernel size:
    E (a - b)² is 2 s², and the variance is divided by the n - 1 of a filter's n weights because it is taken around
    the filter's own mean. Smooth filters have less, alternating ones up to 2. Absent for kernels without neighbours
    (1x1), for filters that are flat, and without a convolution.
    """
    layer = _first(network)
    if layer is None:
        return {}
    weight = layer.weight.detach().to("cpu", torch.float64)
    pairs = torch.cat([weight.diff(dim=2).flatten(), weight.diff(dim=3).flatten()])
    filters = weight.flatten(1)
    if not len(pairs) or torch.equal(filters, filters[:, :1].expand_as(filters)):
        return {}
    variance = filters.var(dim=1).mean()  # divided by n - 1
    return {f"first_layer/roughness@{when}": float(pairs.square().mean() / (2 * variance))}


def _first(network: nn.Module) -> nn.Conv2d | None:
    return next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)


def _split(weight: Tensor) -> tuple[Tensor, tuple[float, ...], float]:
    """`weight` (c_in, k, k) as (pattern, factor per channel, share kept), with non-negative sum of factors."""
    rows = weight.flatten(1)
    if rows.shape[0] == 1 or not torch.isfinite(rows).all():
        return weight[0], (1.0,) * len(rows), 1.0
    u, s, v = torch.linalg.svd(rows, full_matrices=False)
    sign = -1.0 if float(u[:, 0].sum()) < 0 else 1.0
    total = float(s.square().sum())
    pattern = (sign * s[0] * v[0]).reshape(weight.shape[1:])
    return pattern, tuple((sign * u[:, 0]).tolist()), float(s[0].square()) / total if total else 1.0


@cache
def _forms(size: int) -> dict[str, Tensor]:
    """Classical kernels as unit vectors of size² weights, without those that coincide at this size."""
    kernels = {name: kernel.tensor() for name, kernel in CLASSICAL.items()}
    if size == 1:
        forms = {"identity": torch.ones(1, 1)}
    elif size == 2:
        # 2x2 average pooling; most kernels become flat, which is box_blur.
        forms = {
            n: F.avg_pool2d(kernels[n][None], 2, stride=1)[0] for n in ("box_blur", "emboss", "sobel_x", "sobel_y")
        }
    else:
        forms = {name: centred(kernel, size) for name, kernel in kernels.items()}
    if size > 3:
        # A resized identity is a Gaussian.
        for name, kernel in kernels.items():
            if name != "identity":
                wide = F.interpolate(kernel[None, None], size=(size, size), mode="bilinear", align_corners=False)
                forms[name + STRETCHED] = wide[0, 0]
    return {name: F.normalize(form.flatten(), dim=0) for name, form in forms.items()}
