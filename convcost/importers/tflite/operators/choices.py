"""Choices between two values by a condition that the values decide: those that are one operation together."""

from __future__ import annotations

from math import isclose

from convcost.importers.tflite.model import FileOperator
from convcost.importers.tflite.translator import Translator, Untranslatable, translates

_SELU = (1.0507009873554805, 1.7580993408473766)
"""The factor of a SELU, and that times its α: Klambauer et al. 2017, arXiv:1706.02515, section 2."""
_WHOLE = frozenset(("int32", "int64"))


@translates("SELECT", "SELECT_V2")
def select(translator: Translator, operator: FileOperator) -> None:
    """Translate a SELU in parts, and the turning of negative indices into those from the start."""
    condition, chosen, other = operator.inputs
    if _is_wrapping(translator, condition, chosen, other):
        translator.notes["indices below 0 count from the end of their table; turning them is not counted"] = None
        _passed(translator, operator, "Identity", other)
        return
    if (source := _selu(translator, condition, chosen, other)) is not None:
        _passed(translator, operator, "Selu", source)
        return
    raise Untranslatable("it chooses by a condition that is not known")


def _passed(translator: Translator, operator: FileOperator, to: str, source: int) -> None:
    lead = translator.rank(source) - len(translator.graph.tensors[operator.outputs[0]].shape)
    translator.give(operator, to, [translator.as_it_is(source)], first=translator.is_picture(source), lead=lead)


def _is_wrapping(translator: Translator, condition: int, chosen: int, other: int) -> bool:
    """Return whether i + n is chosen where i < 0, and i elsewhere."""
    if translator.tensor(other).dtype not in _WHOLE:
        return False
    return (
        _beside(translator, condition, "LESS", other) == 0
        and (_beside(translator, chosen, "ADD", other) or 0) > 0
        and translator.graph.tensors[condition].shape == translator.tensor(other).shape
    )


def _selu(translator: Translator, condition: int, chosen: int, other: int) -> int | None:
    """Return the x of λ·x where x > 0, and λ·α·(eˣ − 1) elsewhere; None where it is no SELU."""
    product = translator.giving(chosen, "MUL")
    source = product.inputs[0] if product is not None else -1
    less = translator.giving(other, "MUL")
    power = translator.giving(less.inputs[0], "SUB") if less is not None else None
    if less is None or power is None or translator.giving(power.inputs[0], "EXP", source) is None:
        return None
    numbers = (
        _beside(translator, condition, "GREATER", source),
        _beside(translator, chosen, "MUL", source),
        _beside(translator, power.outputs[0], "SUB", power.inputs[0]),
        _beside(translator, other, "MUL", less.inputs[0]),
    )
    wanted = (0.0, _SELU[0], 1.0, _SELU[1])
    is_selu = all(
        found is not None and isclose(found, one, abs_tol=0.01) for found, one in zip(numbers, wanted, strict=True)
    )
    return source if is_selu else None


def _beside(translator: Translator, index: int, name: str, source: int) -> float | None:
    """Return the number that an operator reads beside a value to give another; None where it is not so."""
    operator = translator.giving(index, name, source)
    if operator is None or len(operator.inputs) != 2:
        return None
    values = translator.graph.values(translator.tensor(operator.inputs[1]))
    return float(values[0]) if values is not None and len(values) == 1 else None
