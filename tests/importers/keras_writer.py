"""Configurations of Keras models as Keras 3 writes them, for tests."""

from __future__ import annotations

import io
import json
import struct
import zipfile


def layer(kind, name="", module="keras.layers", registered=None, **config):
    """Return a layer's part of a configuration."""
    fields = {"name": name or kind.lower(), "trainable": True, "dtype": {"class_name": "DTypePolicy"}, **config}
    return {"module": module, "class_name": kind, "config": fields, "registered_name": registered}


def sequential(shape, *layers, **config):
    """Return a model of layers in a row; of no shape where it was not built."""
    first = [] if shape is None else [layer("InputLayer", "x", batch_shape=[None, *shape])]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "net", "layers": [*first, *layers], **config},
    }


def tensor(name, *shape, node=0, at=0):
    """Return a value that a layer reads: the name of the layer that gives it, and its shape."""
    config = {"shape": [None, *shape], "dtype": "float32", "keras_history": [name, node, at]}
    return {"class_name": "__keras_tensor__", "config": config}


def called(layer, *args, **kwargs):
    """Return a layer of a functional model, with a call of it."""
    calls = layer.get("inbound_nodes", [])
    name = layer["config"]["name"]
    return {**layer, "name": name, "inbound_nodes": [*calls, {"args": list(args), "kwargs": kwargs}]}


def functional(inputs, layers, *outputs):
    """Return a functional model: the shapes of its inputs by name, its layers, and the names of those that it gives."""
    first = [{**layer("InputLayer", name, batch_shape=[None, *shape]), "name": name, "inbound_nodes": []}
             for name, shape in inputs.items()]  # fmt: skip
    config = {
        "name": "net",
        "layers": [*first, *layers],
        "input_layers": [[name, 0, 0] for name in inputs],
        "output_layers": [[name, 0, 0] for name in outputs],
    }
    return {"module": "keras", "class_name": "Functional", "config": config}


def text(model):
    """Return a model as a file of JSON."""
    return json.dumps(model).encode()


def archive(model, **files):
    """Return a model as an archive, with other files in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        if model is not None:
            written.writestr("config.json", model if isinstance(model, bytes) else json.dumps(model))
        for name, content in files.items():
            written.writestr(name, content)
    return stream.getvalue()


def hdf5(messages):
    """Return a file of HDF5, of version 0, whose root group has messages: kinds and bytes."""
    body = b"".join(struct.pack("<HHB3x", kind, len(content), 0) + content for kind, content in messages)
    header = struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body
    start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
    addresses = struct.pack("<QQQQ", 0, 2**64 - 1, 0, 2**64 - 1)
    return start + addresses + struct.pack("<QQII16x", 0, 96, 0, 0) + header


def newer_hdf5(message, flags=0):
    """Return a file of HDF5, of version 2, whose root group has one message; `flags` are those of its header."""
    kind, content = message
    order = bytes(2) if flags & 4 else b""
    body = struct.pack("<BHB", kind, len(content), 0) + order + content
    more = bytes((16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0))
    header = b"OHDR" + bytes([2, flags]) + more + len(body).to_bytes(1 << (flags & 3), "little") + body
    return b"\x89HDF\r\n\x1a\n" + bytes([2, 8, 8, 0]) + struct.pack("<QQQQ", 0, 2**64 - 1, 0, 48) + bytes(4) + header


def heap(objects):
    """Return a heap of HDF5: texts by their index."""
    held = [struct.pack("<HH4xQ", at, 1, len(text)) + text + bytes(-len(text) % 8) for at, text in objects.items()]
    return b"GCOL" + bytes([1, 0, 0, 0]) + struct.pack("<Q", 16 + len(b"".join(held))) + b"".join(held)


def attribute_in_heap(name, place, index, size):
    """Return an attribute that is a text of a heap, as a message: where the heap is, and the text's index and size."""
    type, space = struct.pack("<B3xI", 0x19, 16), struct.pack("<BBBB4x", 1, 0, 0, 0)
    head = struct.pack("<BxHHH", 3, len(name) + 1, len(type), len(space)) + b"\0"
    return 0x0C, head + name + b"\0" + type + space + struct.pack("<IQI", size, place, index)


def attribute(name, content):
    """Return an attribute that is a text of a fixed size, as a message."""
    padded = name + b"\0" * (-(len(name) + 1) % 8 + 1)
    type = struct.pack("<B3xI", 0x13, len(content))
    space = struct.pack("<BBBB4x", 1, 0, 0, 0)
    return 0x0C, struct.pack("<BxHHH", 1, len(name) + 1, len(type), len(space)) + padded + type + space + content
