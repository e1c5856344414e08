"""Writes TensorFlow Lite files byte by byte, by the format of FlatBuffers alone, for the tests of the reader.

A table is a mapping of its fields' numbers to values: a pair of a format of `struct` and a number, a text, bytes, a
table, or a list of numbers (with their format first) or of tables and texts.

Source: https://flatbuffers.dev/internals/ and
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import struct

FLOAT32, FLOAT16, INT32, UINT8, INT64, BOOL, INT16, INT8, RESOURCE = 0, 1, 2, 3, 4, 6, 7, 9, 13
FORMS = {FLOAT32: "f", FLOAT16: "e", INT32: "i", UINT8: "B", INT64: "q", BOOL: "?", INT16: "h", INT8: "b"}
_FIRST = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND
TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP
"""
CODES = {name: code for code, name in enumerate(_FIRST.split())}
CODES |= {"SPLIT": 49, "LOG_SOFTMAX": 50, "CAST": 53, "PRELU": 54, "MAXIMUM": 55, "ARG_MAX": 56, "MINIMUM": 57}
CODES |= {"PADV2": 60, "SLICE": 65, "TRANSPOSE_CONV": 67, "EXPAND_DIMS": 70, "SUM": 74, "RSQRT": 76, "SHAPE": 77}
CODES |= {"PACK": 83, "UNPACK": 88, "SQUARE": 92, "RESIZE_NEAREST_NEIGHBOR": 97, "LEAKY_RELU": 98, "MIRROR_PAD": 100}
CODES |= {"SQUARED_DIFFERENCE": 99, "SPLIT_V": 102, "ADD_N": 106, "ELU": 111, "QUANTIZE": 114, "HARD_SWISH": 117}
CODES |= {
    "REVERSE_V2": 105,
    "ARG_MIN": 79,
    "TILE": 69,
    "BROADCAST_TO": 130,
    "IF": 118,
    "WHILE": 119,
    "DENSIFY": 124,
    "BATCH_MATMUL": 126,
    "CONV_3D": 132,
    "GELU": 150,
    "RELU_0_TO_1": 152,
    "LESS": 58,
    "GREATER": 61,
    "SELECT": 64,
    "SELECT_V2": 123,
    "CONV_3D_TRANSPOSE": 141,
    "FILL": 94,
    "RANGE": 96,
    "FLOOR_DIV": 90,
    "FLOOR_MOD": 95,
    "REDUCE_PROD": 81,
    "REDUCE_MAX": 82,
    "REDUCE_MIN": 89,
    "EQUAL": 71,
    "GREATER_EQUAL": 62,
    "LESS_EQUAL": 63,
    "LOGICAL_AND": 86,
    "LOGICAL_OR": 84,
    "LOGICAL_NOT": 87,
    "NEG": 59,
    "VAR_HANDLE": 142,
    "READ_VARIABLE": 143,
    "ASSIGN_VARIABLE": 144,
}


def i32(number):
    """Return a whole number of 32 bits."""
    return "i", number


def i8(number):
    """Return a whole number of 8 bits, as enumerations are."""
    return "b", number


def f32(number):
    """Return a number of single precision."""
    return "f", number


def flag(value):
    """Return a truth value."""
    return "?", value


def write(root, identifier=b"TFL3"):
    """Return a file with a root table: each table before what it points to."""
    out = bytearray(4) + identifier
    waiting = [(0, root)]
    while waiting:
        at, value = waiting.pop()
        start = _table(out, value, waiting) if isinstance(value, dict) else _vector(out, value, waiting)
        struct.pack_into("<I", out, at, start - at)
    return bytes(out)


def _table(out, fields, waiting):
    count = max(fields, default=-1) + 1
    sizes = {number: struct.calcsize(f"={value[0]}") if _is_number(value) else 4 for number, value in fields.items()}
    places, end = {}, 4
    for number, size in sizes.items():
        end += -end % size
        places[number] = end
        end += size
    out += bytes(-(len(out) + 4 + 2 * count) % 8)  # the table begins at a multiple of 8
    listed = len(out)
    out += struct.pack(f"<HH{count}H", 4 + 2 * count, end, *(places.get(number, 0) for number in range(count)))
    start = len(out)
    out += struct.pack("<i", start - listed) + bytes(end - 4)
    for number, value in fields.items():
        if _is_number(value):
            struct.pack_into(f"<{value[0]}", out, start + places[number], value[1])
        else:
            waiting.append((start + places[number], value))
    return start


