"""Probe: the right tensors, on any module, and nothing changed by looking."""

from contextlib import nullcontext

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.utils.parametrizations import weight_norm

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import weight_layers
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.watched import SPREAD

X, Y = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 3


def _network(**knobs) -> ConvNet:
    torch.manual_seed(0)
    return ConvNet((1, 8, 8), 3, **{"channels": [3, 4], "head": [5], **knobs})


def _step(net: nn.Module, optimizer: torch.optim.Optimizer, scale: float = 1.0) -> torch.Tensor:
    loss = F.cross_entropy(net(X), Y)
    optimizer.zero_grad()
    (scale * loss).backward()
    optimizer.step()
    return loss.detach()


def _naive(net: ConvNet) -> dict[str, float]:
    """Layer by layer by hand: values, then gradients through autograd.grad."""
    h, kept = X, {}
    layers = iter(weight_layers(net))
    for block in net:
        for module in block:
            h = module(h)
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                kept[key := next(layers)] = [h]
            elif isinstance(module, nn.ReLU):
                kept[key].append(h)
    gradients = torch.autograd.grad(F.cross_entropy(h, Y), [values[0] for values in kept.values()])
    result = {}
    for (key, (before, *after)), gradient in zip(kept.items(), gradients, strict=True):
        result[f"preactivation/std/{key}"] = before.std(correction=0).item()
        result[f"gradient/std/{key}"] = gradient.std(correction=0).item()
        result[f"gradient/mean/{key}"] = gradient.mean().item()
        for x in after:
            result[f"activation/mean/{key}"] = x.mean().item()
            result[f"activation/zeros/{key}"] = (x == 0).float().mean().item()
    return result


def test_values_and_gradients_are_those_of_a_loop_by_hand():
    net = _network()
    expected = _naive(net)
    probe = Probe(net)
    with probe.watch():
        _step(net, torch.optim.SGD(net.parameters(), 0.1))
    got = probe.read()
    assert {k: got[k] for k in expected} == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_weights_updates_and_weight_gradients():
    net = _network()
    old = {k: m.weight.detach().clone() for k, m in weight_layers(net).items()}
    probe = Probe(net)
    with probe.watch():
        _step(net, torch.optim.SGD(net.parameters(), 0.1))
    got = probe.read()
    for key, layer in weight_layers(net).items():
        update = (0.1 * layer.weight.grad).norm() / layer.weight.norm()
        assert got[f"weight/update_ratio/{key}"] == pytest.approx(update.item(), rel=1e-3)
        assert got[f"weight/gradient_std/{key}"] == pytest.approx(layer.weight.grad.std(correction=0).item(), rel=1e-4)
        assert not torch.equal(old[key], layer.weight)


def test_looking_changes_nothing():
    losses = []
    for look in (False, True):
        net = _network(dropout=0.3, norm="batch")
        optimizer, probe = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9), Probe(net)
        torch.manual_seed(3)
        run = []
        for _ in range(5):
            if look:
                with probe.watch():
                    run.append(_step(net, optimizer))
            else:
                run.append(_step(net, optimizer))
        losses.append(torch.stack(run))
    assert torch.equal(*losses)


def test_no_hook_is_left_behind_even_after_an_error():
    net = _network()
    with pytest.raises(RuntimeError), Probe(net).watch():
        net(torch.zeros(1, 2, 3, 3))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_gradients_are_read_unscaled():
    results = []
    for scale in (1.0, 1024.0):
        net = _network()
        probe = Probe(net)
        with probe.watch(torch.tensor(scale)):
            _step(net, torch.optim.SGD(net.parameters(), 0.0), scale)
        results.append({k: v for k, v in probe.read().items() if k.startswith("gradient/")})
    assert results[0] == pytest.approx(results[1], rel=1e-5, abs=1e-12)


