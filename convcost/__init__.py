"""What a convolutional network costs, exactly: parameters, multiplications, additions, per layer.

>>> import convcost
>>> model = convcost.load({"input": [3, 12, 12], "layers": [{"conv": {"out_channels": 256, "kernel_size": 5}}]})
>>> model.analyze().total.mults
1228800
"""

from __future__ import annotations

from convcost import _startup  # noqa: F401 -- before everything that takes time

# isort: split
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr

from convcost import metrics as _metrics
from convcost import spec as _spec
from convcost.cost import analysis as _cost
from convcost.cost import metrics as _cost_metrics  # noqa: F401 -- adds them to the table
from convcost.cost.analysis import LayerCost
from convcost.errors import (
    BaselineError,
    ConfigError,
    ConvcostError,
    Fault,
    NetworkError,
    OptionError,
    OutputError,
    Place,
    SpecError,
)
from convcost.network import Layer, Network, NetworkBuilder, Tensor
from convcost.network.builder import checked as _checked
from convcost.ops import Cost, Ledger
from convcost.spec import limits as _limits
from convcost.spec import source as _source

if TYPE_CHECKING:  # the executor is imported where it is asked for
    from concurrent.futures import Executor

    from convcost.budget.verdicts import Check
    from convcost.comparison.compare import Comparison
    from convcost.comparison.diff import Difference
    from convcost.design_space.solve import Solution
    from convcost.design_space.sweep import Limit, Sweep
    from convcost.verification import Verification, Watch

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "BaselineError",
    "ConfigError",
    "ConvcostError",
    "Cost",
    "Fault",
    "Layer",
    "LayerCost",
    "Ledger",
    "Model",
    "Network",
    "NetworkBuilder",
    "NetworkError",
    "OptionError",
    "OutputError",
    "Place",
    "SpecError",
    "Tensor",
    "analyze",
    "check",
    "compare",
    "load",
    "solve",
    "sweep",
    "verify",
]


class Analysis(_cost.Analysis, frozen=True):
    """What a network costs; a notebook shows its table.

    See `convcost.cost.analysis.Analysis` for the attributes.
    """

    def _repr_html_(self) -> str:
        from convcost.cost.report import AnalysisReport
        from convcost.reports.notebook import html

        return html(AnalysisReport.of(self))

    def __str__(self) -> str:
        from convcost.cost.report import AnalysisReport
        from convcost.reports import formats
        from convcost.reports.contents import Page

        return formats.render("table", [AnalysisReport.of(self)], Page())


