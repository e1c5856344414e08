"""Earlier JSON reports of `convcost analyze` and `convcost check`, read and checked: what networks cost then."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from convcost import files
from convcost.analysis.cost import SCHEMA_VERSION, LayerCost, costs
from convcost.errors import BaselineError, Fault, Place
from convcost.ops import KINDS, Cost, Ledger

Count = Annotated[int, Meta(ge=0)]


class Numbers(Struct, frozen=True, kw_only=True):
    """What a row of a report, or its total, says that it costs."""

    activations: Count
    params: Count
    buffers: Count
    mults: Count
    adds: Count
    macs: Count
    flops: Count
    useful_mults: Count
    ops: dict[str, Count]

    def cost(self) -> Cost:
        """Return the cost; kinds of operations that this version does not know are left out."""
        ledger = Ledger(**{kind: self.ops[kind] for kind in KINDS if kind in self.ops})
        return Cost(self.params, self.buffers, ledger, self.macs, self.useful_mults)

    def plain(self) -> dict[str, int]:
        """Return every number by its name."""
        kinds = {f"ops.{kind}": count for kind, count in self.ops.items()}
        return {name: getattr(self, name) for name in _NAMES} | kinds


_NAMES = tuple(name for name in Numbers.__struct_fields__ if name != "ops")


class Row(Numbers, frozen=True, kw_only=True):
    """A row of a report: a layer, or several in one."""

    name: str
    type: str
    line: Count | None
    input_shape: list[Count | list[Count]]
    output_shape: list[Count]

    def layer(self) -> LayerCost:
        """Return the row as what it was made from, without its ratio and its notes."""
        inputs = [tuple(part) for part in self.input_shape if isinstance(part, list)]
        alone = tuple([part for part in self.input_shape if isinstance(part, int)])
        return LayerCost(
            path=tuple(self.name.split("/")),
            name=self.name,
            type=self.type,
            line=self.line or 0,
            input_shapes=tuple(inputs) or (alone,),
            output_shape=tuple(self.output_shape),
            activations=self.activations,
            cost=self.cost(),
            ratio=None,
            notes=(),
        )


class Whose(Struct, frozen=True):
    """Which network a report tells of."""

    name: str | None
    file: str | None
    symbols: dict[str, Any]

    @property
    def is_file(self) -> bool:
        """Whether it was read from a file, not from `<stdin>` or a mapping."""
        return bool(self.file) and not str(self.file).startswith("<")


class Convention(Struct, frozen=True):
    """What the numbers count."""

    batch: Count
    fold: bool


class Entry(Struct, frozen=True, kw_only=True):
    """One network of a report."""

    network: Whose
    convention: Convention
    layers: list[Row]
    total: Numbers
    left_out: Count = 0

    @property
    def whole(self) -> bool:
        """Whether each row is one layer and no layer is left out; rows of several have a type such as `3 layers`."""
        return not self.left_out and all(row.type.isidentifier() for row in self.layers)


def read(path: str) -> tuple[Entry, ...]:
    """Return what a report tells.

    Args:
        path: The report's path.

    Raises:
        BaselineError: It cannot be read, is no such report, tells numbers that do not compare, or contradicts itself.
    """
    entries = tuple([_entry(path, where, each) for where, each in _parts(path, _data(path))])
    if not entries:
        raise _no_report(path, "", "it tells of no network")
    return entries


def fault(path: str, message: str, where: str = "", found: str = "") -> Fault:
    """Return what is wrong with a report, with the command that makes a right one."""
    return Fault(message, Place(path), where, found, _command(path))


def _data(path: str) -> Any:
    """Return the data of a JSON file."""
    try:
        text = files.read(path, files.REPORT_BYTES).decode("utf-8-sig")
    except files.RefusedFile as refused:
        found, help = refused.found, refused.help or _command(path)
        raise BaselineError(
            Fault(f"the report cannot be read: {refused.reason}", Place(path), "", found, help)
        ) from None
    except FileNotFoundError:
        raise BaselineError(Fault(f"there is no report {path!r}", help=_command(path))) from None
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02x}"
        help = "convcost analyze SPEC… -o json:PATH writes UTF-8, in every shell"
        raise BaselineError(Fault("the report is not UTF-8", Place(path), found=found, help=help)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BaselineError(fault(path, "the report cannot be read", found=reason or "")) from None
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError as error:  # a number beyond any report's
        raise _no_report(path, "", str(error)) from None
    except msgspec.DecodeError as error:
        raise BaselineError(_no_json(path, text, str(error))) from None
    except RecursionError:
        raise _no_report(path, "", "it nests too deep") from None


def _no_json(path: str, text: str, told: str) -> Fault:
    """Return the fault of a text that is not JSON, at the byte that msgspec tells of, or at its end."""
    if not text.strip():
        return fault(path, "the report is empty")
    _, found, number = told.rpartition("(byte ")
    end = len(text.rstrip().encode())
    at = int(number.rstrip(")")) if found else end
    lines = text.encode()[:at].decode("utf-8", "ignore").split("\n")
    return Fault(
        "the report is not JSON",
        Place(path, len(lines), len(lines[-1]) + 1),
        found="it ends here" if at >= end else "",
        help=_command(path),
        source=text.split("\n")[len(lines) - 1],
    )


def _parts(path: str, data: Any) -> Iterator[tuple[str, Any]]:
    """Yield the networks of a report, each with its place in it."""
    if not isinstance(data, list):
        yield from _within(path, "", data)
        return
    for index, each in enumerate(data):
        yield from _within(path, f"[{index}]", each)


def _within(path: str, where: str, top: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(top, dict):
        raise _no_report(path, where, "it is no object")
    if "schema_version" not in top:
        raise _no_report(path, where, "`schema_version` is missing")
    version = top["schema_version"]
    if version != SCHEMA_VERSION:
        found = f"schema_version {version}; this convcost knows {SCHEMA_VERSION}"
        raise BaselineError(fault(path, "the report is of another version", where, found))
    if not isinstance(top.get("networks"), list):
        yield where, top
        return
    start = f"{where}.networks" if where else "networks"
    for index, each in enumerate(top["networks"]):
        yield f"{start}[{index}]", each


def _entry(path: str, where: str, given: Any) -> Entry:
    """Return what a report tells of a network, where it can be compared."""
    if isinstance(given, dict) and "free" in given:
        raise BaselineError(fault(path, "the report tells formulas", where, "it was made with --free"))
    try:
        entry = msgspec.convert(given, Entry)
    except msgspec.ValidationError as error:
        message, _, inner = str(error).partition(" - at `$")
        raise _no_report(path, (where + inner.rstrip("`")).lstrip("."), message) from None
    convention = entry.convention
    if convention.batch != 1 or not convention.fold:
        made = f"--batch {convention.batch}" if convention.batch != 1 else "--no-fold"
        raise BaselineError(fault(path, "the report's numbers do not compare", where, f"it was made with {made}"))
    for wrong in _contradictions(entry):
        raise BaselineError(fault(path, "the report contradicts itself", where, wrong))
    return entry


def _contradictions(entry: Entry) -> Iterator[str]:
    """Yield what cannot be so in a report that nothing has changed."""
    for row in (*entry.layers, entry.total):
        whose = row.name if isinstance(row, Row) else "the total"
        for name, number in costs(row.cost()).items():
            if name != "ops" and getattr(row, name) != number:
                yield f"{name} of {whose} is {getattr(row, name):,}, but {number:,} by its ops"
    if entry.left_out:
        return
    sums = _sums(row.plain() for row in entry.layers)
    whole = entry.total.plain()
    for name in {**whole, **sums}:
        added, given = sums.get(name, 0), whole.get(name, 0)
        if added != given:
            yield f"{name} of the layers add up to {added:,}, but the total says {given:,}"


def _sums(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        for name, number in row.items():
            sums[name] = sums.get(name, 0) + number
    return sums


def _no_report(path: str, where: str, found: str) -> BaselineError:
    return BaselineError(fault(path, "this is no report of convcost analyze or convcost check", where, found))


def _command(path: str) -> str:
    name = path if path.endswith(".json") else "baseline.json"  # not over what is no report
    return f"convcost analyze SPEC… -f json > {shlex.quote(name)}, at the state to compare with"
