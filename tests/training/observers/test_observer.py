"""When a session calls an observer, and that one that defines nothing is welcome and changes nothing."""

from contextlib import contextmanager

import pytest
import torch

from cnnlab.training.observers.observer import Observer


class Diary(Observer):
    """Writes down what it is told; wants the third step."""

    def __init__(self):
        self.calls: list[tuple] = []

    def due(self, step):
        return step == 2

    @contextmanager
    def watch(self, step, gradient_scale):
        self.calls.append(("begin", step, gradient_scale))
        yield
        self.calls.append(("end", step))

    def measured(self, step, values):
        self.calls.append(("measured", step, values["train/loss"]))

    def epoch_done(self, step, epoch, scores):
        self.calls.append(("epoch", step, epoch, scores["validation/accuracy"]))

    def tested(self, step, logits, labels):
        self.calls.append(("tested", step, tuple(logits.shape), labels.tolist()))

    def results(self, step):
        return {"diary/pages": len(self.calls), "diary/step": step}


def test_a_session_calls_in_the_order_of_the_run(session, data):
    diary = Diary()
    made = session(5, diary)
    results = made.run()
    assert [call[:2] for call in diary.calls] == [
        *[(what, step) for step in (0, 2, 4) for what in ("begin", "end", "measured")],
        ("epoch", 5),
        ("tested", 5),
    ]
    assert [call[2] for call in diary.calls if call[0] == "begin"] == [None] * 3, "fp32 scales no gradient"
    losses = {row["step"]: row["train/loss"] for row in made.recorder.history if "train/loss" in row}
    assert {call[1]: call[2] for call in diary.calls if call[0] == "measured"} == losses
    assert diary.calls[-2][2:] == (0, results["validation/accuracy"])
    assert diary.calls[-1][2:] == ((len(data.test), 10), data.test.labels.tolist())
    assert results["diary/pages"] == 11 and results["diary/step"] == 5


def test_one_that_defines_nothing_adds_nothing(session, network):
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    weights, results = [], []
    for observers in ([], [Observer()]):
        network.load_state_dict(before)
        made = session(3, *observers)
        results.append(made.run())
        made.folder.path.rename(made.folder.path.with_name(f"run{len(results)}"))
        weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.equal(*weights)
    assert results[0].keys() == results[1].keys()
    assert results[0]["test/loss"] == results[1]["test/loss"]


def test_watching_for_nothing_lets_an_error_through():
    with pytest.raises(ZeroDivisionError), Observer().watch(0, None):
        _ = 1 / 0


def test_no_step_is_wanted_unasked():
    assert not any(Observer().due(step) for step in range(100))
