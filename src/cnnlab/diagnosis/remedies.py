"""Remedies as data, rendered as an override for the commands or as torch code for your own loop."""

from dataclasses import dataclass, replace

from cnnlab.common.words import one_two_five
from cnnlab.diagnosis.context import Context


@dataclass(frozen=True)
class Remedy:
    """Set `setting` to `value`, or multiply it by `factor` if its current value is unknown. `look`: what to look at,
    where no setting would help. `exists`: whether the network has that setting. `also`: what has to change with it."""

    setting: str = ""
    value: str | float | bool | None = None
    factor: float | None = None
    look: str = ""
    exists: bool = True
    also: "Remedy | None" = None

    @property
    def typeable(self) -> bool:
        """Whether `override` can be typed as it is."""
        return bool(self.setting) and self.value is not None and self.exists and not self.look

    @property
    def override(self) -> str:
        """As an argument of `python -m cnnlab.train`; in torch's words where the network has no such setting."""
        if self.look:
            return self.look
        if not self.exists:
            return replace(self, exists=True).code
        if self.value is None:
            return f"{self.setting} times {self.factor:g}"
        more = f" {self.also.override}" if self.also else ""
        return f"{self.setting}={_number(self.value)}{more}"

    @property
    def code(self) -> str:
        """As a line of Python for your own training loop."""
        if self.look:
            return self.look
        return f"{self._code}, and {self.also.code}" if self.also else self._code

    @property
    def _code(self) -> str:
        value = self.value if isinstance(self.value, bool) else _number(self.value)  # False; for a command, false
        change = f"= {value}" if value is not None and self.value is not None else f"*= {self.factor}"
        match self.setting:
            case "init":
                batch = ", batch=x" if self.value == "lsuv" else ""
                return f'cnnlab.initialize(network, "{self.value}"{batch})'
            case "init.bias":
                return f"nn.init.constant_(layer.bias, {self.value}) for every layer with weights"
            case "model.norm":
                return "nn.BatchNorm2d(channels) after every convolution"
            case "model.activation":
                return f"F.{self.value} as the activation"
            case "model.dropout":
                return f"nn.Dropout({self.value}) before every fully connected layer"
            case "optimizer":
                return "torch.optim.AdamW(network.parameters()) as the optimizer"
            case "scheduler":
                return "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps), stepped after every step"
            case setting if setting.startswith("optimizer."):
                return f'for group in optimizer.param_groups: group["{setting.partition(".")[2]}"] {change}'
            case "trainer.batch_size":
                return f"batch_size={self.value} for the DataLoader"
            case "trainer.clip":
                return f"torch.nn.utils.clip_grad_norm_(network.parameters(), {self.value})"
        return self.override


def by_setting(override: str) -> dict[str, str]:
    """{setting: value} of what `Remedy.override` gives: none, one, or several with spaces between."""
    return {key: value for key, _, value in (part.partition("=") for part in override.split())}


# Initializers that preserve the signal's scale by design; with these a norm layer is the next thing to try.
KEEPING = ("orthogonal", "delta_orthogonal", "lsuv")


def initializer(context: Context) -> Remedy:
    """The initializer recommended for the activation; if unknown, lsuv, which measures the layers."""
    return Remedy("init", context.suited or "lsuv")


def keeps(context: Context) -> bool:
    """Whether the initializer is one that keeps the signal's scale for this activation."""
    suited = context.suited or "lsuv"
    return context.initializer in (suited, *(f"{suited}_{kind}" for kind in ("normal", "uniform", "relu")), *KEEPING)


def another_optimizer(context: Context, look: str) -> Remedy:
    """For what only an optimizer's own code can do wrong: one of torch's; `look`, in a loop that is written by hand."""
    return Remedy(look=look) if context.settings is None else Remedy("optimizer", "adamw")


def anew(context: Context, look: str) -> Remedy:
    """Draw all weights by what suits the activation; `look`, if it was that, or if nothing is known of it."""
    return Remedy(look=look) if context.initializer is None or keeps(context) else initializer(context)


def learning_rate(context: Context, factor: float) -> Remedy:
    """The learning rate times `factor`, rounded to 1, 2 or 5 times a power of ten. Several rates keep their ratios."""
    if context.learning_rate is None or context.at_lower_rates:
        return Remedy("optimizer.lr", factor=factor)
    return rate(context.learning_rate * factor)


def rate(value: float) -> Remedy:
    """`value` as learning rate, rounded to 1, 2 or 5 times a power of ten."""
    return Remedy("optimizer.lr", one_two_five(value) if value > 0 else 0.0)


def _number(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.1g}" if isinstance(value, float) else str(value)
