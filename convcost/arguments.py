"""Conversion of the arguments of `Model`'s questions: numbers of any kind, values and limits as texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from convcost import metrics
from convcost.design_space.solve import Solution
from convcost.design_space.solve import solve as find
from convcost.design_space.sweep import Sweep
from convcost.design_space.task import SweepAxis, SweepLimit, SweepTask, check_size
from convcost.errors import ErrorDetail, OptionError
from convcost.numbers import plain
from convcost.spec.amounts import amount
from convcost.spec.arithmetic import shown
from convcost.spec.expressions import Expression
from convcost.spec.origin import Origin
from convcost.spec.ranges import MOST_VALUES, values

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from convcost.design_space.front import Front, Goal
    from convcost.design_space.symbols import Symbols
    from convcost.memory.analysis import MemorySettings
    from convcost.memory.peak_formula import PeakFormula
    from convcost.network import Network
    from convcost.spec.measured import MeasuredTable

_MOST_OVER = 10_000  # values of a range over which the peak is worked out


def sweep(
    origin: Origin,
    set: Mapping[str, Any],
    *,
    where: Iterable[str],
    best: str | None,
    join: str | None = None,
    batch: int,
    fold: bool,
    max_points: int,
    pool: Executor | None,
    watch: Callable[[int, int], None] | None,
) -> Sweep:
    """Return what a spec's network costs at every combination of some values; see `Model.sweep` for the arguments."""
    table = None if join is None else measured_table(origin, join)
    limits = [limit(text, table) for text in where]
    totals = [*(each.metric for each in limits), *([_column(best, table)] if best else [])]
    task = sweep_task(origin, set, totals, table=table, batch=batch, fold=fold, most=max_points)
    check_size(task, max_points)
    return Sweep.of(title_of(origin), task, where=limits, best=best, pool=pool, watch=watch)


def sweep_task(
    origin: Origin,
    set: Mapping[str, Any],
    totals: Iterable[str] = (),
    *,
    table: MeasuredTable | None = None,
    batch: int,
    fold: bool,
    most: int = MOST_VALUES,
) -> SweepTask:
    """Return the task of a sweep: the grid of the values of a spec's symbols, and the metrics.

    Args:
        origin: The spec.
        set: The values of symbols, of each one or several.
        totals: The metrics that are asked, beside `params` and `mults`, and columns of the table.
        table: What was measured at points; symbols that are not set have the values that they have there.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold.
        most: How many values a range may have.

    Raises:
        OptionError: A value cannot be read, or no symbol has several.
    """
    origin, set = _with_values(origin, set, table)
    origin.reader.check(set, "--set")
    axes, fixed = _axes(origin, set, most, "sweep", alike=True)
    shown = tuple(dict.fromkeys(["params", "mults", *(name for name in totals if not _is_measured(name, table))]))
    task = SweepTask(origin.reader.complete_network, axes, fixed, shown, batch, fold)
    return task if table is None else _joined(table, task)


def _axes(
    origin: Origin, set: Mapping[str, Any], most: int, what: str, *, alike: bool
) -> tuple[tuple[SweepAxis, ...], dict[str, Any]]:
    """Return the symbols that vary, and the values of the others.

    Raises:
        OptionError: None varies.
    """
    given = _given(origin, set, most)
    axes = [SweepAxis(name, found if alike else different(found)) for name, found in given.items() if len(found) > 1]
    if not axes:
        help = "such as --set alpha=0.25,0.5,1"
        raise OptionError(ErrorDetail(f"a {what} needs several values of a symbol", help=help))
    return tuple(axes), {name: found[0] for name, found in given.items() if len(found) == 1}


def measured_table(origin: Origin, path: str) -> MeasuredTable:
    """Return a file of what was measured at points of a spec's grid."""
    from convcost.spec.measured import read_table

    symbols = origin.reader.check((), "--set").symbols
    return read_table(path, symbols, {*metrics.METRICS.built_in(), "ratio", "error"})


def _with_values(
    origin: Origin, set: Mapping[str, Any], table: MeasuredTable | None
) -> tuple[Origin, Mapping[str, Any]]:
    """Return a spec whose elements of lists are symbols where they are set, and values of all symbols that vary."""
    if table is not None:
        from convcost.spec.elements import element, name_of

        lists = {found[0] for name in set if (found := element(name))}
        columns = zip(table.symbols, zip(*table.keys, strict=True), strict=True) if table.keys else ()
        names = {name_of(*found) if (found := element(name)) else name for name in set}
        measured = {
            name: [[*value] if isinstance(value, tuple) else value for value in different(column)]
            for name, column in columns
            if name not in names and name not in origin.settings and name not in lists
        }
        set = {**measured, **set}
    return origin.with_elements(set)


