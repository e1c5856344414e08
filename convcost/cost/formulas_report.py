"""The report of the layer types' formulas in the papers' symbols."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from convcost.cost.formulas import Formulas, Quotient, Sheet
from convcost.cost.symbols import SYMBOLS
from convcost.documents import formulas as documents
from convcost.reports.folding import MOST_ROWS
from convcost.reports.table import Column, Row, Table, counted, grouped, percent
from convcost.symbolic import Formula

_COLUMNS = (Column("Layer type", role="name"), Column("Formula"))


class FormulasReport(Struct, frozen=True):
    """The formulas of layer types for every format.

    Attributes:
        sheets: The formulas.
        quotients: What some convolutions cost of others.
        style: How they are written: `unicode` or `latex`.
    """

    sheets: Sequence[Sheet]
    quotients: Sequence[Quotient]
    style: str = "unicode"

    @classmethod
    def of(cls, formulas: Formulas, style: str = "unicode") -> FormulasReport:
        """Return the report of formulas, written in a style."""
        return cls(formulas.sheets, formulas.quotients, style)

    def data(self) -> Struct:
        """Return the formulas as a document."""
        return documents.FormulasDocument(
            letters=dict(self._symbols()),
            formulas=[
                {
                    "type": sheet.type,
                    "variant": sheet.variant or None,
                    **{name.replace(" ", "_"): self._plain(value) for name, value in _quantities(sheet)},
                    "conditions": list(sheet.conditions),
                }
                for sheet in self.sheets
            ],
            ratios=[
                documents.QuotientDocument(
                    name=each.name, mults=self._plain(each.mults), params=self._plain(each.params)
                )
                for each in self.quotients
            ],
        )

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each formula."""
        rows = [
            {"type": sheet.type, "variant": sheet.variant, "quantity": name, "formula": self._plain(value)}
            for sheet in self.sheets
            for name, value in _quantities(sheet)
        ]
        for each in self.quotients:
            for name, value in ("mults", each.mults), ("params", each.params):
                row = {
                    "type": f"{each.name} / standard",
                    "variant": "",
                    "quantity": name,
                    "formula": self._plain(value),
                }
                rows.append(row)
        return rows

    def table(self) -> Table:
        """Return the table: for each type the output, the parameters and the operations."""
        rows = []
        for sheet in self.sheets:
            rows.append(Row((sheet.type + (f" ({sheet.variant})" if sheet.variant else ""), ""), "heading"))
            rows += [Row((f"  {name}", self._text(value)), "ordinary") for name, value in _quantities(sheet)]
        ratios = [
            Row((each.name, *[self._text(share, factor=False) for share in (each.mults, each.params)]), "ordinary")
            for each in self.quotients
        ]
        more = Table(
            title="What a convolution costs of the standard one with the same shape",
            subtitle=(),
            columns=(Column("Convolution", role="name"), Column("Mults"), Column("Params")),
            rows=ratios,
            total=("", "", ""),
            footer=("Without biases but where it says so; the quotients of the formulas, in lowest terms.",),
        )
        return Table(
            title="Formulas of the layer types",
            subtitle=("For one input of M channels and size Di on both axes; squares stand for the two axes.",),
            columns=_COLUMNS,
            rows=rows,
            total=(counted(len(self.sheets), "layer type"), ""),
            footer=tuple(self._footer()),
            more=(more,) if ratios else (),
        )

    def markdown(self) -> str:
        """Return the tables as Markdown with formulas in LaTeX, as notebooks set them; long ones fold."""
        table = self.table()
        rows = [("Layer type", "", "Formula"), ("---", "---", "---")]
        for sheet in self.sheets:
            for number, (name, value) in enumerate(_quantities(sheet)):
                variant = f" ({sheet.variant})" if sheet.variant else ""
                rows.append((f"`{sheet.type}`{variant}" if number == 0 else "", name, self._math(value)))
        text = _markdown_rows(rows)
        if len(rows) - 2 > MOST_ROWS:
            summary = f"{counted(len(rows) - 2, 'formula')} of {counted(len(self.sheets), 'layer type')}"
            text = f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
        parts = [f"**{table.title}**", *table.subtitle, text, *table.footer]
        if self.quotients:
            shares = [(each.name, self._math(each.mults), self._math(each.params)) for each in self.quotients]
            parts += [f"**{table.more[0].title}**"]
            parts += [_markdown_rows([("Convolution", "Mults", "Params"), ("---", "---", "---"), *shares])]
        return "\n\n".join(parts) + "\n"

    def _math(self, value: Any) -> str:
        return f"${value.text('latex')}$" if isinstance(value, Formula) else self._text(value)

    def _footer(self) -> Iterator[str]:
        text = " ".join(str(value) for sheet in self.sheets for _, value in _quantities(sheet))
        found = set(re.findall(r"[^\W\d_]+\d*", text))
        used = [f"{name} {meaning}" for name, meaning in self._symbols().items() if name in found]
        if used:
            yield "; ".join(used) + "."
        yield "Each is what the layer type's own code gives for these symbols."
        for sheet in self.sheets if len(self.sheets) <= 3 else ():
            if sheet.conditions:
                yield f"{sheet.type}: where {', '.join(sheet.conditions)}."

    def _symbols(self) -> Mapping[str, str]:
        own = {name: meaning for sheet in self.sheets for name, meaning in sheet.symbols.items()}
        return {**own, **SYMBOLS}

    def _text(self, value: Any, *, factor: bool = True) -> str:
        if isinstance(value, Formula):
            text = value.text(self.style, factor=factor)
            return text if self.style == "latex" else grouped(text)
        return grouped(value) if isinstance(value, int) else f"{value} = {percent(value)}".replace("= ≈", "≈ ")

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Formula):
            return value.text("latex" if self.style == "latex" else "plain")
        return value if isinstance(value, int) or value is None else str(value)


def _markdown_rows(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _quantities(sheet: Sheet) -> Iterator[tuple[str, Any]]:
    """Yield the quantities of a sheet by name."""
    if sheet.axes:
        yield from ((f"output axis {number}", size) for number, size in enumerate(sheet.axes, 1))
    else:
        yield "output channels" if sheet.size is not None else "output", sheet.channels
    if sheet.size is not None:
        yield "output size", sheet.size
    cost = sheet.cost
    if cost.params.__class__ is not int or cost.params:
        yield "params", cost.params
    if cost.buffers.__class__ is not int or cost.buffers:
        yield "buffers", cost.buffers
    yield from cost.ops.to_dict().items()
    for field, more in sheet.extra.items():
        for name, value in {"params": more.params, **more.ops.to_dict()}.items():
            yield f"{name} of {field}", value
