"""The confusion matrix against scikit-learn's, the most mistaken images against a plain loop; both also with NaN."""

import math

import pytest
import torch
from sklearn.metrics import confusion_matrix

from cnnlab.views.mistakes import confusion, confusion_figure, mistaken_figure, most_mistaken

NAMES = ("cat", "dog", "emu", "fox")


@pytest.fixture
def scores() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return torch.randn(50, 4, generator=random) * 3, torch.randint(0, 4, (50,), generator=random)


def test_confusion_equals_scikit_learn(scores):
    logits, labels = scores
    expected = confusion_matrix(labels.numpy(), logits.argmax(1).numpy(), labels=range(4))
    assert confusion(logits, labels)[:, :4].tolist() == expected.tolist()
    assert not confusion(logits, labels)[:, 4].any()


def test_images_without_a_prediction_have_a_column(scores):
    logits, labels = scores
    logits[7, 2] = math.nan
    counts = confusion(logits, labels)
    assert counts[:, 4].sum() == 1 and counts[labels[7], 4] == 1 and counts.sum() == 50
    ticks = confusion_figure(logits, labels, NAMES).axes[0].get_xticklabels()
    assert [t.get_text() for t in ticks] == [*NAMES, "no number"]


def test_the_confusion_figure_says_shares_and_counts(scores):
    logits, labels = scores
    figure = confusion_figure(logits, labels, NAMES)
    right = 100 * (logits.argmax(1) == labels).double().mean()
    assert f"{right:.2f} % correct" in figure.get_suptitle()
    drawn = sorted(int(t.get_text()) for t in figure.axes[0].texts)
    assert drawn == sorted(c for c in confusion(logits, labels).flatten().tolist() if c)


def test_many_classes_are_drawn_without_numbers():
    figure = confusion_figure(torch.eye(100), torch.arange(100), [str(i) for i in range(100)])
    assert not figure.axes[0].texts
    figure.draw_without_rendering()


def test_most_mistaken_are_the_highest_losses(scores):
    logits, labels = scores
    logits[3] = math.nan
    losses = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        loss = math.log(sum(math.exp(v) for v in row)) - row[label]
        losses.append(math.inf if math.isnan(loss) else loss)
    places, found = most_mistaken(logits, labels, 6)
    expected = sorted(range(50), key=lambda i: -losses[i])[:6]
    assert places.tolist() == expected and found.tolist() == pytest.approx([losses[i] for i in expected], rel=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_mistaken_figure_names_truth_and_claim(scores, channels):
    logits, labels = scores
    logits[3] = math.nan
    images = torch.randint(0, 256, (50, channels, 6, 6), dtype=torch.uint8)
    figure = mistaken_figure(images, logits, labels, NAMES, count=7)
    figure.draw_without_rendering()
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert len(titles) == 7 and titles[0].startswith(f"true: {NAMES[labels[3]]}\nsaid: no number\nloss")
    place = most_mistaken(logits, labels, 2)[0][1]
    said, share = int(logits[place].argmax()), 100 * logits[place].softmax(0).max()
    assert f"true: {NAMES[labels[place]]}\nsaid: {NAMES[said]}\n{share:.0f} %, loss" in titles[1]


def test_fewer_images_than_asked_for():
    figure = mistaken_figure(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.eye(2), torch.tensor([0, 1]), ("a", "b"))
    assert sum(bool(ax.get_title()) for ax in figure.axes) == 2
