"""What chance alone does to numbers of right answers, exactly, for few images."""

# A difference that chance makes as rarely as one of three standard deviations in one direction.
RARE = 0.00135


def at_least(right: int, images: int, share: float) -> float:
    """Probability of `right` or more right answers to `images`, each right with probability `share`."""
    from scipy.stats import binom  # here, since few runs ask, and it takes longer to load than they take to start

    return float(binom.sf(right - 1, images, share))


def differ(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Probability that two samples with (right, images) differ that much, in that direction, if each right answer could
    as well be of the other's images: Fisher's exact test, one-sided, with half of the probability of what was seen
    itself (mid-P, Lancaster 1961), without which it finds too little."""
    from scipy.stats import hypergeom

    (right, images), (others_right, others) = one, other
    urn = (images + others, right + others_right, images)
    better = right * others >= others_right * images
    further = hypergeom.sf(right, *urn) if better else hypergeom.cdf(right - 1, *urn)
    return float(further) + float(hypergeom.pmf(right, *urn)) / 2
