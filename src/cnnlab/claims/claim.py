"""A claim as its YAML states it, before anything runs: what is compared, and the smallest difference that matters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnlab.claims.axes import as_number
from cnnlab.claims.metric import Metric
from cnnlab.common.checks import Rule, check_value, either, list_of, number, one_of, optional
from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.common.words import shown

VERDICTS = ("holds", "does not hold", "no difference that matters", "holds only when", "inconclusive")
DIRECTIONS, RULES_OF_DECISION = ("higher", "lower", "equal"), ("means", "exact", "trained", "slope", "best_slope")

SLOPES = ("slope", "best_slope")
ALL_RUNS = ("all runs",)  # the one arm of a sweep that has no others

_TEXT = Rule("text", lambda v: isinstance(v, str) and bool(v))
_TEXTS = either(_TEXT, list_of(_TEXT))
_OTHER = either(number(), _TEXT)
RULES: dict[str, Rule] = {
    "sentence": _TEXT,
    "of": one_of("text", "beyond"),
    "key": _TEXTS,
    "arm": optional(Rule("the name of an arm, a number in quotes, or a list of such", _TEXTS.holds)),
    "than": either(_OTHER, list_of(_OTHER)),
    "times": number(),
    "over": optional(_TEXT),
    "is": one_of(*DIRECTIONS),
    "rule": one_of(*RULES_OF_DECISION),
    "margin": number(0),
    "words": Rule("{value: its words}", lambda v: isinstance(v, Mapping)),
    "lecture": Rule("true | false", lambda v: type(v) is bool),
    "guess": optional(one_of(*VERDICTS)),
}
DEFAULTS: dict[str, Any] = {
    "of": "text",
    "key": "test/accuracy",
    "arm": None,
    "times": 1,
    "over": None,
    "is": "higher",
    "rule": "means",
    "margin": 0,
    "words": {},
    "lecture": False,
    "guess": None,
}
# What a rule leaves out of account; stated all the same, it would look as if it decided something.
UNUSED = {
    "means": ("over",),
    "exact": ("over",),
    "trained": ("key", "times", "over", "margin"),
    "slope": ("times",),
    "best_slope": ("times", "arm"),
}
# What decides; the rest are words.
DECISIVE = ("key", "arm", "than", "times", "over", "is", "rule", "margin")


@dataclass(frozen=True)
class Claim:
    """A sentence, and the comparisons that it stands for: each of `keys`, of each of `arms`, `is_` higher than, lower
    than or equal to each of `than`, at each point of the sweep's other axes.

    `keys`: of results.json; a pattern (`weight/distinct/*.conv?@end`) stands for the value of those that match which
    speaks most against the sentence. `arms`: values of the sweep's first axis; empty: all. `than`: arms; or numbers;
    or keys of the same run; each times `times`. `margin`: the smallest difference that matters, in units of the key.
    `words`: what to call the values of axes and keys.

    rule: means | exact (every run, to within `margin`; nothing is estimated) | trained (share of runs above chance,
    against a share or another arm's, without a margin) | slope (of ln of the key over ln of the axis `over`, against
    a number) | best_slope (the same of the value of the arms' axis at which the key is best).
    """

    sentence: str
    keys: tuple[str, ...]
    than: tuple[str | float, ...]
    arms: tuple[str, ...] = ()
    is_: str = "higher"
    rule: str = "means"
    margin: float = 0.0
    times: float = 1.0
    over: str | None = None
    of: str = "text"
    words: Mapping[str, str] | None = None
    lecture: bool = False
    guess: str | None = None

    def call(self, value: str) -> str:
        """A value of an axis, an arm or a key, in the claim's words."""
        return (self.words or {}).get(value, value)

    def pairs(self, arms: Iterable[str]) -> list[tuple[str, str | float]]:
        """(arm, what it is compared with) where the sweep has `arms`: none with itself."""
        chosen = self.arms or tuple(arm for arm in arms if arm not in self.than)
        return [(arm, than) for arm in chosen for than in self.than if than != arm]


def read_claim(content: Mapping[str, Any]) -> Claim:
    """Of a `claim:` block. Raises InputError for what it does not understand or lacks."""
    for key in content:
        if key not in RULES:
            raise InputError(
                f"claim.{key} is no setting.{did_you_mean(key, list(RULES))}\nThere are: {', '.join(RULES)}."
            )
    given = {key: value for key, value in content.items() if value is not None or key not in DEFAULTS}
    for key in ("sentence", "than"):
        if given.get(key) is None:
            raise InputError(
                f"claim.{key} is missing: a claim needs a sentence, and what it compares with.\n"
                "For instance: {sentence: He suits relu., arm: he, than: xavier, margin: 0.01}."
            )
    values: dict[str, Any] = {**DEFAULTS, **given}
    for key, value in values.items():
        check_value(f"claim.{key}", value, RULES[key])
    if values["rule"] == "means" and values["margin"] == 0:
        raise InputError(
            "claim.margin=0: a difference of means is judged against the smallest difference that matters.\n"
            "State it before anything runs, e.g. claim.margin=0.01, one point of accuracy."
        )
    _check_rule(values)
    claim = Claim(
        sentence=values["sentence"],
        keys=_several(values["key"]),
        than=_several(values["than"]),
        arms=_several(values["arm"]),
        is_=values["is"],
        rule=values["rule"],
        margin=float(values["margin"]),
        times=float(values["times"]),
        over=values["over"],
        of=values["of"],
        words={str(key): str(word) for key, word in values["words"].items()},
        lecture=values["lecture"],
        guess=values["guess"],
    )
    _check_shares(claim)
    return claim


def _check_rule(values: Mapping[str, Any]) -> None:
    """Raise InputError for settings that the claim's rule does not look at."""
    rule = values["rule"]
    for key in UNUSED[rule]:
        if _several(values[key]) != _several(DEFAULTS[key]):
            raise InputError(
                f"claim.{key}={shown(values[key])}: claim.rule={rule} has no use for it.\n"
                f"Leave it out, or choose the rule that has: {', '.join(_that_use(key))}."
            )
    if rule == "trained" and values["is"] == "equal":
        raise InputError(
            "claim.is=equal: claim.rule=trained says which share of runs is higher, by however little.\n"
            "Type claim.is=higher or claim.is=lower; or compare accuracies, claim.rule=means, with a claim.margin."
        )
    for key in ("key", "than") if rule in SLOPES else ():
        if len(_several(values[key])) > 1:
            raise InputError(
                f"claim.{key}={shown(values[key])}: a slope is that of one key, and compared with one number.\n"
                "Give one of them, and a claim of its own for each other."
            )


def _check_shares(claim: Claim) -> None:
    """Raise InputError for points or percent where shares of 1 are compared: whatever the runs did, the verdict would
    be the same."""
    trained = claim.rule == "trained"
    key = next((key for key in claim.keys if trained or Metric(key).is_share), None)
    if key is None or claim.rule in SLOPES:
        return
    between = f"{'a share of runs' if trained else key} is between 0 and 1"
    for than in claim.than:
        if trained and isinstance(than, str) and "/" in than:
            raise InputError(f"claim.than={than}: a share of runs is compared with a number, e.g. 0.5, or with an arm.")
        if isinstance(than, int | float) and not 0 <= than * claim.times <= 1:
            meant = f"{than:g} % are claim.than={than / 100:g}" if 1 < than <= 100 else "Half of all is claim.than=0.5"
            times = f" times {claim.times:g}" * (claim.times != 1)
            raise InputError(
                f"claim.than={than:g}{times}: {between}.\n{meant}; an arm with a number for its name is typed in "
                f"quotes, \"claim.than='{than:g}'\"."
            )
    if claim.margin >= max(1.0, abs(claim.times)):
        meant = f"{claim.margin:g} points are claim.margin={claim.margin / 100:g}"
        raise InputError(
            f"claim.margin={claim.margin:g} is {100 * claim.margin:g} points: {between}, so that no difference matters."
            f"\n{meant if 1 < claim.margin < 100 else 'One point is claim.margin=0.01'}."
        )


def _that_use(key: str) -> list[str]:
    return [rule for rule, unused in UNUSED.items() if key not in unused]


def check_levels(claim: Claim, axes: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError unless the sweep has what the claim compares. `axes`: {name: values}, the arms' axis first."""
    first, arms = next(iter(axes.items()), ("arm", ()))
    named = {"claim.arm": claim.arms, "claim.than": [t for t in claim.than if isinstance(t, str) and "/" not in t]}
    for key, values in named.items():
        for value in values:
            if value not in arms:
                raise InputError(
                    f"{key}={value}: the sweep has no such {first}.{did_you_mean(value, arms)}\n"
                    f"There are: {', '.join(arms) or 'none, since nothing is swept'}."
                )
    for than in claim.than if claim.rule not in SLOPES else ():
        if isinstance(than, int | float) and than in map(as_number, arms):
            meant = "a share of runs" if claim.rule == "trained" else f"a number to compare {claim.keys[0]} with"
            raise InputError(
                f"claim.than={than}: {meant}, or the arm {first}={than}?\n"
                f"The arm is typed in quotes, \"claim.than='{than}'\". For the number, give the arms names:\n"
                "hydra.sweeper.arms={NAME: [SETTING=VALUE], ...}."
            )
    if not claim.pairs(arms or ALL_RUNS):
        raise InputError(
            f"claim.than={', '.join(map(str, claim.than))}: nothing is compared with it, since no arm is compared with "
            f"itself.\nGive another claim.than, or another claim.arm. There are: {', '.join(arms)}."
        )
    if claim.rule in SLOPES and claim.over not in list(axes)[1:]:
        raise InputError(
            f"claim.over={claim.over}: a slope needs a swept setting besides {first} to be measured over.\n"
            f"There are: {', '.join(list(axes)[1:]) or 'none'}."
        )
    if claim.rule == "best_slope" and None in map(as_number, arms):
        raise InputError(
            f"claim.rule=best_slope: the best {first} is looked for between numbers, and there are {', '.join(arms)}.\n"
            "Sweep one whose values are numbers first, e.g. optimizer.lr=0.01,0.03,0.1,0.3."
        )
    if claim.rule in SLOPES and not all(isinstance(than, int | float) for than in claim.than):
        raise InputError("claim.than: a slope is compared with a number, e.g. claim.than=-1.5.")


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The decisive settings in which a claim differs from what was stated when its runs began. Earlier versions took
    some that its rule leaves out of account, which may be left out since."""
    return [key for key in DECISIVE if key not in _unused(now) and _stated(before, key) != _stated(now, key)]


def without_unused(content: Mapping[str, Any]) -> dict[str, Any]:
    """A claim that an earlier version took, without settings that its rule leaves out of account."""
    return {key: value for key, value in content.items() if key not in _unused(content)}


def keys_of(content: Mapping[str, Any], setting: str) -> list[str]:
    """The keys of results.json that a claim's setting `key` or `than` names; none for any other setting."""
    named = _several(_stated(content, setting)) if setting in ("key", "than") else ()
    return [name for name in named if isinstance(name, str) and (setting == "key" or "/" in name)]


def _unused(content: Mapping[str, Any]) -> tuple[str, ...]:
    return UNUSED.get(_stated(content, "rule"), ())


def _stated(content: Mapping[str, Any], key: str) -> Any:
    value = content.get(key)
    return DEFAULTS.get(key) if value is None else value


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
