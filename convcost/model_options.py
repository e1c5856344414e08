"""What a reader of a model file adds to it: costs of unknown operators, sizes of inputs that it leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError
from convcost.numbers import plain
from convcost.ops import KINDS

COSTS = ("macs", "params", "buffers", *KINDS)
"""What can be declared of an operator, beside the shape of its output."""
SHAPE = "output_shape"
EVERY = ""
"""The name of an input where the model has one."""
_MOST_AXES = 8
_LARGEST = 10**15
_EXAMPLE = "such as --declare 'NonMaxSuppression=macs:1000,params:20'"


class ModelOptions(Struct, frozen=True):
    """What is added to a model file while it is read.

    Attributes:
        declare: The costs of operators that have no layer type, of each call, by their names: `macs`, `params` and
            others of `COSTS`, and `output_shape`, without the batch axis, where the file does not record it.
        allow_unknown: Whether other operators that have no layer type are left out of the count.
        inputs: The shapes of inputs by their names, with the batch axis; by an empty name that of the only one.
        signature: Which signature of a TensorFlow Lite file is read; an empty text for the first.
        mixed: Whether specs are read beside model files, which need none of these.
    """

    declare: Mapping[str, Mapping[str, Any]] = {}
    allow_unknown: bool = False
    inputs: Mapping[str, tuple[int, ...]] = {}
    signature: str = ""
    mixed: bool = False


_current: ContextVar[ModelOptions] = ContextVar("model_options", default=ModelOptions())  # noqa: B039 -- it is frozen


def current() -> ModelOptions:
    """Return the options that hold now."""
    return _current.get()


@contextmanager
def using(
    *,
    declare: Mapping[str, Mapping[str, Any]] | None = None,
    allow_unknown: bool = False,
    inputs: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    signature: str = "",
    mixed: bool = False,
) -> Iterator[None]:
    """Read model files with these options, too, inside the block; a shape alone is that of the only input.

    Raises:
        OptionError: A cost or a shape cannot be used.
    """
    before = _current.get()
    if declare and not isinstance(declare, Mapping):
        message = "declare takes the costs of operators by their names"
        raise OptionError(ErrorDetail(message, found=f"{declare!r}", help="such as {'NonZero': {'macs': 1000}}"))
    costs = {name: _costs(name, given) for name, given in (declare or {}).items()}
    by_name = inputs if isinstance(inputs, Mapping) else {EVERY: inputs} if inputs is not None else {}
    shapes = {name: _shape(name, given) for name, given in by_name.items()}
    token = _current.set(
        replace(
            before,
            declare={**before.declare, **costs},
            allow_unknown=before.allow_unknown or allow_unknown,
            inputs={**before.inputs, **shapes},
            signature=signature or before.signature,
            mixed=mixed or before.mixed,
        )
    )
    try:
        yield
    finally:
        _current.reset(token)


def _costs(operator: str, given: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not isinstance(given, Mapping) or not given:
        raise OptionError(ErrorDetail(f"declare needs the costs of {operator!r}", found=f"{given!r}", help=_EXAMPLE))
    for name, value in given.items():
        value = plain(value)
        if name == SHAPE:
            found[name] = list(_sizes(value, f"the output shape of {operator!r}"))
        elif name not in COSTS:
            help = f"known: {', '.join((*COSTS, SHAPE))}"
            raise OptionError(ErrorDetail(f"{operator!r} has no cost {name!r}", help=help))
        elif type(value) is not int or not 0 <= value <= _LARGEST:
            message = f"the {name} of {operator!r} are a whole number from 0 to 10**15"
            raise OptionError(ErrorDetail(message, found=f"{value!r}", help=_EXAMPLE))
        else:
            found[name] = value
    return found


def _shape(name: str, given: Any) -> tuple[int, ...]:
    return _sizes(given, f"the shape of the input {name!r}" if name else "the shape of an input")


def _sizes(given: Any, what: str) -> tuple[int, ...]:
    sizes = [plain(size) for size in given] if isinstance(given, (list, tuple)) else None
    if (
        not sizes
        or len(sizes) > _MOST_AXES
        or any(type(size) is not int or not 1 <= size <= _LARGEST for size in sizes)
    ):
        message = f"{what} is 1 to {_MOST_AXES} whole numbers from 1 to 10**15"
        raise OptionError(ErrorDetail(message, found=f"{given!r}", help="such as --input x=1x3x224x224"))
    return tuple(sizes)


def declared_costs(text: str) -> dict[str, dict[str, Any]]:
    """Return the costs that `--declare OP=macs:1000,params:20` gives an operator.

    Raises:
        OptionError: It is not of this form.

    >>> declared_costs("NonMaxSuppression=macs:1k,output_shape:300x4")
    {'NonMaxSuppression': {'macs': 1000, 'output_shape': (300, 4)}}
    """
    operator, equals, costs = text.partition("=")
    found: dict[str, Any] = {}
    for part in costs.split(",") if equals and operator.strip() else ():
        name, colon, number = (each.strip() for each in part.partition(":"))
        value: Any = input_sizes(number) if name == SHAPE else _amount(number)
        if not colon or value is None or name in found:
            found.clear()
            break
        found[name] = value
    if not found:
        raise OptionError(ErrorDetail("--declare takes OP=macs:N,params:N", found=f"--declare {text}", help=_EXAMPLE))
    return {operator.strip(): found}


def input_shape(text: str) -> dict[str, tuple[int, ...]]:
    """Return the shape that `--input NAME=SHAPE`, or `--input SHAPE`, gives an input.

    Raises:
        OptionError: It is not of this form.

    >>> input_shape("x=1x3x224x224"), input_shape("1×3×8×8")
    ({'x': (1, 3, 224, 224)}, {'': (1, 3, 8, 8)})
    """
    name, equals, shape = text.rpartition("=")
    sizes = input_sizes(shape)
    if sizes is None or (equals and not name):
        help = "such as --input x=1x3x224x224, or without a name where there is one input"
        raise OptionError(ErrorDetail("--input takes NAME=SHAPE", found=f"--input {text}", help=help))
    return {name: sizes}


def input_sizes(text: str) -> tuple[int, ...] | None:
    """Return the sizes that a text such as `1x3x224x224` gives; None where it gives none."""
    parts = text.strip().replace("×", "x").replace(",", "x").strip("[]").split("x")
    sizes = [part.strip() for part in parts]
    if not all(size.isascii() and size.isdecimal() and len(size) < 19 for size in sizes):
        return None
    return tuple(map(int, sizes))


def _amount(text: str) -> int | None:
    """Return the whole number that a text such as `1000`, `4_300` or `4.3M` gives; None where it gives none."""
    from fractions import Fraction

    factor = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}.get(text[-1:], 1)
    try:
        number = Fraction(text[:-1] if factor != 1 else text) * factor
    except (ValueError, ZeroDivisionError):
        return None
    return int(number) if number.denominator == 1 and number >= 0 and len(text) < 30 else None
