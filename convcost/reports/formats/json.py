"""JSON: one object, or a list of them for several specs; a layer a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import json

from convcost.reports.contents import Page, Report


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' data as JSON."""
    texts = ["".join(_object(report.data())) for report in reports]
    return texts[0] + "\n" if len(texts) == 1 else "[" + ",\n".join(texts) + "]\n"


def _object(data: Mapping[str, Any]) -> Iterator[str]:
    """Write a mapping with a line for each key, and for each element of its lists of mappings."""
    separator = "{\n"
    for key, value in data.items():
        yield f'{separator}  "{key}": '
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            yield "[\n    "
            yield ",\n    ".join([_encoder.encode(element).decode() for element in value])
            yield "\n  ]"
        else:
            yield _encoder.encode(value).decode()
        separator = ",\n"
    yield "\n}"


_encoder = json.Encoder()
