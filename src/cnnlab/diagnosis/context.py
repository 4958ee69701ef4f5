"""The setup of network, training and data, which the logged history does not show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Context:
    """None means unknown; nothing is guessed.

    `class_images`: number of training images by the class's name, in the order of the labels. `largest_class_share`,
    `largest_test_share`: share of the most frequent class of the training, of the test images. `absent_classes`: number
    of classes without a training image. `images`, `validation_images`, `test_images`: their numbers. `one_class`: which
    of `validation` and `test` have images of a single class. `copied`: of these, how many images are training images
    with the same label, to the byte. `several_labels`: how many different training and validation images are in several
    classes. `ceiling`: the largest share of these images for which one answer per different image is right.
    `distinct_images`, `broken_images`: share of the training images that are different ones, that hold NaN or infinity.
    `augmented`: whether they are changed at random. `learning_rate`: the schedule's peak. `activation`, `initializer`,
    `optimizer`, `augmentation`: names as in configs. `suited`: the recommended initializer for the activation. `bias`:
    the value that all biases were set to. `batch_norm`: whether the network has norm layers. `clip`: the largest
    gradient norm that is let through. `update`: the optimizer's other numbers as torch names them (momentum, dampening,
    maximize, eps; beta1, beta2). `precision`, `computed`: the narrowest type of the weights, of the layers' outputs, as
    float32. `fan_in`, `units`: of each layer. `narrowest`: the layer with the fewest values per image that everything
    passes through, and their number. `frozen`: layers whose weights get no gradient by intention. `teachers`,
    `set_aside`: those of them that ran without gradients only, and whose weights the optimizer was made without.
    `left_out`: layers with trainable weights that the optimizer does not have. `slower`: layers in groups of the
    optimizer with a lower learning rate than the others'. `unregistered`: modules in the network's lists and dicts that
    get gradients, and are neither the network's nor the optimizer's. `broken`: layers whose weights held NaN or
    infinity before the first step. `norm_epsilon`: the largest eps of the norm layers. `settings`: those that can be
    typed, as `model.norm`, with their values.
    """

    classes: int | None = None
    class_images: Mapping[str, int] = field(default_factory=dict)
    largest_class_share: float | None = None
    largest_test_share: float | None = None
    absent_classes: int | None = None
    images: int | None = None
    validation_images: int | None = None
    test_images: int | None = None
    one_class: tuple[str, ...] = ()
    copied: Mapping[str, int] = field(default_factory=dict)
    several_labels: int | None = None
    ceiling: float | None = None
    distinct_images: float | None = None
    broken_images: float | None = None
    augmented: bool | None = None
    augmentation: str | None = None
    batch_size: int | None = None
    steps_per_epoch: int | None = None
    planned_steps: int | None = None
    learning_rate: float | None = None
    activation: str | None = None
    suited: str | None = None
    initializer: str | None = None
    bias: float | None = None
    optimizer: str | None = None
    batch_norm: bool | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    clip: float | None = None
    label_smoothing: float | None = None
    update: Mapping[str, float] = field(default_factory=dict)
    precision: str | None = None
    computed: str | None = None
    fan_in: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)
    narrowest: tuple[str, int] | None = None
    frozen: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
    unregistered: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    norm_epsilon: float | None = None
    settings: Mapping[str, Any] | None = None

    @property
    def guessing(self) -> float | None:
        """Accuracy of always predicting the most frequent class; 1 / classes if class shares are unknown."""
        if self.largest_class_share is not None or self.classes is None:
            return self.largest_class_share
        return 1 / self.classes

    @property
    def at_lower_rates(self) -> tuple[str, ...]:
        """`slower`, in a loop of one's own; in a run `optimizer.lr` sets the rates of all groups, in proportion."""
        return self.slower if self.settings is None else ()

    def images_of(self, split: str) -> int | None:
        """The number of `training`, `validation` or `test` images."""
        return {"training": self.images, "validation": self.validation_images, "test": self.test_images}[split]

    @property
    def outputs(self) -> int | None:
        """Units of the last layer."""
        return next(reversed([*self.units.values()]), None)
