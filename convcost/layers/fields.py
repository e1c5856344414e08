"""What the fields of a layer may hold, and the form in which the layer finds them.

A reader takes the value that a spec gave (a number, a truth value, a word, or a list of these) and the number of
spatial axes, and returns the field's one normal form, or raises `FieldError`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol, cast

from msgspec import Struct

from convcost.ops import is_symbolic

MAX_SIZE = 10**15  # beyond any network; keeps what follows from a slip of the keyboard printable

Pair = tuple[int, int]

WHOLE, FACTOR, NUMBER, FLAG, WORD, AXIS, NAMES = "whole number", "factor", "number", "flag", "word", "axis", "names"
WHOLES, TEXT, NAMED = "whole numbers", "text", "named whole numbers"
BOUNDS, SHAPES = "bounds", "shapes"

AXIS_WORDS = ("channels", "depth", "height", "width", "length")
"""The names of axes; `convcost.layers.layout` says which axis of a layout each is."""

CHANNELS, GROUPS, BOUND, SIZE, TIMES, VARIANT = "channels", "groups", "bound", "size", "times", "variant"
"""What a field says of the output or the input. `CHANNELS`: how many channels the output has; `GROUPS`: a number that
divides the input's channels, and follows them where it is equal; `BOUND`: a place among the input's channels; `SIZE`:
the output's spatial size; `TIMES`: how often something is done, so that every count is linear in it; `VARIANT`: a
choice that moves no window, so that `verify --formulas` tries its values in turn."""


class Form(Struct, frozen=True):
    """What a reader takes, but for how many axes there are.

    Attributes:
        kind: What one value is: `WHOLE`, a number above 0 (`FACTOR`), any `NUMBER`, a `FLAG`, a `WORD`, an `AXIS`,
            or `NAMES` of values that the layer reads besides its inputs. `WHOLES` is a list of any length, `TEXT` is
            taken as it is written, `NAMED` is a mapping of names to whole numbers, `BOUNDS` a number or two in a list,
            `SHAPES` a list of sizes or a list of such lists.
        minimum: The least whole number.
        words: The words that stand for a value.
        depth: How deep lists may go: 0 for one value, 1 for one per spatial axis, 2 for a pair per spatial axis.
    """

    kind: str
    minimum: int = 0
    words: tuple[str, ...] = ()
    depth: int = 0


class Reader(Protocol):
    """Reads a value; `form` says what it takes."""

    form: Form

    def __call__(self, value: Any, rank: int, /) -> Any:
        """Return the normal form of a value on an input with `rank` spatial axes.

        Raises:
            FieldError: The field cannot hold it.
        """


class FieldError(Exception):
    """A value that a field cannot hold.

    Args:
        expected: What the field holds, to follow "must be".
        found: What is wrong with the value, if its text does not show it.
        help: The remedy.
        element: The indices of the element of a list that is wrong.
    """

    def __init__(self, expected: str, found: str = "", help: str = "", element: tuple[int, ...] = ()) -> None:
        super().__init__(expected)
        self.element = element
        self.expected = expected
        self.found = found
        self.help = help


class Field:
    """A field of a layer type.

    Attributes:
        read: How its value is read.
        default: Its value where none is given, `...` where one must be.
        about: What it is, in a few words.
        letter: The letter that stands for it in formulas; empty where no count depends on it.
        role: What it says of the output or the input: `CHANNELS`, `GROUPS`, `BOUND`, `SIZE`, `TIMES`, `VARIANT`,
            or nothing.
    """

    __slots__ = ("about", "default", "letter", "read", "role")

    def __init__(self, read: Reader, default: Any, about: str, letter: str = "", role: str = "") -> None:
        self.read = read
        self.default = default
        self.about = about
        self.letter = letter
        self.role = role

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it takes."""
        return self.read.form.words

    def plain(self, rank: int = 0) -> Any:
        """Return the default in normal form on so many spatial axes; no axis is the first, a feature map's channels."""
        form = self.read.form
        if form.kind == AXIS and (self.default is None or self.default is ...):
            return (0,) if form.depth else 0
        if self.default is None:
            return None
        return self.default if self.default is ... else self.read(self.default, rank)

    @property
    def required(self) -> bool:
        """Whether a layer of this type must give the field."""
        return self.default is ...


def field(read: Reader, default: Any = ..., about: str = "", *, letter: str = "", role: str = "") -> Any:
    """Declare a field in the body of a layer type."""
    return Field(read, default, about, letter, role)


