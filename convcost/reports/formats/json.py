"""JSON: one object, or a list of them for several specs; a layer a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import UNSET, Struct, json

from convcost.reports.table import Page, Report


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' data as JSON."""
    texts = ["".join(_object(report.data())) for report in reports]
    return texts[0] + "\n" if len(texts) == 1 else "[" + ",\n".join(texts) + "]\n"


def _object(document: Struct) -> Iterator[str]:
    """Write a document with a line for each key, and for each element of its lists of structures."""
    separator = "{\n"
    for key in document.__struct_fields__:
        value = getattr(document, key)
        if value is UNSET:
            continue
        yield f'{separator}  "{key}": '
        if isinstance(value, list) and value and isinstance(value[0], Struct | dict):
            yield "[\n    "
            lines = _encoder.encode_lines(value).decode()  # no line break is within one
            yield lines.removesuffix("\n").replace("\n", ",\n    ")
            yield "\n  ]"
        else:
            yield _encoder.encode(value).decode()
        separator = ",\n"
    yield "\n}"


_encoder = json.Encoder()