class Model(Struct, frozen=True):
    """A network that a spec describes or `NetworkBuilder` made, and the questions it can be asked.

    Attributes:
        network: Its layers, shapes and symbols as plain data.

    Raises:
        NetworkError: The network was put together by hand, and what a layer reads or gives is not what its type infers.
    """

    network: Network

    def __post_init__(self) -> None:
        if not self.network.built:
            force_setattr(self, "network", _checked(self.network))

    def analyze(self, *, batch: int = 1, fold: bool = True) -> Analysis:
        """Return what the network costs, layer by layer and in all.

        Args:
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: The batch is not a positive whole number.

        >>> load("mobilenet_v1").analyze().total.macs
        568740352
        """
        _check_batch(batch)
        return Analysis.of(self.network, batch=batch, fold=fold)

    def compare(self, *, batch: int = 1, fold: bool = True) -> Comparison:
        """Return what the standard and the separable form of each convolution cost, and three totals.

        Args:
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: The batch is not a positive whole number.

        >>> comparison = load("mobilenet_v1").compare()
        >>> comparison.written.total.macs, comparison.standard.total.macs
        (568740352, 4867293184)
        """
        from convcost.comparison.compare import Comparison

        _check_valued(self.network)
        _check_batch(batch)
        return Comparison.of(self.network, batch=batch, fold=fold)

    def difference(self, other: Model, *, batch: int = 1, fold: bool = True) -> Difference:
        """Return this network beside another: what the other adds, removes and changes, layer by layer and in all.

        Args:
            other: The other network.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: The batch is not a positive whole number.

        >>> difference = load("mobilenet_v1").difference(load("mobilenet_v1", set={"alpha": "1/2"}))
        >>> difference.after.total.macs - difference.before.total.macs
        -419243264
        """
        from convcost.comparison.diff import Difference

        _check_valued(self.network, other.network)
        _check_batch(batch)
        return Difference.of(self.network, other.network, batch=batch, fold=fold)

    def rewrite(self, to: str, *, layers: Sequence[str] = (), **options: int | bool) -> Model:
        """Return the network with layers in another form.

        Args:
            to: The rewrite, one of `convcost.rewriting.rewrites.NAMES`.
            layers: Patterns of the names of layers, or of what they are in; every layer without.
            options: Options of the rewrite, such as `groups=4`.

        Raises:
            OptionError: There is no such rewrite, option or layer, or the rewrite does not apply.

        >>> load("examples/one_5x5").rewrite("stacked").analyze().total.mults
        90
        """
        from convcost.rewriting.application import apply
        from convcost.rewriting.rewrites import named
        from convcost.rewriting.selection import select

        _check_valued(self.network)
        return Model(apply(self.network, select(self.network, named(to, **options), layers)).network)

    def verify(
        self,
        *,
        full: bool = False,
        fold: bool = True,
        seed: int = 0,
        engine: str = "auto",
        pool: Executor | None = None,
        watch: Watch | None = None,
        max_products: int | None = None,
        max_values: int | None = None,
    ) -> Verification:
        """Execute every layer, count its operations and compare them with what `analyze` predicts.

        Args:
            full: Execute the network at its real size, every layer. Otherwise a tiny network is executed that keeps
                every structural choice, and layers that are the same only once.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            seed: What inputs and weights are drawn from.
            engine: How convolutions multiply: `plain`, every product a Python multiplication; `lanes`, many products in
                one; `auto`, whichever is faster for the layer.
            pool: Any executor of `concurrent.futures`, to execute layers in other processes or on other machines.
            watch: Who is told how it gets on.
            max_products: How many products may be performed in all, or of another operation that a layer performs more
                often; 5,000,000,000 without.
            max_values: How many numbers one layer may hold at a time; 100,000,000 without, some 2 GB.

        Raises:
            OptionError: There is no such engine, the seed is not a whole number, or it would take more than is allowed.
            convcost.verification.Interrupted: By the keyboard; it holds what was proved so far.

        >>> verification = load("examples/worked_standard").verify(full=True)
        >>> verification.ok, verification.counted()["mul"]
        (True, 1228800)
        """
        from convcost.verification import Settings
        from convcost.verification import verify as run

        _check_valued(self.network)
        if engine not in ("auto", "plain", "lanes"):
            raise OptionError(Fault(f"there is no engine {engine!r}", help="known: auto, plain, lanes"))
        if type(seed) is not int:
            raise OptionError(Fault("a seed is a whole number", found=f"found {seed!r}"))
        bounds = {"max_products": max_products, "max_values": max_values}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        settings = Settings(full, fold, seed, engine, **given)  # type: ignore[arg-type]  # the engine is checked
        return run(self.network, settings, pool, watch)


def _check_valued(*networks: Network) -> None:
    for network in networks:
        if network.free is not None:
            names = " and ".join(network.free.symbols)
            raise OptionError(Fault("this needs a value for every symbol", found=f"{names} stayed free"))


def _check_batch(batch: int) -> None:
    if type(batch) is not int or batch < 1:
        raise OptionError(Fault("batch is a whole number, at least 1", found=f"found {batch}"))


def load(
    spec: str | Path | Mapping[str, Any],
    *,
    set: Mapping[str, Any] | None = None,
    free: Collection[str] | None = None,
    max_layers: int | None = None,
) -> Model:
    """Read a spec.

    Args:
        spec: A path, the name of a shipped spec, `-` for standard input, or the spec itself as a mapping.
        set: Values for the spec's symbols: numbers, or expressions as text.
        free: Symbols that stay symbols, so that `analyze` gives formulas; all without a value do too. Without it every
            symbol needs a value.
        max_layers: How many layers the network may have: 100,000 without, 10,000 with free symbols; at most 1,000,000.

    Raises:
        SpecError: There is no such spec, or it has faults; all of them are told, each with its place.
        OptionError: `set` or `free` names an unknown symbol, or gives one a value it cannot have.

    >>> load("mobilenet_v1", set={"alpha": "1/2"}).analyze().total.params
    1331592
    """
    return Model(_reader(spec, max_layers).network(set or {}, free))


