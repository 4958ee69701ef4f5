"""Networks that nobody here wrote, in a loop of one's own: every layer against a recorder that works by other means.

The recorder, `scripts/zoo_parts/recorder.py`, reads autograd's graph: which node uses a layer's output, and what the
node has saved. It hooks no functions and follows no tensors. `make zoo` compares more networks, and more than this.
"""

import pytest

from cnnlab.telemetry import attribution, watched
from zoo_parts.attribution import compare
from zoo_parts.networks import PUBLISHED
from zoo_parts.odd import ODD

NETWORKS = [
    *("resnet18", "vgg11_bn", "mobilenet_v3_small", "densenet121", "efficientnet_b0", "convnext_tiny", "vit_b_16"),
    *("test_nfnet", "ghostnet_050"),
]
COMPUTED = "its weights are computed from other parameters, or had no shape yet"
INSIDE = "its output stays inside the attention; only its weights are measured"
# By odd module: layers that are not, or not fully, measured, and why.
UNMEASURED = {
    "weight norm": {"0": COMPUTED, "2": COMPUTED},
    "spectral norm": {"0": COMPUTED, "2": COMPUTED},
    "pruned": {"2": COMPUTED},
    "lazy": {"0": COMPUTED, "4": COMPUTED},
    "attention": {"attention.in_proj": INSIDE},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_measured_and_every_number_is_the_recorders(name):
    found = compare(PUBLISHED[name])
    assert not found.wrong and not found.unseen
    assert found.compared + len(found.unmeasured) == found.layers and found.numbers > 7 * found.compared
    assert all("in_proj" in layer for layer in found.unmeasured), "only an attention's inner projections are not seen"


@pytest.mark.parametrize("name", ODD)
def test_odd_modules_are_measured_or_the_reason_is_said(name):
    found = compare(ODD[name])
    assert not found.wrong
    assert found.unmeasured == UNMEASURED.get(name, {})
    # In a reentrant checkpoint the layers have no graph before the backward pass.
    assert len(found.unseen) == {"checkpointed, reentrant": 3, "a layer nobody uses": 1}.get(name, 0)


def test_parameters_of_other_layers_are_named():
    assert compare(ODD["Conv1d and GRU"]).outside == ["gru.weight_ih_l0", "gru.weight_hh_l0"]


def test_an_attribution_that_ends_at_norms_is_found_to_be_wrong(monkeypatch):
    monkeypatch.setattr(attribution, "CARRYING", set())
    found = compare(PUBLISHED["resnet18"])
    assert "activation/std of 01_conv1: cnnlab nothing, recorder 0" in "\n".join(found.wrong)


def test_a_gradient_of_the_wrong_tensor_is_found_to_be_wrong(monkeypatch):
    monkeypatch.setattr(watched.Watched, "carried_to_activation", lambda self, layer, x, units: None)
    wrong = compare(PUBLISHED["resnet18"]).wrong
    assert any(sentence.startswith("gradient/std of 01_conv1") for sentence in wrong)
    assert not any("logits" in sentence or "weight/" in sentence for sentence in wrong)