def _joined(table: MeasuredTable, task: SweepTask) -> SweepTask:
    """Return a task with the columns of a file."""
    from msgspec.structs import replace

    from convcost.design_space.measured import join

    rows = list(zip(table.lines, table.keys, table.values, strict=True))
    return replace(task, measured=join(table.file, table.symbols, table.columns, rows, task))


def _is_measured(name: str, table: MeasuredTable | None) -> bool:
    return table is not None and name in table.columns


def _column(name: str, table: MeasuredTable | None) -> str:
    """Return the name of a metric, or of a column of a table.

    Raises:
        OptionError: It is neither.
    """
    if table is None or name in metrics.METRICS:
        return metrics.named(name).name
    table.check(name)
    return name


def _given(origin: Origin, set: Mapping[str, Any], most: int) -> dict[str, tuple[Any, ...]]:
    """Return the values of each symbol: several of those that are set here, one of those that a model came with."""
    found = {}
    for name, value in {**origin.settings, **set}.items():
        one_list = name not in set and isinstance(value, list | tuple)
        found[name] = (tuple(value),) if one_list else listed(name, value, most)
    return found


def manifest(origin: Origin, task: SweepTask, where: Iterable[SweepLimit], part_size: int) -> dict[str, Any]:
    """Return all that determines a sweep's rows, as JSON data: a run with the same data may resume it."""
    from hashlib import sha256

    def digest(value: Any) -> str:
        return sha256(repr(value).encode()).hexdigest()[:32]

    return {
        "spec": digest((origin.reader.source.text, origin.reader.allowed)),
        "grid": digest([(axis.name, axis.values) for axis in task.axes]),
        "setting of other symbols": digest(sorted(task.fixed.items())),
        "metrics": list(task.metrics),
        "CSV that is joined": digest(task.measured and (task.measured.columns, sorted(task.measured.values.items()))),
        "batch": task.batch,
        "folding": task.fold,
        "condition": [str(each) for each in where],
        "points": len(task),
        "size of parts": part_size,
    }


def title_of(origin: Origin) -> str:
    """Return the name of a spec's network, or of its file."""
    return origin.reader.check((), "--set").name or origin.reader.source.file


def symbols(origin: Origin) -> Symbols:
    """Return the symbols of a spec, with what reads them and values that can be tried."""
    from convcost.design_space.symbols import symbols
    from convcost.spec import usage

    reader = origin.reader
    document = reader.check((), "--set")
    values = reader.network(origin.settings, ()).symbols
    declared = {}
    for name, symbol in document.symbols.items():
        multiple_of = symbol.multiple_of.value if symbol.multiple_of else None
        if isinstance(multiple_of, Expression):
            multiple_of = multiple_of.value(values)
        places = [(use.key, use.owner) for use in usage.readers(document, name)]
        declared[name] = values.get(name), multiple_of, places

    def build(settings: Mapping[str, Any]) -> object:
        return reader.network({**origin.settings, **settings}, ())

    return symbols(document.name, origin.name, declared, build)


def solve(
    origin: Origin, symbol: str, *, max: Mapping[str, Any], set: Mapping[str, Any], batch: int, fold: bool, step: Any
) -> Solution:
    """Return the largest value of a symbol within limits; see `Model.solve` for the arguments."""
    document = origin.reader.check([symbol], "--for")
    limits = [limit(f"{metric} <= {plain(value)}") for metric, value in max.items()]
    if not limits:
        raise OptionError(ErrorDetail("solve needs a limit", help="such as --max mults=300M"))
    title = document.name or origin.reader.source.file
    settings = origin.at(set).settings

    def repetition_step() -> Fraction | None:
        from convcost.spec import usage

        if all(use.key != "repeat" for use in usage.readers(document, symbol)):
            return None
        try:
            return usage.repetition_step(document, symbol)
        except usage.NotOnlyRepetitionsError as error:
            help = f"convcost sweep SPEC --set {symbol}=… --where '{limits[0].metric} <= …' tries values"
            what = f"{symbol} is a number of repetitions, and more than that"
            raise OptionError(ErrorDetail(what, found=str(error), help=help)) from None

    return find(
        origin.reader.complete_network,
        title,
        symbol,
        limits,
        settings,
        batch=batch,
        fold=fold,
        step=None if step is None else _step(step),
        repetition_step=repetition_step,
    )


