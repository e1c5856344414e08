"""The document of a check."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.difference import BaseDocument
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning

Network = TypeVar("Network")

Value = int | str | None
"""A whole number, the text of an exact ratio, or null where there is none."""


class Costliest(Struct, frozen=True, kw_only=True):
    """A layer that a limit is spent on.

    Attributes:
        name: The layer's name.
        type: Its type.
        actual: What it costs of the limited metric.
        base: What it cost at the baseline.
        file: The file where it is written.
        line: The line there; null of a model file.
        origin: The path of its module in a model file.
    """

    name: str
    type: str
    actual: Value
    base: Value
    file: str
    line: Count | None
    origin: str | UnsetType = UNSET


class RemedyDocument(Struct, frozen=True, kw_only=True):
    """A rewrite that brings a network back within a limit, or as near as one can.

    Attributes:
        rewrites: The rewrites.
        layers: The layers that they touch.
        reached: Whether the limit is kept then.
        value: What the limited part costs then.
        renamed: Whether the budget's pattern of layers does not mean the same part then.
        command: The command line that does it.
        reached_with_ends: Whether the limit is kept at least where the first and the last layer are not spared.
        suggestion: The command line that finds out how, where only that reaches it.
    """

    rewrites: list[str]
    layers: list[str]
    reached: bool
    value: Value
    renamed: bool
    command: str | None
    reached_with_ends: bool
    suggestion: str | None


class VerdictDocument(Struct, frozen=True, kw_only=True):
    """One limit of one network at one point.

    Attributes:
        spec: The spec as it was named.
        network: The network's name.
        symbols: The values that the budget sets.
        metric: The metric.
        layers: The pattern of the layers that it is for.
        scope: `sum` or `each`.
        layer: The layer, where it is for each.
        kind: `max`, `min` or `growth`.
        written: The limit as it is written.
        limit: The largest value that is within it, of `min` the smallest.
        warn_above: Above which value there is a warning.
        actual: What the network, or the layers, cost.
        delta: How much beyond the limit it is: above it, or below `min`.
        used: The share that is used of the limit.
        base: What they cost at the baseline.
        verdict: `within`, `warning`, `exceeded` or `skipped`.
        reason: Why it is skipped.
        message: The message that is shown where it is exceeded.
        file: Where the limit is written.
        line: Its line.
        column: Its column.
        accepted: What was accepted instead of the baseline's value; growth is measured from there.
        grown: By which share it has grown.
        dtype: The types of numbers at which the budget holds, as `--dtype` takes them; left out where it says none.
        costliest: Where it is exceeded or warned of, the layers that cost or grew most.
        remedy: Where it is exceeded, what would help.
    """

    spec: str
    network: str | None
    symbols: dict[str, Any]
    metric: str
    layers: str | None
    scope: str
    layer: str | None
    kind: str
    written: str
    limit: Value
    warn_above: Value
    actual: Value
    delta: Value
    used: float | None
    base: Value
    verdict: str
    reason: str | None
    message: str | None
    file: str | None
    line: Count | None
    column: Count | None
    accepted: Value
    grown: float | None
    dtype: str | UnsetType = UNSET
    costliest: list[Costliest]
    remedy: RemedyDocument | None


class CheckDocument(Struct, Generic[Network], frozen=True, kw_only=True):
    """Networks held to their budgets, as `convcost check` shows them; a baseline for a later check.

    Attributes:
        schema_version: The version of this structure.
        ok: Whether every limit is kept.
        strict: Whether a warning fails, too.
        config: The configuration that the budgets stand in.
        base: What growth is measured against.
        counts: How many verdicts there are of each kind.
        notes: Other remarks.
        verdicts: One for each limit.
        networks: What each network costs.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    ok: bool
    strict: bool
    config: str | None
    base: BaseDocument | None
    counts: dict[str, Count]
    notes: list[str]
    verdicts: list[VerdictDocument]
    networks: list[Network]
    warnings: list[Warning] = []
