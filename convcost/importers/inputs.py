"""The sizes of a model's inputs: those of the file, those that are given instead, and names for what stays open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError, Place, nearest
from convcost.importers.graph import ModelGraph, Shape, shape_text
from convcost.model_options import EVERY, current

_AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""Names for spatial axes that are open and have none."""
_COLORS, _LEAST_PICTURE = 3, 16
"""The channels of a picture without a batch axis, and its least height and width."""


def with_sizes(graph: ModelGraph, file: str) -> tuple[ModelGraph, dict[str, int], ErrorDetail | None]:
    """Return a graph whose inputs have the sizes that `--input` gives, and the values of the names of axes.

    Where a size is another than the file's, the shapes that the file records no longer hold, and are left out. The
    last of what is returned says so, for the case that the layers do not take it.

    Args:
        graph: The graph.
        file: Its name, for messages.

    Raises:
        OptionError: There is no such input, or the shape does not fit it.
    """
    alone = len(graph.inputs) == 1
    inputs = {name: _named(_without_marks(shape, alone=alone)) for name, shape in graph.inputs.items()}
    sizes: dict[str, int] = {}
    changed: list[str] = []
    for name, shape in _given(inputs, file).items():
        declared = inputs[name]
        fixed = _fitted(name, shape, declared, file)
        fixed = _turned(fixed, declared) if name in graph.turned else fixed
        for size, known in zip(fixed, declared, strict=True):
            if isinstance(known, str) and sizes.setdefault(known, size) != size:
                found = f"{known!r} is {sizes[known]} and {size}"
                raise OptionError(ErrorDetail("the inputs have an axis in common", Place(file), found=found))
            if known is not None and known.__class__ is int and known != size and name not in changed:
                changed.append(name)
        inputs[name] = fixed
    contradicted = _contradicted(graph, inputs, changed, file) if changed else None
    inputs = {name: _filled(shape, sizes) for name, shape in inputs.items()}
    return replace(graph, inputs=inputs, shapes={} if changed else graph.shapes), sizes, contradicted


def _contradicted(graph: ModelGraph, inputs: Mapping[str, Shape], names: Sequence[str], file: str) -> ErrorDetail:
    """Return the error that inputs have other sizes than the file fixes, in the file's order of axes."""

    def text(name: str, shape: Shape) -> str:
        return shape_text((shape[0], *shape[2:], shape[1]) if name in graph.turned else shape)

    found = [f"{name}={text(name, inputs[name])}, in the file {text(name, graph.inputs[name])}" for name in names]
    help = "leave --input out, or give what the layers below take"
    return ErrorDetail("--input gives other sizes than the file fixes", Place(file), found="; ".join(found), help=help)


def _filled(shape: Shape, sizes: Mapping[str, int]) -> Shape:
    """Return a shape in which axes of these names have their sizes."""
    return tuple([sizes.get(size, size) if isinstance(size, str) else size for size in shape])


def _given(inputs: dict[str, Shape], file: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes that `--input` gives, by the names of the inputs.

    Raises:
        OptionError: There is no such input.
    """
    found = {}
    for name, shape in current().inputs.items():
        if name == EVERY and len(inputs) != 1:
            help = f"--input NAME={'x'.join(map(str, shape))}; its inputs: {', '.join(inputs)}"
            raise OptionError(ErrorDetail(f"the model has {len(inputs)} inputs", Place(file), help=help))
        if name != EVERY and name not in inputs:
            raise OptionError(ErrorDetail(f"the model has no input {name!r}", Place(file), help=nearest(name, inputs)))
        found[name or next(iter(inputs))] = shape
    return found


def _turned(shape: tuple[int, ...], declared: Shape) -> tuple[int, ...]:
    """Return a shape with its channels first: the file has them last, and it may be given in either order."""
    if shape[1] == declared[1] != shape[-1]:
        return shape
    return (shape[0], shape[-1], *shape[1:-1])


def _fitted(name: str, given: Sequence[int], declared: Shape, file: str) -> tuple[int, ...]:
    """Return a shape that is given, with the batch axis; 1 where it is left out.

    Raises:
        OptionError: It has another number of axes.
    """
    if len(given) == len(declared) - 1:
        return (1, *given)
    if len(given) != len(declared):
        shape = "×".join("?" if size is None else str(size) for size in declared)
        message = f"the input {name!r} has {len(declared)} axes, the first for the batch"
        raise OptionError(ErrorDetail(message, Place(file), found=f"--input gives {len(given)}", help=f"it is {shape}"))
    return tuple(given)


def _without_marks(shape: Shape, *, alone: bool) -> Shape:
    """Return a shape without names that exporters make up for axes of which they know nothing, such as `?`.

    Names such as `p2o.DynamicDimension.1` are kept where several inputs may have an axis in common.
    """

    def told(size: str) -> bool:
        return size.isidentifier() or (not alone and any(map(str.isalnum, size)))

    return tuple([None if isinstance(size, str) and at and not told(size) else size for at, size in enumerate(shape)])


def _named(shape: Shape) -> Shape:
    """Return a shape whose open spatial axes have names: channels stand first, or last where only these are known."""
    if None not in shape[1:]:
        return shape
    last = len(shape) > 2 and shape[1] is None and isinstance(shape[-1], int)
    first = 1 if last or len(shape) == 2 else 2
    names = _AXES.get(len(shape) - first - last, ())
    places = dict(zip(range(first, len(shape) - last), names, strict=False))
    return tuple([places.get(axis) if size is None else size for axis, size in enumerate(shape)])


def is_picture(graph: ModelGraph, shape: Shape) -> bool:
    """Return whether an input is one picture in colors without a batch axis, as detectors of torchvision read."""
    sized = all(size is None or isinstance(size, str) or size >= _LEAST_PICTURE for size in shape[1:])
    works = any(node.operator in ("Conv", "Resize") for node in graph.nodes)
    return len(shape) == 3 and shape[0] == _COLORS and sized and works


def is_regions(graph: ModelGraph, shape: Shape) -> bool:
    """Return whether an input is regions of a picture, each of four numbers, or of five with the picture's number."""
    reads = any(node.operator == "RoiAlign" for node in graph.nodes)
    return len(shape) == 2 and shape[1] in (4, 5) and reads


def batch_axis(graph: ModelGraph, shape: Shape) -> int:
    """Return the axis of the batch in an input that has it elsewhere, as states of recurrent layers; 0 for none."""
    first = next((each[0] for each in graph.inputs.values() if len(each) > 1), None)
    named = [axis for axis, size in enumerate(shape) if isinstance(size, str) and size == first]
    return next((axis for axis in named or range(1, len(shape)) if named or shape[axis] == 1), 0)
