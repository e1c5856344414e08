"""Earlier JSON reports of `convcost analyze` and `convcost check`, read and checked: what networks cost then."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from convcost import files
from convcost.cost.analysis import LayerCost
from convcost.documents import READABLE
from convcost.documents.analysis import Entry, NetworkDocument
from convcost.documents.numbers import Head, kinds
from convcost.errors import BaselineError, ErrorDetail, Place
from convcost.metrics import METRICS, counts, standard
from convcost.network import Network
from convcost.ops import KINDS, Cost, Ledger


class NotRecorded(Exception):
    """Raised when a report does not contain a metric.

    Args:
        metric: The metric.
    """

    def __init__(self, metric: str) -> None:
        super().__init__(metric)
        self.metric = metric


class Recorded(Struct, frozen=True):
    """A network's entry in an earlier report.

    Attributes:
        entry: The part of the report.
        names: The metrics that it tells.
        version: The version of the report's structure.
        has_other_types: Whether its numbers have other types than those of the network that it is compared with, so
            that nothing in bytes compares.
    """

    entry: Entry[Any, Any]
    names: tuple[str, ...]
    version: int
    has_other_types: bool = False

    @property
    def network(self) -> NetworkDocument:
        """The network's description."""
        return self.entry.network

    @property
    def whole(self) -> bool:
        """Whether each row is one layer and no layer is left out; rows of several have a type such as `3 layers`."""
        return not self.entry.left_out and all(row.type.isidentifier() for row in self.entry.layers)

    @property
    def total(self) -> Cost:
        """The network's cost."""
        return _cost(self.entry.total)

    def layers(self, network: Network | None = None) -> tuple[LayerCost, ...]:
        """Return the rows as layer costs, without ratios and notes.

        Args:
            network: The network of today: a row of a report of version 1 has the name that its layer has now.
        """
        former: dict[str, tuple[str, ...]] = {}
        if self.version == 1 and network is not None:
            former = {"/".join(layer.former): layer.path for layer in network.layers if layer.former}
        return tuple([_layer(row, former.get(row.name) or tuple(row.name.split("/"))) for row in self.entry.layers])

    def values(self, metric: str) -> Sequence[Any]:
        """Return each row's value of a metric.

        Raises:
            NotRecorded: The report does not tell it.
        """
        return [self._value(row, metric) for row in self.entry.layers]

    def value(self, metric: str) -> Any:
        """Return the network's value of a metric.

        Raises:
            NotRecorded: The report does not tell it.
        """
        return self._value(self.entry.total, metric)

    def _value(self, numbers: Any, metric: str) -> Any:
        if self.has_other_types and METRICS[metric].depends_on_types:
            raise NotRecorded(f"{metric} at these types of numbers")
        return _value(numbers, metric)


def _value(numbers: Any, metric: str) -> Any:
    kind = metric.removeprefix("ops_")
    if kind != metric and kind in KINDS:
        return numbers.ops.get(kind, 0)
    value = getattr(numbers, metric, UNSET)
    if value is UNSET:
        raise NotRecorded(metric)
    return Fraction(value) if METRICS[metric].is_ratio and value is not None else value


def _cost(numbers: Any) -> Cost:
    """Return a cost in a report, without the kinds of operations that this version does not know."""
    ledger = Ledger(**{kind: numbers.ops[kind] for kind in KINDS if kind in numbers.ops})
    return Cost(numbers.params, numbers.buffers, ledger, numbers.macs, numbers.useful_mults)


def _layer(row: Any, path: tuple[str, ...]) -> LayerCost:
    inputs = [tuple(part) for part in row.input_shape if isinstance(part, list)]
    alone = tuple([part for part in row.input_shape if isinstance(part, int)])
    return LayerCost(
        path=path,
        name="/".join(path),
        type=row.type,
        line=row.line or 0,
        input_shapes=tuple(inputs) or (alone,),
        output_shape=tuple(row.output_shape),
        output_values=row.output_values,
        cost=_cost(row),
        ratio=None,
        notes=(),
    )


