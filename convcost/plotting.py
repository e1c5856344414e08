"""Charts of specs: which one is drawn, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.numbers import plain

if TYPE_CHECKING:  # which ask for charts
    from convcost.charts.chart import Chart
    from convcost.model import Model
    from convcost.spec.origin import Origin

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
_TAKEN_BY = {
    "metrics": ("cost", "types", "separable", "networks"),
    "pareto": ("front",),
    "join": ("front",),
    "device": ("roofline",),
    "dtype": ("memory", "roofline"),
    "layers": ("cost", "separable"),
}
"""The charts that an argument is for."""


def names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return names from a list of them, or from a text with commas between them.

    >>> names("mults, params:max"), names(["mults"])
    (('mults', 'params:max'), ('mults',))
    """
    return tuple([name.strip() for name in given.split(",")] if isinstance(given, str) else given)


class Plotting(Struct, frozen=True):
    """What is asked of a chart; see `convcost.plot` for the arguments.

    Attributes:
        chart: One of `CHARTS`; None where what is given decides.
        set: Values of symbols.
        metrics: What is shown.
        pareto: The axes of a front.
        join: The file of what was measured at points of a front.
        device: The device of a roofline.
        dtype: The types of numbers.
        batch: How many inputs to count the operations for.
        fold: Whether batch norms fold.
        layers: Whether each layer is shown.
        max_points: How many points a front may be drawn from.
        watch: Progress callback of a front.
    """

    chart: str | None
    set: Mapping[str, Any]
    metrics: tuple[str, ...]
    pareto: tuple[str, ...]
    join: str | None
    device: Any
    dtype: Any
    batch: int
    fold: bool
    layers: bool
    max_points: int
    watch: Callable[[int, int], None] | None

    def draw(self, count: int, models: Callable[[], Sequence[Model]], origin: Callable[[], Origin]) -> Chart:
        """Return the chart.

        Args:
            count: How many specs there are.
            models: Reads them.
            origin: Reads the one of which symbols have several values.

        Raises:
            ConvcostError: A spec has errors, or the chart cannot be drawn of these.
        """
        several = [name for name, value in self.set.items() if _is_several(name, value, self.max_points)]
        is_grid = bool(several or self.join)
        kind = self.chart or ("networks" if count > 1 else "front" if is_grid else "cost")
        _check(kind, count, several, is_grid=is_grid, given=[name for name in _TAKEN_BY if getattr(self, name)])
        if kind == "front":
            return self._front(origin())
        if kind == "networks":
            from convcost.cost.chart import networks_chart

            analyses = [model.analyze(batch=self.batch, fold=self.fold) for model in models()]
            return networks_chart(analyses, self.metrics or AXES)
        return self._of_one(models()[0], kind)

    def _front(self, origin: Origin) -> Chart:
        from convcost import arguments
        from convcost.design_space.chart import PARETO, two_goals
        from convcost.metrics import METRICS

        if self.join is not None and not self.pareto:
            help = "such as --pareto mults,accuracy:max"
            raise OptionError(
                ErrorDetail("which column of the file is an axis?", found=f"--join {self.join}", help=help)
            )
        asked = [goal.metric for goal in two_goals(self.pareto or PARETO)]
        found = arguments.sweep(
            origin,
            self.set,
            where=[f"{name} >= 0" for name in asked if self.join is None or name in METRICS],  # so that it has them
            best=None,
            join=self.join,
            batch=self.batch,
            fold=self.fold,
            max_points=self.max_points,
            pool=None,
            watch=self.watch,
        )
        return found.plot(pareto=self.pareto or PARETO)

    def _of_one(self, model: Model, kind: str) -> Chart:
        if kind == "memory":
            return model.memory(dtype=self.dtype, batch=self.batch).plot()
        if kind == "roofline":
            return model.roofline(_device(self.device), dtype=self.dtype, batch=self.batch).plot()
        more: dict[str, Any] = {"layers": True} if self.layers else {}
        if self.metrics:
            more["metrics"] = self.metrics
        if kind == "separable":
            return model.compare(batch=self.batch, fold=self.fold).plot(**more)
        return model.analyze(batch=self.batch, fold=self.fold).plot(kind, **more)


def _is_several(name: str, value: Any, most: int) -> bool:
    """Return whether a symbol is given several values."""
    value = plain(value)
    if isinstance(value, list | tuple | range):
        return len(value) > 1
    if not any(mark in str(value) for mark in ",:"):
        return False
    from convcost import arguments  # which imports much

    return len(arguments.listed(name, value, most)) > 1


def _check(kind: str, specs: int, several: Sequence[str], *, is_grid: bool, given: Sequence[str]) -> None:
    """Refuse what a chart cannot be drawn of.

    Args:
        kind: The chart.
        specs: How many specs there are.
        several: The symbols that have several values.
        is_grid: Whether there are several points, of these or of a file.
        given: What else was given, by the names of arguments.

    Raises:
        OptionError: There is no such chart, or it is of something else.
    """
    if kind not in CHARTS:
        raise OptionError(ErrorDetail(f"there is no chart {kind!r}", help=nearest(kind, CHARTS)))
    if not specs or (specs > 1 and kind != "networks"):
        help = "the chart networks is of several" if specs else "such as mobilenet_v1, or the path of a spec"
        raise OptionError(ErrorDetail(f"the chart {kind} is of one spec", found=f"{specs or 'no'} specs", help=help))
    if kind == "front" and not is_grid:
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
