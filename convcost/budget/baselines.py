"""What networks cost at the baseline that growth is measured against: at a revision, or in a report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from convcost.analysis.cost import SCHEMA_VERSION, Analysis, LayerCost, described_network, total
from convcost.budget import revisions
from convcost.budget.verdicts import Base
from convcost.errors import BaselineError, ConvcostError, Fault
from convcost.network import Network
from convcost.ops import KINDS, Cost, Ledger
from convcost.spec import Spec
from convcost.spec.source import shipped


class Past(Struct, frozen=True):
    """What a network cost at the baseline.

    Attributes:
        name: Where that is known from.
        layers: Each layer; rows of several of a report that was made so.
        total: Their sum.
        activations: Values in the outputs of all layers.
        whole: Whether each row is one layer, and every layer has one.
        network: The network; None where it is known from a report.
    """

    name: str
    layers: tuple[LayerCost, ...]
    total: Cost
    activations: int
    whole: bool = True
    network: Network | None = None


class Lacking(Struct, frozen=True):
    """Why it is not known what a network cost: then its growth is not checked, and this is said."""

    reason: str


class Baseline(Protocol):
    """What growth is measured against."""

    @property
    def base(self) -> Base:
        """What it is."""

    def past(self, spec: str, network: Network, settings: Mapping[str, Any]) -> Past | Lacking:
        """Return what a network cost, or why that is not known.

        Args:
            spec: The spec, as it was named.
            network: The network as it is now.
            settings: The values given to its symbols.

        Raises:
            BaselineError: The baseline cannot be used for it.
        """


def from_revision(asked: str, specs: Sequence[str]) -> Baseline:
    """Return what specs cost where `HEAD` and a revision parted: they are read there and counted again.

    Args:
        asked: The revision.
        specs: The specs that will be asked for.

    Raises:
        BaselineError: There is no repository, no such revision, or no history that reaches so far.
    """
    revision = revisions.merge_base(asked)
    files = [spec for spec in specs if spec != "-" and os.path.lexists(spec)]
    texts = revisions.read(revision, files)
    return _AtRevision(revision, {name: None if text is None else Spec(text) for name, text in texts.items()})


class _AtRevision:
    def __init__(self, revision: revisions.Revision, specs: Mapping[str, Spec | None]) -> None:
        self.revision = revision
        self.specs = specs
        self.base = Base(str(revision), revision.asked, revision.commit)

    def past(self, spec: str, network: Network, settings: Mapping[str, Any]) -> Past | Lacking:
        if spec not in self.specs:
            whose = "shipped with convcost" if spec in shipped() else "no file"
            return Lacking(f"{spec} is {whose}: this repository has no past of it")
        before = self.specs[spec]
        if before is None:
            return Lacking(f"{spec} is new: it is not in {self.revision}")
        try:
            analysis = Analysis.of(before.network(settings))
        except ConvcostError as error:
            fault = error.faults[0]
            where = f" ({fault.place})" if fault.place else ""
            return Lacking(f"{before.source.file} cannot be counted: {fault.message}{where}")
        return Past(before.source.file, analysis.layers, analysis.total, analysis.activations, network=analysis.network)


class _Cost(Struct):
    """What a JSON report tells of a cost."""

    activations: int
    params: int
    buffers: int
    mults: int
    adds: int
    macs: int
    useful_mults: int
    ops: dict[str, int]

    def cost(self) -> Cost:
        return Cost(
            self.params,
            self.buffers,
            Ledger(**{kind: self.ops.get(kind, 0) for kind in KINDS}),
            self.macs,
            self.useful_mults,
        )

    def fault(self) -> str:
        """Return what cannot be so."""
        unknown = [kind for kind in self.ops if kind not in KINDS]
        if unknown:
            return f"there are no operations {unknown[0]!r}"
        numbers = [getattr(self, name) for name in _NUMBERS] + [*self.ops.values()]
        if min(numbers) < 0:
            return "a number is negative"
        if (self.mults, self.adds) != (self.ops.get("mul", 0), self.ops.get("add", 0)):
            return "mults and adds are not those of ops"
        return ""


_NUMBERS = ("activations", "params", "buffers", "mults", "adds", "macs", "useful_mults")


class _Layer(_Cost, kw_only=True):
    name: str
    type: str
    line: int | None = None
    input_shape: list[Any]
    output_shape: list[int]

    def layer(self) -> LayerCost:
        inputs = self.input_shape
        shapes = inputs if inputs and isinstance(inputs[0], list) else [inputs]
        return LayerCost(
            tuple(self.name.split("/")),
            self.name,
            self.type,
            self.line or 0,
            tuple([tuple(shape) for shape in shapes]),
            tuple(self.output_shape),
            self.activations,
            self.cost(),
            None,
            (),
        )


class _Network(Struct):
    name: str | None
    file: str | None
    symbols: dict[str, Any]


class _Convention(Struct):
    batch: int
    fold: bool


class _Entry(Struct):
    """One network of a JSON report."""

    network: _Network
    convention: _Convention
    layers: list[_Layer]
    total: _Cost
    left_out: int | None = None

    @property
    def title(self) -> str:
        return self.network.file or self.network.name or "a network without a name"


def from_report(path: str) -> Baseline:
    """Return what an earlier JSON report says: one of `convcost analyze` or `convcost check`.

    Args:
        path: The report.

    Raises:
        BaselineError: It cannot be read, is no such report, or its numbers do not compare.
    """
    try:
        data = Path(path).read_bytes()
        found = msgspec.json.decode(data)
    except (OSError, ValueError) as error:
        if isinstance(error, msgspec.DecodeError):
            raise _error(f"{path!r} is not JSON", str(error)) from None
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _error(f"{path!r} cannot be read", reason or "") from None
    entries = [_entry(path, each) for each in _objects(path, found)]
    return _Reported(path, entries)


def _objects(path: str, found: Any) -> list[Any]:
    """Return the networks of a report, as they are."""
    tops = found if isinstance(found, list) else [found]
    if not tops or not all(isinstance(top, dict) for top in tops):
        raise _error(f"{path!r} is no report of convcost", "it holds no object")
    objects: list[Any] = []
    for top in tops:
        if top.get("schema_version") != SCHEMA_VERSION:
            version = f"schema_version {top['schema_version']}" if "schema_version" in top else "no schema_version"
            raise _error(f"{path!r} is no report that this version of convcost reads", version)
        objects += top["networks"] if isinstance(top.get("networks"), list) else [top]
    return objects


def _entry(path: str, given: Any) -> _Entry:
    """Return a network of a report, its numbers checked."""
    if isinstance(given, dict) and "free" in given:
        raise _error(f"{path!r} holds formulas", "made with --free")
    try:
        entry = msgspec.convert(given, _Entry)
    except msgspec.ValidationError as error:
        raise _error(f"{path!r} is no report of convcost analyze or check", str(error)) from None
    if entry.convention != _Convention(1, True):
        made = f"batch {entry.convention.batch}" if entry.convention.batch != 1 else "batch norms not folded"
        raise _error(f"{path!r} does not compare: it is for {made}", entry.title)
    for row in (*entry.layers, entry.total):
        if fault := row.fault():
            whose = row.name if isinstance(row, _Layer) else "the total"
            raise _error(f"{path!r} is corrupt", f"{entry.title}: {fault}, in {whose}")
    rows = entry.layers
    sums = total([row.cost() for row in rows]), sum(row.activations for row in rows)
    if not entry.left_out and sums != (entry.total.cost(), entry.total.activations):
        raise _error(f"{path!r} is corrupt", f"{entry.title}: the layers do not add up to the total")
    return entry


class _Reported:
    def __init__(self, path: str, entries: Sequence[_Entry]) -> None:
        self.path = path
        self.entries = entries
        self.base = Base(path, file=path)

    def past(self, spec: str, network: Network, settings: Mapping[str, Any]) -> Past | Lacking:
        mine = self._entries(spec, network)
        if not mine:
            return Lacking(f"{spec} is new: it is not in {self.path}")
        symbols = described_network(network)["symbols"]
        same = [entry for entry in mine if entry.network.symbols == symbols]
        if not same:
            there = " and at ".join(_symbols(entry.network.symbols) for entry in mine)
            message = f"{self.path!r} has {spec} at other values of its symbols"
            given = "".join(f" --set {name}={value}" for name, value in settings.items())
            raise _error(message, f"at {there}, not at {_symbols(symbols)}", f"convcost analyze {spec}{given}")
        entry = same[0]
        layers = tuple([row.layer() for row in entry.layers])
        return Past(
            f"{self.path}: {entry.title}",
            layers,
            entry.total.cost(),
            entry.total.activations,
            whole=entry.left_out is None,
        )

    def _entries(self, spec: str, network: Network) -> list[_Entry]:
        """Return what the report has of a network, found by its file, else by its name."""
        files = {os.path.realpath(spec), os.path.realpath(network.file)}
        found = [each for each in self.entries if each.network.file and os.path.realpath(each.network.file) in files]
        if found:
            return found
        named = [each for each in self.entries if network.name and each.network.name == network.name]
        alike = len({each.network.file for each in named}) == 1  # else which of them is meant is not known
        return named if alike and (not named[0].network.file or not os.path.isfile(spec)) else []  # noqa: PTH113


def _symbols(symbols: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in symbols.items()) or "no symbols"


def _error(message: str, found: str = "", command: str = "convcost analyze SPEC") -> BaselineError:
    return BaselineError(Fault(message, found=found, help=f"{command} -f json > REPORT.json makes one"))
