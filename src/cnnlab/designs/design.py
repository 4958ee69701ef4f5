"""One design: a network's rows and totals under a name."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from torch import nn

from cnnlab.networks import geometry
from cnnlab.networks.geometry import Row
from cnnlab.networks.modules.windows import Pair


@dataclass(frozen=True)
class Design:
    """`measured`: bytes that autograd saves per training image, by layer; None if not requested.

    `saved_bytes` (predicted) and `receptive_field` are None if no formula covers the network; `unknown` says why.
    `in_a_row`: the most activations on any path; None where something without a formula may be one more.
    """

    name: str
    image_shape: tuple[int, int, int]
    rows: list[Row]
    parameters: int
    macs: int
    receptive_field: Pair | None
    saved_bytes: int | None
    in_a_row: int | None
    measured: dict[str, int] | None = None
    unknown: str | None = None

    @property
    def convolutions(self) -> list[Row]:
        return [row for row in self.rows if row.kind == "convolution"]

    @property
    def activations(self) -> int:
        """Number of activation layers."""
        return sum(row.kind.endswith(" activation") for row in self.rows)

    @property
    def activation(self) -> str | None:
        """Its name, where there is one kind."""
        names = {row.kind.partition(" ")[0] for row in self.rows if row.kind.endswith(" activation")}
        return names.pop() if len(names) == 1 else None

    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        """Consecutive layers of one parent module: block1, block2, head."""
        for name, rows in groupby(self.rows, key=lambda row: row.name.rpartition(".")[0]):
            yield name, list(rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def design(name: str, network: nn.Module, image_shape: tuple[int, int, int], measure: bool = False) -> Design:
    passage = geometry.passage_of(network, image_shape)
    rows = geometry.rows(network, image_shape, passage)
    return Design(
        name=name,
        image_shape=image_shape,
        rows=rows,
        parameters=geometry.parameters(network),
        macs=geometry.macs(network, image_shape),
        receptive_field=geometry.receptive_field(rows),
        saved_bytes=geometry.saved_bytes(network, image_shape, passage),
        in_a_row=geometry.non_linearities_in_a_row(network, image_shape),
        measured=geometry.saved_bytes_measured(network, image_shape) if measure else None,
        unknown=geometry.unknown(network, image_shape, passage),
    )
