"""The rows of a part as the bytes of a file: CSV, JSON lines or Parquet.

A row has the values of the symbols that vary, the metrics, and why a point has no cost. Numbers are exact: in CSV a
fraction stands as a decimal where that is exact and short, in JSON lines as a text such as `1/3`; in Parquet symbols
whose values no 64-bit number holds exactly are texts, and a total beyond 64 bits is an error.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from itertools import chain, product
from typing import Any

from msgspec import Struct

from convcost.design_space.parts import GridPart, boxes_of, unpacked
from convcost.design_space.sweep_report import decimal
from convcost.design_space.task import Outcome, SweepLimit, SweepTask, as_number, plain, reason_of
from convcost.errors import ConvcostError, ErrorDetail, OptionError
from convcost.metrics import METRICS
from convcost.reports.formats.csv import cell

FORMATS = ("csv", "jsonl", "parquet")
_MOST_REASONS = 100  # told apart in one part


class TextOptions(Struct, frozen=True):
    """What a part's rows are.

    Attributes:
        format: One of `FORMATS`.
        where: What totals must satisfy for a point to have a row.
    """

    format: str
    where: tuple[SweepLimit, ...] = ()


class PartText(Struct, frozen=True):
    """The rows of a part.

    Attributes:
        data: The bytes.
        rows: How many rows there are.
        invalid: How many points have no cost, by the reason.
    """

    data: bytes
    rows: int
    invalid: Mapping[str, int]


class TextWork(Struct, frozen=True):
    """A function of a packed plan and a part, which other processes can be sent."""

    options: TextOptions

    def __call__(self, packed: bytes, part: GridPart) -> PartText:
        """Return the rows of a part."""
        return _text(self.options, _style(packed, self.options.format), part, unpacked(packed).outcomes(part))


def columns(task: SweepTask) -> tuple[str, ...]:
    """Return the names of the columns."""
    return (*[axis.name for axis in task.axes], *task.columns, "error")


def header(options: TextOptions, task: SweepTask) -> bytes:
    """Return the head of the file, before the rows of all parts."""
    return _csv_line(columns(task)).encode() if options.format == "csv" else b""


def check_format(format: str) -> None:
    """Raise `OptionError` where a format needs a package that is missing."""
    if format == "parquet":
        try:
            import_module("pyarrow.parquet")
        except ImportError:
            help = "pip install 'convcost[data]', or a path that ends with .csv or .jsonl"
            raise OptionError(ErrorDetail("Parquet needs the package pyarrow", help=help)) from None


@lru_cache(maxsize=4)
def _style(packed: bytes, format: str) -> _Style:
    """Return how rows are written: the texts of all values of symbols are made once in a process."""
    return {"csv": _CsvStyle, "jsonl": _JsonStyle, "parquet": _Style}[format](unpacked(packed).task)


def _text(options: TextOptions, style: _Style, part: GridPart, outcomes: Sequence[Outcome]) -> PartText:
    """Return the rows of a part whose outcomes are known."""
    task = style.task
    invalid: Counter[str] = Counter()
    if set(map(type, outcomes)) != {tuple}:
        invalid.update([each.details[0].message for each in outcomes if isinstance(each, ConvcostError)])
    if len(invalid) > _MOST_REASONS:
        most = dict(invalid.most_common(_MOST_REASONS))
        invalid = Counter(most | {"other reasons": sum(invalid.values()) - sum(most.values())})
    chosen: Sequence[int] = range(len(outcomes))
    if options.where:
        places = [(task.columns.index(each.metric), each) for each in options.where]
        chosen = [
            index
            for index, outcome in enumerate(outcomes)
            if not isinstance(outcome, ConvcostError)
            and all(each.holds(task.row(part.start + index, outcome)[place]) for place, each in places)
        ]
    if options.format == "parquet":
        return PartText(_parquet(task, part, outcomes, chosen), len(chosen), dict(invalid))
    lines: Iterable[str]
    plain_rows = not (invalid or options.where or task.measured)
    if plain_rows and set(map(type, chain.from_iterable(outcomes))) <= {int}:  # type: ignore[arg-type]
        lines = _whole_lines(style, task, part, outcomes)
    else:
        lines = [style.line(part.start + index, outcomes[index]) for index in chosen]
    return PartText("".join(lines).encode(), len(chosen), dict(invalid))


class _Style:
    """How a row is written.

    Attributes:
        texts: What each value of each axis adds to a line.
        template: A line of whole totals, behind the values of the axes.
    """

    texts: list[list[str]]
    template: str

    def __init__(self, task: SweepTask) -> None:
        self.task = task
        self.ratios = {name for name in task.metrics if METRICS[name].is_ratio}

    def line(self, index: int, outcome: Outcome) -> str:
        """Return a point's line."""
        raise NotImplementedError


