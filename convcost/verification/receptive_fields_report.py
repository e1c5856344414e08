"""The report of receptive fields that were compared with what changes outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.documents import verification as documents
from convcost.documents.warnings import warning_documents
from convcost.reports import titles
from convcost.reports.table import Column, Row, Table, counted, grouped, safe, sized, tree
from convcost.verification.receptive_fields import FieldDifference, FieldVerification, LayerFieldProof

_MOST_SHOWN = 20  # layers that do not agree, below the table; JSON and CSV have all
_COLUMNS = (
    Column("Layer", role="name"),
    Column("Type", drop=4),
    Column("Output", drop=3),
    Column("Compared", right=True, role="number"),
    Column("Interior", right=True, drop=1, role="number"),
    Column("Agrees"),
    Column("Notes", drop=2),
)
_EXPLANATION = (
    "For each position of the input its values were replaced, and each layer was executed with what that reached; "
    "compared is, for each output value and each axis of the input, which positions change it, and in the interior, "
    "where nothing lies beyond a border, that these are the field's size, stride and padding."
)


class FieldVerificationReport(Struct, frozen=True):
    """A verification of receptive fields for every format."""

    verification: FieldVerification

    def data(self) -> Struct:
        """Return the verification as a document."""
        found = self.verification
        return documents.FieldVerificationDocument(
            network=documents.VerifiedNetwork(
                name=found.network.name or None,
                file=found.network.file or None,
                input_shape=list(found.network.input_shape),
            ),
            executed_input_shape=list(found.executed.input_shape),
            seed=found.seed,
            agrees=found.ok,
            positions=found.positions,
            layers=[_document(layer) for layer in found.layers],
            warnings=warning_documents(found.warnings),
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        return [
            {
                "network": self.verification.network.name,
                "name": layer.layer.name,
                "type": layer.layer.type,
                "compared": layer.compared,
                "interior": layer.interior,
                "agrees": _verdict(layer),
                "difference": difference_text(layer.difference) if layer.difference else None,
                "reason": layer.reason or None,
            }
            for layer in self.verification.layers
        ]

    def table(self) -> Table:
        """Return the table: for each layer how many fields were compared, and the verdict."""
        found = self.verification
        rows = [
            Row((label, *[""] * 6), "heading") if line is None else _row(label, line.proof)
            for label, line in tree([_Line(proof.layer.path, proof) for proof in found.layers])
        ]
        size = sized(found.network.input_shape)
        tiny = "" if found.executed is found.network else " as a tiny network"
        return Table(
            title=titles.title(found.network),
            subtitle=(f"input {size}, executed{tiny} with input {sized(found.executed.input_shape)}",),
            columns=_COLUMNS,
            rows=rows,
            total=(
                "Total",
                counted(len(found.layers), "layer"),
                "",
                grouped(sum(layer.compared for layer in found.layers)),
                grouped(sum(layer.interior for layer in found.layers)),
                "✓" if found.ok else "✗",
                "",
            ),
            footer=(*_verdicts(found), *_wrong(found), _EXPLANATION),
        )


class _Line(Struct, frozen=True):
    path: tuple[str, ...]
    proof: LayerFieldProof


def _verdict(proof: LayerFieldProof) -> str:
    return "not compared" if proof.reason else "no" if proof.difference else "yes"


def _row(label: str, proof: LayerFieldProof) -> Row:
    cells = (
        label,
        proof.layer.type,
        sized(proof.layer.output_shape),
        grouped(proof.compared) if not proof.reason else "",
        grouped(proof.interior) if not proof.reason else "",
        "–" if proof.reason else "✗" if proof.difference else "✓",
        safe(proof.reason),
    )
    return Row(cells, "wrong" if proof.difference else "quiet" if proof.reason else "ordinary")


def _verdicts(found: FieldVerification) -> Iterator[str]:
    compared = sum(layer.compared for layer in found.layers)
    wrong = sum(layer.difference is not None for layer in found.layers)
    perturbed = (
        f"{counted(found.positions, 'position')} perturbed, {counted(found.products, 'multiplication')} performed"
    )
    if wrong:
        verb = "does" if wrong == 1 else "do"
        yield f"{wrong:,} of {counted(len(found.layers), 'layer')} {verb} not agree; {perturbed}."
    else:
        yield f"{counted(compared, 'field')}, {perturbed}: all agree."
    left = sum(bool(layer.reason) for layer in found.layers)
    if left:
        yield f"{counted(left, 'layer')} not compared: the notes say why."


def _wrong(found: FieldVerification) -> Iterator[str]:
    wrong = [layer for layer in found.layers if layer.difference]
    for layer in wrong[:_MOST_SHOWN]:
        assert layer.difference is not None
        yield safe(f"✗ {layer.layer.name} ({layer.layer.type}): {difference_text(layer.difference)}")
    if len(wrong) > _MOST_SHOWN:
        yield f"… and {len(wrong) - _MOST_SHOWN:,} more"


def difference_text(difference: FieldDifference) -> str:
    """Return a difference as text."""
    where = ", ".join(map(str, difference.place))
    axis = difference.axis.name or f"axis {difference.axis.axis}"
    found, said = (_listed(positions) for positions in (difference.perturbed, difference.predicted))
    return f"the value at [{where}] changes with {axis} {found}, and is said to see {said}"


def _listed(positions: Sequence[int]) -> str:
    if not positions:
        return "nowhere"
    if list(positions) == list(range(positions[0], positions[-1] + 1)) and len(positions) > 2:
        return f"{positions[0]} – {positions[-1]}"
    return ", ".join(map(str, positions))


def _document(proof: LayerFieldProof) -> documents.FieldProofDocument:
    difference = proof.difference
    return documents.FieldProofDocument(
        name=proof.layer.name,
        type=proof.layer.type,
        output_shape=list(proof.layer.output_shape),
        compared=proof.compared,
        interior=proof.interior,
        agrees=None if proof.reason else difference is None,
        difference=difference_text(difference) if difference else None,
        reason=proof.reason or None,
    )
