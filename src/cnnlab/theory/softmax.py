"""The gradient of cross-entropy at random logits."""

import torch
from torch import Tensor


def gradient_square(variance: Tensor, classes: int, label_smoothing: float = 0.0, draws: int = 1024) -> Tensor:
    """E (softmax_k - target_k)^2, averaged over the classes k, for independent logits ~ N(0, variance).

    The target is one-hot or, smoothed by e, (1 - e) onehot + e / C (Szegedy et al. 2016).

    From (C - 1) / C^2 for equal logits to 2 (C - 1) / C^2 where one class always wins, whatever the labels,
    since random logits are independent of them. Monte Carlo with a fixed seed: 1024 draws of 10 classes are good
    to 0.3 %. `variance`: any shape, may be infinite.
    """
    generator = torch.Generator().manual_seed(0)
    draws = max(64, min(draws, 100_000 // classes))
    normal = torch.randn(draws, classes, generator=generator, dtype=torch.float64)
    normal = torch.cat([normal, -normal])
    # The expectation is smooth in ln sd, so a table with interpolation replaces sampling per image.
    table = torch.linspace(-7, 12, 77, dtype=torch.float64)
    squares = torch.stack([(sd * normal).softmax(1).square().sum(1).mean() for sd in table.exp().tolist()])
    place = (variance.sqrt().log().clamp(-7, 11.99) + 7) * 4
    left = place.floor().long()
    share = place - left
    agreement = squares[left] * (1 - share) + squares[left + 1] * share
    target = (1 - label_smoothing) ** 2 + label_smoothing * (2 - label_smoothing) / classes  # its sum of squares
    return (agreement + target - 2 / classes) / classes


def gradient_scatter(variance: Tensor, classes: int, correlation: float, log_variance: float) -> tuple[float, float]:
    """Fluctuations of the gradient at the logits between networks, sampled from 256 networks on 32 images.

    Returns the variance of ln (mean square) and the mean r^2 between images' gradients. `variance`: (N,), of the
    logits per image; `correlation`: their mean between images; `log_variance`: variance of ln `variance`.
    """
    generator = torch.Generator().manual_seed(0)
    images, networks = min(len(variance), 32), 256 if classes <= 100 else 16
    common, own = (torch.randn(networks, n, classes, generator=generator, dtype=torch.float64) for n in (1, images))
    correlation = min(max(correlation, 0.0), 1.0)
    scale = torch.exp(0.5 * log_variance**0.5 * torch.randn(networks, 1, 1, generator=generator, dtype=torch.float64))
    logits = scale * variance[:images, None].sqrt() * (correlation**0.5 * common + (1 - correlation) ** 0.5 * own)
    gradient = logits.softmax(-1) - torch.eye(classes, dtype=torch.float64)[torch.arange(images) % classes]
    products = gradient @ gradient.transpose(1, 2)
    squares = products.diagonal(dim1=1, dim2=2).sum(1)
    return float(squares.log().var()), float((products.square().sum((1, 2)) / squares.square()).mean())
