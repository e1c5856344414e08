"""The documents of layer types: their formulas in the papers' symbols, and the proofs of them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.documents import VERSION
from convcost.documents.numbers import Count
from convcost.documents.verification import CountDifferenceDocument


class QuotientDocument(Struct, frozen=True, kw_only=True):
    """What a convolution costs of the standard one with the same shape.

    Attributes:
        name: The convolution.
        mults: Its share of the multiplications.
        params: Its share of the parameters.
    """

    name: str
    mults: int | str
    params: int | str


class FormulasDocument(Struct, frozen=True, kw_only=True):
    """What each layer type costs as formulas, as `convcost formulas` shows them.

    Attributes:
        schema_version: The version of this structure.
        letters: What each symbol means.
        formulas: For each `type` and `variant` its output, parameters and operations, and the `conditions`.
        ratios: What some convolutions cost of others.
    """

    schema_version: int = VERSION
    letters: dict[str, str]
    formulas: list[dict[str, int | str | list[str] | None]]
    ratios: list[QuotientDocument]


class CounterexampleDocument(Struct, frozen=True, kw_only=True):
    """Where a formula is wrong.

    Attributes:
        fields: The layer's fields.
        input_shapes: What it was executed on.
        differences: What was counted and predicted.
        error: Why it cannot be executed or predicted.
    """

    fields: dict[str, Any]
    input_shapes: list[list[Count]]
    differences: list[CountDifferenceDocument]
    error: str | None


class FormulaProofDocument(Struct, frozen=True, kw_only=True):
    """The proof of one layer type's formulas.

    Attributes:
        type: The layer type.
        proved: Whether they agree at every point.
        variables: What they are proved for in all sizes.
        covered: What was held, and which of it was tried.
        points: How many layers were executed.
        mults: The multiplications performed in them.
        counterexample: The first point where they are wrong.
    """

    type: str
    proved: bool
    variables: str
    covered: str
    points: Count
    mults: Count
    counterexample: CounterexampleDocument | None


class FormulaProofs(Struct, frozen=True, kw_only=True):
    """The proofs of the layer types' formulas, as `convcost verify --formulas` shows them.

    Attributes:
        schema_version: The version of this structure.
        proved: Whether all are proved.
        formulas: The proofs.
    """

    schema_version: int = VERSION
    proved: bool
    formulas: list[FormulaProofDocument]
