"""Operations at the author's cost, for what the language does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from convcost.layers.base import FIXED, LayerType
from convcost.layers.fields import Field, field, layout_field, per_axis, shapes, text, whole
from convcost.layers.inputs import LayerError
from convcost.layers.layout import UNKNOWN, VECTOR, Input, Shape
from convcost.layers.reading import Readings, along, sliding
from convcost.ops import KINDS, NOTHING, Cost, Ledger

NOT_COUNTED = "unknown"
"""The layer type of what nobody knows the costs of."""
NOT_KNOWN: Shape = (0,)
"""The shape of a value of which nothing is known; no layer type takes it but `unknown`."""


def _count(about: str) -> Any:
    return field(whole(0), 0, about)


class Declared(LayerType, type="declared"):
    """An operation whose output shape and costs are the author's.

    Nothing checks them, and no verification counts them: every report says *declared*. Without `mul` and `add`, each of
    the `macs` is one of both. `output_shape` is one shape, or a list of the shapes of several outputs.
    """

    words: ClassVar[Mapping[str, str]] = {"custom": "many people", "Lambda": "Keras"}

    arity = (1, None)
    declared = True
    channels = FIXED
    fields: ClassVar[dict[str, Field]] = {
        "output_shape": field(shapes, about="The shape of the output, or a list of the shapes of several."),
        "params": _count("Trainable numbers."),
        "buffers": _count("Numbers that are stored and not trained."),
        "macs": _count("Multiply–accumulates."),
        **{kind: _count(f"Operations of the kind `{kind}`.") for kind in KINDS},
        "mul": field(whole(0), None, "Multiplications; as many as `macs` without it."),
        "add": field(whole(0), None, "Additions; as many as `macs` without it."),
        "layout": layout_field("What the axes of the outputs are; by default as of the first input, if as many."),
        "receptive_field": field(
            per_axis(1), None, "How many positions of its input a value depends on, on each axis."
        ),
        "source": field(text, None, "Where the numbers come from."),
    }

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super().prepare(fields, inputs)
        for kind in ("mul", "add"):
            if fields[kind] is None:
                fields[kind] = fields["macs"]
        mul, macs = fields["mul"], fields["macs"]
        if mul.__class__ is int and macs.__class__ is int and mul < macs:
            found = f"mul {mul}, macs {macs}"
            raise LayerError("macs are multiplications too: mul must be at least macs", found, field="mul")

    @property
    def output_shape(self) -> Callable[..., Shape]:  # the field of this name stands in `vars`
        """Return a function that returns the first output's shape."""
        return lambda *_: self.output_shapes()[0]

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        declared: tuple[Shape, ...] = vars(self)["output_shape"]
        return declared

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        if vars(self)["layout"]:
            return super().layouts(inputs, outputs)
        first = inputs[0]
        return tuple(
            [
                VECTOR if len(shape) == 1 else first.layout if len(shape) == len(first.shape) else UNKNOWN
                for shape in outputs
            ]
        )

    def step(self, axis: int) -> None:
        return None

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        x, output, field = inputs[0], outputs[number], vars(self).get("receptive_field")
        if field is None or len(inputs) > 1 or len(x) != len(output) or len(field) != len(x) - 1:
            return None
        if any(size % out for size, out in zip(x[1:], output[1:], strict=True)):
            return None
        steps = [size // out for size, out in zip(x[1:], output[1:], strict=True)]
        pads = [((wide - step) // 2, 0) for wide, step in zip(field, steps, strict=True)]
        windows = sliding(field, steps, pads, (1,) * len(steps))
        return ((along(x, output, windows, every=(0,), declared=True),),)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        given = vars(self)
        ops = Ledger(**{kind: given[kind] for kind in KINDS})
        return Cost(given["params"], given["buffers"], ops, given["macs"], ops.mul)

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        x = (letter("M"), letter("Di"), letter("Di"))
        given = {name: letter(name) for name in ("params", "buffers", "macs", *KINDS)}
        return {**given, "output_shape": (x,), "layout": None, "receptive_field": None, "source": None}, (x,)


class UnknownOperation(Declared, type=NOT_COUNTED):
    """An operation whose costs nobody knows: `operator` names it. Totals are lower bounds then, written with `≥`.

    Importers write it, where it is allowed, for what a model file holds and no layer type is. Without `output_shape`
    the shape is not known either, as behind a choice that depends on the data; then only others of this type read it.
    """

    words: ClassVar[Mapping[str, str]] = {}

    unknown = True
    fields: ClassVar[dict[str, Field]] = {
        "operator": field(text, about="What it does, as its source calls it."),
        "output_shape": field(shapes, None, "The shape of the output, or a list of the shapes of several."),
        "layout": layout_field("What the axes of the outputs are; by default as of the first input, if as many."),
    }

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        super(Declared, cls).prepare(fields, inputs)

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        known: tuple[Shape, ...] | None = vars(self)["output_shape"]
        return known or (NOT_KNOWN,)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        return Cost(0, 0, NOTHING, 0, 0)

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]]:
        x = (letter("M"), letter("Di"), letter("Di"))
        return {"operator": "", "output_shape": (x,), "layout": None}, (x,)
