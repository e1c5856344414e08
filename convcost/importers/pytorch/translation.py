"""A program to the graph that every importer fills: each call by a small function that stands in `aten`."""

from __future__ import annotations

from msgspec.structs import replace

from convcost.importers.graph import ModelGraph
from convcost.importers.pytorch import aten  # noqa: F401 -- adds the functions
from convcost.importers.pytorch.preparation import prepare
from convcost.importers.pytorch.program import OperatorCall, Program, references
from convcost.importers.pytorch.writer import RULES, Untranslated, Writer

_VIEWS = frozenset(
    f"aten.{name}"
    for name in (
        "alias", "chunk", "contiguous", "detach", "diagonal", "expand", "expand_as", "flatten", "movedim", "narrow",
        "numpy_T", "permute", "reshape", "select", "slice", "split", "split_with_sizes", "squeeze", "swapaxes", "t",
        "swapdims", "transpose", "unbind", "unflatten", "unfold", "unsqueeze", "view", "view_as", "_unsafe_view", "to",
    )
)  # fmt: skip
"""Operators whose results may be parts of what they read: writing into one changes the other."""

_UNCHANGED = frozenset(("aten.detach_", "aten.requires_grad_", "aten.alias_"))
"""Operators whose names say that they write, and that change no number."""

_PRODUCTS = frozenset(
    f"aten.{name}"
    for name in (
        "addmm",
        "baddbmm",
        "bmm",
        "conv1d",
        "conv2d",
        "conv3d",
        "convolution",
        "einsum",
        "linear",
        "matmul",
        "mm",
    )
)
"""Operators that are performed in every run, even on the program's own numbers alone: PyTorch counts them."""


def translate(program: Program) -> ModelGraph:
    """Return the graph of a program.

    What no function translates keeps its name, such as `aten.fft_rfft`, so that the mapper can list it.
    """
    writer = Writer(program)
    for call in program.calls:
        _translate(writer, call)
    graph = writer.graph()
    if any(node.operator == "QuantizeLinear" for node in graph.nodes):
        from convcost.importers.onnx.plain import plain  # where values are quantised only

        return plain(graph)
    if not writer.has_quantised:
        return graph
    notes = (*graph.notes, "quantising and rescaling are not counted")
    return replace(graph, dtypes=dict.fromkeys(graph.inputs, "float32"), notes=notes)


def _translate(writer: Writer, call: OperatorCall) -> None:
    name = packet(call.operator)
    plain = name.removesuffix("_")
    writer.call = call
    before = len(writer.nodes)
    rule = RULES.get(plain, _unknown)
    if rule is not _unknown and _is_complex(writer, call):
        rule = _complex
    try:
        if name in _PRODUCTS:
            writer.materialise(call)
            rule(writer, call)
            writer.perform()
        elif _is_constant(writer, call):
            prepare(writer, rule)
        else:
            rule(writer, call)
        if len(call.outputs) > 1:
            writer.give_others(before)
    except (Untranslated, KeyError, IndexError, TypeError, ValueError, AttributeError):
        del writer.nodes[before:]
        _unknown(writer, call)
    if _is_written(name):
        _write(writer, call)
    elif plain in _VIEWS:
        writer.view(call.arguments.get("self"))


def _write(writer: Writer, call: OperatorCall) -> None:
    """Note that a call writes into what it reads."""
    before = len(writer.nodes)
    try:
        writer.write(call.arguments.get("self", call.arguments.get("input")))
    except Untranslated:
        del writer.nodes[before:]
        writer.forget(call.arguments.get("self"))


def _is_constant(writer: Writer, call: OperatorCall) -> bool:
    """Return whether a call gives the same in every run, whatever the weights are."""
    sizes = [writer.program.types.get(name) for name in call.outputs]
    known = all(type is not None and all(isinstance(size, int) for size in type.shape) for type in sizes)
    return known and writer.is_prepared(call)


def packet(operator: str) -> str:
    """Return an operator without its overload.

    >>> packet("aten.add.Tensor"), packet("_operator.mul")
    ('aten.add', '_operator.mul')
    """
    return operator.rpartition(".")[0] if operator.count(".") > 1 else operator


def _is_written(name: str) -> bool:
    """Return whether an operator writes into its first argument, as its name says."""
    return name.endswith("_") and not name.endswith("__") and name not in _UNCHANGED


def _is_complex(writer: Writer, call: OperatorCall) -> bool:
    """Return whether a call gives complex numbers, or reads some."""
    types = map(
        writer.program.types.get, (*call.outputs, *(each.name for each in references([*call.arguments.values()])))
    )
    return any(type is not None and type.dtype.startswith("complex") for type in types)


def _complex(writer: Writer, call: OperatorCall) -> None:
    """Add a call under its own name: a product of complex numbers is several of real ones."""
    inputs = [writer.name(each) for each in references([*call.arguments.values()])]
    writer.give(packet(call.operator), inputs, reason="its numbers are complex")


def _unknown(writer: Writer, call: OperatorCall) -> None:
    """Add a call under its own name."""
    inputs, name = [], packet(call.operator)
    for reference in references(list(call.arguments.values())):
        try:
            inputs.append(writer.name(reference))
        except Untranslated:  # what something else wrote into
            name = "aten.writing into a part of a value"
    writer.give(name, inputs)