def analyze(
    spec: str | Path | Mapping[str, Any],
    *,
    set: Mapping[str, Any] | None = None,
    free: Collection[str] = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Analysis:
    """Read a spec and return what its network costs: `load(spec, set=set, free=free).analyze(batch=batch, fold=fold)`.

    >>> analyze("mobilenet_v1", free=["alpha", "r"]).total.mults
    10752·alpha²·r² + 1125·alpha·r²/2 + 1024000·alpha
    """
    return load(spec, set=set, free=free, max_layers=max_layers).analyze(batch=batch, fold=fold)


def compare(
    spec: str | Path | Mapping[str, Any],
    *,
    set: Mapping[str, Any] | None = None,
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Comparison:
    """Read a spec and compare its convolutions' forms: `load(spec, set=set).compare(batch=batch, fold=fold)`.

    >>> compare("examples/worked_standard").layers[0].saved
    1174848
    """
    return load(spec, set=set, max_layers=max_layers).compare(batch=batch, fold=fold)


def check(
    *specs: str | Path | Mapping[str, Any],
    max: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    base: str | None = None,
    baseline: str | Path | None = None,
    strict: bool = False,
    max_layers: int | None = None,
) -> Check:
    """Hold networks to their budgets: those in their specs, those of a `convcost.yaml`, and `max`.

    Args:
        specs: Paths, names of shipped specs, or specs as mappings; those that the configuration names without.
        max: What totals may be: numbers, or texts such as `300M`.
        config: The configuration; without it and without `max`, the nearest `convcost.yaml`, here or above.
        set: Values for the specs' symbols.
        base: The revision that growth is measured against, from where `HEAD` and it parted.
        baseline: The JSON report that growth is measured against.
        strict: Whether a warning fails, too.
        max_layers: How many layers each network may have: 100,000 without, at most 1,000,000.

    Raises:
        ConvcostError: A spec, the configuration or the baseline is wrong; everything that is wrong is told.

    >>> check("mobilenet_v1", max={"mults": "600M", "params": "5M"})
    <Check: Within budget: 2 limits>
    >>> check("examples/worked_standard", max={"mults": "1M"}).ok
    False
    """
    from convcost.budget import checking, configuration
    from convcost.budget.report import ReportedCheck

    path = str(config) if config is not None else None if max else configuration.find()
    read = configuration.read(path) if path else None
    named = specs or (read.models if read else ())
    files = [str(spec) for spec in named if not isinstance(spec, Mapping)]
    budgets = [configuration.given(metric, value) for metric, value in (max or {}).items()]
    with _limits.limited(max_layers):
        against = checking.against(base, str(baseline) if baseline is not None else None, files)
        verdicts = checking.check(named, read, budgets=budgets, settings=set or {}, baseline=against)
        notes = (*checking.unheld(named, verdicts), *checking.renamed(verdicts))
    return ReportedCheck(verdicts, read.file if read else "", against.base if against else None, strict, notes)


def sweep(
    spec: str | Path | Mapping[str, Any],
    *,
    set: Mapping[str, Any],
    where: Iterable[str] = (),
    best: str | None = None,
    batch: int = 1,
    fold: bool = True,
    max_points: int = 100_000,
    pool: Executor | None = None,
    watch: Callable[[int, int], None] | None = None,
    max_layers: int | None = None,
) -> Sweep:
    """Read a spec and return what its network costs at every combination of some values.

    Args:
        spec: A path, the name of a shipped spec, `-` for standard input, or the spec itself as a mapping.
        set: The values of symbols: a list or range of them, or a text such as `0.25,0.5` or `128:225:32`.
        where: What the points that are shown satisfy, such as `mults <= 300M`.
        best: The total to sort by, the least first.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        max_points: How many points there may be; each takes memory.
        pool: Any executor of `concurrent.futures`, to work on many points at once.
        watch: Is told how many more points are done, and of how many.
        max_layers: How many layers the network may have: 100,000 without, at most 1,000,000.

    Raises:
        SpecError: There is no such spec, or it has faults.
        OptionError: A symbol, a value or a condition cannot be used, or there are too many points.

    >>> found = sweep("mobilenet_v1", set={"alpha": "0.5,0.75,1", "r": [192, 224]}, where=["mults <= 300M"])
    >>> [(str(row["alpha"]), row["r"], row["mults"]) for row in found.rows()]
    [('1/2', 192, 109970432), ('1/2', 224, 149497088), ('3/4', 192, 239273472)]
    """
    from convcost.design_space.sweep import Axis, Sweep, Task, check_size
    from convcost.spec.ranges import values

    _check_batch(batch)
    if type(max_points) is not int or max_points < 1:
        raise OptionError(Fault("max_points is a whole number, at least 1", found=f"found {max_points}"))
    reader = _reader(spec, max_layers)
    document = reader.check(set, "--set")
    given = {name: _listed(value) or values(name, str(value), max_points) for name, value in set.items()}
    axes = tuple(Axis(name, found) for name, found in given.items() if len(found) > 1)
    if not axes:
        raise OptionError(Fault("a sweep needs several values of a symbol", help="such as --set alpha=0.25,0.5,1"))
    limits = [_limit(text) for text in where]
    if best is not None:
        _metrics.named(best)
    asked = [*(limit.metric for limit in limits), *([best] if best else [])]
    fixed = {name: found[0] for name, found in given.items() if len(found) == 1}
    task = Task(reader.network, axes, fixed, tuple(dict.fromkeys(["params", "mults", *asked])), batch, fold)
    check_size(task, max_points)
    return Sweep.of(document.name or reader.source.file, task, where=limits, best=best, pool=pool, watch=watch)


def solve(
    spec: str | Path | Mapping[str, Any],
    symbol: str,
    *,
    max: Mapping[str, Any],
    set: Mapping[str, Any] | None = None,
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Solution:
    """Read a spec and return the largest value of a symbol at which its network is valid and within limits.

    Args:
        spec: A path, the name of a shipped spec, `-` for standard input, or the spec itself as a mapping.
        symbol: The symbol.
        max: What totals may be: numbers, or texts such as `300M`.
        set: Values for the spec's other symbols.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        max_layers: How many layers the network may have: 100,000 without, at most 1,000,000.

    Raises:
        SpecError: There is no such spec, or it has faults.
        OptionError: There is no such symbol or total, or there is no largest value.

    >>> found = solve("mobilenet_v1", "alpha", max={"mults": "300M"})
    >>> str(found.best.value), found.best.totals["mults"], found.next.totals["mults"]
    ('23/32', 299724592, 325400448)
    """
    from convcost.design_space.solve import solve as find

    _check_batch(batch)
    reader = _reader(spec, max_layers)
    document = reader.check([symbol], "--for")
    limits = [_limit(f"{metric} <= {value}") for metric, value in max.items()]
    if not limits:
        raise OptionError(Fault("solve needs a limit", help="such as --max mults=300M"))
    title = document.name or reader.source.file
    return find(reader.network, title, symbol, limits, set or {}, batch=batch, fold=fold)


def _listed(value: Any) -> tuple[Any, ...]:
    """Return the values of a list or range, as exact numbers."""
    if isinstance(value, list | tuple | range):
        from convcost.spec.ranges import values

        return tuple([each for part in value for each in values("", str(part))])
    return ()


def _limit(text: str) -> Limit:
    """Return the condition that `mults <= 300M` states."""
    import re

    from convcost.design_space.sweep import Limit
    from convcost.spec.reading import amount

    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*", text)
    if match is None:
        raise OptionError(Fault("a condition compares a total", found=text, help="such as mults <= 300M"))
    metric, relation, number = match.groups()
    whole = not _metrics.named(metric).is_ratio
    value = amount(number, whole=whole)
    if value is None:
        help = "such as 4_300_000, 4.3M or 570M"
        raise OptionError(Fault(f"a limit is a {'whole ' if whole else ''}number", found=text, help=help))
    return Limit(metric, relation, value)


def _from_mapping(mapping: Mapping[str, Any]) -> _source.Source:
    from convcost.spec.mapping import from_mapping  # not for what is read from files

    return from_mapping(mapping)


def _reader(spec: str | Path | Mapping[str, Any], max_layers: int | None) -> _spec.Spec:
    return _spec.Spec(_from_mapping(spec) if isinstance(spec, Mapping) else _source.read(spec), max_layers)


def verify(
    spec: str | Path | Mapping[str, Any],
    *,
    set: Mapping[str, Any] | None = None,
    full: bool = False,
    fold: bool = True,
    seed: int = 0,
    engine: str = "auto",
    pool: Executor | None = None,
    max_layers: int | None = None,
) -> Verification:
    """Read a spec, execute its network and compare: `load(spec, set=set).verify(…)`.

    >>> verify("mobilenet_v1").ok
    True
    """
    return load(spec, set=set, max_layers=max_layers).verify(full=full, fold=fold, seed=seed, engine=engine, pool=pool)
