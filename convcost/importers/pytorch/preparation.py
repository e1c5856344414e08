"""What a program works out of its own numbers and buffers alone: prepared with the model, as exporters to ONNX do."""

from __future__ import annotations

from convcost.importers.constants import Unfoldable
from convcost.importers.folding import fold
from convcost.importers.graph import Constant
from convcost.importers.pytorch.writer import Rule, Untranslated, Writer


def prepare(writer: Writer, rule: Rule) -> None:
    """Set what the call gives to constants: their numbers where they can be worked out, else their shapes."""
    call, before = writer.call, len(writer.nodes)
    try:
        rule(writer, call)
    except (Untranslated, KeyError, IndexError, TypeError, ValueError, AttributeError):
        del writer.nodes[before:]
    known: dict[str, Constant] = {}
    for node in writer.nodes[before:]:
        inputs = [known.get(name, writer.constants.get(name)) if name else None for name in node.inputs]
        try:
            found = inputs[0] if node.operator == "Identity" else fold(node, inputs)
        except Unfoldable:
            continue
        if found is not None:
            known[node.outputs[0]] = found
    del writer.nodes[before:]
    for name in call.outputs:
        own, type = writer.own(name), writer.program.types[name]
        if own in writer.constants:  # the rule held one
            continue
        shape = tuple([size for size in type.shape if isinstance(size, int)])
        found = known.get(own)
        values = found.values if found is not None and found.shape == shape else None
        stored = found is not None and found.stored
        source = found.name if found is not None and stored else own
        writer.constants[own] = Constant(source, shape, type.dtype, values, stored, False if stored else None)