def _takes(form: Form) -> Callable[[Callable[[Any, int], Any]], Reader]:
    """Declare the form of the values that a reader takes."""

    def reader(read: Callable[[Any, int], Any]) -> Reader:
        marked = cast("Reader", read)  # a function takes any attribute
        marked.form = form
        return marked

    return reader


def whole(minimum: int) -> Reader:
    """Read one whole number."""

    @_takes(Form(WHOLE, minimum))
    def read(value: Any, rank: int) -> int:
        if (type(value) is int and minimum <= value <= MAX_SIZE) or is_size(value, minimum):
            return value  # type: ignore[no-any-return]  # a symbolic number takes the place of an int
        raise _not_whole(value, minimum)

    return read


def per_axis(minimum: int) -> Reader:
    """Read one whole number for every spatial axis, or a list of one per axis."""

    @_takes(Form(WHOLE, minimum, depth=1))
    def read(value: Any, rank: int) -> tuple[int, ...]:
        if (type(value) is int and minimum <= value <= MAX_SIZE) or is_size(value, minimum):
            return (value,) * rank
        if isinstance(value, list):
            if len(value) != rank:
                raise _wrong_length(value, rank)
            for index, item in enumerate(value):
                if (type(item) is not int or not minimum <= item <= MAX_SIZE) and not is_size(item, minimum):
                    raise _not_whole(item, minimum, (index,))
            return tuple(value)
        raise _not_whole(value, minimum)

    return read


@_takes(Form(WHOLE, depth=2))
def pairs(value: Any, rank: int) -> tuple[Pair, ...]:
    """Read what stands before and after each axis: a number, one per axis, or one [before, after] pair per axis."""
    if (type(value) is int and 0 <= value <= MAX_SIZE) or is_size(value, 0):
        return ((value, value),) * rank
    if isinstance(value, list):
        if len(value) != rank:
            raise _wrong_length(value, rank)
        return tuple(_pair(item, index) for index, item in enumerate(value))
    raise _not_whole(value, 0)


def wholes(minimum: int) -> Reader:
    """Read a list of whole numbers, of any length; one number is a list of one."""

    @_takes(Form(WHOLES, minimum, depth=1))
    def read(value: Any, rank: int) -> tuple[int, ...]:
        if not isinstance(value, list):
            return (_at_least(minimum, value),)
        if not value:
            raise FieldError("a list of whole numbers", "an empty list")
        return tuple([_at_least(minimum, item, (index,)) for index, item in enumerate(value)])

    return read


def spread(minimum: int) -> Reader:
    """Read one whole number, or a list; a type whose fields say how many axes there are completes it (`on_axes`)."""

    @_takes(Form(WHOLES, minimum, depth=1))
    def read(value: Any, rank: int) -> int | tuple[int, ...]:
        if not isinstance(value, list):
            return _at_least(minimum, value)
        if not value:
            raise FieldError("a whole number or a list of these", "an empty list")
        return tuple([_at_least(minimum, item, (index,)) for index, item in enumerate(value)])

    return read


@_takes(Form(WHOLE, depth=2))
def margins(value: Any, rank: int) -> int | tuple[Pair, ...]:
    """Read what `pairs` reads; a type whose fields say how many axes there are completes it (`on_axes`)."""
    if isinstance(value, list):
        return tuple(_pair(item, index) for index, item in enumerate(value))
    return _at_least(0, value)


def on_axes(value: Any, axes: int, *, pair: bool = False, spatial: bool = False) -> tuple[Any, ...]:
    """Return the value that `spread` or `margins` read as one value for each axis.

    Args:
        value: One value, or a tuple of one per axis.
        axes: How many axes there are.
        pair: Whether a value is a pair of what stands before and after.
        spatial: Whether the axes are all spatial axes of the input.

    Raises:
        FieldError: There is not one for each axis.
    """
    if not isinstance(value, tuple):
        return ((value, value) if pair else value,) * axes
    if len(value) == axes:
        return value
    if spatial:
        raise _wrong_length(list(value), axes)
    help = "[[before, after]] for one axis" if pair and axes == 1 and len(value) == 2 else "a number serves all"
    what = "1 axis" if axes == 1 else f"{axes} axes"
    raise FieldError("a number or a list of one per axis", f"{len(value)} given for {what}", help)


@_takes(Form(TEXT))
def text(value: Any, rank: int) -> str:
    """Read a text as it is written, one space between its words."""
    if isinstance(value, str) and value.split():
        return " ".join(value.split())
    raise FieldError("a text")