def test_in_place_activations_do_not_hide_the_preactivation():
    out, inplace = (
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace), nn.Flatten(), nn.Linear(144, 3))
        for inplace in (False, True)
    )
    inplace.load_state_dict(out.state_dict())
    values = []
    for net in (out, inplace):
        probe = Probe(net)
        with probe.watch():
            _step(net, torch.optim.SGD(net.parameters(), 0.1))
        values.append(probe.read())
    assert values[0] == pytest.approx(values[1])
    assert values[0]["preactivation/mean/01_0"] == pytest.approx(0, abs=1e-5)  # what batch norm hands to the ReLU


@pytest.mark.parametrize("activation, bounded", [("tanh", True), ("sigmoid", True), ("relu", False), ("none", False)])
def test_only_bounded_activations_saturate(activation, bounded):
    net = _network(activation=activation)
    probe = Probe(net)
    with probe.watch():
        net(X).sum().backward()
    assert any(k.startswith("saturation/share/") for k in probe.read()) == bounded


def test_the_first_images_only():
    net = _network()
    probe = Probe(net, images=2)
    with probe.watch():
        net(X)
    assert probe.read()["preactivation/mean/01_block1.conv1"] == pytest.approx(net.block1.conv1(X[:2]).mean().item())


def test_without_statistics_no_hook_is_set():
    net = _network()
    probe = Probe(net, {})
    with probe.watch():
        assert not any(m._forward_hooks for m in net.modules())
    assert probe.read() == {}
    assert probe.read({"train/loss": torch.tensor(1.5)}) == {"train/loss": 1.5}


def test_own_numbers_may_stand_beside_the_statistics():
    net = _network()
    probe = Probe(net)
    with probe.watch() as seen:
        loss = F.cross_entropy(net(X), Y)
        loss.backward()
        seen["train/loss"] = loss
    assert probe.read()["train/loss"] == pytest.approx(loss.item())
    assert next(iter(probe.read({"optimizer/lr": torch.tensor(0.5)}))) == "optimizer/lr"


def test_each_call_of_a_shared_layer_has_its_own_key():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(64, 3)

        def forward(self, x):
            self.kept = []
            for _ in range(3):
                x = self.conv(x)
                x.retain_grad()
                self.kept.append(x)
            return self.out(x.flatten(1))

    net = Loop()
    probe = Probe(net)
    with probe.watch():
        F.cross_entropy(net(X), Y).backward()
    got = probe.read()
    for kept, key in zip(net.kept, ("01_conv", "01_conv.call2", "01_conv.call3"), strict=True):
        assert got[f"preactivation/std/{key}"] == pytest.approx(kept.std(correction=0).item(), rel=1e-5)
        assert got[f"gradient/std/{key}"] == pytest.approx(kept.grad.std(correction=0).item(), rel=1e-5)
    assert "weight/std/01_conv" in got and "weight/std/01_conv.call2" not in got


@pytest.mark.parametrize("backward", [torch.Tensor.backward, torch.autograd.backward])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("reentrant", [True, False])
def test_activation_checkpointing_changes_no_number(reentrant, norm, backward):
    from torch.utils.checkpoint import checkpoint

    net, results = _network(norm=norm), []
    for run in (lambda block, x: block(x), lambda block, x: checkpoint(block, x, use_reentrant=reentrant)):
        probe = Probe(net)
        for _ in range(2):  # the second knows where the first found the pre-activation
            with probe.watch():
                backward(F.cross_entropy(net.head(run(net.block2, run(net.block1, X.clone().requires_grad_()))), Y))
            results.append(probe.read())
            net.zero_grad()
            assert probe.unmeasured == {} and "gradient/std/01_block1.conv1" in results[-1]
    for other in results[1:]:
        assert results[0] == pytest.approx(other, nan_ok=True)


