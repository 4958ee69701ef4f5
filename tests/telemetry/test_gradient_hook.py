"""The gradient of a tensor that is changed in place later."""

import pytest
import torch

from cnnlab.telemetry.gradient_hook import on_gradient

X = torch.randn(4, 4, 6, 6, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.randn(4, 4, 6, 6, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    "view",
    [lambda h: h.flatten(1), lambda h: h.transpose(2, 3), lambda h: h.permute(0, 2, 3, 1), lambda h: h[:, :, None]],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_a_view_that_is_changed_in_place(view, layout):
    h = X.requires_grad_().clone(memory_format=layout)
    seen = []
    hook = on_gradient(x := view(h), seen.append)
    (x.tanh_() * view(WEIGHTS)).sum().backward()
    hook.remove()
    torch.testing.assert_close(seen, [view(WEIGHTS * (1 - torch.tanh(X.detach()).square()))])
