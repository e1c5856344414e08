"""Errors and warnings about a model file: at its modules, not at lines of the text that was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from convcost.errors import ErrorDetail, Place, WarningDetail
from convcost.network import Layer

_MOST_NAMED = 3

Detail = TypeVar("Detail", ErrorDetail, WarningDetail)


def by_line(layers: Iterable[Layer]) -> dict[int, list[str]]:
    """Return the modules of the layers that each line of the text writes; of one without a module its name.

    Norms and activations that stand with a layer are left out.
    """
    found: dict[int, list[str]] = {}
    types: dict[int, str] = {}
    for layer in layers:
        if types.setdefault(layer.item[0], layer.type) == layer.type:
            found.setdefault(layer.item[0], []).append(layer.origin or layer.name)
    return found


def at_modules(details: Iterable[Detail], modules: Mapping[int, list[str]]) -> list[Detail]:
    """Return details whose places are modules of a model file, each once; those without a line stay as they are.

    Args:
        details: The details, at lines of the text.
        modules: The modules that each line writes.
    """
    found = [_at_module(detail, modules) if detail.place and detail.place.line else detail for detail in details]
    return list(dict.fromkeys(found))


def _at_module(detail: Detail, modules: Mapping[int, list[str]]) -> Detail:
    assert detail.place is not None
    names = list(dict.fromkeys(modules.get(detail.place.line, ())))
    more = ", …" if len(names) > _MOST_NAMED else ""
    path = f"one of {', '.join(names[:_MOST_NAMED])}{more}" if len(names) > 1 else names[0] if names else detail.path
    return replace(detail, place=Place(detail.place.file), path=path, note="", source="")
