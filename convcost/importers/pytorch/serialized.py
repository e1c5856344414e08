"""The JSON of an exported program, as `torch.export.save` writes it, to a `Program`.

Source: https://github.com/pytorch/pytorch/blob/main/torch/_export/serde/schema.py
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from convcost.importers.graph import Shape
from convcost.importers.pytorch.program import (
    INLINED,
    OperatorCall,
    Program,
    Reference,
    StoredTensor,
    TensorType,
    is_container,
    references,
    scope_of,
)

_DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
    28: "uint16",
    29: "float8_e4m3fn",
    30: "float8_e5m2",
    31: "float8_e4m3fnuz",
    32: "float8_e5m2fnuz",
    33: "float8_e8m0fnu",
    34: "uint32",
    35: "uint64",
}
_SYMBOL = re.compile(r"Symbol\('(\w+)'[^()]*\)")
MOST_CALLS = 200_000
MOST_AXES = 32
MOST_NUMBERS = 4096  # of one argument
MOST_TEXT = 65_536
_MOST_NESTED = 20  # graphs in graphs

Value = Mapping[str, Any]
"""A union: one key that says the kind, and what it is."""


class TensorMeta(Struct):
    """What is recorded of a tensor."""

    dtype: int
    sizes: list[Value]
    requires_grad: bool = False
    strides: list[Value] = []
    storage_offset: Value = {}
    device: Mapping[str, Any] = {}


class _Argument(Struct):
    name: str
    arg: Value


class _Metadata(Struct, frozen=True):
    nn_module_stack: str = ""


class _Node(Struct):
    target: str
    inputs: list[_Argument]
    outputs: list[Value]
    metadata: _Metadata = _Metadata()


class _Graph(Struct):
    inputs: list[Value]
    outputs: list[Value]
    nodes: list[_Node]
    tensor_values: dict[str, TensorMeta]


class _Signature(Struct):
    input_specs: list[dict[str, Any]]
    output_specs: list[dict[str, Any]]


class _Module(Struct):
    graph: _Graph
    signature: _Signature


class SerializedProgram(Struct):
    """What the JSON holds, as far as costs depend on it."""

    graph_module: _Module
    torch_version: str = "2.4 or older"


class Payload(Struct):
    """One of the module's tensors in an archive."""

    path_name: str
    tensor_meta: TensorMeta | None = None


class Payloads(Struct):
    """The module's tensors in an archive, by their paths in the module."""

    config: dict[str, Payload]


class UnreadableProgram(Exception):
    """The JSON says what no exported program does."""


def program_of(read: SerializedProgram, payloads: Mapping[str, Payload]) -> Program:
    """Return the program.

    Args:
        read: What the JSON holds.
        payloads: The module's tensors, where the archive lists them: two may be the same.

    Raises:
        UnreadableProgram: It contradicts itself.
    """
    try:
        return _Reader(read, payloads).program()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, msgspec.ValidationError) as error:
        raise UnreadableProgram(f"{type(error).__name__}: {error}") from None


