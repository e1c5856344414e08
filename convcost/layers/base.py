"""What every layer type has, and the registry that finds it by name.

A type is a class with fields, an output shape and a cost, written in ordinary arithmetic: on integers they give
integers, on symbolic numbers formulas. Shapes are tuples without the batch axis; `convcost.layers.layout` says what
their axes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from convcost.layers.families import places
from convcost.layers.fields import AXIS, NAMES, Field, FieldError, on_axes
from convcost.layers.inputs import ANY, LayerError, check_layouts, count_of_inputs, refusal, shown, stated_layout
from convcost.layers.layout import (
    FEATURE_MAP,
    UNKNOWN,
    VECTOR,
    Input,
    Shape,
    channel_axis,
    number_of_axis,
)
from convcost.numbers import as_exact
from convcost.ops import Cost
from convcost.registry import Registry

if TYPE_CHECKING:
    from convcost.layers.reading import Readings

MOVES = "moves values"
"""The note of a layer that performs no arithmetic but puts values elsewhere."""

SAME, MIXES, FIXED = "same", "mixes", "fixed"
"""What a type does to channels. `SAME`: its output has as many as its input, or a fixed multiple or share; `MIXES`: as
many as a field says, each from all of its group's; `FIXED`: their number follows from more than the channels."""


def _check(name: str, entry: Any) -> str:
    """Return why an entry of another package is no layer type of this name; nothing where it is one."""
    if not (isinstance(entry, type) and issubclass(entry, LayerType)):
        return "it is no subclass of convcost.layers.LayerType"
    return "" if entry.type == name else f"its type is {entry.type!r}, not {name!r}"


REGISTRY: Registry[type[LayerType]] = Registry("layer type", "convcost.layers", places(), _check)


