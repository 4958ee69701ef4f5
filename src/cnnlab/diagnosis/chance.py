"""What chance alone does to numbers of right answers, exactly, for few images."""

from math import comb, exp, lgamma

# A difference that chance makes as rarely as one of three standard deviations in one direction.
RARE = 0.00135


def at_least(right: int, images: int, share: float) -> float:
    """Probability of `right` or more right answers to `images`, each right with probability `share`."""
    return sum(comb(images, k) * share**k * (1 - share) ** (images - k) for k in range(right, images + 1))


def differ(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Probability that two samples with (right, images) differ that much, in that direction, if each right answer could
    as well be of the other's images: Fisher's exact test, one-sided, with half of the probability of what was seen
    itself (mid-P, Lancaster 1961), without which it finds too little."""
    (right, images), (others_right, others) = sorted([one, other], key=lambda sample: sample[1])
    total = right + others_right
    low, high = max(0, total - others), min(images, total)
    further = range(right + 1, high + 1) if right * others >= others_right * images else range(low, right)
    whole = _log_comb(images + others, total)  # of many images, comb() itself takes long

    def probability(k: int) -> float:
        return exp(_log_comb(images, k) + _log_comb(others, total - k) - whole)

    return probability(right) / 2 + sum(map(probability, further))


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
