"""Which colour a group has in all figures: its own, among up to eight groups, else that of an axis' value."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnlab.claims.axes import in_order, short_name
from cnnlab.claims.groups import Group, ranked

# Of light paper and of dark: told apart by the colour-blind up to four, by most beyond. The page swaps them.
LIGHT = ("#0b66c3", "#d1495b", "#2a8c55", "#9a5b00", "#7b4fc9", "#00838f", "#b5338a", "#5f6b7a")
DARK = ("#6db3ff", "#ff8c95", "#63d297", "#f2b34c", "#bda1ff", "#4dd0e1", "#ff8fd0", "#b4c0cf")


@dataclass(frozen=True)
class ArmLegend:
    """`entries`: names, a colour each; `axis`: whose values these are, None where each group has its own entry."""

    entries: tuple[str, ...]
    axis: str | None
    values: tuple[str, ...]

    @classmethod
    def of(cls, groups: Sequence[Group]) -> "ArmLegend":
        if len(groups) <= len(LIGHT):
            names = tuple(group.name for group in groups)
            return cls(names, None, names)
        for axis in groups[0].labels:
            values = in_order([group.labels[axis] for group in groups])
            if 2 <= len(values) <= len(LIGHT):
                return cls(tuple(short_name(axis, value, values) for value in values), axis, tuple(values))
        return cls(("all arms",), None, ())

    def index(self, group: Group) -> int:
        """Of the group's entry and colour."""
        if not self.values:
            return 0
        return self.values.index(group.name if self.axis is None else group.labels[self.axis])

    def colour(self, group: Group) -> str:
        return LIGHT[self.index(group)]

    def representatives(self, groups: Sequence[Group]) -> list[Group]:
        """At most one group a colour: the best, in the order of the legend."""
        best: dict[int, Group] = {}
        for group in ranked(groups):
            best.setdefault(self.index(group), group)
        return [best[index] for index in sorted(best)]