def search(
    origin: Origin,
    set: Mapping[str, Any],
    *,
    pareto: Iterable[str],
    best: str | None,
    max: Mapping[str, Any],
    min: Mapping[str, Any],
    top: int | None,
    join: str | None = None,
    batch: int,
    fold: bool,
    max_points: int,
    pool: Executor | None,
    watch: Callable[[int, int], None] | None,
) -> Front:
    """Return the exact front of a spec's design space, or its best points; see `Model.search` for the arguments."""
    from convcost.design_space.front import search
    from convcost.design_space.measured import search_measured

    table = None if join is None else measured_table(origin, join)
    origin, set = _with_values(origin, set, table)
    document = origin.reader.check(set, "--set")
    axes, fixed = _axes(origin, set, max_points, "search", alike=False)
    wanted = goals(pareto, best, top, table)
    limits = [limit(f"{metric} <= {plain(value)}", table) for metric, value in max.items()]
    limits += [limit(f"{metric} >= {plain(value)}", table) for metric, value in min.items()]
    totals = [*(goal.metric for goal in wanted), *(each.metric for each in limits)]
    own = [name for name in totals if _is_measured(name, table)]
    shown = tuple(dict.fromkeys(["params", "mults", *(name for name in totals if name not in own)]))
    task = SweepTask(origin.reader.complete_network, axes, fixed, shown, batch, fold)
    task = task if table is None else _joined(table, task)
    title, most = document.name or origin.reader.source.file, None if best is None else top or 1
    if own:
        return search_measured(task, title, wanted, limits, top=most, watch=watch)
    repeated = [axis.name for axis in axes if _only_repeats(document, axis.name)]
    return search(task, title, wanted, limits, repeated, top=most, max_points=max_points, pool=pool, watch=watch)


