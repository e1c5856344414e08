"""Writes ONNX files byte by byte, by the wire format alone, for the tests of the reader.

Source: https://protobuf.dev/programming-guides/encoding/ and https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import struct
from math import prod

FLOAT, INT64 = 1, 7


class Message(bytes):
    """A graph, a tensor or a reference as the value of an attribute, with its fields."""


class Strings(tuple):
    """Texts as the value of an attribute."""

    def __new__(cls, *texts):
        return super().__new__(cls, texts)


def varint(number):
    """Return a number in groups of seven bits, the lowest first; a negative one as 64 bits."""
    number %= 2**64
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def whole(field, number):
    """Return a field that is a whole number."""
    return varint(field << 3) + varint(number)


def data(field, content):
    """Return a field that is a text, bytes, or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, shape, values=None, dtype=FLOAT):
    """Return a tensor; without values one whose weights are missing."""
    dims = b"".join(whole(1, size) for size in shape)
    content = dims + whole(2, dtype) + data(8, name)
    if values is not None:
        content += data(9, struct.pack(f"<{len(values)}{'f' if dtype == FLOAT else 'q'}", *values))
    return content


def attribute(name, value):
    """Return an attribute: a number, a text, a tensor as bytes, or a list of whole numbers."""
    if isinstance(value, Message):
        return data(1, name) + value
    if isinstance(value, Strings):
        return data(1, name) + b"".join(data(9, text) for text in value) + whole(20, 8)
    if isinstance(value, bool | int):
        return data(1, name) + whole(3, value) + whole(20, 2)
    if isinstance(value, float):
        return data(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + whole(20, 1)
    if isinstance(value, bytes):
        return data(1, name) + data(5, value) + whole(20, 4)
    if isinstance(value, str):
        return data(1, name) + data(4, value) + whole(20, 3)
    return data(1, name) + b"".join(whole(8, number) for number in value) + whole(20, 7)


def node(operator, inputs, outputs, name="", domain="", **attributes):
    """Return a node."""
    content = b"".join(data(1, each) for each in inputs.split()) + b"".join(data(2, each) for each in outputs.split())
    content += data(3, name) + data(4, operator)
    content += b"".join(data(5, attribute(key, value)) for key, value in attributes.items())
    return content + (data(7, domain) if domain else b"")


def value(name, shape):
    """Return a value with its shape: numbers, or names of axes that are open."""
    axes = b"".join(data(1, data(2, size) if isinstance(size, str) else whole(1, size)) for size in shape)
    return data(1, name) + data(2, data(1, whole(1, FLOAT) + data(2, axes)))


def graph(nodes, inputs, outputs, tensors=(), shapes=()):
    """Return a graph; inputs map names to shapes, outputs are names or such a mapping."""
    outputs = outputs if isinstance(outputs, dict) else dict.fromkeys(outputs.split(), ())
    content = b"".join(data(1, each) for each in nodes) + data(2, "graph")
    content += b"".join(data(5, each) for each in tensors)
    content += b"".join(data(11, value(*each)) for each in inputs.items())
    content += b"".join(data(12, value(*each) if each[1] else data(1, each[0])) for each in outputs.items())
    return content + b"".join(data(13, value(*each)) for each in dict(shapes).items())


def model(*content, opset=17):
    """Return a file: a graph's content as `graph` takes it."""
    head = whole(1, 8) + data(2, "test") + data(7, graph(*content))
    return head + data(8, data(1, "") + whole(2, opset))


def ones(name, *shape):
    """Return a tensor with a value for each place."""
    return tensor(name, shape, [1.0] * prod(shape))


def external(name, shape, location, offset=None, length=None, dtype=FLOAT):
    """Return a tensor whose numbers are in another file."""
    places = {"location": location, "offset": offset, "length": length}
    entries = [data(13, data(1, key) + data(2, str(each))) for key, each in places.items() if each is not None]
    return tensor(name, shape, dtype=dtype) + b"".join(entries) + whole(14, 1)


def function(name, domain, inputs, outputs, nodes, attributes=()):
    """Return a function; it stands in field 25 of a file."""
    content = data(1, name) + b"".join(data(4, each) for each in inputs.split())
    content += b"".join(data(5, each) for each in outputs.split()) + b"".join(data(7, each) for each in nodes)
    return content + b"".join(data(6, each) for each in attributes) + data(10, domain)


def graph_attribute(content):
    """Return a graph as the value of an attribute."""
    return Message(data(6, content) + whole(20, 5))


def reference(name):
    """Return the value of an attribute of a function's node that the call gives."""
    return Message(data(21, name))
