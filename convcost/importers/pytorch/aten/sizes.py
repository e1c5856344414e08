"""Sizes that the program works out, and what only checks them."""

from __future__ import annotations

from convcost.importers.pytorch.aten.arithmetic import operand
from convcost.importers.pytorch.program import OperatorCall
from convcost.importers.pytorch.writer import RULES, Writer, aten


@aten("sym_size", "size")
def size(writer: Writer, call: OperatorCall) -> None:
    """Translate the size of an axis."""
    x = call.arguments["self"]
    (sizes,) = writer.add("Shape", [writer.name(x)])
    writer.give("Gather", [sizes, writer.number(call.arguments["dim"] % writer.rank(x))], axis=0)


@aten(
    "sym_constrain_range",
    "sym_constrain_range_for_size",
    "_assert_async",
    "_assert_scalar",
    "_assert_tensor_metadata",
    "_check_is_size",
)
def check(writer: Writer, call: OperatorCall) -> None:
    """Leave out what only checks."""


_ARITHMETIC = {"add": "Add", "sub": "Sub", "mul": "Mul", "floordiv": "Div", "mod": "Mod", "truediv": "Div"}


def arithmetic(writer: Writer, call: OperatorCall) -> None:
    """Translate arithmetic on sizes."""
    name = call.operator.rpartition(".")[2]
    writer.give(_ARITHMETIC[name], [operand(writer, call.arguments[each], "int64") for each in "ab"])


for _name in _ARITHMETIC:
    RULES.add(f"_operator.{_name}", arithmetic)
