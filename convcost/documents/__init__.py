"""The documents: what each JSON report holds, as typed structures that write it and read it back; no arithmetic."""

from __future__ import annotations

from typing import Any

import msgspec

VERSION = 2
"""The version of all reports."""
READABLE = (1, VERSION)
"""The versions that are read as baselines; in version 1 `activations` are what `output_values` are now."""


def as_dict(document: msgspec.Struct) -> dict[str, Any]:
    """Return a document as plain data: mappings, lists, texts and numbers."""
    data: dict[str, Any] = _lists(msgspec.to_builtins(document))
    return data


def _lists(data: Any) -> Any:
    """Return plain data with lists for tuples."""
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    return [*map(_lists, data)] if isinstance(data, (list, tuple)) else data


def as_text(data: dict[str, Any]) -> str:
    """Return plain data as the text of a JSON object."""
    return msgspec.json.encode(data).decode()