@_takes(Form(NAMED, 1))
def named_sizes(value: Any, rank: int) -> tuple[tuple[str, int], ...]:
    """Read a mapping of names to sizes; the normal form is its entries by name."""
    if not isinstance(value, dict):
        if value == ():  # the default
            return ()
        raise FieldError("names with their sizes")
    for name, size in value.items():
        if not (type(size) is int and 1 <= size <= MAX_SIZE) and not is_size(size, 1):
            error = _not_whole(size, 1)
            raise FieldError(error.expected, f"{name}: {size!r}", error.help)
    return tuple(sorted(value.items()))


@_takes(Form(WHOLE, words=("same", "valid"), depth=2))
def padding(value: Any, rank: int) -> str | tuple[Pair, ...]:
    """Read a padding: what `pairs` reads, `valid` (none), or `same`, whose amounts follow from the input."""
    if value == "same":
        return "same"
    if value == "valid":
        return ((0, 0),) * rank
    if isinstance(value, str):
        raise FieldError("a number, a list, same or valid")
    amounts: tuple[Pair, ...] = pairs(value, rank)
    return amounts


@_takes(Form(WHOLE, words=("valid",), depth=2))
def padding_amounts(value: Any, rank: int) -> tuple[Pair, ...]:
    """Read a padding that cannot be `same`."""
    if value == "same":
        raise FieldError("a number, a list or valid", help="same is not defined for this type: give the numbers")
    if value == "valid":
        return ((0, 0),) * rank
    amounts: tuple[Pair, ...] = pairs(value, rank)
    return amounts


@_takes(Form(FACTOR, depth=1))
def factors(value: Any, rank: int) -> tuple[Any, ...]:
    """Read a positive factor, which may be a fraction, for every spatial axis, or a list of one per axis."""
    if isinstance(value, list) and len(value) != rank:
        raise _wrong_length(value, rank)
    items = value if isinstance(value, list) else [value] * rank
    for index, item in enumerate(items):
        if not (is_symbolic(item) and item > 0) and (type(item) not in (int, Fraction) or not 0 < item <= MAX_SIZE):
            raise FieldError("a number greater than 0", element=(index,) if items is value else ())
    return tuple(items)


@_takes(Form(FLAG))
def flag(value: Any, rank: int) -> bool:
    """Read a truth value."""
    if isinstance(value, bool):
        return value
    raise FieldError("true or false", help="booleans are true and false only")


@_takes(Form(NUMBER))
def number(value: Any, rank: int) -> Any:
    """Read any number."""
    if type(value) in (int, Fraction) or is_symbolic(value):
        return value
    raise FieldError("a number")


def flag_or(*choices: str) -> Reader:
    """Read a truth value, or one of some words."""

    @_takes(Form(FLAG, words=choices))
    def read(value: Any, rank: int) -> bool | str:
        if isinstance(value, bool) or (isinstance(value, str) and value in choices):
            return value
        raise FieldError(f"true, false or {' or '.join(choices)}")

    return read


def whole_or(minimum: int, *choices: str) -> Reader:
    """Read one whole number, or one of some words."""
    number = whole(minimum)

    @_takes(Form(WHOLE, minimum, words=choices))
    def read(value: Any, rank: int) -> Any:
        if isinstance(value, str):
            if value in choices:
                return value
            raise FieldError(f"a whole number or {' or '.join(choices)}")
        return number(value, rank)

    return read


@_takes(Form(BOUNDS))
def bounds(value: Any, rank: int) -> Any:
    """Read one number, or a list of the least and the largest."""
    if not isinstance(value, list):
        return number(value, rank)
    if len(value) != 2:
        raise FieldError("a number, or [least, largest]", f"{len(value)} given")
    for index, item in enumerate(value):
        if type(item) not in (int, Fraction) and not is_symbolic(item):
            raise FieldError("numbers", element=(index,))
    return tuple(value)


@_takes(Form(SHAPES, 1))
def shapes(value: Any, rank: int) -> tuple[tuple[int, ...], ...]:
    """Read one shape or a list of shapes; the normal form is a tuple of shapes."""
    if not isinstance(value, list) or not value:
        raise FieldError("a shape, or a list of shapes", "an empty list" if value == [] else "")
    many = isinstance(value[0], list)
    found = []
    for index, shape in enumerate(value if many else [value]):
        place = (index,) if many else ()
        if not isinstance(shape, list) or not shape:
            raise FieldError("a shape, or a list of shapes", "an empty list" if shape == [] else "", element=place)
        found.append(tuple([_at_least(1, size, (*place, number)) for number, size in enumerate(shape)]))
    return tuple(found)


