"""scikit-learn's handwritten digits: 1,797 real images that ship with the package, no download."""

from importlib.metadata import distribution

import numpy as np
import torch

from cnnlab.common.limits import check_limits
from cnnlab.datasets.base import ImageSet, Split, assemble, cut, resize, stratified_order

TEST_SHARE = 0.2  # the set has no official test split; these 359 images are fixed


def digits(validation: float = 0.1, size: int | None = 28) -> ImageSet:
    """1 x size x size, ten classes; `size=None` keeps 8 x 8. Source: E. Alpaydin and C. Kaynak, UCI, 1998."""
    check_limits(dataset_validation=validation, dataset_size=size)
    table = _table()
    values, labels = table[:, :-1].double(), table[:, -1].long()
    order = stratified_order(labels)
    images = (values[order] * (255 / 16)).round().to(torch.uint8).view(-1, 1, 8, 8)  # 0..16 -> 0..255
    whole = Split(resize(images, size), labels[order])
    test, train = cut(whole, round(TEST_SHARE * len(whole)))
    return assemble("digits", train, test, tuple("0123456789"), validation)


def _table() -> torch.Tensor:
    """(1797, 65): 64 pixels of 0..16, and the digit. The file of scikit-learn, whose import takes 1.5 s."""
    file = str(distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz"))
    return torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.uint8))