def _is_number(value):
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) and not isinstance(value[1], list)


def _vector(out, value, waiting):
    if isinstance(value, str):
        value = value.encode()
    out += bytes(-len(out) % 4)
    if isinstance(value, bytes):
        start = len(out)
        out += struct.pack("<I", len(value)) + value + b"\0"
        return start
    if isinstance(value, tuple):  # a format, and numbers
        form, numbers = value
        out += bytes(-(len(out) + 4) % 8)
        start = len(out)
        out += struct.pack(f"<I{len(numbers)}{form}", len(numbers), *numbers)
        return start
    start = len(out)
    out += struct.pack("<I", len(value)) + bytes(4 * len(value))
    waiting += [(start + 4 + 4 * at, each) for at, each in enumerate(value)]
    return start


class File:
    """A file with one subgraph that grows by its operators.

    Args:
        dtype: The type of values where nothing else is said.
    """

    def __init__(self, dtype=FLOAT32):
        self.dtype = dtype
        self.tensors, self.buffers, self.codes, self.operators = [], [{}], [], []
        self.inputs, self.outputs, self.names = [], [], {}

    def value(self, name, shape, dtype=None, **more):
        """Add a tensor that flows, and return its number; `more` are fields of the table by number, as `f7`."""
        fields = {0: ("i", list(shape)), 1: i8(self.dtype if dtype is None else dtype), 2: ("I", 0), 3: name}
        self.tensors.append(fields | {int(key[1:]): value for key, value in more.items()})
        self.names[name] = len(self.tensors) - 1
        return self.names[name]

    def input(self, name, shape, dtype=None, **more):
        """Add a tensor that the model takes."""
        self.inputs.append(self.value(name, shape, dtype, **more))
        return self.inputs[-1]

    def constant(self, name, shape, values=None, dtype=None, buffer=None, **more):
        """Add a constant; zeros without values, or what another one's buffer holds."""
        dtype = self.dtype if dtype is None else dtype
        count = 1
        for size in shape:
            count *= size
        if buffer is None:
            self.buffers.append({0: struct.pack(f"<{count}{FORMS[dtype]}", *(values or [0] * count))})
            buffer = len(self.buffers) - 1
        index = self.value(name, shape, dtype, **more)
        self.tensors[index][2] = ("I", buffer)
        return index

    def numbers(self, *values):
        """Add a constant of whole numbers."""
        return self.constant(f"numbers {len(self.tensors)}", [len(values)], values, INT32)

    def add(self, operator, inputs, outputs, **options):
        """Add an operator between tensors given by number or name; options are fields by number, as `f0`."""
        custom = operator not in CODES
        code = 32 if custom else CODES[operator]
        entry = {0: i8(min(code, 127)), 3: i32(code)} | ({1: operator} if custom else {})
        if entry not in self.codes:
            self.codes.append(entry)
        table = {0: ("I", self.codes.index(entry)), 1: ("i", self._numbers(inputs)), 2: ("i", self._numbers(outputs))}
        if options:
            table |= {3: ("B", 1), 4: {int(key[1:]): value for key, value in options.items()}}
        self.operators.append(table)

    def _numbers(self, which):
        which = which.split() if isinstance(which, str) else which
        return [self.names[each] if isinstance(each, str) else each for each in which]

    def bytes(self, outputs, **more):
        """Return the file, with what it gives; `more` are fields of the outermost table by number, as `f7`."""
        graph = {0: self.tensors, 1: ("i", self.inputs), 2: ("i", self._numbers(outputs)), 3: self.operators}
        root = {0: ("I", 3), 1: self.codes, 2: [graph], 3: "test", 4: self.buffers}
        return write(root | {int(key[1:]): value for key, value in more.items()})