class _CsvStyle(_Style):
    """A row as a line of CSV."""

    def __init__(self, task: SweepTask) -> None:
        super().__init__(task)
        self.texts = [[_csv_line([_value(value)])[:-1] + "," for value in axis.values] for axis in task.axes]
        self.template = "%s" + ",".join(["%s"] * len(task.metrics)) + ",\n"

    def line(self, index: int, outcome: Outcome) -> str:
        """Return a point's line."""
        task = self.task
        totals = [
            float(total) if total and name in self.ratios else _value(total)
            for name, total in zip(task.columns, task.row(index, outcome), strict=True)
        ]
        error = cell(reason_of(outcome)) if isinstance(outcome, ConvcostError) else ""
        return _csv_line([*map(_value, task.values(index)), *totals, error])


class _JsonStyle(_Style):
    """A row as an object of JSON on a line."""

    def __init__(self, task: SweepTask) -> None:
        super().__init__(task)
        self.names = columns(task)
        self.texts = [[f"{_json(axis.name)}:{_json(plain(each))}," for each in axis.values] for axis in task.axes]
        self.texts[0] = ["{" + text for text in self.texts[0]]
        totals = ",".join([f"{_json(name)}:%s" for name in task.metrics])
        self.template = "%s" + totals + ',"error":null}\n'

    def line(self, index: int, outcome: Outcome) -> str:
        """Return a point's line."""
        error = reason_of(outcome) if isinstance(outcome, ConvcostError) else None
        values = [*map(plain, self.task.values(index)), *map(as_number, self.task.row(index, outcome)), error]
        return _json(dict(zip(self.names, values, strict=True))) + "\n"


def _csv_line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _value(value: Any) -> Any:
    """Return a value as a cell of CSV."""
    if type(value) is int or value is None:
        return value
    return str(value).lower() if isinstance(value, bool) else cell(decimal(value))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _whole_lines(style: _Style, task: SweepTask, part: GridPart, outcomes: Sequence[Any]) -> Iterator[str]:
    """Yield the lines of points that all have whole totals, those of neighbours at once."""
    template, texts = style.template, style.texts
    at = 0
    for box in boxes_of(task.sizes, part):
        first, end = box[-1]
        last = texts[-1][first:end]
        for outer in product(*[table[one:other] for table, (one, other) in zip(texts, box[:-1], strict=False)]):
            prefix = "".join(outer)
            found = outcomes[at : at + len(last)]
            at += len(last)
            yield "".join([template % (prefix + text, *row) for text, row in zip(last, found, strict=True)])


def _parquet(task: SweepTask, part: GridPart, outcomes: Sequence[Outcome], chosen: Sequence[int]) -> bytes:
    """Return a file of Parquet with the rows of some points of a part."""
    pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    found: list[Any] = []
    stride = len(task)
    for axis in task.axes:
        stride //= len(axis.values)
        kind, values = _column(pyarrow, axis.values)
        size = len(values)
        found.append(pyarrow.array([values[(part.start + index) // stride % size] for index in chosen], kind))
    for place, metric in enumerate(task.metrics):
        totals = [None if isinstance(each := outcomes[index], ConvcostError) else each[place] for index in chosen]
        if METRICS[metric].is_ratio:
            floats = [None if total is None else float(total) for total in totals]
            found.append(pyarrow.array(floats, pyarrow.float64()))
            continue
        try:
            found.append(pyarrow.array(totals, pyarrow.int64()))
        except (OverflowError, ValueError, TypeError):  # pyarrow has its own classes of these
            help = "a path that ends with .csv or .jsonl: these hold any number"
            message = f"Parquet holds whole numbers of 64 bits, and {metric} is another one at some point"
            raise OptionError(ErrorDetail(message, help=help)) from None
    for place, _ in enumerate(task.measured.columns if task.measured else (), len(task.metrics)):
        measured = [task.row(part.start + index, outcomes[index])[place] for index in chosen]
        floats = [None if value is None else float(value) for value in measured]
        found.append(pyarrow.array(floats, pyarrow.float64()))
    errors = [reason_of(each) if isinstance(each := outcomes[index], ConvcostError) else None for index in chosen]
    found.append(pyarrow.array(errors, pyarrow.string()))
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_arrays(found, list(columns(task))), out)
    return out.getvalue()


def _column(pyarrow: Any, values: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """Return the type of a column that holds a symbol's values exactly, and the values of that type."""
    kinds = set(map(type, values))
    if kinds == {bool}:
        return pyarrow.bool_(), values
    if kinds == {int} and all(-_INT64 <= value < _INT64 for value in values):
        return pyarrow.int64(), values
    if kinds <= {int, Fraction} and all(abs(value) < _INT64 and Fraction(float(value)) == value for value in values):
        return pyarrow.float64(), [float(value) for value in values]
    return pyarrow.string(), [decimal(value) for value in values]


_INT64 = 1 << 63
