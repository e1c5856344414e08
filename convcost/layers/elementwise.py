"""Arithmetic value by value: of two or more inputs, of one input, and with a learned summand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import Any, ClassVar

from convcost.layers.base import LayerType, Trials
from convcost.layers.fields import axis, bounds, field, flag, word
from convcost.layers.inputs import LayerError
from convcost.layers.layout import Input, Shape
from convcost.layers.merges import Elementwise
from convcost.ops import Cost, Ledger, is_symbolic, product


class Subtract(Elementwise, type="subtract"):
    """The first input less the second; axes of size 1 are stretched.

    add = 1 per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sub.html
    """

    words: ClassVar[Mapping[str, str]] = {"sub": "PyTorch and ONNX", "Subtract": "Keras", "minus": "many people"}

    arity = (2, 2)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(add=1) * product(output))


class Divide(Elementwise, type="divide"):
    """The first input over the second; axes of size 1 are stretched.

    div = 1 per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.div.html
    """

    words: ClassVar[Mapping[str, str]] = {"div": "PyTorch and ONNX", "truediv": "PyTorch"}

    arity = (2, 2)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(div=1) * product(output))


class Maximum(Elementwise, type="maximum"):
    """The largest of k inputs, value by value; axes of size 1 are stretched.

    cmp = k − 1 per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.maximum.html
    """

    words: ClassVar[Mapping[str, str]] = {"Maximum": "Keras"}

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(ops=Ledger(cmp=len(inputs) - 1) * product(output))


class Minimum(Maximum, type="minimum"):
    """The smallest of k inputs, value by value; axes of size 1 are stretched.

    cmp = k − 1 per output value.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.minimum.html
    """

    words: ClassVar[Mapping[str, str]] = {"Minimum": "Keras"}


_PER_VALUE: Mapping[str, Ledger] = {
    "exp": Ledger(exp=1),
    "log": Ledger(log=1),
    "sqrt": Ledger(sqrt=1),
    "rsqrt": Ledger(sqrt=1, div=1),
    "reciprocal": Ledger(div=1),
    "abs": Ledger(abs=1),
    "neg": Ledger(),
    "square": Ledger(mul=1),
    "sign": Ledger(cmp=2),
    "floor": Ledger(floor=1),
    "ceil": Ledger(floor=1),
    "round": Ledger(floor=1),
    "sin": Ledger(sin=1),
    "cos": Ledger(cos=1),
    "erf": Ledger(erf=1),
    "pow": Ledger(pow=1),
    "clamp": Ledger(cmp=2),
    "add": Ledger(add=1),
    "multiply": Ledger(mul=1),
    "maximum": Ledger(cmp=1),
    "minimum": Ledger(cmp=1),
}
_WITH_NUMBER = ("pow", "add", "multiply", "maximum", "minimum")


class ElementwiseOperation(LayerType, type="elementwise"):
    """One operation on each value: `op`, for some with the constant `value`.

    Per value: `exp`, `log`, `sqrt`, `abs`, `sin`, `cos`, `erf`, `floor` and `pow` (to the power of `value`, whatever
    that is) one of their kind; `ceil` and `round` are a `floor` too, a rounding to a whole number; `rsqrt` sqrt 1 and
    div 1; `reciprocal` div 1; `square` mul 1; `sign` cmp 2, with 0 from either side; `clamp` cmp 2; with `value`, `add`
    add 1, `multiply` mul 1, `maximum` and `minimum` cmp 1; `neg` nothing, as it only turns a sign.

    Source: https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
    """

    words: ClassVar[Mapping[str, str]] = {
        "exp": "PyTorch",
        "log": "PyTorch",
        "sqrt": "PyTorch",
        "rsqrt": "PyTorch",
        "reciprocal": "PyTorch",
        "square": "PyTorch",
        "clamp": "PyTorch",
        "clip": "ONNX",
        "neg": "PyTorch",
        "pow": "PyTorch",
    }
    in_place = True

    op: str = field(word(*_PER_VALUE), about="The operation.")
    value: Any = field(
        bounds, None, "The number for pow, add, multiply, maximum and minimum; [least, largest] for clamp."
    )

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super().prepare(fields, inputs)
        op, value = fields["op"], fields["value"]
        if error := _wrong_value(op, value):
            raise LayerError(*error, field="value" if value is not None else "")

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        return {"op": "exp", "value": None}, ((letter("M"), letter("Di"), letter("Di")),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        ops = _PER_VALUE[self.op] * product(output)
        return Cost(ops=ops, useful_mults=ops.mul)

    @classmethod
    def trials(cls) -> Trials:
        points = [
            ({"op": op, "value": (-1, 2) if op == "clamp" else 2 if op in _WITH_NUMBER else None}, (shape,))
            for axes in range(4)
            for shape in combinations((1, 2, 3), repeat=axes + 1)
            for op in _PER_VALUE
        ]
        return Trials("channels, sizes", f"op {', '.join(_PER_VALUE)}; vectors, 1–3 axes", points)


def _wrong_value(op: str, value: Any) -> tuple[str, str] | None:
    """Return the condition on an operation's value that does not hold, and the value found; nothing where it holds."""
    if value is None:
        return (f"{op} needs value", "") if op in _WITH_NUMBER or op == "clamp" else None
    if op == "clamp":
        if type(value) in (int, Fraction) or is_symbolic(value):
            return "the value of clamp must be [least, largest]", f"{value}"
        if value.__class__ is tuple and value[0] > value[1]:
            return "the value of clamp must be [least, largest]", f"{value[0]} is above {value[1]}"
        return None
    if op not in _WITH_NUMBER:
        return f"{op} takes no value", ""
    return (f"the value of {op} must be one number", "a list") if value.__class__ is tuple else None


class Shift(LayerType, type="shift"):
    """A learned summand per channel.

    One `add` per value, params = C; none where the summands are not `learned`.
    """

    words: ClassVar[Mapping[str, str]] = {"bias_add": "TensorFlow", "BiasAdd": "TensorFlow"}
    in_place = True

    axis: int = field(axis, None, "The axis of the channels; by the layout without it.")
    learned: bool = field(flag, True, "Whether the summands are learned; else they are constants.")

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(params=output[self.axis] if self.learned else 0, ops=Ledger(add=1) * product(output))