def read(path: str, *, batch: int = 1, fold: bool = True) -> tuple[Recorded, ...]:
    """Return the entries of a report.

    Args:
        path: The report's path.
        batch: How many inputs its operations are to be counted for.
        fold: Whether batch norms are to be folded in it.

    Raises:
        BaselineError: It cannot be read, is no such report, tells numbers that do not compare, or contradicts itself.
    """
    convention: dict[str, Any] = {"batch": batch, "fold": fold}
    entries = tuple([_entry(path, *part, **convention) for part in _parts(path, _data(path))])
    if not entries:
        raise _no_report(path, "", "it tells of no network")
    return entries


def detail(path: str, message: str, where: str = "", found: str = "") -> ErrorDetail:
    """Return the error of a report, with the command that makes a right one."""
    return ErrorDetail(message, Place(path), where, found, _command(path))


def _data(path: str) -> Any:
    """Return the data of a JSON file."""
    try:
        text = files.read(path, files.REPORT_BYTES).decode("utf-8-sig")
    except files.RefusedFile as refused:
        found, help = refused.found, refused.help or _command(path)
        raise BaselineError(
            ErrorDetail(f"the report cannot be read: {refused.reason}", Place(path), "", found, help)
        ) from None
    except FileNotFoundError:
        raise BaselineError(ErrorDetail(f"there is no report {path!r}", help=_command(path))) from None
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02x}"
        help = "convcost analyze SPEC… -o json:PATH writes UTF-8, in every shell"
        raise BaselineError(ErrorDetail("the report is not UTF-8", Place(path), found=found, help=help)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BaselineError(detail(path, "the report cannot be read", found=reason or "")) from None
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError as error:  # a number beyond any report's
        raise _no_report(path, "", str(error)) from None
    except msgspec.DecodeError as error:
        raise BaselineError(_no_json(path, text, str(error))) from None
    except RecursionError:
        raise _no_report(path, "", "it nests too deep") from None


def _no_json(path: str, text: str, message: str) -> ErrorDetail:
    """Return the error of a text that is not JSON, at the byte that msgspec names, or at its end."""
    if not text.strip():
        return detail(path, "the report is empty")
    _, found, number = message.rpartition("(byte ")
    end = len(text.rstrip().encode())
    at = int(number.rstrip(")")) if found else end
    lines = text.encode()[:at].decode("utf-8", "ignore").split("\n")
    return ErrorDetail(
        "the report is not JSON",
        Place(path, len(lines), len(lines[-1]) + 1),
        found="it ends here" if at >= end else "",
        help=_command(path),
        source=text.split("\n")[len(lines) - 1],
    )


def _parts(path: str, data: Any) -> Iterator[tuple[str, Any, int]]:
    """Yield the networks of a report, each with its place in it and its version."""
    if not isinstance(data, list):
        yield from _within(path, "", data)
        return
    for index, each in enumerate(data):
        yield from _within(path, f"[{index}]", each)


def _within(path: str, where: str, top: Any) -> Iterator[tuple[str, Any, int]]:
    if not isinstance(top, dict):
        raise _no_report(path, where, "it is no object")
    if "schema_version" not in top:
        raise _no_report(path, where, "`schema_version` is missing")
    version = top["schema_version"]
    if version not in READABLE or type(version) is not int:
        found = f"schema_version {version}; this convcost knows {' and '.join(map(str, READABLE))}"
        raise BaselineError(detail(path, "the report is of another version", where, found))
    if isinstance(tool := top.get("tool"), dict):
        found = f"it counts as {tool.get('title')} does"
        raise BaselineError(detail(path, "a report under another tool's convention is no baseline", where, found))
    if not isinstance(top.get("networks"), list):
        yield where, top, version
        return
    start = f"{where}.networks" if where else "networks"
    for index, each in enumerate(top["networks"]):
        yield f"{start}[{index}]", each, version


def _entry(path: str, where: str, given: Any, version: int, *, batch: int, fold: bool) -> Recorded:
    """Return a report's entry for a network, where it can be compared."""
    if isinstance(given, dict) and "free" in given:
        raise BaselineError(detail(path, "the report tells formulas", where, "it was made with --free"))
    if isinstance(given, dict) and given.get("incomplete"):
        raise BaselineError(detail(path, "the report's totals are lower bounds", where, "operations are not counted"))
    if version == 1:
        _rename(given)
    names = _metric_names(given)
    known = kinds(names)
    try:
        entry = msgspec.convert(given, Entry[known.row, known.total])  # type: ignore[name-defined]
    except msgspec.ValidationError as error:
        message, _, inner = str(error).partition(" - at `$")
        raise _no_report(path, (where + inner.rstrip("`")).lstrip("."), message) from None
    convention = entry.convention
    if (convention.batch, convention.fold) != (batch, fold):
        made = f"with --batch {convention.batch}"
        if convention.batch == batch:
            made = "without --no-fold" if convention.fold else "with --no-fold"
        options = (f" --batch {batch}" if batch != 1 else "") + ("" if fold else " --no-fold")
        help = _command(path, options)
        message = "the report's numbers do not compare"
        raise BaselineError(ErrorDetail(message, Place(path), where, f"it was made {made}", help))
    recorded = Recorded(entry, names, version)
    for wrong in _contradictions(recorded):
        raise BaselineError(detail(path, "the report contradicts itself", where, wrong))
    return recorded


def _metric_names(given: Any) -> tuple[str, ...]:
    """Return the metrics in a report: the standard ones, and further ones that its total has."""
    total = given.get("total") if isinstance(given, dict) else None
    more = [name for name in total if name != "ops" and name in METRICS] if isinstance(total, dict) else []
    return tuple(dict.fromkeys([*(metric.name for metric in standard()), *more]))


def _rename(given: Any) -> None:
    """Give the numbers of a report of version 1 their names of today, in place."""
    rows = [given.get("total"), *_listed(given.get("layers"))] if isinstance(given, dict) else []
    for row in rows:
        if isinstance(row, dict) and "activations" in row:
            row["output_values"] = row.pop("activations")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _contradictions(recorded: Recorded) -> Iterator[str]:
    """Yield the contradictions in a report."""
    entry = recorded.entry
    for row in (*entry.layers, entry.total):
        whose = row.name if isinstance(row, Head) else "the total"
        for name, number in counts(_cost(row)).items():
            if getattr(row, name) != number:
                yield f"{name} of {whose} is {getattr(row, name):,}, but {number:,} by its ops"
    if entry.left_out:
        return
    sums = _sums(_plain(row, recorded.names) for row in entry.layers)
    whole = _plain(entry.total, recorded.names)
    for name in {**whole, **sums}:
        added, given = sums.get(name, 0), whole.get(name, 0)
        if added != given:
            yield f"{name} of the layers add up to {added:,}, but the total says {given:,}"


def _plain(numbers: Any, names: Iterable[str]) -> dict[str, int]:
    """Return every number that adds up, by its name."""
    found = {name: getattr(numbers, name) for name in names if METRICS[name].adds_up}
    kinds = {f"ops.{kind}": count for kind, count in numbers.ops.items()}
    return {name: number for name, number in found.items() if number is not UNSET} | kinds


def _sums(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        for name, number in row.items():
            sums[name] = sums.get(name, 0) + number
    return sums


def _no_report(path: str, where: str, found: str) -> BaselineError:
    return BaselineError(detail(path, "this is no report of convcost analyze or convcost check", where, found))


def _command(path: str, options: str = "") -> str:
    name = path if path.endswith(".json") else "baseline.json"  # not over what is no report
    return f"convcost analyze SPEC…{options} -f json > {shlex.quote(name)}, at the state to compare with"