class _Reader:
    def __init__(self, read: SerializedProgram, payloads: Mapping[str, Payload]) -> None:
        self.read = read
        self.payloads = payloads
        self.places = Counter([payload.path_name for payload in payloads.values()])
        self.calls: list[OperatorCall] = []
        self.types: dict[str, TensorType] = {}
        self.sizes: dict[str, int] = {}
        self.containers: set[str] = set()
        self.says_gradients = any(meta.requires_grad for meta in read.graph_module.graph.tensor_values.values())

    def program(self) -> Program:
        module = self.read.graph_module
        self._record(module.graph, "")
        stored, inputs = self._inputs(module.signature, module.graph)
        self._walk(module.graph, "", {}, 0)
        if any(self._is_meta(path) for path in self.payloads):  # which are the same is not known
            read = {each.name for call in self.calls for each in references(list(call.arguments.values()))}
            stored = {name: tensor for name, tensor in stored.items() if name in read}
        outputs = [
            each.name
            for spec in module.signature.output_specs
            for each in [self._value(spec["user_output"]["arg"], "", {}) if "user_output" in spec else None]
            if isinstance(each, Reference)
        ]
        producer = f"torch {self.read.torch_version.partition('+')[0]}"
        calls, containers = tuple(self.calls), frozenset(self.containers)
        return Program(
            producer, tuple(inputs), tuple(outputs), calls, stored, self.types, self.sizes, containers=containers
        )

    def _inputs(self, signature: _Signature, graph: _Graph) -> tuple[dict[str, StoredTensor], list[str]]:
        stored: dict[str, StoredTensor] = {}
        inputs = []
        first: dict[Any, str] = {}
        for spec in signature.input_specs:
            ((kind, entry),) = spec.items()
            if kind == "user_input":
                value = self._value(entry["arg"], "", {})
                if isinstance(value, Reference) and value.name in self.types:
                    inputs.append(value.name)
                    self._note_sizes(graph.tensor_values[value.name])
            elif kind in ("parameter", "buffer", "tensor_constant"):
                path, name = str(entry[f"{kind}_name"]), str(entry["arg"]["name"])
                own = first.setdefault(self._storage(path), path)
                learned = kind == "parameter" and self._has_gradient(path, graph.tensor_values[name])
                stored[name] = StoredTensor(path, own, learned)
        return stored, inputs

    def _note_sizes(self, meta: TensorMeta) -> None:
        """Note the sizes that the open axes of an input had in the example."""
        for name, size in zip(_shape(meta), meta.sizes, strict=True):
            hint = (size.get("as_expr") or {}).get("hint") or {}
            if isinstance(name, str) and isinstance(hint.get("as_int"), int):
                self.sizes[name] = hint["as_int"]

    def _has_gradient(self, path: str, meta: TensorMeta) -> bool:
        """Return whether a parameter has a gradient; programs of torch 2.4 say of none that it has."""
        payload = self.payloads.get(path)
        if payload is not None and payload.tensor_meta is not None:
            return payload.tensor_meta.requires_grad
        return meta.requires_grad or not self.says_gradients

    def _storage(self, path: str) -> Any:
        """Return the identity of a tensor's storage, equal for tensors that are the same."""
        payload = self.payloads.get(path)
        if payload is None or payload.tensor_meta is None or self._is_meta(path):
            return path
        if self.places[payload.path_name] == 1:  # as of nearly all
            return (payload.path_name,)
        meta = payload.tensor_meta
        return payload.path_name, repr((meta.sizes, meta.strides, meta.storage_offset))

    def _is_meta(self, path: str) -> bool:
        """Return whether a tensor has no numbers: all of these have one storage."""
        meta = self.payloads[path].tensor_meta
        return meta is not None and meta.device.get("type") == "meta"

    def _record(self, graph: _Graph, prefix: str) -> None:
        for name, meta in graph.tensor_values.items():
            self.types[prefix + name] = TensorType(_shape(meta), _DTYPES.get(meta.dtype, "unknown"))

    def _walk(self, graph: _Graph, prefix: str, bound: Mapping[str, Reference], depth: int) -> None:
        """Add the calls of a graph.

        Args:
            graph: The graph.
            prefix: What stands before its names; nothing for the outermost.
            bound: What its inputs are in the graph around it.
            depth: How many graphs are around it.
        """
        if len(graph.nodes) + len(self.calls) > MOST_CALLS:
            raise UnreadableProgram(f"more than {MOST_CALLS:,} calls")
        for number, node in enumerate(graph.nodes):
            operator = node.target.removeprefix("torch.ops.")
            if operator.rpartition(".")[2] in INLINED and self._inlined(node, prefix, bound, depth, number):
                continue
            arguments = {
                each.name or str(at): self._value(each.arg, prefix, bound) for at, each in enumerate(node.inputs)
            }
            outputs = tuple([prefix + name for each in node.outputs for name in _names(each)])
            stack = node.metadata.nn_module_stack.rpartition(";")[2].split(",")
            scope = scope_of(stack[1] if len(stack) > 1 else "")
            if len(stack) > 2 and is_container(stack[2]):
                self.containers.add(scope)
            self.calls.append(OperatorCall(operator, arguments, outputs, scope))

    def _inlined(self, node: _Node, prefix: str, bound: Mapping[str, Reference], depth: int, number: int) -> bool:
        """Add the calls of a graph that a node runs; return whether there is one."""
        place = next((at for at, each in enumerate(node.inputs) if "as_graph" in each.arg), None)
        if place is None or depth > _MOST_NESTED:
            return False
        inner = msgspec.convert(node.inputs[place].arg["as_graph"]["graph"], _Graph)
        own = f"{prefix}{number}."
        given = [self._value(each.arg, prefix, bound) for each in node.inputs[place + 1 :]]
        names = [name for each in inner.inputs for name in _names(each)]
        self._record(inner, own)
        inside = dict(zip(names, given, strict=True))
        self._walk(inner, own, inside, depth + 1)
        results = [self._value(each, own, inside) for each in inner.outputs]
        outer = [prefix + name for each in node.outputs for name in _names(each)]
        for name, value in zip(outer, results, strict=True):
            self.calls.append(OperatorCall("aten.alias.default", {"self": value}, (name,)))
        return True

    def _value(self, given: Value, prefix: str, bound: Mapping[str, Reference]) -> Any:
        """Return an argument: a value, a number, a text, or a list of these."""
        ((kind, value),) = given.items()
        if kind in ("as_tensor", "as_optional_tensor"):
            return self._tensor(value, prefix, bound)
        if kind in ("as_tensors", "as_optional_tensors"):
            return [self._tensor(each, prefix, bound) for each in value]
        if kind == "as_nested_tensors":
            return [[self._tensor(each, prefix, bound) for each in part] for part in value]
        if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
            return self._symbol(value, prefix, bound)
        if kind in ("as_sym_ints", "as_sym_floats", "as_sym_bools"):
            return [self._symbol(each, prefix, bound) for each in value]
        if kind == "as_float":
            return float(value)  # infinities and what is no number are texts
        if kind == "as_scalar_type":
            return _DTYPES.get(value, "unknown")
        if isinstance(value, (list, str)) and len(value) > (MOST_TEXT if isinstance(value, str) else MOST_NUMBERS):
            raise UnreadableProgram(f"an argument of {len(value):,} numbers or letters")
        if kind in ("as_int", "as_ints", "as_floats", "as_string", "as_strings", "as_bool", "as_bools", "as_int_lists"):
            return value
        return None

    def _tensor(self, given: Value, prefix: str, bound: Mapping[str, Reference]) -> Reference | None:
        if "as_none" in given:
            return None
        inner = given.get("as_tensor", given)
        return bound.get(inner["name"]) or Reference(prefix + inner["name"])

    def _symbol(self, given: Value, prefix: str, bound: Mapping[str, Reference]) -> Any:
        ((kind, value),) = given.items()
        return (bound.get(value) or Reference(prefix + value)) if kind == "as_name" else value


def _names(output: Value) -> list[str]:
    """Return the names that an output or an input of a graph gives."""
    ((kind, value),) = output.items()
    if kind == "as_tensors":
        return [str(each["name"]) for each in value]
    if kind == "as_optional_tensors":
        return [str(each["as_tensor"]["name"]) if "as_tensor" in each else "" for each in value]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return [str(value["as_name"])] if "as_name" in value else []
    return [str(value["name"])] if isinstance(value, dict) and "name" in value else [""]


def _shape(meta: TensorMeta) -> Shape:
    if len(meta.sizes) > MOST_AXES:
        raise UnreadableProgram(f"a tensor of {len(meta.sizes):,} axes")
    return tuple([_size(each) for each in meta.sizes])


def _size(given: Value) -> int | str:
    ((kind, value),) = given.items()
    if kind == "as_int":
        return int(value)
    text = str(value["expr_str"])
    return _SYMBOL.sub(r"\1", text)
