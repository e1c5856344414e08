"""Two networks beside each other: what was added, removed and changed, layer by layer and in all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from msgspec import Struct

from convcost.analysis.cost import SCHEMA_VERSION, Analysis, LayerCost, convention, costs, described_network
from convcost.analysis.matching import match
from convcost.network import Layer, Network
from convcost.ops import Cost

SAME, CHANGED, ADDED, REMOVED = "same", "changed", "added", "removed"


class Change(Struct, frozen=True):
    """A layer in both networks, or in one of them.

    Attributes:
        kind: `same` but perhaps for its name, `changed`, `added` or `removed`.
        before: Its cost in the first network; None where it is added.
        after: Its cost in the second; None where it is removed.
        what: The fields and shapes that differ, such as `stride 1 → 2`.
    """

    kind: str
    before: LayerCost | None
    after: LayerCost | None
    what: tuple[str, ...]

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


class Difference(Struct, frozen=True):
    """Two networks beside each other; the layers in the order in which both run."""

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
        for found in match(before.layers, after.layers):
            i, j = found.before, found.after
            if i is None or j is None:
                kind = ADDED if i is None else REMOVED
                what: tuple[str, ...] = ()
            else:
                what = tuple(_differences(before.layers[i], after.layers[j], old.layers[i].cost, new.layers[j].cost))
                kind = CHANGED if what else SAME
            layers.append(
                Change(kind, None if i is None else old.layers[i], None if j is None else new.layers[j], what)
            )
        return cls(old, new, tuple(layers))

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain data: what `--format json` writes."""
        before, after = self.before.total, self.after.total
        return {
            "schema_version": SCHEMA_VERSION,
            "before": described_network(self.before.network),
            "after": described_network(self.after.network),
            "convention": convention(self.before),
            "layers": [_row(change) for change in self.layers],
            "totals": {"before": costs(before), "after": costs(after)},
        }


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


def _row(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "what": change.what,
        "before": _layer(change.before),
        "after": _layer(change.after),
    }


def _layer(layer: LayerCost | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "name": layer.name,
        "type": layer.type,
        "line": layer.line or None,
        "output_shape": layer.output_shape,
        **costs(layer.cost),
    }
