"""What a history cannot tell: how the network and its training were set up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """Whatever is not known is None, and nothing is guessed in its place.

    `largest_class_share`: what always guessing the commonest class would get. `learning_rate`: the largest of the
    schedule. `activation`, `initializer`, `optimizer`: names as they are typed. `suited`: the initializer that suits
    the activation. `batch_norm`: whether the network normalizes its layers.
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

    @property
    def guessing(self) -> float | None:
        """Accuracy of always guessing the same class; of equally frequent ones where their shares are not known."""
        if self.largest_class_share is not None or self.classes is None:
            return self.largest_class_share
        return 1 / self.classes
