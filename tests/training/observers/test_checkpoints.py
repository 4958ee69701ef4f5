"""What lies in last.pt and best.pt after epochs whose accuracy is given."""

import pytest
import torch

from cnnlab.networks.convnet import ConvNet
from cnnlab.runs import checkpoint
from cnnlab.training.observers.checkpoints import Checkpoints


@pytest.fixture
def saved(tmp_path, network, trainer, data):
    """saved(accuracies): (last, best) after an epoch each, whose weights are all the epoch's number."""

    def saved(*accuracies: float) -> tuple[dict, dict]:
        observer = Checkpoints(tmp_path / "checkpoints", network, trainer.optimizer, data)
        for epoch, accuracy in enumerate(accuracies):
            with torch.no_grad():
                for weight in network.parameters():
                    weight.fill_(epoch)
            observer.epoch_done(10 * (epoch + 1), epoch, {"validation/accuracy": accuracy, "validation/loss": 1.0})
        assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["best.pt", "last.pt"]
        return checkpoint.load(tmp_path / "checkpoints/last.pt"), checkpoint.load(tmp_path / "checkpoints/best.pt")

    return saved


@pytest.mark.parametrize(
    ("accuracies", "best_epoch"),
    [((0.5,), 0), ((0.2, 0.6, 0.4), 1), ((0.2, 0.3, 0.4), 2), ((0.5, 0.5), 0), ((0.0, 0.0), 0)],
)
def test_best_is_the_first_of_the_highest_accuracy_and_last_the_last(saved, accuracies, best_epoch):
    last, best = saved(*accuracies)
    for state, epoch in ((last, len(accuracies) - 1), (best, best_epoch)):
        assert (state["epoch"], state["step"]) == (epoch, 10 * (epoch + 1))
        assert state["validation/accuracy"] == accuracies[epoch]
        assert all(bool((weight == epoch).all()) for weight in state["network"].values())


def test_it_holds_what_a_prediction_has_to_know_of_the_images(saved, data):
    last, _ = saved(0.5)
    pixels = data.train.images.double() / 255
    assert last["image_shape"] == [1, 8, 8] and last["classes"] == list("0123456789")
    assert last["mean"] == pytest.approx([pixels.mean().item()])
    assert last["std"] == pytest.approx([pixels.std(correction=0).item()])


def test_the_network_and_the_optimizer_go_on_from_it(saved, network, trainer):
    x = torch.randn(4, 1, 8, 8)
    trainer.optimizer.param_groups[0]["momentum"] = 0.9
    network(x).sum().backward()
    trainer.optimizer.step()
    last, _ = saved(0.5)
    other = ConvNet((1, 8, 8), 10, channels=(2,), convs_per_block=1, head=())
    other.load_state_dict(last["network"])
    assert torch.equal(other(x), network(x))
    optimizer = torch.optim.SGD(other.parameters(), lr=1.0)
    optimizer.load_state_dict(last["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.1
    own = next(iter(trainer.optimizer.state.values()))["momentum_buffer"]
    assert torch.equal(next(iter(optimizer.state.values()))["momentum_buffer"], own) and own.any()
