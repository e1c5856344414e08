"""What every layer type has, and the registry that finds it by name.

A type is a class with fields, an output shape and a cost, written in ordinary arithmetic: on integers they give
integers, on symbolic numbers formulas. Shapes are tuples, channels first: `(C, L)`, `(C, H, W)`, `(C, D, H, W)`, or
`(F,)` for a vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

from msgspec import Struct

from convcost.layers.fields import Field, FieldError
from convcost.numbers import as_exact
from convcost.ops import Cost
from convcost.registry import Registry

Shape = tuple[int, ...]

MOVES = "moves values"
"""The note of a layer that performs no arithmetic but puts values elsewhere."""

SAME, MIXES, FIXED = "same", "mixes", "fixed"
"""What a type does to channels. `SAME`: it gives out as many as it takes, or a fixed multiple or share; `MIXES`: as
many as it is told, each from all of its group's; `FIXED`: their number follows from more than the channels."""

FEATURE_MAP, TOKENS, VECTOR, UNKNOWN = "feature map", "tokens", "vector", "unknown"
"""Layouts of values: `(C, H, W)`; `(L, C)`; `(F,)`; any."""


def _check(name: str, entry: Any) -> str:
    """Return why an entry of another package is no layer type of this name; nothing where it is one."""
    if not (isinstance(entry, type) and issubclass(entry, LayerType)):
        return "it is no subclass of convcost.layers.LayerType"
    return "" if entry.type == name else f"its type is {entry.type!r}, not {name!r}"


REGISTRY: Registry[type[LayerType]] = Registry("layer type", "convcost.layers", check=_check)


