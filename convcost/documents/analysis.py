"""The document of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType, defstruct

from convcost import metrics
from convcost.documents import VERSION
from convcost.documents.numbers import Count, Size
from convcost.documents.warnings import Warning

Row = TypeVar("Row")
Total = TypeVar("Total")


class NetworkDocument(Struct, frozen=True, kw_only=True):
    """The network of a report.

    Attributes:
        name: Its name.
        file: The file it was read from.
        source: Where the architecture comes from.
        symbols: The values of its symbols.
        input_shape: What it takes, channels first.
        dtype: The types of its numbers, of `activations`, `weights` and `biases`; left out where all are `float32`.
    """

    name: str | None
    file: str | None
    source: str | None = None
    symbols: dict[str, Any]
    input_shape: list[Size] = []
    dtype: dict[str, list[str]] | UnsetType = UNSET

    @property
    def is_file(self) -> bool:
        """Whether it was read from a file, not from `<stdin>` or a mapping."""
        return bool(self.file) and not str(self.file).startswith("<")


class UnknownDocument(Struct, frozen=True, kw_only=True):
    """An operation whose costs nobody knows.

    Attributes:
        operator: What it does, as its source calls it.
        name: The layer's name.
        shapes: The shapes that it reads; null for one that is not known either.
    """

    operator: str
    name: str
    shapes: list[list[Size] | None]


class Convention(Struct, frozen=True, kw_only=True):
    """What the numbers count.

    Attributes:
        batch: How many inputs.
        fold: Whether batch norms fold into the layer before them.
    """

    batch: Count
    fold: bool


if TYPE_CHECKING:
    Told = Any
else:
    Told = defstruct(
        "Convention",
        [(metric.name, str | UnsetType, UNSET) for metric in metrics.standard()],
        bases=(Convention,),
        namespace={"__doc__": Convention.__doc__},
        module=__name__,
        frozen=True,
        kw_only=True,
    )
    """A convention that also says in a sentence what each metric is."""


class Entry(Struct, Generic[Row, Total], frozen=True, kw_only=True):
    """A network and what it costs.

    Attributes:
        schema_version: The version of this structure; a report of several networks says it once.
        network: The network.
        convention: What the numbers count.
        layers: Its layers, or the rows that were asked for.
        total: What it costs in all.
        left_out: How many rows are left out.
    """

    schema_version: int | UnsetType = UNSET
    network: NetworkDocument
    convention: Told
    layers: list[Row]
    total: Total
    left_out: Count | UnsetType = UNSET


class AnalysisDocument(Entry[Row, Total], Generic[Row, Total], frozen=True, kw_only=True):
    """What a network costs, as `convcost analyze` shows it; a baseline for a check.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        convention: What the numbers count.
        layers: Its layers, or the rows that were asked for.
        total: What it costs in all.
        left_out: How many rows are left out.
        warnings: What is valid in the spec and rarely meant.
        incomplete: True where operations are not counted, so that totals are lower bounds; left out where all are.
        unknown: These operations.
    """

    schema_version: int = VERSION
    warnings: list[Warning] = []
    incomplete: bool | UnsetType = UNSET
    unknown: list[UnknownDocument] | UnsetType = UNSET


class FreeSymbol(Struct, frozen=True, kw_only=True):
    """What is known of a free symbol.

    Attributes:
        multiple_of: What every value is a whole multiple of.
        minimum: What no value is below.
        above: What every value is above.
        default: The value at which open questions were decided.
    """

    multiple_of: int | str | UnsetType = UNSET
    minimum: int | str | UnsetType = UNSET
    above: int | str | UnsetType = UNSET
    default: Any = None


class ConditionDocument(Struct, frozen=True, kw_only=True):
    """A condition under which the formulas hold.

    Attributes:
        text: The condition, as people read it.
        relation: What the formula is: `positive`, `nonnegative`, `zero`, `nonzero`, `whole` or `fractional`.
        formula: The formula.
    """

    text: str
    relation: str
    formula: str


class FreeAnalysis(Struct, Generic[Row, Total], frozen=True, kw_only=True):
    """What a network costs as formulas in free symbols, as `convcost analyze --free` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        free: What is known of each free symbol.
        conditions: What must hold beside that.
        convention: What the numbers count.
        layers: Its layers, or the rows that were asked for.
        total: What it costs in all.
        left_out: How many rows are left out.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    free: dict[str, FreeSymbol]
    conditions: list[ConditionDocument]
    convention: Told
    layers: list[Row]
    total: Total
    left_out: Count | UnsetType = UNSET
    warnings: list[Warning] = []
