"""Each function against the layers that are said to equal it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.networks.modules.functions import Function, layers_like

X = torch.randn(2, 4, 7, 6, generator=torch.Generator().manual_seed(0))
WEIGHT, BIAS = nn.Parameter(torch.rand(4)), nn.Parameter(torch.rand(4))


def _named(name):
    return next(function for home in (F, torch) if (function := getattr(home, name, None)))


KNOWN = [
    *((_named(kind.function or name), (X,), {}) for name, kind in ACTIVATIONS.items() if name not in ("prelu", "none")),
    (F.leaky_relu, (X, 0.3), {}),
    (F.elu, (X,), {"alpha": 0.5, "inplace": False}),
    (F.hardtanh, (X, -0.5, 2.0), {}),
    (F.gelu, (X,), {"approximate": "tanh"}),
    (torch.Tensor.relu_, (X.clone(),), {}),
    (F.max_pool2d, (X, 3), {"stride": 2, "padding": 1, "ceil_mode": True}),
    (F.avg_pool2d, (X, 2), {"divisor_override": 1}),
    (F.adaptive_avg_pool2d, (X, 1), {}),
    (F.adaptive_max_pool2d, (X, (3, 2)), {}),
    (torch.Tensor.mean, (X, (2, 3)), {}),
    (torch.mean, (X,), {"dim": [-1, -2], "keepdim": True}),
    (torch.flatten, (X, 1), {}),
    (torch.Tensor.view, (X, 2, -1), {}),
    (torch.Tensor.reshape, (X, X.shape), {}),
    (torch.Tensor.contiguous, (X,), {}),
    (F.pad, (X, (1, 2, 3, 0)), {}),
    (F.dropout, (X,), {"p": 0.0}),
    (F.batch_norm, (X, None, None, WEIGHT, BIAS), {"training": True, "eps": 0.1}),
]


@pytest.mark.parametrize(("function", "args", "named"), KNOWN, ids=lambda v: getattr(v, "__name__", ""))
def test_the_layers_do_what_the_function_does(function, args, named):
    x = args[0].clone()
    expected = function(*args, **named)
    found = nn.Sequential(*layers_like(function, (args, named), expected))
    assert not any(isinstance(layer, Function) for layer in found)
    torch.testing.assert_close(found(x), expected)
    assert (found[0].inplace if hasattr(found[0], "inplace") else False) == function.__name__.endswith("_")


UNKNOWN = [
    (F.dropout, (X,), {"p": 0.5, "training": False}),  # may be on in training
    (F.max_pool2d, (X, 2), {"return_indices": True}),
    (torch.Tensor.mean, (X, 1), {}),
    (torch.Tensor.mean, (X,), {}),
    (torch.Tensor.view, (X, 2, 8, -1), {}),
    (torch.cat, ([X, X], 0), {}),
    (torch.add, (X, X), {"alpha": 2}),
    (torch.add, (X, 1.0), {}),
    (torch.add, (X, X[:, :, :1, :1]), {}),  # not maps of one shape
    (F.pad, (X, (1, 1, 1, 1)), {"mode": "reflect"}),
    (F.pad, (X, (1, 1, 1, 1)), {"value": 2.0}),
    (torch.Tensor.to, (X, torch.float64), {}),
    (F.prelu, (X, torch.tensor([0.1])), {}),
    (torch.mul, (X, X), {}),
]


@pytest.mark.parametrize(("function", "args", "named"), UNKNOWN, ids=lambda v: getattr(v, "__name__", ""))
def test_what_no_layer_does_is_a_function(function, args, named):
    (found,) = layers_like(function, (args, named), function(*args, **named))
    assert isinstance(found, Function)
    assert found.name == function.__name__.strip("_")
