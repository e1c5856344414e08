"""Exact symbolic numbers: what a layer's arithmetic gives when a size is a letter and not a number.

>>> from convcost.symbolic import symbol
>>> Dp, Dk, M, N = [symbol(name, whole=True) for name in ("Dp", "Dk", "M", "N")]
>>> separable, standard = Dp**2 * M * Dk**2 + Dp**2 * M * N, Dp**2 * N * M * Dk**2
>>> separable / standard
1/N + 1/Dk²
>>> print(separable.text(factor=True), separable.evaluate({"Dp": 4, "M": 3, "Dk": 3, "N": 8}))
Dp²·M·(Dk² + N) 816

`formula.py` is the number and its arithmetic, on the dictionaries of `algebra.py`; `functions.py` has floors, maxima
and the like, `facts.py` what is known of signs and multiples, `conditions.py` the comparisons, `evaluation.py` values
at many points, `text.py` the writing.
"""

from convcost.symbolic.algebra import Number
from convcost.symbolic.conditions import Assumptions, Condition, NeedsValueError, assuming
from convcost.symbolic.evaluation import evaluator
from convcost.symbolic.formula import OPERATIONS, Formula, Value, from_dict, quotient, symbol, total
from convcost.symbolic.functions import ceil, floor, gcd, make_divisible, maximum, minimum, rounded

__all__ = [
    "OPERATIONS",
    "Assumptions",
    "Condition",
    "Formula",
    "NeedsValueError",
    "Number",
    "Value",
    "assuming",
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
