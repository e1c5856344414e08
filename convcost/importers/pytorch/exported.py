"""An exported program of torch, in memory, to a `Program`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from convcost.importers.pytorch.program import (
    INLINED,
    OperatorCall,
    Program,
    Reference,
    StoredTensor,
    TensorType,
    is_container,
    scope_of,
)


def exported(torch: Any, program: Any, names: Sequence[str] = (), title: str = "program") -> Program:
    """Return an exported program as a `Program`.

    Args:
        torch: The package.
        program: The exported program.
        names: The names of its open axes, in the order in which its inputs have them.
        title: What it is called.
    """
    return replace(_Walk(torch, program, names).program(), name=title)


class _Walk:
    """Walks the nodes of an exported program."""

    def __init__(self, torch: Any, program: Any, names: Sequence[str]) -> None:
        self.torch = torch
        self.names = list(dict.fromkeys(names))
        self.symbols: dict[str, str] = {}  # the names of symbols
        self.sizes: dict[str, int] = {}
        self.exported = program
        self.calls: list[OperatorCall] = []
        self.types: dict[str, TensorType] = {}
        self.containers: set[str] = set()
        self.parts: dict[str, tuple[Any, ...]] = {}  # what a call of several outputs gives
        self.same: dict[str, Any] = {}  # what a node stands for

    def program(self) -> Program:
        signature = self.exported.graph_signature
        module = self.exported.graph_module
        holders = [node for node in module.graph.nodes if node.op == "placeholder"]
        self._name_symbols([node for node in holders if node.name in signature.user_inputs])
        for node in holders:
            self._record(node.name, node.meta.get("val"))
        given = self._flat(self._walk(module, ""))
        kinds = [spec.kind.name for spec in signature.output_specs]
        kept = [each for each, kind in zip(given, kinds, strict=True) if kind == "USER_OUTPUT"]
        outputs = [each.name for each in kept if isinstance(each, Reference)]
        inputs = [name for name in signature.user_inputs if isinstance(name, str) and name in self.types]
        producer = f"torch {self.torch.__version__.partition('+')[0]}"
        stored = self._stored(signature)
        calls, containers = tuple(self.calls), frozenset(self.containers)
        return Program(
            producer, tuple(inputs), tuple(outputs), calls, stored, self.types, self.sizes, containers=containers
        )

    def _name_symbols(self, holders: Sequence[Any]) -> None:
        """Name the symbols of inputs as they were given, and note their sizes in the example."""
        found: dict[str, int | None] = {}
        for holder in holders:
            for size in getattr(holder.meta.get("val"), "shape", ()):
                text, hint = str(_expression(size)), getattr(getattr(size, "node", None), "hint", None)
                if text.isidentifier():
                    found.setdefault(text, hint)
                elif isinstance(hint, int):  # of an axis that is an expression of symbols
                    self.sizes[text] = hint
        names = self.names if len(self.names) == len(found) else list(found)
        self.symbols = dict(zip(found, names, strict=True))
        self.sizes |= {self.symbols[symbol]: hint for symbol, hint in found.items() if isinstance(hint, int)}

    def _size(self, size: Any) -> int | str:
        """Return a size that may be a symbol, or an expression."""
        if isinstance(size, int):
            return size
        text = str(_expression(size))
        return int(text) if text.isdigit() else self.symbols.get(text, text)

    def _stored(self, signature: Any) -> dict[str, StoredTensor]:
        names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        constants = getattr(signature, "inputs_to_lifted_tensor_constants", {})
        first: dict[int, str] = {}
        stored = {}
        for placeholder, name in {**names, **constants}.items():
            tensor = self.exported.state_dict.get(name)
            tensor = self.exported.constants.get(name) if tensor is None else tensor
            own = name if tensor is None else first.setdefault(id(tensor), name)
            learned = placeholder in signature.inputs_to_parameters and bool(getattr(tensor, "requires_grad", True))
            stored[placeholder] = StoredTensor(name, own, learned)
        return stored

    def _flat(self, value: Any) -> list[Any]:
        if isinstance(value, (list, tuple)):
            return [each for part in value for each in self._flat(part)]
        return self._flat(list(value.values())) if isinstance(value, dict) else [value]

    def _walk(self, module: Any, prefix: str) -> Any:
        """Add the calls of a graph, and return what it gives.

        Args:
            module: The graph's module.
            prefix: What stands before its names; nothing for the outermost.
        """
        for node in module.graph.nodes:
            if node.op == "call_function":
                self._call(node, module, prefix)
            elif node.op == "output":
                return self._value(node.args[0], prefix)
        return ()

    def _call(self, node: Any, module: Any, prefix: str) -> None:
        target, own = node.target, prefix + node.name
        first = node.args[0] if node.args else None
        parts = self.parts.get(prefix + getattr(first, "name", ""))
        if getattr(target, "__name__", "") == "getitem" and parts is not None:
            self.same[own] = parts[node.args[1]]
            return
        if self._operator(target).rpartition(".")[2] in INLINED:
            self._inline(node, module, prefix)
            return
        names = self._names(target, len(node.args))
        given = [self._value(each, prefix) for each in node.args]
        arguments = dict(zip(names, given, strict=False))
        arguments |= {name: self._value(value, prefix) for name, value in node.kwargs.items()}
        self.calls.append(OperatorCall(self._operator(target), arguments, self._outputs(node, own), self._scope(node)))

    def _inline(self, node: Any, module: Any, prefix: str) -> None:
        """Add the calls of a graph that a node runs."""
        own = prefix + node.name
        place = next(at for at, each in enumerate(node.args) if getattr(each, "op", "") == "get_attr")
        inner = getattr(module, node.args[place].target)
        holders = [each for each in inner.graph.nodes if each.op == "placeholder"]
        for holder, given in zip(holders, node.args[place + 1 :], strict=True):
            self.same[f"{own}.{holder.name}"] = self._value(given, prefix)
        results = self._walk(inner, f"{own}.")
        if isinstance(results, (list, tuple)):
            self.parts[own] = tuple(results)
        else:
            self.same[own] = results

    def _operator(self, target: Any) -> str:
        if getattr(target, "_schema", None) is not None:
            return str(target)
        return f"{getattr(target, '__module__', '')}.{getattr(target, '__name__', target)}"

    def _names(self, target: Any, count: int) -> list[str]:
        schema = getattr(target, "_schema", None)
        if schema is not None:
            return [each.name for each in schema.arguments]
        return list("ab")[:count] if count <= 2 else [str(at) for at in range(count)]

    def _outputs(self, node: Any, own: str) -> tuple[str, ...]:
        value = node.meta.get("val")
        if isinstance(value, (list, tuple)):
            names = tuple([f"{own}_{at}" for at in range(len(value))])
            self.parts[own] = tuple([Reference(name) for name in names])
            for name, part in zip(names, value, strict=True):
                self._record(name, part)
            return names
        self._record(own, value)
        return (own,)

    def _record(self, name: str, value: Any) -> None:
        if isinstance(value, self.torch.Tensor):
            shape = tuple([self._size(size) for size in value.shape])
            self.types[name] = TensorType(shape, str(value.dtype).removeprefix("torch."))

    def _scope(self, node: Any) -> str:
        stack = node.meta.get("nn_module_stack") or {}
        last = next(reversed(stack.values()), ("", "torch.nn.Module"))
        scope = scope_of(last[0])
        if is_container(_class_name(last[1])):
            self.containers.add(scope)
        return scope

    def _value(self, value: Any, prefix: str) -> Any:
        if isinstance(value, self.torch.fx.Node):
            name = prefix + value.name
            return self.same[name] if name in self.same else Reference(name)
        if isinstance(value, (list, tuple)):
            return [self._value(each, prefix) for each in value]
        if isinstance(value, dict):
            return {key: self._value(each, prefix) for key, each in value.items()}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, self.torch.dtype):
            return str(value).removeprefix("torch.")
        return None  # a device, a layout or a format in memory


def _class_name(module_class: Any) -> str:
    """Return the full name of a class of modules, which versions of PyTorch give as a class or as its name."""
    return module_class if isinstance(module_class, str) else f"{module_class.__module__}.{module_class.__qualname__}"


def _expression(size: Any) -> Any:
    return getattr(getattr(size, "node", None), "expr", size)
