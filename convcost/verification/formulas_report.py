"""The report of the proofs of the layer types' formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.reports.table import Column, Row, Table, counted, grouped, safe, sized
from convcost.verification.formulas import FormulaProof, document
from convcost.verification.report import difference_text

_COLUMNS = (
    Column("Layer type", role="name"),
    Column("Proved"),
    Column("Points", right=True, role="number", drop=2),
    Column("Mults", right=True, role="number", drop=4),
    Column("For all", drop=3),
    Column("Covered", drop=1),
)


class FormulaProofsReport(Struct, frozen=True):
    """The proofs for every format."""

    proofs: tuple[FormulaProof, ...]

    def data(self) -> Struct:
        """Return the proofs as a document."""
        return document(self.proofs)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer type."""
        return [
            {
                "type": proof.type,
                "proved": "yes" if proof.proved else "no",
                "points": proof.points,
                "mults": proof.mults,
                "for_all": proof.variables,
                "covered": proof.covered,
                "counterexample": _wrong(proof) or None,
            }
            for proof in self.proofs
        ]

    def table(self) -> Table:
        """Return the table: each layer type, whether its formulas are proved, for which sizes, and what was held."""
        rows = [
            Row(
                (
                    proof.type,
                    "✓" if proof.proved else "✗",
                    grouped(proof.points),
                    grouped(proof.mults),
                    proof.variables,
                    proof.covered,
                ),
                "ordinary" if proof.proved else "wrong",
            )
            for proof in self.proofs
        ]
        points, mults = (sum(getattr(proof, name) for proof in self.proofs) for name in ("points", "mults"))
        return Table(
            title="Formulas proved by execution",
            subtitle=(
                "Output shape, every kind of operation, macs, useful mults, params and buffers, each an identity.",
            ),
            columns=_COLUMNS,
            rows=rows,
            total=(
                counted(len(rows), "layer type"),
                "✓" if all(proof.proved for proof in self.proofs) else "✗",
                grouped(points),
                grouped(mults),
                "",
                "",
            ),
            footer=tuple(_footer(self.proofs, points)),
        )


def _footer(proofs: Sequence[FormulaProof], points: int) -> Iterator[str]:
    proved = sum(proof.proved for proof in proofs)
    yield f"{proved:,} of {counted(len(proofs), 'layer type')} proved at {counted(points, 'point')}."
    for proof in proofs:
        if not proof.proved:
            yield safe(f"✗ {proof.type}: {_wrong(proof) or proof.covered}")
    yield (
        "Each count is a polynomial of degree at most 1 in each of what stands under For all (sizes of each "
        "remainder by the stride, the output or the factor apart); executed at more points than determine it, it holds "
        "for all sizes. What stands under Covered is proved for the values named; ± means both ways."
    )


def _wrong(proof: FormulaProof) -> str:
    wrong = proof.counterexample
    if wrong is None:
        return ""
    shapes = " and ".join(map(sized, wrong.input_shapes))
    fields = ", ".join(f"{name} {value}" for name, value in wrong.fields.items())
    return f"on {shapes}{f' with {fields}' if fields else ''}: " + (
        "; ".join(map(difference_text, wrong.differences)) or wrong.error
    )
