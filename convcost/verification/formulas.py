"""Proofs of each layer type's formulas for all sizes, by executing it at sizes that determine them.

The argument. Fix a layer's fields (kernel, stride, dilation, padding, …) and let its sizes vary. What the executor
counts of a kind is the number of times that nested loops run: over groups, channels of a group, kernels of a group, and
along each axis over windows and taps. The range of each loop does not depend on the others, so a count is a sum of
products with one factor a loop, and each factor is

- for groups, channels, features and branches: the size itself, or constant: a polynomial of degree at most 1;
- along an axis: the windows, or the taps of all windows that lie in the input. Both grow by the same amount whenever
  the axis grows by one stride, once the axis is so long that no window reaches over both of its borders. So for each
  remainder by the stride they are a polynomial of degree at most 1 from that length on; below it there are finitely
  many sizes.

A polynomial of degree at most d in each of its variables is determined by its values on a grid of d + 1 values for each
(one in a single variable because it has at most d roots; more variables, one after another). So a formula that is such
a polynomial and agrees there agrees everywhere; that the formulas are can be read off them, as they are sums of
products of sizes and of floors by the stride. Executed are at least d + 1 = 2 values of channels and the like, three
long sizes of each remainder, and every one of the short sizes.

What moves no window, such as a bias or what padding holds, is the same in every loop over windows: its values take
turns, so that each meets every window and every number of channels. The fixed fields take finitely many values, which
`covered` lists. At others, such as larger kernels, agreement at these
is evidence, not proof. On two and three axes mixed windows are executed, as the loops of one axis do not see another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.documents import formulas as documents
from convcost.layers import REGISTRY
from convcost.verification.cases import cases_of
from convcost.verification.counting import Task, perform, predict
from convcost.verification.results import CountDifference, differences


class Counterexample(Struct, frozen=True):
    """Where a formula is wrong: the fields, the input shapes, and what was counted and predicted."""

    fields: Mapping[str, Any]
    input_shapes: Sequence[tuple[int, ...]]
    differences: tuple[CountDifference, ...]
    error: str

    def document(self) -> documents.CounterexampleDocument:
        """Return the counterexample as a document has it."""
        return documents.CounterexampleDocument(
            fields={name: _plain(value) for name, value in self.fields.items()},
            input_shapes=list(map(list, self.input_shapes)),
            differences=[difference.document() for difference in self.differences],
            error=self.error or None,
        )


class FormulaProof(Struct, frozen=True):
    """The formulas of one layer type.

    Attributes:
        type: The layer type.
        variables: What they are proved for in all sizes; the degree is at most 1 in each.
        covered: What was held, and which of it was tried.
        points: How many layers were executed.
        mults: The multiplications performed in them.
        counterexample: The first point where they are wrong.
    """

    type: str
    variables: str
    covered: str
    points: int
    mults: int
    counterexample: Counterexample | None = None

    @property
    def proved(self) -> bool:
        """Whether there are points, and the formulas agree at each."""
        return self.points > 0 and self.counterexample is None

    def document(self) -> documents.FormulaProofDocument:
        """Return the proof as a document has it."""
        wrong = self.counterexample
        return documents.FormulaProofDocument(
            type=self.type,
            proved=self.proved,
            variables=self.variables,
            covered=self.covered,
            points=self.points,
            mults=self.mults,
            counterexample=wrong.document() if wrong else None,
        )


def types() -> list[str]:
    """Return the layer types that run, sorted; but for those whose costs are the author's, which nothing proves."""
    return sorted(type for type, layer in REGISTRY.items() if not layer.composite and not layer.declared)


def prove(chosen: Iterable[str] | None = None) -> tuple[FormulaProof, ...]:
    """Execute layer types at the sizes that determine their formulas, and compare.

    Args:
        chosen: The types; all that run without it, which leaves out those that are written for others.
    """
    return tuple([_proved(type) for type in (types() if chosen is None else chosen)])


def document(proofs: Sequence[FormulaProof]) -> documents.FormulaProofs:
    """Return the document of proofs: what `--format json` writes."""
    return documents.FormulaProofs(
        proved=all(proof.proved for proof in proofs), formulas=[proof.document() for proof in proofs]
    )


def _proved(type: str) -> FormulaProof:
    cases = cases_of(type)
    points = mults = 0
    for task in cases.tasks():
        done, expected = perform(task), predict(task)
        if done.refused and expected.refused:
            continue  # both refuse it, such as a kernel that does not fit
        points += 1
        if done.counts is None or done.counts != expected.counts:
            wrong = _counterexample(task, differences(done.counts, expected.counts), done.error or expected.error)
            return FormulaProof(type, cases.variables, cases.covered, points, mults, wrong)
        mults += done.counts.mults
    return FormulaProof(type, cases.variables, cases.covered, points, mults)


def _counterexample(task: Task, found: tuple[CountDifference, ...], error: str) -> Counterexample:
    return Counterexample(task.fields, task.input_shapes, found, error)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, str, tuple)) or value is None else str(value)
