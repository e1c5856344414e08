"""The difference of two networks: what was added, removed and changed, layer by layer and in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Self

from msgspec import UNSET, Struct
from msgspec.structs import replace

from convcost.comparison.matching import match
from convcost.comparison.recognition import kinds
from convcost.cost.analysis import Analysis, LayerCost
from convcost.errors import WarningDetail
from convcost.metrics import standard
from convcost.network import Layer, Network
from convcost.ops import Cost
from convcost.reports.result import Result

SAME, CHANGED, ADDED, REMOVED = "same", "changed", "added", "removed"


class Change(Struct, frozen=True):
    """A layer in both networks, or in one of them.

    Attributes:
        kind: `same` but perhaps for its name, `changed`, `added` or `removed`.
        before: Its cost in the first network; None where it is added.
        after: Its cost in the second; None where it is removed.
        what: The fields and shapes that differ, such as `stride 1 → 2`.
        moved: Whether it stands elsewhere among those that stayed.
    """

    kind: str
    before: LayerCost | None
    after: LayerCost | None
    what: tuple[str, ...]
    moved: bool = False

    @property
    def layer(self) -> LayerCost:
        """The layer as it is in the second network, or was in the first."""
        layer = self.after or self.before
        assert layer is not None
        return layer

    @property
    def path(self) -> tuple[str, ...]:
        """The layer's name in parts."""
        return self.layer.path

    @property
    def costs(self) -> tuple[Cost, Cost]:
        """What the layer costs in each network."""
        return self.before.cost if self.before else Cost(), self.after.cost if self.after else Cost()

    @property
    def renamed(self) -> bool:
        """Whether it has another name, or stands in another block; a count that other items moved is no name."""
        if self.before is None or self.after is None:
            return False
        if self.before.origin and self.after.origin:
            return self.before.origin != self.after.origin
        return kinds(self.before.path) != kinds(self.after.path)

    @property
    def passes_on(self) -> bool:
        """Whether nothing but its shapes differs, as what reaches it does."""
        return bool(self.what) and all(part.startswith(("input ", "output ")) for part in self.what)