class LayerError(Exception):
    """A layer that cannot work on the shape which reaches it.

    Args:
        message: What must hold.
        found: What was found.
        field: The field to point at; the whole layer where it is empty.
        help: The remedy.
        output: The output shape where it is clear all the same, so that what follows can be checked too.
    """

    def __init__(
        self, message: str, found: str = "", *, field: str = "", help: str = "", output: Shape | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.found = found
        self.field = field
        self.help = help
        self.output = output


class Trials(Struct, frozen=True):
    """Where a layer type is executed to prove its formulas for all sizes.

    Attributes:
        variables: The sizes that vary, to all of which the proof extends; every count is linear in each of them.
        covered: What is held while these vary, and the values of it that are tried.
        points: The fields, in normal form, and the shapes of the inputs.
    """

    variables: str
    covered: str
    points: Iterable[tuple[Mapping[str, Any], tuple[Shape, ...]]]


class LayerType:
    """A layer type; an instance is one layer with its fields in normal form.

    A type says everything about itself: what it takes and gives, its formulas, and how a smaller network can stand for
    it. Adding one touches its class, its executor and its tests.

    Args:
        fields: All fields of the type, as their readers return them.
    """

    type: ClassVar[str] = ""
    fields: ClassVar[dict[str, Field]] = {}
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """How many inputs it takes, at least and at most; None where there may be any number."""
    takes: ClassVar[str] = "any"
    """`spatial`: [C, L], [C, H, W] or [C, D, H, W]; `vector`: [F]; `any`. All inputs are of this kind."""
    gives: ClassVar[str] = ""
    """The layout of what it gives; empty where the shape says it: one axis is a vector, more are a feature map."""
    weights: ClassVar[bool] = False
    """Whether a batch norm behind it folds into it, and `norm` and `activation` may be written with it."""
    folds: ClassVar[bool] = False
    """Whether it folds into a layer with weights before it, as a batch norm does."""
    macs: ClassVar[bool] = False
    """Whether its products count as multiply–accumulates."""
    channels: ClassVar[str] = SAME
    """What it does to channels: `SAME`, `MIXES` or `FIXED`."""
    stretches: ClassVar[bool] = False
    """Whether an axis of size 1 of one input is stretched to the size that another has."""
    sized_windows: ClassVar[bool] = False
    """Whether its windows follow from how many there are, as those of an adaptive pool do."""
    words: ClassVar[Mapping[str, str]] = {}
    """What others call it, and who does: an unknown name is answered with the type that it means."""
    composite: ClassVar[bool] = False
    """Whether it is written for other layers, its `stages`, and never runs itself."""
    checked: ClassVar[tuple[str, ...]] = ()
    """PyTorch's names for the input's channels: always inferred, checked where a spec gives them."""
    either: ClassVar[tuple[str, ...]] = ()
    """Fields of which exactly one is given."""
    note: ClassVar[str] = ""
    """Why a layer of this type performs no arithmetic."""

    def __init_subclass__(cls, type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.fields = cls.fields | {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        if not type:
            return
        cls.type = type
        REGISTRY.add(type, cls)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a layer is frozen: {name} cannot be set")

    def __eq__(self, other: object) -> bool:
        return self.__class__ is other.__class__ and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.type, *vars(self).items()))

    def __repr__(self) -> str:
        return f"{self.type}({', '.join(f'{name}={value}' for name, value in vars(self).items())})"

    @classmethod
    def merges(cls) -> bool:
        """Return whether it takes several inputs."""
        return cls.arity[1] != 1

    @classmethod
    def read(cls, given: Mapping[str, Any], shape: Shape) -> LayerType:
        """Return a layer of this type from its fields as a spec may give them.

        Args:
            given: The fields: numbers, truth values, words, or lists of these. Those that are left out have defaults.
            shape: The shape of the first input.

        Raises:
            LayerError: A field is unknown or missing, or holds what it cannot hold.
        """
        for name in given:
            if name not in cls.fields:
                raise LayerError(f"{cls.type} has no field {name!r}", help=f"its fields: {', '.join(cls.fields)}")
        fields: dict[str, Any] = {}
        for name, field in cls.fields.items():
            value = as_exact(given.get(name, field.default))
            if value is ...:
                raise LayerError(f"{cls.type} needs {name}", field=name)
            try:
                fields[name] = field.read(value, len(shape) - 1) if value is not None else None
            except FieldError as error:
                found = error.found or f"{value!r}"
                raise LayerError(f"{name} must be {error.expected}", found, field=name, help=error.help) from None
        cls.complete(fields, shape)
        return cls(fields)

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        """Fill in the defaults that follow from other fields or from the input's shape, in place."""

    @classmethod
    def check_inputs(cls, shapes: tuple[Shape, ...]) -> None:
        """Refuse a wrong number of inputs, a vector where spatial axes are needed, and the reverse.

        Raises:
            LayerError: The type does not take these.
        """
        least, most = cls.arity
        if len(shapes) < least or (most is not None and len(shapes) > most):
            inputs = f"{least} input{'s' * (least != 1)}" if least == most else f"at least {least} inputs"
            raise LayerError(f"{cls.type} takes {inputs}", f"{len(shapes)} given")
        if cls.takes == "any":
            return
        for shape in shapes:
            if (cls.takes == "vector") != (len(shape) == 1):
                raise wrong_rank(cls, shape)

    @classmethod
    def fields_for(cls, role: str) -> list[str]:
        """Return the names of the fields that have a role."""
        return [name for name, field in cls.fields.items() if field.role == role]

    @classmethod
    def trials(cls) -> Trials | None:
        """Return where `verify --formulas` executes the type; None where its fields and their roles say enough."""
        return None

    def step(self, axis: int) -> Fraction | None:
        """Return how far one step along an axis of the output goes on the input; None where no position is left.

        Args:
            axis: The axis, the first spatial one being 1.
        """
        stride = getattr(self, "stride", None)
        return Fraction(stride[axis - 1]) if stride is not None else Fraction(1)

    def stages(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        """Return the (name, type, fields) of the layers that a composite type is written for."""
        return ()

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the output's shape.

        Raises:
            LayerError: The layer cannot work on these inputs.
        """
        return inputs[0]

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        """Return the layer's cost for one input."""
        return Cost()


class Norm(LayerType):
    """A layer type that `norm` may name."""


class Activation(LayerType):
    """A layer type that `activation` may name."""


def wrong_rank(type: type[LayerType], shape: Shape) -> LayerError:
    """Return the error of a vector where spatial axes are needed, or of the reverse."""
    if type.takes == "vector":
        message, help = f"{type.type} takes a vector", "put `flatten` before it"
    else:
        message, help = f"{type.type} takes channels and spatial sizes", "a vector has none"
    return LayerError(message, f"{shown(shape)} reaches it", help=help)


def layout_of(shape: Shape) -> str:
    """Return the layout that a shape has where nothing else is said of it."""
    return VECTOR if len(shape) == 1 else FEATURE_MAP


def shown(shape: Shape) -> str:
    """Return a shape as specs write it.

    >>> shown((3, 224, 224))
    '[3, 224, 224]'
    """
    return "[" + ", ".join(map(str, shape)) + "]"
