"""Which layers a table of two networks, or of two forms of one, shows."""

from __future__ import annotations

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.metrics import METRICS, listed


class RowChoice(Struct, frozen=True):
    """Which layers a table shows, and how.

    Attributes:
        layers: Whether all, however many there are.
        depth: How many parts of a name to keep apart; layers that agree in them become one row.
        sort: The column to sort by: `name`, or a metric, the largest change first.
        top: How many rows to keep: the first of the sorted ones, the largest changes without `sort`.

    Raises:
        OptionError: There is no such column.
    """

    layers: bool = False
    depth: int | None = None
    sort: str | None = None
    top: int | None = None

    def __post_init__(self) -> None:
        """Refuse a column that rows cannot be sorted by."""
        if self.sort is not None and self.sort != "name" and self.sort not in METRICS:
            known = ["name", *METRICS]
            help = nearest(self.sort, known) or f"known: {listed(known)}"
            raise OptionError(ErrorDetail(f"--sort: there is no column {self.sort!r}", help=help))

    @property
    def is_given(self) -> bool:
        """Whether anything is asked for."""
        return self != RowChoice()

    @property
    def sorts(self) -> bool:
        """Whether rows leave the order in which the layers run."""
        return self.sort is not None or self.top is not None
