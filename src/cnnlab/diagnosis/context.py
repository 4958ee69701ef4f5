"""The setup of network and training, which the logged history does not show."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """None means unknown; nothing is guessed.

    `largest_class_share`: share of the most frequent class. `learning_rate`: the schedule's peak. `activation`,
    `initializer`, `optimizer`: names as in configs. `suited`: the recommended initializer for the activation.
    `batch_norm`: whether the network has norm layers. `clip`: the largest gradient norm that is let through.
    `settings`: those of the network that can be typed, as `model.norm`.
    """

    classes: int | None = None
    largest_class_share: float | None = None
    learning_rate: float | None = None
    activation: str | None = None
    suited: str | None = None
    initializer: str | None = None
    optimizer: str | None = None
    batch_norm: bool | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    clip: float | None = None
    settings: frozenset[str] | None = None

    @property
    def guessing(self) -> float | None:
        """Accuracy of always predicting the most frequent class; 1 / classes if class shares are unknown."""
        if self.largest_class_share is not None or self.classes is None:
            return self.largest_class_share
        return 1 / self.classes
