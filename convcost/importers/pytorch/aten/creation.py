"""Tensors that the program makes: their shapes are recorded, and their numbers worked out where they are few."""

from __future__ import annotations

from typing import Any

from convcost.importers.graph import Constant
from convcost.importers.pytorch.program import OperatorCall
from convcost.importers.pytorch.writer import Untranslated, Writer, aten

_MOST_VALUES = 4096
_FILLS = {"zeros": 0, "ones": 1, "empty": 0}


@aten(
    *(
        f"{new}{name}{like}"
        for name in ("zeros", "ones", "empty", "full")
        for new, like in (("", ""), ("", "_like"), ("new_", ""))
    ),
    "scalar_tensor",
    "empty_permuted",
    "empty_strided",
    "new_empty_strided",
)
def filled(writer: Writer, call: OperatorCall) -> None:
    """Translate a tensor of equal numbers."""
    name = call.operator.split(".")[1]
    fill = next((value for word, value in _FILLS.items() if word in name), None)
    if fill is None:
        fill = call.arguments.get("fill_value", call.arguments.get("s"))
    if not isinstance(fill, (int, float)):
        raise Untranslated
    _hold(writer, call, lambda count: (fill,) * count)


def _hold(writer: Writer, call: OperatorCall, values: Any) -> None:
    type = writer.program.types[call.outputs[0]]
    shape, count = [], 1
    for size in type.shape:
        if not isinstance(size, int):
            raise Untranslated
        shape.append(size)
        count *= size
    known = values(count) if count <= _MOST_VALUES else None
    writer.hold(Constant("", tuple(shape), type.dtype, known))


@aten("arange")
def arange(writer: Writer, call: OperatorCall) -> None:
    """Translate numbers that follow each other."""
    start, end = call.arguments.get("start", 0), call.arguments.get("end")
    step = call.arguments.get("step", 1)
    if all(isinstance(each, (int, float)) for each in (start, end, step)):
        _hold(writer, call, lambda count: tuple(start + step * at for at in range(count)))
        return
    bounds = [writer.number(each) if isinstance(each, int) else writer.name(each) for each in (start, end, step)]
    writer.give("Range", bounds)


@aten("linspace")
def linspace(writer: Writer, call: OperatorCall) -> None:
    """Translate numbers at equal distances."""
    start, end = call.arguments["start"], call.arguments["end"]
    if not isinstance(start, (int, float)) or not isinstance(end, (int, float)):
        raise Untranslated
    _hold(writer, call, lambda count: tuple(start + (end - start) * at / max(count - 1, 1) for at in range(count)))


@aten("eye", "tril_indices", "triu_indices")
def pattern(writer: Writer, call: OperatorCall) -> None:
    """Translate a tensor whose numbers change no count."""
    type = writer.program.types[call.outputs[0]]
    writer.hold(Constant("", tuple([size for size in type.shape if isinstance(size, int)]), type.dtype))
