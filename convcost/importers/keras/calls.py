"""How a configuration says what a layer reads: as Keras 3, Keras 2 and older ones write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct


class ValueReference(Struct, frozen=True):
    """A value by the layer that gives it.

    Attributes:
        key: The layer's name, which of its calls, and which of the values that this call gives.
        shape: The shape that the file records, with the batch; None where it does not.
    """

    key: tuple[str, int, int]
    shape: tuple[Any, ...] | None = None

    @property
    def layer(self) -> str:
        """The layer's name."""
        return self.key[0]


class LayerCall(Struct, frozen=True):
    """One call of a layer.

    Attributes:
        args: Its arguments: references, constants, and lists of these.
        kwargs: The same by name.
        references: The references among them.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    references: tuple[ValueReference, ...]


def calls_of(layer: Mapping[str, Any], named: Mapping[str, Any]) -> list[LayerCall]:
    """Return the calls of a layer.

    Args:
        layer: Its part of the configuration.
        named: The layers of the model by name.
    """
    nodes = layer.get("inbound_nodes")
    found = []
    for node in nodes if isinstance(nodes, list) else ():
        if isinstance(node, dict):
            read: list[ValueReference] = []
            given, named_ones = node.get("args"), node.get("kwargs")
            args = tuple([decoded(each, read) for each in given]) if isinstance(given, list) else ()
            kwargs = decoded(named_ones, read) if named_ones else {}
            kwargs = kwargs if isinstance(kwargs, dict) else {}
        else:
            args, kwargs = _old(node, named)
            read = [*_references([*args, kwargs])]
        found.append(LayerCall(args, kwargs, tuple(read)))
    return found


def decoded(item: Any, read: list[ValueReference]) -> Any:
    """Return arguments as Keras 3 writes them: tensors as references, arrays and slices as they are.

    Args:
        item: The arguments.
        read: The references in them are added to this list.
    """
    if isinstance(item, list):
        return [decoded(each, read) for each in item]
    if not isinstance(item, dict):
        return item
    kind, config = item.get("class_name"), item.get("config")
    if isinstance(config, dict):
        if kind == "__keras_tensor__":
            reference = _reference(config)
            read += [reference] if reference is not None else []
            return reference
        if kind in ("__tensor__", "__numpy__", "__bytes__"):
            return config.get("value")
        if kind == "__slice__":
            return slice(config.get("start"), config.get("stop"), config.get("step"))
        if kind == "__ellipsis__":
            return ...
    return {key: decoded(item[key], read) for key in sorted(item)}


def _reference(config: Mapping[str, Any]) -> ValueReference | None:
    history, shape = config.get("keras_history"), config.get("shape")
    if not isinstance(history, list) or not _is_reference(history):
        return None
    return ValueReference(tuple(history[:3]), tuple(shape) if isinstance(shape, list) else None)


def _is_reference(item: Any) -> bool:
    """Return whether something is the name of a layer, the number of a call, and that of a value."""
    if not isinstance(item, list) or not 3 <= len(item) <= 4 or not isinstance(item[0], str):
        return False
    return type(item[1]) is int and type(item[2]) is int


def _old(node: Any, named: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call as Keras 2 writes it: what is read, each with the arguments behind it."""
    parts = [node] if isinstance(node, list) and node and isinstance(node[0], str) else node
    first, kwargs = [], {}
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, list) or len(part) < 3:
            continue
        first.append(part[2] if part[0] == "_CONSTANT_VALUE" else _named(part, named))
        if len(part) > 3 and isinstance(part[3], dict):
            kwargs.update({key: _named(each, named) for key, each in part[3].items()})
    return ((first[0],) if len(first) == 1 else (first,)), kwargs


def _named(item: Any, named: Mapping[str, Any]) -> Any:
    """Return an argument: a reference where it is the name of a layer with two numbers."""
    if _is_reference(item) and item[0] in named:
        return ValueReference(tuple(item[:3]))
    if _is_reference(item) and item[0] == "_CONSTANT_VALUE":
        return item[2]
    return [_named(each, named) for each in item] if isinstance(item, list) else item


def references(item: Any, named: Mapping[str, Any]) -> Iterator[ValueReference]:
    """Yield the references of a model's inputs or outputs, which are one, a list, or have names."""
    if _is_reference(item) and item[0] in named:
        yield ValueReference(tuple(item[:3]))
    elif isinstance(item, list):
        for each in item:
            yield from references(each, named)
    elif isinstance(item, dict):
        for key in sorted(item, key=str):
            yield from references(item[key], named)


def _references(item: Any) -> Iterator[ValueReference]:
    if isinstance(item, ValueReference):
        yield item
    elif isinstance(item, dict):
        for key in sorted(item, key=str):
            yield from _references(item[key])
    elif isinstance(item, (list, tuple)):
        for each in item:
            yield from _references(each)


def mapped(item: Any, value_of: Callable[[ValueReference], Any]) -> Any:
    """Return arguments with the values that references mean."""
    if isinstance(item, ValueReference):
        return value_of(item)
    if isinstance(item, dict):
        return {key: mapped(each, value_of) for key, each in item.items()}
    if isinstance(item, (list, tuple)):
        return [mapped(each, value_of) for each in item]
    return item
