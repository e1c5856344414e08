"""The columns of an analysis: what may be chosen, what may be sorted by, and how each is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convcost import metrics
from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.metrics import METRICS
from convcost.reports.table import Column

OTHER_SORTS = ("name", "type", "ratio")
_SORTED_BY = {"layer": "name", "output": "output_values", "share": "macs", "%": "macs"}
"""What the table's titles sort by, where they are not the names of columns."""

_RATIO = (
    "Ratio: a separable convolution's mults as a share of the standard one's, 1/N + 1/Dk²; "
    "→ marks what a standard one would cost as a separable one."
)
NAME, TYPE = Column("Layer", role="name"), Column("Type", role="name")
TITLES = {
    "type": ("Type",),
    "output": ("Output",),
    "share": ("Share", "%"),
    "ratio": ("Ratio", "1/N + 1/Dk²"),
    "notes": ("Notes",),
}
"""The titles of the columns that are no metrics, by the names that choose them."""
OTHER_COLUMNS = tuple(TITLES)
COLUMNS = {
    "Type": Column("Type", drop=3, least=12, key="type"),
    "Output": Column("Output", drop=4, key="output"),
    "mults": Column("Mults", right=True, drop=5, role="number", key="mults"),
    "Share": Column("Share", drop=6, role="bar", key="share"),
    "%": Column("%", right=True, drop=2, role="number", key="share"),
    "Ratio": Column("Ratio", right=True, drop=7, role="number", footnote=_RATIO, key="ratio"),
    "1/N + 1/Dk²": Column("1/N + 1/Dk²", drop=8, key="ratio"),
    "Notes": Column("Notes", drop=9, key="notes"),
}
"""The usual columns: by their titles, metrics by their names."""


def check_sort(column: str) -> str:
    """Return the column that a name sorts by.

    Raises:
        OptionError: There is no such column.
    """
    column = _SORTED_BY.get(column, column)
    if column not in OTHER_SORTS and column not in METRICS:
        raise OptionError(_unknown("--sort", column, OTHER_SORTS))
    return column


def check_columns(columns: Sequence[str]) -> None:
    """Refuse unknown columns.

    Raises:
        OptionError: There is no such column; all that are unknown are named.
    """
    unknown = [column for column in columns if column not in TITLES and column not in METRICS]
    if unknown:
        raise OptionError([_unknown("--columns", column, OTHER_COLUMNS) for column in unknown])


def is_metric(column: str) -> bool:
    """Return whether a column that was chosen is a metric; metrics of this name win."""
    return column in METRICS.built_in() or column not in TITLES


def check_by(by: str | None) -> None:
    """Refuse an unknown key by which to sum layers.

    Raises:
        OptionError: They are summed by their types only.
    """
    if by not in (None, "type"):
        raise OptionError(ErrorDetail("--by takes type", found=f"--by {by}", help="--by type sums up each layer type"))


def _unknown(option: str, column: str, others: Iterable[str]) -> ErrorDetail:
    """Return the error of an unknown column; columns of other packages are looked for here only."""
    known = [*others, *METRICS]
    help = nearest(column, known) or f"known: {metrics.listed(known)}"
    return ErrorDetail(f"{option}: there is no column {column!r}", help=help)
