"""Exact symbolic numbers: what a layer's arithmetic gives when a size is a symbol and not a number.

>>> from convcost.symbolic import symbol
>>> Dp, Dk, M, N = [symbol(name, whole=True) for name in ("Dp", "Dk", "M", "N")]
>>> separable, standard = Dp**2 * M * Dk**2 + Dp**2 * M * N, Dp**2 * N * M * Dk**2
>>> separable / standard
1/N + 1/Dk²
>>> print(separable.text(factor=True), separable.evaluate({"Dp": 4, "M": 3, "Dk": 3, "N": 8}))
Dp²·M·(Dk² + N) 816

Each module knows those before it only: `expression` (the data), `algebra` and `division` (arithmetic on it), `facts`
(signs and multiples), `text`, `evaluation`, `rational` (the arithmetic of formulas), `conditions` (comparisons),
`functions` (floors, maxima and the like), `formula` (the number itself).
"""

from convcost.numbers import Number
from convcost.symbolic.algebra import bounded
from convcost.symbolic.conditions import Assumptions, Condition, assuming
from convcost.symbolic.evaluation import evaluator
from convcost.symbolic.expression import NeedsValueError
from convcost.symbolic.formula import Formula, Value, from_dict, symbol, total
from convcost.symbolic.functions import OPERATIONS, ceil, floor, gcd, make_divisible, maximum, minimum, rounded
from convcost.symbolic.rational import quotient

__all__ = [
    "OPERATIONS",
    "Assumptions",
    "Condition",
    "Formula",
    "NeedsValueError",
    "Number",
    "Value",
    "assuming",
    "bounded",
    "ceil",
    "evaluator",
    "floor",
    "from_dict",
    "gcd",
    "make_divisible",
    "maximum",
    "minimum",
    "quotient",
    "rounded",
    "symbol",
    "total",
]
