"""The documents of what other tools count."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning


class CauseDocument(Struct, frozen=True, kw_only=True):
    """A cause of a difference.

    Attributes:
        cause: What is counted otherwise.
        amount: By how much, in the tool's unit.
    """

    cause: str
    amount: int


class ToolDocument(Struct, frozen=True, kw_only=True):
    """What a tool counts of a network.

    Attributes:
        tool: Its name.
        title: What it is called, with the mode that is described.
        version: The version that is described.
        source: Where its rules are read.
        unit: `macs`, or `flops`: two for each multiply–accumulate.
        params: The parameters that it counts.
        count: Its count.
        difference: Its count less the multiply–accumulates in its unit.
        causes: The causes of the difference; they add up to it.
        uncovered: The types of layers of which nothing is known.
    """

    tool: str
    title: str
    version: str
    source: str
    unit: str
    params: Count
    count: Count
    difference: int
    causes: list[CauseDocument]
    uncovered: list[str]


class ExactCounts(Struct, frozen=True, kw_only=True):
    """What convcost counts.

    Attributes:
        params: The parameters.
        macs: The multiply–accumulates, of all inputs.
    """

    params: Count
    macs: Count


class ReconciliationDocument(Struct, frozen=True, kw_only=True):
    """What tools count of a network, as `convcost reconcile` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        batch: How many inputs are counted.
        exact: What convcost counts.
        tools: What each tool counts.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    batch: Count
    exact: ExactCounts
    tools: list[ToolDocument]
    warnings: list[Warning] = []


class MatchDocument(Struct, frozen=True, kw_only=True):
    """A convention that gives a number.

    Attributes:
        tool: The tool; `convcost` for its own counts.
        unit: `macs` or `flops`.
        settings: What differs from the network as it is.
        count: The number.
        how: `exact`, `rounded` or `cut` to the printed digits; null where it is only near.
    """

    tool: str
    unit: str
    settings: list[str]
    count: Count
    how: str | None


class ExpectationDocument(Struct, frozen=True, kw_only=True):
    """Which conventions give a printed number, as `convcost reconcile --expect` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        expected: The number as it is printed.
        matches: The conventions that give it, the most plausible first.
        nearest: Those that come nearest, where none does.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    expected: str
    matches: list[MatchDocument]
    nearest: list[MatchDocument]


class ConventionLayer(Struct, frozen=True, kw_only=True):
    """A layer under a convention.

    Attributes:
        name: Its name.
        type: Its type.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        output_shape: What it gives, channels first.
        params: The parameters that the tool counts.
        count: The tool's count.
        macs: Its multiply–accumulates.
        causes: Why the count differs from them.
        covered: Whether anything is known of it.
    """

    name: str
    type: str
    line: Count | None
    origin: str | UnsetType = UNSET
    output_shape: list[Count]
    params: Count
    count: Count
    macs: Count
    causes: list[CauseDocument]
    covered: bool


class ToolAnalysisDocument(Struct, frozen=True, kw_only=True):
    """A network under a tool's convention, as `convcost analyze --convention` shows it; no baseline of a budget.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        batch: How many inputs are counted.
        tool: What the tool counts in all.
        layers: What it counts of each layer, for one input.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    batch: Count
    tool: ToolDocument
    layers: list[ConventionLayer]


class SingleLayerDocument(Struct, frozen=True, kw_only=True):
    """What tools count of a single layer.

    Attributes:
        layer: What it is called.
        spec: Its spec.
        functional: Whether it is called as a function.
        exact: What convcost counts.
        tools: What each tool counts.
    """

    layer: str
    spec: dict[str, Any]
    functional: bool
    exact: ExactCounts
    tools: list[ToolDocument]


class LayerComparisonDocument(Struct, frozen=True, kw_only=True):
    """What tools count of single layers, as `convcost reconcile --layers` shows it.

    Attributes:
        schema_version: The version of this structure.
        layers: The layers.
    """

    schema_version: int = VERSION
    layers: list[SingleLayerDocument]
