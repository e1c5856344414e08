"""The report of a verification: what was executed of each layer, what was counted, and what was predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.ops import KINDS
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, counted, grouped, safe, sized, tree
from convcost.verification.results import CountDifference, LayerProof, Verification

_MOST_SHOWN = 20  # layers that do not agree, below the table; JSON and CSV have all

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=5),
    Column("Executed", drop=2),
    Column("Mults counted", right=True, role="number"),
    Column("Predicted", right=True, role="number"),
    Column("Agrees"),
    Column("Also counted", drop=4),
    Column("Notes", drop=3),
)


class VerificationReport(Struct, frozen=True):
    """A verification for every format."""

    verification: Verification

    def data(self) -> Struct:
        """Return the verification as a document."""
        return self.verification.document()

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        return [_record(self.verification.network.name, layer) for layer in self.verification.layers]

    def table(self) -> Table:
        """Return the table: each layer's shapes as executed, its multiplications counted and predicted, the verdict."""
        verification = self.verification
        rows = []
        for label, layer in tree(verification.layers):
            rows.append(Row((label, *[""] * 7), "heading") if layer is None else _row(label, layer))
        size = sized(verification.network.input_shape)
        if verification.full:
            executed = f"input {size}, executed at full size"
        elif verification.layerwise:
            executed = f"input {size}, each layer executed on small inputs of its own"
        else:
            executed = f"input {size}, executed as a tiny network with input {sized(verification.executed.input_shape)}"
        wrong = any(layer.disagrees for layer in verification.layers)
        found, expected = verification.counted(), verification.predicted()
        return Table(
            title=titles.title(verification.network),
            subtitle=(executed, *map(safe, verification.kept)),
            columns=_COLUMNS,
            rows=rows,
            total=(
                "Total",
                counted(len(verification.layers), "layer"),
                "",
                grouped(found.get("mul", 0)),
                grouped(expected.get("mul", 0)),
                "✓" if verification.ok else "✗" if wrong else "–",
                "",
                "",
            ),
            footer=(*_verdict(verification), *_wrong(verification), *_explanation(verification)),
        )


def _row(label: str, layer: LayerProof) -> Row:
    counts, expected = layer.counted, layer.predicted
    inputs = ", ".join(map(sized, dict.fromkeys(layer.input_shapes)))
    also = []
    if counts:
        ops = counts.ops
        also = [
            f"{ops[kind]:,} {kind}"
            for kind in KINDS[1:]
            if kind in ops and not (kind == "add" and ops[kind] == counts.mults)
        ]
        also += [
            f"{number:,} {name}" for name, number in (("params", counts.params), ("buffers", counts.buffers)) if number
        ]
    return Row(
        (
            label,
            layer.type,
            f"{inputs} → {sized(counts.output_shape) if counts else '?'}",
            grouped(counts.mults) if counts else "?",
            grouped(expected.mults) if expected else "?",
            "declared" if layer.declared else "✓" if layer.agrees else "✗",
            ", ".join(also),
            safe(f"same as {layer.same_as}") if layer.same_as else f"1 of {layer.times:,} slices" * (layer.times > 1),
        ),
        "wrong" if layer.disagrees else "quiet" if layer.same_as else "ordinary",
    )


def _verdict(verification: Verification) -> Iterator[str]:
    layers = verification.layers
    wrong = sum(layer.disagrees for layer in layers)
    alone = sum(not layer.same_as for layer in layers)
    different = "" if alone == len(layers) else f", {alone:,} of them different"
    performed = f"{counted(verification.performed, 'multiplication')} performed"
    if not verification.complete:
        whole = len(verification.executed.layers)
        yield f"Interrupted: {len(layers):,} of {counted(whole, 'layer')} executed, {performed}."
    if wrong:
        yield f"{wrong:,} of {counted(len(layers), 'layer')} {'does' if wrong == 1 else 'do'} not agree; {performed}."
    elif verification.complete:
        declared = sum(layer.declared for layer in layers)
        agree = f"{counted(len(layers) - declared, 'layer')}{different}, {performed}: all counts agree."
        yield agree + (f" {counted(declared, 'layer')} at declared costs: nothing verifies these." if declared else "")
    elif layers:
        yield "All counts agree as far as it got."


def _wrong(verification: Verification) -> Iterator[str]:
    wrong = [layer for layer in verification.layers if layer.disagrees]
    for layer in wrong[:_MOST_SHOWN]:
        why = "; ".join(map(difference_text, layer.differences())) or layer.error
        yield safe(f"✗ {layer.name} ({layer.type}): {why}")
    if len(wrong) > _MOST_SHOWN:
        yield f"… and {len(wrong) - _MOST_SHOWN:,} more"


def difference_text(difference: CountDifference) -> str:
    """Return a difference as text."""
    show = sized if difference.kind == "output_shape" else grouped
    kind = difference.kind.replace("_", " ")
    return f"{kind}: counted {show(difference.counted)}, predicted {show(difference.predicted)}"


def _explanation(verification: Verification) -> Iterator[str]:
    yield (
        f"Each layer ran on fresh whole numbers (seed {verification.seed}) in the shapes that the layers before it "
        "gave; compared are its output shape, every kind of operation, macs, useful mults, params and buffers."
    )
    if any(layer.times > 1 for layer in verification.layers):
        yield "A layer inside `each` ran on one slice: analyze counts its operations for all of them."
    if not verification.full and not verification.layerwise:
        yield (
            "The tiny network has every layer, kernel, stride, padding, dilation and group of the real one; "
            "--full executes that."
        )


def _record(network: str, layer: LayerProof) -> dict[str, Any]:
    record: dict[str, Any] = {
        "network": network,
        "name": layer.name,
        "type": layer.type,
        "same_as": layer.same_as or None,
        "input_shape": " ".join(map(sized, layer.input_shapes)),
        "agrees": "declared" if layer.declared else "yes" if layer.agrees else "no",
        "error": layer.error or None,
    }
    for side, counts in (("counted", layer.counted), ("predicted", layer.predicted)):
        record[f"{side}_output_shape"] = sized(counts.output_shape) if counts else None
        numbers = dict(counts.numbers()) if counts else {}
        for name in (*KINDS, "macs", "useful_mults", "params", "buffers"):
            record[f"{side}_{name}"] = numbers.get(name)
    return record