def test_two_probes_see_what_a_checkpoint_runs_again():
    from torch.utils.checkpoint import checkpoint

    def block() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1), nn.ReLU())

    outer, inner, results = nn.Sequential(block(), block()), block(), []
    for run in (lambda f, x: f(x), lambda f, x: checkpoint(f, x, use_reentrant=True)):
        probes = Probe(outer), Probe(inner)
        with probes[0].watch(), probes[1].watch():
            run(lambda x: outer[1](inner(outer[0](x))), X.clone().requires_grad_()).square().sum().backward()
        assert [probe.unmeasured for probe in probes] == [{}, {}]
        results += [probe.read() for probe in probes]
        for network in (outer, inner):
            network.zero_grad()
    assert results[:2] == [pytest.approx(again, nan_ok=True) for again in results[2:]]


def test_lazy_layers_are_watched_at_their_first_step():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    probe = Probe(net)
    with probe.watch():
        F.cross_entropy(net(X), Y).backward()
    assert "activation/std/01_0" in probe.read() and "no shape yet" in probe.unmeasured["01_0"]
    with probe.watch():
        F.cross_entropy(net(X), Y).backward()
    assert "weight/std/01_0" in probe.read() and probe.unmeasured == {}


def test_layers_that_are_not_measured_are_named_with_the_reason():
    from torch.nn.utils.parametrizations import weight_norm

    net = nn.Sequential(weight_norm(nn.Conv2d(1, 2, 3)), nn.Flatten(), nn.Linear(72, 3))
    net.add_module("unused", nn.Linear(2, 2))
    probe = Probe(net)
    with probe.watch():
        F.cross_entropy(net[2](net[1](net[0](X))), Y).backward()
    assert "did not run" in probe.unmeasured["03_unused"] and "other parameters" in probe.unmeasured["01_0"]
    assert "preactivation/std/01_0" in probe.read() and "weight/std/01_0" not in probe.read()


def test_half_precision_weights_keep_their_size():
    net = nn.Linear(64, 64, bias=False).half()
    nn.init.normal_(net.weight, std=1e-5)
    probe = Probe(net, {"weight": {"std": lambda weight, gradient, update: weight.std(correction=0)}})
    with probe.watch():
        net.weight.grad = torch.zeros_like(net.weight)
    assert probe.read()["weight/std/01_network"] == pytest.approx(1e-5, rel=0.05)


def test_units_of_a_layer_on_tokens_are_its_outputs():
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU())
    with torch.no_grad():
        net[0].bias.copy_(torch.tensor([-100.0, -100.0, 9.0, 9.0, 9.0]))
    probe = Probe(net)
    with probe.watch():
        net(torch.rand(4, 7, 3)).sum().backward()
    assert probe.read()["activation/dead/01_0"] == pytest.approx(2 / 5)


@pytest.fixture
def watched_by_hand():
    """A deep network filled by hand, after one step: Xavier under relu, as nobody tells the probe."""
    layers = [layer for _ in range(20) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())]
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), *layers, nn.Flatten(), nn.Linear(1024, 3))
    for module in net:
        if hasattr(module, "weight"):
            nn.init.xavier_normal_(module.weight, 0.7)
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    probe = Probe(net)
    with probe.watch():
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()
    return probe, optimizer


def test_a_diagnosis_in_a_loop_of_ones_own_speaks_torch_and_guesses_nothing(watched_by_hand):
    probe, optimizer = watched_by_hand
    said = str(probe.diagnose(optimizer))
    assert "1. Vanishing forward." in said and 'try: cnnlab.initialize(network, "he")' in said
    assert "None" not in said and "he alone" not in said and "init=" not in said


def test_silence_is_not_called_healthy_where_nobody_knows_the_loss():
    net = _network()
    probe = Probe(net)
    with probe.watch():
        _step(net, torch.optim.SGD(net.parameters(), 0.01))
    said = str(probe.diagnose())
    assert (
        said.startswith("Nothing harmful was found at 1 measured step.") and "unknown" in said and "Healthy" not in said
    )


