"""The costs of networks at the baseline that growth is measured against: at a revision, or in an earlier report."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from convcost.budget import baseline_report, committed, git, revisions
from convcost.budget.baseline_report import Recorded
from convcost.budget.revisions import Revision
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis, LayerCost
from convcost.cost.documents import network_document, types_document
from convcost.documents.analysis import NetworkDocument
from convcost.errors import BaselineError, ConvcostError, ErrorDetail, OptionError, Place, visible
from convcost.network import Network
from convcost.network.completeness import incomplete
from convcost.network.dtypes import Given as Dtypes
from convcost.network.dtypes import types_of, with_dtypes
from convcost.ops import Cost
from convcost.spec import Source, Spec

_LONGEST = 200  # characters of an error that are shown in a reason
_FEW = 3  # values of symbols that are listed

Settings = Mapping[str, Any]


class Past(Struct, frozen=True):
    """What a network cost at the baseline.

    Attributes:
        name: Where that is known from, such as `1a2b3c4:nets/a.yaml` or `cost.json: nets/a.yaml`.
        layers: Each layer.
        numbers: Gives the values of metrics: the analysis, or what a report tells.
        whole: Whether each row is one layer and no layer is left out; otherwise only totals can be compared.
    """

    name: str
    layers: tuple[LayerCost, ...]
    numbers: Analysis | Recorded
    whole: bool = True

    @property
    def total(self) -> Cost:
        """What the network cost in all."""
        return self.numbers.total


class Lacking(Struct, frozen=True):
    """The reason why there is no value to compare with; growth is skipped then.

    Attributes:
        reason: One plain line.
    """

    reason: str


class Baseline(Protocol):
    """What growth is measured against."""

    @property
    def base(self) -> Base:
        """What it is called."""

    def past(self, spec: str, network: Network, settings: Settings, dtype: Dtypes = ()) -> Past | Lacking:
        """Return a network's past cost, or the reason why it is not known.

        Args:
            spec: The spec as it was named.
            network: The network as it is now.
            settings: The values that its symbols were given.
            dtype: The types that its numbers were given.

        Raises:
            BaselineError: The baseline cannot be used for this network.
        """


def from_revision(asked: str, specs: Sequence[str], *, batch: int = 1, fold: bool = True) -> Baseline:
    """Return the baseline at the merge base of `HEAD` and a revision, where specs are read and counted again.

    Args:
        asked: The revision: a branch, a tag, a commit.
        specs: The specs as they are named; paths from the current folder.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.

    Raises:
        BaselineError: There is no such revision, or git cannot be asked.
    """
    files = [spec for spec in specs if os.path.lexists(spec)]  # what is missing is reported where it is read
    revision = revisions.merge_base(asked, committed.place(files))
    return _AtRevision(revision, committed.read_each(revision, files), batch=batch, fold=fold)


class _AtRevision:
    def __init__(
        self, revision: Revision, found: Mapping[str, Source | BaselineError | None], *, batch: int, fold: bool
    ) -> None:
        self._convention: dict[str, Any] = {"batch": batch, "fold": fold}
        self.base = Base(str(revision), revision.asked, revision.commit)
        self._revision = revision
        self._found = {
            spec: Spec(source) if isinstance(source, Source) else source  # parsed once for all settings
            for spec, source in found.items()
        }

    def past(self, spec: str, network: Network, settings: Settings, dtype: Dtypes = ()) -> Past | Lacking:
        if spec not in self._found:
            raise BaselineError(_without_past(spec))
        found = self._found[spec]
        if found is None:
            return Lacking(visible(f"{spec} is new: it is not in {self._revision}"))
        if isinstance(found, BaselineError):
            return _spec_error(spec, self._revision, found)
        try:
            before = with_dtypes(found.network(settings), dtype)
        except ConvcostError as error:
            return _spec_error(spec, self._revision, error)
        if before.unknown:
            return _spec_error(spec, self._revision, OptionError(incomplete(before)))
        analysis = Analysis.of(before, **self._convention)
        return Past(found.source.file, analysis.layers, analysis)


def _without_past(spec: str) -> ErrorDetail:
    """Return the error of a spec that is no file."""
    known = {"-": "standard input", "<mapping>": "a mapping", "<network>": "a network that was built"}
    whose = known.get(spec, f"{spec}, which convcost ships,")
    help = f"give the path of a file in the repository, {git.REPORT}"
    return ErrorDetail(f"{whose} has no past in a repository", help=help)


def _spec_error(spec: str, revision: Revision, error: ConvcostError) -> Lacking:
    """Return the note that a spec was not valid at a revision, with its first error."""
    detail = error.details[0]
    if detail.place is None:  # of the values that are given
        found = detail.found.removeprefix("--set ")
        message = detail.message.removeprefix("--set: ").removeprefix("--dtype: ") + (f" ({found})" if found else "")
        return Lacking(f"{_one_line(spec)} takes no such values in {_one_line(str(revision))}: {_one_line(message)}")
    count = len(error.details)
    several = f"{count:,} {'or more ' if error.more else ''}errors in {revision}, the first"
    has = several if count > 1 else f"an error in {revision}"
    return Lacking(
        f"{_one_line(spec)} has {_one_line(has)}: {_one_line(detail.message)} ({_one_line(str(detail.place))})"
    )


def _one_line(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def from_report(path: str, *, batch: int = 1, fold: bool = True) -> Baseline:
    """Return the baseline of an earlier JSON report of `convcost analyze` or `convcost check`.

    Args:
        path: The report's path.
        batch: How many inputs its operations are to be counted for.
        fold: Whether batch norms are to be folded in it.

    Raises:
        BaselineError: It cannot be read, is no such report, tells numbers that do not compare, or contradicts itself.
    """
    return _Reported(path, baseline_report.read(path, batch=batch, fold=fold))


class _Reported:
    def __init__(self, path: str, entries: Sequence[Recorded]) -> None:
        self.base = Base(path, file=path)
        self._path = path
        self._entries = entries

    def past(self, spec: str, network: Network, settings: Settings, dtype: Dtypes = ()) -> Past | Lacking:
        recorded = self._entries_for(network)
        if not recorded:
            self._check_alike(spec, network)
            return Lacking(visible(f"{spec} is new: it is not in {self._path}"))
        symbols = network_document(network).symbols
        for name in settings:
            if not any(name in entry.network.symbols for entry in recorded):
                return Lacking(visible(f"{spec} has no symbol {name!r} in {self._path}"))
        same = [entry for entry in recorded if not _differing(entry, symbols)]
        if not same:
            raise BaselineError(self._other_values(spec, symbols, recorded))
        best = [entry for entry in same if entry.network.symbols == symbols] or same
        types = types_document(types_of(network))
        best = [entry for entry in best if entry.network.dtype == types] or [replace(best[0], has_other_types=True)]
        first = best[0].entry
        if any((other.entry.layers, other.entry.total) != (first.layers, first.total) for other in best):
            message = f"the report tells of {spec} more than once, with different numbers"
            raise BaselineError(baseline_report.detail(self._path, message))
        return self._past(best[0], network)

    def _past(self, recorded: Recorded, network: Network) -> Past:
        whose = recorded.network
        title = whose.file or whose.name or "a network without a name"
        return Past(f"{self._path}: {title}", recorded.layers(network), recorded, recorded.whole)

    def _entries_for(self, network: Network) -> list[Recorded]:
        """Return the report's entries for a network, each at other values of its symbols."""
        whose = NetworkDocument(name=network.name or None, file=network.file or None, symbols={})
        if whose.is_file:
            return self._entries_by_file(network.file) or self._entries_by_name(whose)
        if whose.name:
            return self._entries_by_name(whose)
        return [each for each in self._entries if (each.network.name, each.network.file) == (None, whose.file)]

    def _entries_by_file(self, file: str) -> list[Recorded]:
        """Return the entries of a file, whose path is from here, or else from the report's folder."""
        real = os.path.realpath(file)
        for folder in ("", os.path.dirname(self._path)):  # noqa: PTH120 -- where it was made, as far as one can tell
            same = [each for each in self._entries if each.network.is_file and _real(each.network, folder) == real]
            if same:
                return same
        return []

    def _entries_by_name(self, whose: NetworkDocument) -> list[Recorded]:
        """Return the entries of the one network of a name, where it is from no file, or from one that is gone."""
        named = [each for each in self._entries if whose.name and each.network.name == whose.name]
        if len({each.network.file for each in named}) != 1:
            return []
        other = named[0].network
        return [] if whose.is_file and other.is_file and os.path.lexists(_real(other)) else named

    def _check_alike(self, spec: str, network: Network) -> None:
        """Refuse to call a network new where the report has a file of its name that is not here.

        Raises:
            BaselineError: It may be the same file, of another folder.
        """
        name = Path(network.file).name
        for entry in self._entries:
            whose = entry.network
            if whose.is_file and Path(whose.file or "").name == name and not os.path.lexists(_real(whose)):
                message = f"the report may tell of {spec} by another path"
                help = "make the report, and check, from the same folder; or give the spec a name"
                raise BaselineError(ErrorDetail(message, Place(self._path), found=f"it has {whose.file}", help=help))

    def _other_values(self, spec: str, symbols: Mapping[str, Any], entries: Sequence[Recorded]) -> ErrorDetail:
        names = dict.fromkeys(name for entry in entries for name in _differing(entry, symbols))
        there = dict.fromkeys(_values({name: entry.network.symbols.get(name) for name in names}) for entry in entries)
        few = " or ".join([*there][:_FEW]) + (" or others" if len(there) > _FEW else "")
        asked = _values({name: symbols[name] for name in names})
        file = shlex.quote(self._path)
        help = f"convcost check --base HEAD -o json:{file} tells all values that budgets set"
        message = f"the report does not tell of {spec} at {asked}"
        return ErrorDetail(message, Place(self._path), found=f"it does at {few}", help=help)


def _real(whose: NetworkDocument, folder: str = "") -> str:
    return os.path.realpath(Path(folder, whose.file or ""))


def _differing(entry: Recorded, symbols: Mapping[str, Any]) -> list[str]:
    """Return the symbols that have another value in a report, without those that the report lacks."""
    before = entry.network.symbols
    return [name for name, value in symbols.items() if name in before and before[name] != value]


def _values(symbols: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in symbols.items())