Add = Callable[..., tuple[Any, ...]]
"""Adds a layer of a composite type: its name, type, fields and inputs, to what it gives."""


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
    """How many inputs it takes, at least and at most, beside the values that its fields name; None for any number."""
    takes: ClassVar[str] = ANY
    """`SPATIAL`, `VECTOR`, `FEATURES`, `SEQUENCE`, `POSITIONS` or `ANY`. All inputs are of this kind."""
    gives: ClassVar[str] = ""
    """The layout of what it gives; empty where it is that of the inputs."""
    unknown_axis: ClassVar[int | None] = None
    """The axis of the channels where the layout is unknown; None where a spec must say it."""
    declared: ClassVar[bool] = False
    """Whether its costs are the author's, so that nothing can be verified."""
    unknown: ClassVar[bool] = False
    """Whether nobody knows its costs, so that all totals are lower bounds."""
    by_layout: ClassVar[bool] = False
    """Whether `prepare` depends on the layouts and the number of axes of what it reads, and on none of their sizes."""

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
    internal: ClassVar[bool] = False
    """Whether it is a part of a composite type that is seldom written by itself."""
    checked: ClassVar[tuple[str, ...]] = ()
    """PyTorch's names for the input's channels: always inferred, checked where a spec gives them."""
    either: ClassVar[tuple[str, ...]] = ()
    """Fields of which exactly one is given."""
    note: ClassVar[str] = ""
    """Why a layer of this type performs no arithmetic."""
    view: ClassVar[bool] = False
    """Whether the output is the input's memory under another shape, so that nothing is written."""
    in_place: ClassVar[bool] = False
    """Whether each output value depends on the input value at its place only, so that it can be written there."""
    workspace: ClassVar[bool] = False
    """Whether it needs memory beside what it reads and gives."""
    short: ClassVar[str] = ""
    """The field that a bare text in the place of the fields gives, as in `rearrange: c h w -> (h w) c`."""
    gathers: ClassVar[str] = ""
    """The field that gathers what is given by names that no field has; empty where such names are errors."""
    axis_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that hold axes."""
    named_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that name values which the layer reads."""
    _merges: ClassVar[bool] = False
    _named: ClassVar[int] = 0  # the fields that each name one value

    def __init_subclass__(cls, type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.fields = cls.fields | {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        named = {name: value for name, value in cls.fields.items() if value.read.form.kind == NAMES}
        cls.named_fields = tuple(named)
        cls._named = sum(not value.read.form.depth for value in named.values())
        cls._merges = cls.arity[1] is None or cls.arity[1] > 1
        cls.axis_fields = tuple([name for name, value in cls.fields.items() if value.read.form.kind == AXIS])
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
        """Return whether it takes several inputs, beside the values that its fields name."""
        return cls._merges

    @classmethod
    def read(cls, given: Mapping[str, Any], inputs: Sequence[Input]) -> LayerType:
        """Return a layer of this type from its fields as a spec may give them.

        Args:
            given: The fields: numbers, truth values, words, or lists of these. Those that are left out have defaults.
            inputs: What it reads.

        Raises:
            LayerError: A field is unknown or missing, or holds what it cannot hold.
        """
        if cls.gathers:
            given = cls.gathered(given)
        for name in given:
            if name not in cls.fields:
                raise LayerError(f"{cls.type} has no field {name!r}", help=f"its fields: {', '.join(cls.fields)}")
        rank = len(inputs[0].shape) - 1 if inputs else -1
        fields = dict(cls._defaults(rank))
        for name, field in cls.fields.items():
            if name not in given:
                if fields[name] is ...:
                    raise LayerError(f"{cls.type} needs {name}", field=name)
                continue
            value = as_exact(given[name])
            if value is ...:
                raise LayerError(f"{cls.type} needs {name}", field=name)
            try:
                fields[name] = field.read(value, rank) if value is not None else None
            except FieldError as error:
                found = error.found or f"{value!r}"
                raise LayerError(f"{name} must be {error.expected}", found, field=name, help=error.help) from None
        cls.prepare(fields, inputs)
        return cls(fields)

    @classmethod
    @cache
    def _defaults(cls, rank: int) -> Mapping[str, Any]:
        """Return the defaults of all fields for a number of spatial axes; `...` where a field must be given."""
        defaults = {name: as_exact(field.default) for name, field in cls.fields.items()}
        return {
            name: value if value is None or value is ... else cls.fields[name].read(value, rank)
            for name, value in defaults.items()
        }

    @classmethod
    def gathered(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields as they are given, those by other names than the type has gathered in one."""
        own = {name: value for name, value in given.items() if name in cls.fields}
        more = {name: value for name, value in given.items() if name not in cls.fields}
        return own | {cls.gathers: own.get(cls.gathers, {}) | more} if more else own

    @classmethod
    def on(cls, fields: Mapping[str, Any], inputs: Sequence[Input]) -> LayerType:
        """Return a layer of this type from fields as their readers return them; those that are left out are default.

        Args:
            fields: The fields.
            inputs: What it reads.

        Raises:
            LayerError: An axis is none of the first input's.
        """
        completed = {name: fields.get(name, field.default) for name, field in cls.fields.items()}
        cls.prepare(completed, inputs)
        return cls(completed)

    @classmethod
    def prepare(cls, fields: dict[str, Any], inputs: Sequence[Input]) -> None:
        """Bring fields as their readers return them into normal form, in place.

        Args:
            fields: The fields.
            inputs: What the layer reads.

        Raises:
            LayerError: An axis is none of the first input's.
        """
        if inputs:
            cls.complete(fields, inputs[0].shape)
        for name in cls.axis_fields:
            fields[name] = cls._numbered(name, fields[name], inputs)

    @classmethod
    def _numbered(cls, name: str, value: Any, inputs: Sequence[Input]) -> Any:
        """Return the number of an axis, or of each of several; without one, that of the channels."""
        many = cls.fields[name].read.form.depth > 0
        shape, layout = inputs[0].shape, inputs[0].layout
        rank = len(shape)
        if value is None:
            number = channel_axis(rank, layout)
            if number is None:
                if cls.unknown_axis is None:
                    help = "an axis, such as -1, or `layout` on the item before"
                    raise LayerError(f"{cls.type} needs {name}: what the axes are is unknown", shown(shape), help=help)
                number = cls.unknown_axis % rank
            return (number,) if many else number
        numbers = [number_of_axis(axis, rank, layout) for axis in (value if many else (value,))]
        for axis, number in zip(value if many else (value,), numbers, strict=True):
            if number is None:
                message = f"there is no axis {axis} here"
                found = f"{shown(shape)} reaches it, {'a ' * (layout in (FEATURE_MAP, VECTOR))}{layout}"
                help = "give its number: the layout is unknown" if layout == UNKNOWN else ""
                if isinstance(axis, int):
                    help = f"without the batch axis there are {rank}, from 0" if rank > 1 else "there is one axis, 0"
                raise LayerError(message, found.replace("it, unknown", "it, its layout unknown"), field=name, help=help)
        if len(set(numbers)) < len(numbers):
            raise LayerError(f"{name} names an axis twice", field=name)
        return tuple(numbers) if many else numbers[0]

    @classmethod
    def spread_out(
        cls, fields: dict[str, Any], name: str, axes: int, *, pair: bool = False, spatial: bool = False
    ) -> None:
        """Bring a field that `spread` or `margins` read into normal form, one value for each of so many axes.

        Raises:
            LayerError: There is not one for each axis.
        """
        try:
            fields[name] = on_axes(fields[name], axes, pair=pair, spatial=spatial)
        except FieldError as error:
            message = f"{name} must be {error.expected}"
            raise LayerError(message, error.found, field=name, help=error.help) from None

    @classmethod
    def complete(cls, fields: dict[str, Any], shape: Shape) -> None:
        """Fill in the defaults that follow from other fields or from the input's shape, in place."""

    @classmethod
    def check_inputs(cls, inputs: Sequence[Input]) -> None:
        """Refuse a wrong number of inputs, and those of another kind than the type takes.

        Raises:
            LayerError: The type does not take these.
        """
        least, most = cls.arity
        given = len(inputs) - cls._named
        if given < least or (most is not None and given > most):
            raise LayerError(f"{cls.type} takes {count_of_inputs(least, most)}", f"{given} given")
        if cls.takes == ANY:
            return
        for number, value in enumerate(inputs):
            if error := cls.refusal(value, number):
                raise error

    @classmethod
    def refusal(cls, value: Input, number: int = 0) -> LayerError | None:
        """Return the error of an input of another kind than the type takes; None where it takes it.

        Args:
            value: The input.
            number: Which of the inputs it is, from 0.
        """
        return refusal(cls.type, cls.takes, value)

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

    def advance(self, axis: int) -> Fraction | None:
        """Return the same as `step`, which a field of that name may hide."""
        return self.step(axis)

    def stages(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        """Return the (name, type, fields) of the layers that a composite type is written for, one after the other."""
        return ()

    def unroll(self, inputs: tuple[Any, ...], add: Add) -> tuple[Any, ...]:
        """Add the parts of a composite layer and return its outputs.

        Args:
            inputs: What the layer reads: tensors with `shape` and `layout`.
            add: Adds a layer: called with its name, its type, its fields as readers return them, and what it reads,
                it returns what the layer gives.

        Raises:
            LayerError: The layer cannot work on these inputs.
        """
        for label, type, fields in self.stages():
            inputs = add(label, type, fields, *inputs)
        return inputs

    @classmethod
    def formula_case(cls, letter: Callable[[str], Any]) -> tuple[dict[str, Any], tuple[Shape, ...]] | None:
        """Return the fields in normal form and the input shapes whose formulas `convcost formulas` shows.

        Args:
            letter: Returns the symbol of a quantity, such as `letter("M")`.

        Returns:
            None where they follow from the symbols of the fields and from what the type takes.
        """
        return None

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the output's shape; of several the first one's.

        Raises:
            LayerError: The layer cannot work on these inputs.
        """
        return inputs[0]

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Return the shape of each output.

        Raises:
            LayerError: The layer cannot work on these inputs.
        """
        return (self.output_shape(*inputs),)

    def layouts(self, inputs: Sequence[Input], outputs: tuple[Shape, ...]) -> tuple[str, ...]:
        """Return the layout of each output.

        Raises:
            LayerError: The inputs have different layouts that do not merge.
        """
        if given := vars(self).get("layout"):
            return tuple([stated_layout(given, shape) for shape in outputs])
        if self.gives:
            return (self.gives,) * len(outputs)
        layout = inputs[0].layout if len(inputs) == 1 else check_layouts(self.type, inputs)
        return (layout,) * len(outputs)

    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        """Return the layer's cost for one input."""
        return Cost()

    def readings(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], number: int) -> Readings | None:
        """Return which positions of its inputs an output reads; None where that is unknown.

        Args:
            inputs: The shapes of what it reads.
            outputs: The shapes of what it gives.
            number: Which of its outputs, from 0.
        """
        from convcost.layers.reading import SAME as SAME_PLACE  # where a receptive field is asked for only

        return ((SAME_PLACE,),) if (self.in_place or self.view) and inputs == outputs else None


class Norm(LayerType):
    """A layer type that `norm` may name."""


class Activation(LayerType):
    """A layer type that `activation` may name."""
