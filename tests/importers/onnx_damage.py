"""ONNX files that are damaged in many ways, and what becomes of them; `tests/fuzz/onnx_files.py` runs many."""

from __future__ import annotations

import time
from pathlib import Path

import onnx_writer as w

import convcost
from convcost.importers import IMPORTERS, import_model

SMALL = Path(__file__).parent / "data" / "small.onnx"
SECONDS = 10
"""How long a file may take."""
EDGES = [0, 1, 2, 7, 8, 10, 0x3A, 0x7F, 0x80, 0xFE, 0xFF]
NUMBERS = [0, 1, 127, 128, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


def seeds():
    """Return files with most of what the format has."""
    function = w.function("twice", "own", "a", "b", [w.node("Add", "a a", "b")])
    inner = w.graph([w.node("Relu", "x", "z")], {}, "z")
    nodes = [
        w.node("twice", "x", "d", "call", domain="own"),
        w.node("Reshape", "d shape", "e"),
        w.node("QuantizeLinear", "e scale zero", "f"),
        w.node("DequantizeLinear", "f scale zero", "g"),
        w.node("If", "yes", "h", then_branch=w.graph_attribute(inner), else_branch=w.graph_attribute(inner)),
        w.node("Add", "g h", "y"),
    ]
    tensors = [
        w.tensor("shape", [4], [1, 3, 4, 4], w.INT64),
        w.tensor("scale", [], [0.5]),
        w.tensor("zero", [], [0], w.INT64),
        w.tensor("yes", [], [1], w.INT64),
        w.external("weights", [3, 3], "weights.bin", 0, 36),
    ]
    second = w.model(nodes, {"x": ["N", 3, "H", 4]}, "y", tensors) + w.data(25, function)
    return [SMALL.read_bytes(), second]


def damaged(content, chance):
    """Return a file with one to four changes: bytes, numbers and parts that are changed, cut, doubled or moved."""
    found = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        at, size = chance.randrange(len(found) + 1), chance.choice([1, 1, 2, 4, 16, 64])
        kind = chance.randrange(6)
        if kind == 0:
            found[at : at + 1] = bytes([chance.choice(EDGES)])
        elif kind == 1:
            found[at : at + 1] = w.varint(chance.choice(NUMBERS))
        elif kind == 2:
            del found[at : at + size]
        elif kind == 3:
            found[at:at] = found[at : at + size] * chance.choice([1, 1, 2, 50])
        elif kind == 4:
            del found[at:]
        else:
            other = chance.randrange(len(found) + 1)
            found[at : at + size] = found[other : other + size]
    return bytes(found)


def outcome(content):
    """Return `network` or `error` for a file; else what went wrong."""
    start = time.perf_counter()
    try:
        import_model(IMPORTERS["onnx"], content, "net.onnx")
        found = "network"
    except convcost.ConvcostError as error:
        found = "error" if str(error).startswith("error: ") else f"a strange error: {error}"
    except Exception as error:  # noqa: BLE001 -- that is what is looked for
        return f"{type(error).__name__}: {error}"
    spent = time.perf_counter() - start
    return found if spent < SECONDS else f"it took {spent:.0f} s"
