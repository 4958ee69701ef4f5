"""Networks that nobody here wrote, in a loop of one's own: every layer against a recorder that works by other means.

The reference reads autograd's graph: which node uses a layer's output, and what the node has saved. It hooks no
functions and follows no tensors.
"""

import copy
from collections import defaultdict

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

import cnnlab

SMALL = {"num_classes": 5}
NETWORKS = {
    "resnet18": lambda: torchvision.models.resnet18(**SMALL),
    "vgg11_bn": lambda: torchvision.models.vgg11_bn(**SMALL, dropout=0.0),
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(**SMALL, dropout=0.0),
    "densenet121": lambda: torchvision.models.densenet121(**SMALL),
    "efficientnet_b0": lambda: torchvision.models.efficientnet_b0(**SMALL, dropout=0.0, stochastic_depth_prob=0.0),
    "convnext_tiny": lambda: torchvision.models.convnext_tiny(**SMALL, stochastic_depth_prob=0.0),
    "vit_b_16": lambda: torchvision.models.vit_b_16(**SMALL, image_size=64),
}
# What autograd calls the functions that pass a layer's output on, and those that end a layer.
PASSING = ("NativeBatchNorm", "NativeLayerNorm", "MaxPool2DWithIndices", "AvgPool2D", "AdaptiveAvgPool2D", "Mean")
ENDING = {
    "ReluBackward0": lambda node: node._saved_result,
    "SigmoidBackward0": lambda node: node._saved_result,
    "HardswishBackward0": lambda node: F.hardswish(node._saved_self),
    "HardsigmoidBackward0": lambda node: F.hardsigmoid(node._saved_self),
    "SiluBackward0": lambda node: F.silu(node._saved_self),
    "GeluBackward0": lambda node: F.gelu(node._saved_self),
}


class Reference:
    """`values`: {layer's name: {"preactivation": tensor, "gradient": tensor, "activation": tensor or None}}."""

    def __init__(self, network: nn.Module, x: Tensor, y: Tensor):
        made: dict[object, Tensor] = {}  # by autograd node: what a module returned
        layers: dict[str, object] = {}

        def keep(name: str, output: Tensor | tuple) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            made[tensor.grad_fn] = tensor.detach().clone()
            layers[name] = tensor.grad_fn

        handles = []
        for name, module in network.named_modules():
            if isinstance(module, nn.MultiheadAttention):
                name += ".out_proj"
            elif next(module.children(), None) is not None:
                continue
            handles.append(module.register_forward_hook(lambda m, i, out, name=name: keep(name, out)))
        loss = F.cross_entropy(network(x), y)
        users = _users(loss.grad_fn)
        self.values: dict[str, dict[str, Tensor | None]] = {}
        for name, node in layers.items():
            module = network.get_submodule(name)
            if isinstance(module, nn.Conv2d | nn.Linear):
                last, end = _followed(node, users)
                if end is None:
                    last = node
                values = {"preactivation": made[last], "activation": end and ENDING[end.name()](end).detach().clone()}
                self.values[name] = values
                last.register_prehook(lambda gradients, values=values: values.update(gradient=gradients[0].clone()))
        loss.backward()
        for handle in handles:
            handle.remove()


def _users(root: object) -> dict[object, list]:
    users, seen, waiting = defaultdict(list), {root}, [root]
    while waiting:
        node = waiting.pop()
        for below, _ in node.next_functions:
            if below is not None:
                users[below].append(node)
                if below not in seen:
                    seen.add(below)
                    waiting.append(below)
    return users


def _followed(node, users) -> tuple[object, object | None]:
    """The last node before the activation, and the activation's own; None where no activation is all that follows."""
    while len(users[node]) == 1:
        (user,) = users[node]
        if user.name() in ENDING:
            return node, user
        if not user.name().startswith(PASSING):
            break
        node = user
    return node, None


def _units_second(x: Tensor, module: nn.Module) -> Tensor:
    return x.movedim(-1, 1) if isinstance(module, nn.Linear) and x.dim() > 2 else x


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_measured_and_every_number_is_the_references(name):
    torch.manual_seed(0)
    network, x, y = NETWORKS[name](), torch.randn(3, 3, 64, 64), torch.tensor([0, 1, 2])
    plain = copy.deepcopy(network)
    for module in plain.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    reference = Reference(plain, x, y).values

    # The six lines of the README.
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    probe = cnnlab.Probe(network)
    with probe.watch():
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
    found = probe.read()

    weights = {n: p.detach().clone() for n, p in plain.named_parameters()}
    gradients = {n: p.grad for n, p in plain.named_parameters()}
    keys = {key.partition("_")[2]: key for key in probe.layers}
    assert {n.removesuffix(".weight") for n, p in weights.items() if p.dim() > 1 and n.endswith(".weight")} <= set(keys)
    for layer, values in reference.items():
        key, module, gradient = keys[layer], plain.get_submodule(layer), gradients[f"{layer}.weight"]
        updated = weights[f"{layer}.weight"] - 0.01 * gradient
        expected = {
            f"weight/std/{key}": updated.std(correction=0),
            f"weight/gradient_std/{key}": gradient.std(correction=0),
            f"weight/update_ratio/{key}": 0.01 * gradient.norm() / updated.norm(),
        }
        for what in ("preactivation", "gradient", "activation"):
            tensor = values[what]
            if tensor is None:
                assert f"{what}/std/{key}" not in found, f"{layer} has no activation of its own"
                continue
            expected |= {f"{what}/mean/{key}": tensor.mean(), f"{what}/std/{key}": tensor.std(correction=0)}
            if what == "activation":
                units = _units_second(tensor, module).flatten(2) if tensor.dim() > 2 else tensor[..., None]
                expected[f"activation/zeros/{key}"] = (tensor == 0).float().mean()
                expected[f"activation/dead/{key}"] = (units == 0).all(2).all(0).float().mean()
        for statistic, value in expected.items():
            scale = 1e-5 * float(values["gradient"].abs().max()) if "gradient" in statistic else 1e-5
            assert found[statistic] == pytest.approx(float(value), rel=2e-3, abs=scale), statistic
    unknown = {layer for layer in keys if layer not in reference}
    assert unknown == {layer.partition("_")[2] for layer in probe.unmeasured}
    assert all("in_proj" in layer for layer in unknown), "only an attention's inner projections are not seen"
    for layer in unknown:
        name = layer.removesuffix("in_proj") + "in_proj_weight"
        assert found[f"weight/std/{keys[layer]}"] == pytest.approx(weights[name].std(correction=0).item(), rel=1e-3)