def word(*choices: str) -> Reader:
    """Read one of some words."""

    @_takes(Form(WORD, words=choices))
    def read(value: Any, rank: int) -> str:
        if isinstance(value, str) and value in choices:
            return value
        raise FieldError(" or ".join(choices))

    return read


@_takes(Form(AXIS, words=AXIS_WORDS))
def axis(value: Any, rank: int) -> int | str:
    """Read one axis: its number without the batch axis, negative from the end, or its name."""
    if type(value) is int or (isinstance(value, str) and value in AXIS_WORDS):
        return value
    raise _no_axis()


@_takes(Form(AXIS, words=AXIS_WORDS, depth=1))
def axes(value: Any, rank: int) -> tuple[int | str, ...]:
    """Read one axis, or a list of axes."""
    if not isinstance(value, list):
        return (axis(value, rank),)
    if not value:
        raise FieldError("an axis, or a list of axes", "an empty list")
    for index, item in enumerate(value):
        if type(item) is not int and not (isinstance(item, str) and item in AXIS_WORDS):
            raise _no_axis((index,))
    return tuple(value)


@_takes(Form(NAMES))
def value_name(value: Any, rank: int) -> int:
    """Read the name of one value, which becomes the layer's next input; the normal form is how many there are."""
    if isinstance(value, str):
        return 1
    raise FieldError("the name of an earlier item")


@_takes(Form(NAMES, depth=1))
def value_names(value: Any, rank: int) -> int:
    """Read one or several names of values that become the layer's next inputs; the normal form is their count."""
    names = value if isinstance(value, list) else [value]
    if not names:
        raise FieldError("the name of an earlier item, or a list of names", "an empty list")
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise FieldError("names of earlier items", element=(index,) if names is value else ())
    return len(names)


LAYOUT_WORDS = ("feature_map", "tokens", "vector", "unknown")
"""The layouts as specs write them."""


def layout_field(about: str = "What the axes of the output are, where it is known.") -> Any:
    """Declare the field `layout`, which says what the axes of the output are."""
    return Field(word(*LAYOUT_WORDS), None, about)


def _no_axis(element: tuple[int, ...] = ()) -> FieldError:
    words = ", ".join(AXIS_WORDS)
    return FieldError("an axis", help=f"a whole number without the batch axis, or one of {words}", element=element)


def is_size(value: Any, minimum: int) -> bool:
    """Return whether a value is a symbolic number that can stand for a whole one, at least `minimum`."""
    return is_symbolic(value) and value.is_integer() and value >= minimum


def _at_least(minimum: int, value: Any, element: tuple[int, ...] = ()) -> int:
    if (type(value) is int and minimum <= value <= MAX_SIZE) or is_size(value, minimum):
        return value  # type: ignore[no-any-return]  # a symbolic number takes the place of an int
    raise _not_whole(value, minimum, element)


def _pair(value: Any, axis: int) -> Pair:
    if (type(value) is int and 0 <= value <= MAX_SIZE) or is_size(value, 0):
        return (value, value)
    if not isinstance(value, list):
        raise _not_whole(value, 0, (axis,))
    if len(value) != 2:
        raise FieldError("a [before, after] pair on each axis", f"{len(value)} numbers on one axis", element=(axis,))
    for side, item in enumerate(value):
        if (type(item) is not int or not 0 <= item <= MAX_SIZE) and not is_size(item, 0):
            raise _not_whole(item, 0, (axis, side))
    before, after = value
    return (before, after)


def _wrong_length(value: list[Any], rank: int) -> FieldError:
    axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
    return FieldError(
        "a number or a list of one per spatial axis", f"{len(value)} given, the input has {axes}", "a number serves all"
    )


def _not_whole(value: Any, minimum: int, element: tuple[int, ...] = ()) -> FieldError:
    if type(value) is Fraction or (is_symbolic(value) and not value.is_integer()):
        remedy = "make it whole with floor(…), ceil(…), round(…) or make_divisible(…, 8)"
        return FieldError("a whole number", help=remedy, element=element)
    if type(value) is int and value > MAX_SIZE:
        return FieldError("at most 10**15", element=element)
    if type(value) is int or is_symbolic(value):
        return FieldError(f"at least {minimum}", element=element)
    return FieldError("one whole number, not a list" if isinstance(value, list) else "a whole number", element=element)
