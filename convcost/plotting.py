"""Charts of specs: which one is drawn, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.model import Model, load
from convcost.numbers import plain
from convcost.questions import analyze, sweep

if TYPE_CHECKING:
    from convcost.charts.chart import Chart
    from convcost.memory.roofline.devices import Device
    from convcost.network.dtypes import Given as Dtypes
    from convcost.spec.origin import SpecLike

CHARTS = {
    "cost": "what each layer costs",
    "types": "each layer type's share",
    "separable": "the standard beside the separable form",
    "memory": "the memory of activations over time",
    "roofline": "what bounds each layer on a device",
    "networks": "several networks between two of their totals",
    "front": "all values of symbols between two totals, with their Pareto front",
}
"""The charts, and what each shows."""
AXES = ("params", "macs")
"""The metrics between which networks stand where nobody asks for others."""
GOALS = ("mults", "params:max")
"""The goals of a front where nobody asks for others: few multiplications for many parameters."""
_TAKEN_BY = {
    "metrics": ("cost", "types", "separable", "networks"),
    "pareto": ("front",),
    "device": ("roofline",),
    "dtype": ("memory", "roofline"),
    "layers": ("cost", "separable"),
}
"""The charts that an argument is for."""


def plot(
    *specs: Model | SpecLike,
    chart: str | None = None,
    set: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = (),
    pareto: Iterable[str] = (),
    device: str | Path | Device | None = None,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    layers: bool = False,
    max_points: int = 100_000,
    max_layers: int | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Chart:
    """Read specs and return a chart of them.

    Args:
        specs: Paths, names of shipped specs, specs as mappings, or models.
        chart: One of `CHARTS`; without, `networks` of several specs, `front` where a symbol has several values, else
            `cost`.
        set: Values for the specs' symbols; for a front lists or ranges of them, or texts such as `0.25,0.5`.
        metrics: What is shown: of `networks` the two axes, `params` and `macs` without.
        pareto: The axes of a front, across and upwards, with `:max` where more is better; `mults` and `params:max`
            without.
        device: The device of a roofline: the name of a shipped one, the path of a YAML file, or one that was read.
        dtype: The types of numbers, for `memory` and `roofline`.
        batch: How many inputs to count the operations for.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.
        layers: Whether each layer is shown, however many there are.
        max_points: How many points a front may be drawn from.
        max_layers: How many layers each network may have: 100,000 without, at most 1,000,000.
        watch: Progress callback of a front: it receives how many more points are done, and of how many.

    Raises:
        ConvcostError: A spec has errors, or the chart cannot be drawn of these.

    >>> plot("mobilenet_v1", chart="memory")
    <Chart: memory: MobileNetV1: memory of activations over time>
    >>> plot("mobilenet_v1", set={"alpha": "1/4:1:1/4", "r": [192, 224]})
    <Chart: front: MobileNetV1: params against mults>
    """
    set, metrics, pareto = set or {}, tuple(metrics), tuple(pareto)
    several = [name for name, value in set.items() if _is_several(name, value, max_points)]
    kind = chart or ("networks" if len(specs) > 1 else "front" if several else "cost")
    given = {"metrics": metrics, "pareto": pareto, "device": device, "dtype": dtype, "layers": layers}
    _check(kind, len(specs), several, [name for name, value in given.items() if value])
    if kind == "networks":
        from convcost.cost.chart import networks_chart

        analyses = [analyze(spec, set=set, batch=batch, fold=fold, max_layers=max_layers) for spec in specs]
        return networks_chart(analyses, metrics or AXES)
    if kind == "front":
        from convcost import arguments

        goals = arguments.goals(pareto or GOALS, None, None)
        where = [f"{goal.metric} >= 0" for goal in goals]  # so that every point has it
        found = sweep(
            specs[0],
            set=set,
            where=where,
            batch=batch,
            fold=fold,
            max_points=max_points,
            max_layers=max_layers,
            watch=watch,
        )
        return found.plot(goals=goals)
    model = load(specs[0], set=set, max_layers=max_layers)
    if kind == "memory":
        return model.memory(dtype=dtype, batch=batch).plot()
    if kind == "roofline":
        return model.roofline(_device(device), dtype=dtype, batch=batch).plot()
    more: dict[str, Any] = {**({"layers": True} if layers else {}), **({"metrics": metrics} if metrics else {})}
    if kind == "separable":
        return model.compare(batch=batch, fold=fold).plot(**more)
    return model.analyze(batch=batch, fold=fold).plot(kind, **more)


def _is_several(name: str, value: Any, most: int) -> bool:
    """Return whether a symbol is given several values."""
    value = plain(value)
    if isinstance(value, list | tuple | range):
        return len(value) > 1
    if not any(mark in str(value) for mark in ",:"):
        return False
    from convcost import arguments  # which imports much

    return len(arguments.listed(name, value, most)) > 1


def _check(kind: str, specs: int, several: Sequence[str], given: Sequence[str]) -> None:
    """Refuse what a chart cannot be drawn of.

    Args:
        kind: The chart.
        specs: How many specs there are.
        several: The symbols that have several values.
        given: What else was given, by the names of arguments.

    Raises:
        OptionError: There is no such chart, or it is of something else.
    """
    if kind not in CHARTS:
        raise OptionError(ErrorDetail(f"there is no chart {kind!r}", help=nearest(kind, CHARTS)))
    if not specs or (specs > 1 and kind != "networks"):
        help = "the chart networks is of several" if specs else "such as mobilenet_v1, or the path of a spec"
        raise OptionError(ErrorDetail(f"the chart {kind} is of one spec", found=f"{specs or 'no'} specs", help=help))
    if kind == "front" and not several:
        help = "such as --set alpha=0.25,0.5,1"
        raise OptionError(ErrorDetail("a front needs several values of a symbol", help=help))
    if several and kind != "front":
        found = f"several values of {' and '.join(several)}"
        help = "the chart front shows all values; give it one for this"
        raise OptionError(ErrorDetail(f"the chart {kind} is of one value of each symbol", found=found, help=help))
    for name in given:
        if kind not in _TAKEN_BY[name]:
            charts = " and ".join(_TAKEN_BY[name])
            message = f"the chart {kind} takes no --{name}"
            raise OptionError(ErrorDetail(message, help=f"--{name} is for {charts}: --chart {_TAKEN_BY[name][0]}"))


def _device(device: Any) -> Any:
    """Return the device that was given.

    Raises:
        OptionError: None was.
    """
    if device:
        return device
    from convcost.memory.roofline.devices import SHIPPED

    help = f"--device NAME, of {', '.join(SHIPPED)}, or the path of a YAML file; `convcost devices` lists them"
    raise OptionError(ErrorDetail("a roofline is for a device", help=help))