def test_the_diagnosis_knows_activations_called_as_functions():
    """A vanishing signal through F.tanh is answered by the initializer that suits tanh, not by a guess."""

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(12))
            for layer in self.layers:
                nn.init.normal_(layer.weight, std=0.02)

        def forward(self, x):
            for layer in self.layers:
                x = torch.tanh(layer(x))
            return x

    network = Deep()
    probe, optimizer = Probe(network), torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        with probe.watch():
            F.cross_entropy(network(torch.randn(32, 16)), torch.arange(32) % 16).backward()
            optimizer.step()
    said = str(probe.diagnose(optimizer))
    assert "xavier" in said and "kaiming" not in said, said


def _loop(body, steps: int = 12, rate: float = 0.1, decay: float = 1.0, last: nn.Module | None = None) -> str:
    """`body(network, optimizer, seen)` in a loop of one's own, and what is said of it."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3), last or nn.Identity())
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, decay)
    probe = Probe(network)
    for _ in range(steps):
        with probe.watch() as seen:
            body(network, optimizer, seen)
        if decay < 1:
            schedule.step()
    return str(probe.diagnose(optimizer, classes=3))


def _scored(network: nn.Module, seen, loss=F.cross_entropy, images: int = 6) -> torch.Tensor:
    """On that many of the eight images, drawn anew."""
    some = torch.randperm(8)[:images].sort().values
    out, y = network(X[some]), Y[some]
    seen |= {"train/loss": (value := loss(out, y)), "train/accuracy": (out.argmax(1) == y).float().mean()}
    return value


def test_a_loop_that_clears_gradients_behind_the_step_is_fine():
    def body(network, optimizer, seen):
        _scored(network, seen).backward()
        optimizer.step()
        optimizer.zero_grad()

    assert "frozen" not in (said := _loop(body, steps=40)) and said.startswith("Healthy.")


def test_a_loop_that_never_clears_gradients_is_told_however_well_it_learns():
    def body(network, optimizer, seen):
        _scored(network, seen).backward()
        optimizer.step()

    assert "call optimizer.zero_grad() in every step" in _loop(body, rate=0.01)


def test_a_loop_that_never_steps_is_told():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen).backward()

    assert "call optimizer.step() after loss.backward()" in _loop(body, steps=4)


def test_a_loop_that_clips_to_nothing_is_told():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1e-5)
        optimizer.step()

    assert "try: torch.nn.utils.clip_grad_norm_(network.parameters(), 1)" in _loop(body, steps=110)


def test_a_schedule_that_falls_at_once_is_told_in_a_loop_that_logs_no_rate():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen).backward()
        optimizer.step()

    assert "the schedule gives the learning rate next to no time" in _loop(body, steps=110, rate=0.01, decay=0.3)


def test_a_sigmoid_before_its_own_loss_is_fine():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen, lambda out, y: F.binary_cross_entropy(out, F.one_hot(y, 3).float())).backward()
        optimizer.step()

    assert _loop(body, steps=60, rate=1.0, last=nn.Sigmoid()).startswith("Healthy.")


def test_training_in_evaluation_mode_is_told_where_it_matters():
    def body(network, optimizer, seen):
        network.eval()
        optimizer.zero_grad()
        _scored(network, seen).backward()
        optimizer.step()

    def validated(network, optimizer, seen):
        network.train()
        optimizer.zero_grad()
        _scored(network, seen).backward()
        optimizer.step()
        with torch.no_grad():
            network.eval()(X)

    assert "call network.train() before training" in _loop(body, steps=60, last=nn.Dropout(0.1))
    assert _loop(validated, steps=60, last=nn.Dropout(0.1)).startswith("Healthy.")
    assert _loop(body, steps=60).startswith("Healthy."), "nothing in it has two modes"


def test_a_log_softmax_over_the_batch_is_told_though_the_batch_is_learned():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen).backward()
        optimizer.step()

    assert "an image's output depends on other images" in _loop(body, steps=60, last=nn.LogSoftmax(dim=0))
    assert _loop(body, steps=60, last=nn.LogSoftmax(dim=1)).startswith("Healthy.")


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda out, y: F.cross_entropy(out.softmax(1), y), "a softmax stands between"),
        (lambda out, y: F.cross_entropy(nn.Softmax(1)(out).float(), y), "a softmax stands between"),
        (lambda out, y: F.nll_loss(F.log_softmax(out, dim=0), y), "an image's output depends on other images"),
        (lambda out, y: F.cross_entropy(out[:, :1], 0 * y), "a softmax over a single output is always 1"),
        (lambda out, y: F.nll_loss(out, y), "nll_loss gets plain outputs, without a log_softmax"),
        (lambda out, y: F.nll_loss(out.exp() / out.exp().sum(1, keepdim=True), y), "nll_loss of a softmax"),
        (lambda out, y: F.nll_loss(torch.log(torch.softmax(out, 1) + 0.09), y), ""),
        (lambda out, y: F.nll_loss((out.exp() / out.exp().sum(1, keepdim=True)).log(), y), ""),
        (lambda out, y: F.cross_entropy(out, out.detach().softmax(1)), ""),
        (lambda out, y: F.nll_loss(F.log_softmax(out, 1), y), ""),
        (lambda out, y: F.cross_entropy(F.log_softmax(out, -1), y), ""),
    ],
)
def test_what_stands_in_the_loop_between_network_and_loss_is_seen(loss, told):
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen, loss).backward()
        optimizer.step()

    said = _loop(body, steps=30)
    assert told in said if told else "softmax" not in said and "depends on" not in said, said


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (F.cross_entropy, ""),
        (lambda out, y: F.nll_loss(F.log_softmax(out, 1), y), ""),
        (lambda out, y: F.nll_loss(out, y), ""),
        (lambda out, y: F.cross_entropy(out.softmax(1), y), "a softmax stands between"),
    ],
)
def test_gradients_of_each_image_by_torch_func_are_no_matter(loss, told):
    def body(network, optimizer, seen):
        weights = {name: weight.detach() for name, weight in network.named_parameters()}

        def of_one(weights, x, y):
            return loss(torch.func.functional_call(network, weights, (x[None],)), y[None])

        each = torch.func.vmap(torch.func.grad(of_one), in_dims=(None, 0, 0))(weights, X, Y)
        for name, weight in network.named_parameters():
            weight.grad = each[name].mean(0)
        optimizer.step()
        seen["train/loss"] = 1.0

    said = _loop(body, steps=5)
    assert told in said if told else "softmax" not in said, said


@pytest.mark.parametrize(
    ("loss", "divided"),
    [
        (lambda out, y: F.cross_entropy(out, y) / len(y), True),
        (lambda out, y: F.cross_entropy(out, y, reduction="sum") / len(y), False),
        (lambda out, y: F.cross_entropy(out, y, reduction="none").mean(), False),
        (lambda out, y: F.nll_loss(F.log_softmax(out, 1), y) / len(y), True),
        (lambda out, y: F.mse_loss(out, F.one_hot(y, 3).float()) / len(y), False),
        (lambda out, y: 0.1 * F.cross_entropy(out, y), False),
    ],
)
def test_a_loss_that_is_divided_by_the_batch_size_once_more_is_told(loss, divided):
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen, loss).backward()
        optimizer.step()

    assert (
        "divided by the batch size once too often: the loss is 1/6 of" in _loop(body, steps=110, rate=1e-3)
    ) == divided


def test_the_outputs_of_a_network_that_returns_a_dict_are_what_the_loss_gets():
    class Named(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return {"logits": self.net(x)}

    plain, named = Probe(net := _network()), Probe(wrapped := Named(net))
    with plain.watch():
        F.cross_entropy(net(X), Y)
    with named.watch():
        F.cross_entropy(wrapped(X)["logits"], Y)
    expected = {key: value for key, value in plain.read().items() if key.startswith("output/")}
    assert len(expected) == 7 and expected.items() <= named.read().items()


@pytest.mark.parametrize("accuracy", [97.0, torch.tensor(62), -0.1])
def test_an_accuracy_in_percent_or_a_count_is_refused(accuracy):
    says = "train/accuracy is .*, and a share of 1 is expected"
    with pytest.raises(InputError, match=says), Probe(_network()).watch() as seen:
        seen["train/accuracy"] = accuracy


def test_steps_have_the_optimizer_s_number_where_not_each_is_watched():
    network = _network()
    probe, optimizer = Probe(network), torch.optim.SGD(network.parameters(), lr=1e-6)
    for step in range(200):
        if step % 20:
            _step(network, optimizer)
            continue
        with probe.watch() as seen:
            seen["train/loss"] = _step(network, optimizer)
    said = str(probe.diagnose(optimizer, classes=3))
    assert "after 181 steps" in said and "the learning rate, 1e-06 with SGD, is too small" in said


def test_a_gradient_scaler_tells_its_scale():
    network, found = _network(), []
    for scaler in (None, torch.amp.GradScaler("cpu", init_scale=256.0)):
        probe = Probe(network)
        with probe.watch(scaler):
            loss = F.cross_entropy(network(X), Y)
            (loss if scaler is None else scaler.scale(loss)).backward()
        found.append({key: value for key, value in probe.read().items() if key.startswith("gradient/std")})
    assert found[0] and found[1] == pytest.approx(found[0])


@pytest.mark.parametrize("told", [True, False])
def test_a_loss_that_is_scaled_without_a_word_is_told(told):
    network = _network()
    optimizer, scaler = torch.optim.SGD(network.parameters(), 0.1), torch.amp.GradScaler("cpu", init_scale=4096.0)
    probe = Probe(network)
    with probe.watch(scaler if told else None):
        scaler.scale(F.cross_entropy(network(X), Y)).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
    with nullcontext() if told else pytest.warns(UserWarning, match=r"scaled by 4,096.* probe.watch\(scaler\)"):
        probe.read()


@pytest.mark.parametrize("wrong", ["no step", "no zero_grad", "the head alone"])
def test_mistakes_of_a_loop_are_told_where_weights_are_computed(wrong):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    for layer in (network[0], network[3]):
        weight_norm(layer)
    of = network[3] if wrong == "the head alone" else network
    probe, optimizer = Probe(network), torch.optim.SGD(of.parameters(), lr=0.01)
    for _ in range(30):
        with probe.watch() as seen:
            if wrong != "no zero_grad":
                network.zero_grad()
            _scored(network, seen).backward()
            if wrong != "no step":
                optimizer.step()
    said = probe.diagnose(optimizer, classes=3)
    clauses = {
        "no step": "the optimizer takes no step",
        "no zero_grad": "gradients of earlier steps are never cleared",
        "the head alone": "the optimizer does not have all weights",
    }
    assert clauses[wrong] in str(said)


def test_micro_batches_whose_gradients_add_up_are_no_batch():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    probe, optimizer = Probe(network), torch.optim.SGD(network.parameters(), lr=1e-6)
    for step in range(160):
        with probe.watch() as seen:
            _scored(network, seen, images=2).backward()
            if step % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    said = str(probe.diagnose(optimizer, classes=3))
    assert "a batch has" not in said and "the learning rate, 1e-06 with SGD, is too small" in said, said


def test_a_weight_that_is_never_used_hides_no_mistake():
    class Masked(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
            self.register_parameter("token", nn.Parameter(torch.zeros(1, 1)))

    torch.manual_seed(0)
    network = Masked()
    probe = Probe(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(12):
        with probe.watch() as seen:
            _scored(network, seen).backward()
            optimizer.step()
    assert "call optimizer.zero_grad() in every step" in str(probe.diagnose(optimizer, classes=3))


def test_a_map_that_gets_its_batch_behind_the_softmax_mixes_no_images():
    network = nn.Conv2d(1, 3, 3, padding=1)
    probe = Probe(network)
    with probe.watch():
        F.nll_loss(F.log_softmax(network(X)[0], dim=0).unsqueeze(0), Y[:1, None, None].expand(1, 8, 8)).backward()
    assert "loss/over_images" not in probe.read()


def test_single_images_are_not_all_alike():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen, images=1).backward()
        optimizer.step()

    assert "alike" not in (said := _loop(body, steps=150, rate=0.01)) and "one and the same answer" not in said, said


def test_one_batch_learned_by_heart_is_not_called_healthy():
    def body(network, optimizer, seen):
        optimizer.zero_grad()
        _scored(network, seen, images=8).backward()
        optimizer.step()

    def validated(network, optimizer, seen):
        body(network, optimizer, seen)
        seen["validation/accuracy"] = torch.tensor(0.95)

    assert _loop(body, steps=60).startswith("Not known: every measured step had the same images")
    assert _loop(validated, steps=60).startswith("Healthy.")


@pytest.mark.parametrize(("momentum", "told"), [(0.9, True), (0.0, False)])
def test_an_optimizer_that_is_made_anew_in_each_step_is_told(momentum, told):
    def body(network, optimizer, seen):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=momentum)
        optimizer.zero_grad()
        _scored(network, seen).backward()
        optimizer.step()

    assert ("make the optimizer once, before the loop" in _loop(body, steps=40)) is told


def test_numbers_of_any_kind_may_be_added_and_nothing_else():
    network = _network()
    probe = Probe(network)
    with probe.watch() as seen:
        loss = F.cross_entropy(network(X), Y)
        loss.backward()
        seen |= {"a": loss, "b": loss.item(), "c": loss.detach().numpy(), "d": loss[None], "e": 3, "f": True}
    found = probe.read()
    assert [found[key] for key in "abcd"] == pytest.approx([loss.item()] * 4) and found["e"] == 3 and found["f"] == 1
    for wrong, says in ((torch.ones(2), r"a tensor \(2,\)"), ("0.5", "of type str"), (None, "of type NoneType")):
        with pytest.raises(InputError, match=f"^train/loss is {says}, and one number"), probe.watch() as seen:
            seen["train/loss"] = wrong


def test_what_is_not_measured_is_told():
    with pytest.raises(InputError, match="activations.*\nThere are: preactivation, activation"):
        Probe(_network(), {"activations": {"mean": torch.mean}})
    with pytest.raises(InputError, match="images=0 is not allowed"):
        Probe(_network(), images=0)


def test_a_statistic_of_ones_own_that_is_no_number_is_told():
    network = nn.Linear(4, 3)
    probe = Probe(network, {"preactivation": {"odd": lambda x: x[0]}})
    with probe.watch():
        network(torch.ones(2, 4))
    with pytest.raises(InputError, match=r"The statistic preactivation/odd/01_network returns a tensor \(3,\)"):
        probe.read()


def test_weights_that_are_spread_over_processes_are_not_measured_and_all_else_is():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        network = _network()
        expected = Probe(plain := _network())
        fully_shard(network, mesh=init_device_mesh("cpu", (1,)))
        probe, optimizer = Probe(network), torch.optim.Adam(network.parameters())
        for net, watching, steps in (
            (network, probe, optimizer),
            (plain, expected, torch.optim.Adam(plain.parameters())),
        ):
            with watching.watch():
                _step(net, steps)
        assert set(probe.unmeasured.values()) == {SPREAD} and probe.unmeasured.keys() == probe.layers.keys()
        values = {key: v for key, v in expected.read().items() if not key.startswith(("weight/", "bias/"))}
        assert probe.read() == pytest.approx(values, nan_ok=True)
        assert probe.diagnose(optimizer, classes=3).findings == []
    finally:
        dist.destroy_process_group()