class Difference(Result, frozen=True):
    """Two networks beside each other; the layers in the order in which both run."""

    shown_by: ClassVar[str] = "convcost.comparison.diff_report:DifferenceReport"

    before: Analysis
    after: Analysis
    layers: tuple[Change, ...]

    @classmethod
    def of(cls, before: Network, after: Network, *, batch: int = 1, fold: bool = True) -> Self:
        """Put two networks beside each other.

        Args:
            before: One network.
            after: The other.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        """
        old, new = (Analysis.of(network, batch=batch, fold=fold) for network in (before, after))
        layers = []
        written = [[tuple(layer.fields.values()) for layer in network.layers] for network in (before, after)]
        sides = (old.layers, new.layers)
        if all(any(layer.origin for layer in side) for side in sides):
            sides = (_by_origin(old.layers), _by_origin(new.layers))
        for found in match(*sides, (written[0], written[1])):
            i, j = found.before, found.after
            if i is None or j is None:
                kind = ADDED if i is None else REMOVED
                what: tuple[str, ...] = ()
            else:
                what = tuple(_differences(before.layers[i], after.layers[j], old.layers[i].cost, new.layers[j].cost))
                kind = CHANGED if what else SAME
            first = None if i is None else old.layers[i]
            second = None if j is None else new.layers[j]
            layers.append(Change(kind, first, second, what, found.moved))
        return cls(old, new, tuple(layers))

    @property
    def changed(self) -> bool:
        """Whether the networks differ: in a layer, its name or its place, or in a total."""
        layers = any(change.kind != SAME or change.moved or change.renamed for change in self.layers)
        return layers or any(old != new for old, new in self.totals().values())

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles
        from convcost.reports.table import counted

        old, new = self.before, self.after
        differ = sum(change.kind != SAME for change in self.layers)
        return (
            f"{titles.title(old.network)} → {titles.title(new.network)}: {differ:,} of "
            f"{counted(len(self.layers), 'layer')} differ, {old.total.mults:,} → {new.total.mults:,} mults"
        )

    def totals(self) -> dict[str, tuple[Any, Any]]:
        """Return the standard metrics of both networks."""
        return {metric.name: (self.before.value(metric.name), self.after.value(metric.name)) for metric in standard()}

    def values(self, metric: str) -> list[tuple[Any, Any]]:
        """Return each layer's value of a metric in both networks; 0 where it is missing."""
        before, after = (
            dict(zip([layer.name for layer in side.layers], side.values(metric), strict=True))
            for side in (self.before, self.after)
        )
        return [
            (
                before[change.before.name] if change.before else 0,
                after[change.after.name] if change.after else 0,
            )
            for change in self.layers
        ]

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in both specs and rarely meant."""
        return tuple(dict.fromkeys((*self.before.warnings, *self.after.warnings)))

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import (
            convention_document,
            network_document,
            side_documents,
            standard_names,
            total_document,
            unknown_documents,
        )
        from convcost.cost.footprint import footprint_change
        from convcost.documents import difference as documents
        from convcost.documents.warnings import warning_documents

        before, after = self.before, self.after
        names = standard_names()
        old, new = (side_documents(side, names) for side in (before, after))
        return documents.DifferenceDocument(
            before=network_document(before.network) if before.layers else None,
            after=network_document(after.network),
            convention=convention_document(before),
            layers=[
                documents.ChangeDocument(
                    kind=change.kind,
                    what=list(change.what),
                    moved=change.moved,
                    before=old[change.before.name] if change.before else None,
                    after=new[change.after.name] if change.after else None,
                )
                for change in self.layers
            ],
            totals=documents.Totals(
                before=total_document(before, names),
                after=total_document(after, names),
                change={
                    metric: documents.Delta(delta=new - old, percent=percent(old, new))
                    for metric, (old, new) in self.totals().items()
                },
            ),
            memory=footprint_change(before, after),
            warnings=warning_documents(self.warnings),
            incomplete=True if before.incomplete or after.incomplete else UNSET,
            unknown=unknown_documents(before, after) or UNSET,
        )


def percent(before: int, after: int) -> float | None:
    """Return a change in percent; None where it begins at 0.

    >>> percent(8, 10), percent(0, 10), percent(0, 0)
    (25.0, None, 0.0)
    """
    if before == after:
        return 0.0
    return float(Fraction(100 * (after - before), before)) if before else None


def _by_origin(layers: Sequence[LayerCost]) -> tuple[LayerCost, ...]:
    """Return layers by the names that they have in the model files they are of."""
    return tuple([replace(layer, path=tuple(layer.origin.split("."))) if layer.origin else layer for layer in layers])


def _differences(before: Layer, after: Layer, old: Cost, new: Cost) -> Iterator[str]:
    if before.type != after.type:
        yield f"{before.type} → {after.type}"
    for name in before.fields:
        if name in after.fields and before.fields[name] != after.fields[name]:
            yield f"{name} {_shown(before.fields[name])} → {_shown(after.fields[name])}"
    if before.input_shapes != after.input_shapes:
        yield f"input {_shapes(before.input_shapes)} → {_shapes(after.input_shapes)}"
    if before.output_shape != after.output_shape:
        yield f"output {_shapes((before.output_shape,))} → {_shapes((after.output_shape,))}"
    elif old != new and (before.type, before.fields, before.input_shapes) == (
        after.type,
        after.fields,
        after.input_shapes,
    ):
        yield "folds no more" if new.ops.mul > old.ops.mul else "folds now"


def _shown(value: Any) -> str:
    """Return a field's value as short as a spec would have it."""
    if isinstance(value, tuple):
        parts = [_shown(part) for part in value]
        return parts[0] if len(set(parts)) == 1 else f"[{', '.join(parts)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return " ".join("×".join(map(str, shape)) for shape in shapes)