def different(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return each value once; true is not 1."""
    return tuple([value for _, value in dict.fromkeys((type(value), value) for value in values)])


def goals(pareto: Iterable[str], best: str | None, top: int | None, table: MeasuredTable | None = None) -> list[Goal]:
    """Return the objectives of points: `mults` and `params:max`, or one metric.

    Args:
        pareto: The goals of a front.
        best: Instead, the goal of the best points.
        top: How many of these.
        table: What was measured, whose columns are goals too.

    Raises:
        OptionError: There is none, or one is no metric, or twice there.
    """
    from convcost.design_space.front import Goal

    texts = [best] if best is not None else [each.strip() for each in pareto]
    if not texts or (best is not None and [*pareto]):
        given = "both" if texts else "neither"
        help = "such as --pareto mults,params:max, or --best params:max --top 10"
        raise OptionError(ErrorDetail("a search is for a front or for the best points", found=given, help=help))
    if top is not None and best is None:
        raise OptionError(ErrorDetail("only the best points by one metric are counted", help="--best METRIC --top N"))
    found = []
    for text in texts:
        name, colon, way = text.partition(":")
        if colon and way not in ("min", "max"):
            help = f"{name}:max, where more is better; {name} alone where less is"
            raise OptionError(ErrorDetail("a goal is METRIC, METRIC:min or METRIC:max", found=text, help=help))
        found.append(Goal(_column(name, table), way == "max"))
    names = [goal.metric for goal in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptionError(ErrorDetail("a metric is a goal once", found=f"{twice} twice"))
    return found


def _only_repeats(document: Any, symbol: str) -> bool:
    """Return whether a symbol is nothing but a number of repetitions."""
    from convcost.spec import usage

    if all(use.key != "repeat" for use in usage.readers(document, symbol)):
        return False
    try:
        usage.repetition_step(document, symbol, alike=False)
    except usage.NotOnlyRepetitionsError:
        return False
    return True


def peak_formula(origin: Origin, over: str, settings: MemorySettings) -> PeakFormula:
    """Return the peak over a range of values of a symbol; see `Model.peak_formula` for the arguments."""
    from convcost.memory.peak_formula import PeakFormula  # imported where it is asked

    name, equals, text = (part.strip() for part in over.partition("="))
    ends = text.split(":")
    if not (name and equals and len(ends) in (2, 3) and all(end.strip() for end in ends)):
        help = "such as --over alpha=1/4:1, or alpha=1/4:1:1/32 for the multiples of 1/32"
        message = "--over takes a symbol and the ends of a range"
        raise OptionError(ErrorDetail(message, found=f"--over {over}", help=help))
    origin.reader.check([name], "--over")
    fixed = {key: value for key, value in origin.settings.items() if key != name}
    step = _step(ends[2], "--over: a step of") if len(ends) == 3 else _grid(origin, name, fixed, over)
    low, high = (Fraction(_number(name, end)) for end in ends[:2])
    count = floor(high / step) - ceil(low / step) + 1
    if not 1 <= count <= _MOST_OVER:
        found = f"--over {over}: {max(count, 0):,} multiples of {step}"
        help = "the smaller end first, and a step that divides the range"
        raise OptionError(ErrorDetail(f"a range has 1 to {_MOST_OVER:,} values", found=found, help=help))
    found_values = [_plain(turn * step) for turn in range(ceil(low / step), ceil(low / step) + count)]

    def build(value: int | Fraction) -> Network:
        network = origin.reader.network({**fixed, name: value}, [name])
        others = [each for each in network.free.symbols if each != name] if network.free is not None else []
        if others:
            help = " ".join(f"--set {each}=…" for each in others)
            raise OptionError(ErrorDetail("all other symbols need values", found=f"--over {over}", help=help))
        return network

    return PeakFormula.of(build, name, found_values, step, settings)


def _number(name: str, text: str) -> int | Fraction:
    """Return an end of a range."""
    wrong = ErrorDetail("the ends of a range are numbers", found=f"--over: {name} = {text.strip()}", help="such as 1/4")
    try:
        (value, *more) = listed(name, text, 1)
    except OptionError:  # which speaks of values that are set
        raise OptionError(wrong) from None
    if more or type(value) not in (int, Fraction):
        raise OptionError(wrong)
    return value  # type: ignore[no-any-return]


def _plain(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


def _grid(origin: Origin, name: str, fixed: Mapping[str, Any], over: str) -> Fraction:
    """Return the step of a symbol's grid: all its values are multiples of it.

    Raises:
        OptionError: It may be any number.
    """
    from convcost.design_space.search import FormulaSearch

    try:
        return FormulaSearch(SweepTask(origin.reader.network, (), fixed, ("params",), 1, True), name, None).step
    except OptionError as error:
        if not error.details[0].message.startswith(f"{name} may be any number"):
            raise
    help = f"--over {over}:1/32 for its multiples"
    message = f"{name} may be any number: the range needs a step"
    raise OptionError(ErrorDetail(message, found=f"--over {over}", help=help))


def _step(step: Any, option: str = "--step") -> Fraction:
    wrong = ErrorDetail("a step is a number above 0", found=f"{option} {step}", help="such as 1/32")
    try:
        (value, *more) = listed("step", step, 1)
    except OptionError:  # which speaks of values of symbols
        raise OptionError(wrong) from None
    if more or type(value) not in (int, Fraction) or value <= 0:
        raise OptionError(wrong)
    return Fraction(value)


def listed(name: str, value: Any, most: int) -> tuple[Any, ...]:
    """Return the values of a symbol as exact numbers.

    Args:
        name: The symbol.
        value: A list, a range or an array of them, one, or a text such as `0.25,0.5` or `128:224:32`.
        most: How many values the text may stand for.

    Raises:
        OptionError: A value cannot be read, or there are too many.
    """
    value = plain(value)
    if isinstance(value, list | tuple | range) and value:
        return tuple([each for part in value for each in values(name, _text(plain(part)))])
    return values(name, _text(value), most)


def _text(value: Any) -> str:
    return shown(value) if isinstance(value, bool) else str(value)


def limit(text: str, table: MeasuredTable | None = None) -> SweepLimit:
    """Return the condition that `mults <= 300M` states.

    Raises:
        OptionError: It is none.
    """
    match = re.fullmatch(r"\s*([^<>=!]+?)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*", text)
    if match is None:
        raise OptionError(ErrorDetail("a condition compares a total", found=text, help="such as mults <= 300M"))
    metric, relation, number = match.groups()
    whole = _column(metric, table) in metrics.METRICS and not metrics.named(metric).is_ratio
    value = amount(number, whole=whole)
    if value is None:
        help = "such as 4_300_000, 4.3M or 570M"
        raise OptionError(ErrorDetail(f"a limit is a {'whole ' if whole else ''}number", found=text, help=help))
    return SweepLimit(metric, relation, value)
