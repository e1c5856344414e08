"""`convcost plot`: a chart as SVG, PNG or PDF."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import typer

import convcost
from convcost.cli import notices, options, output, progress
from convcost.cli.output import STDOUT, Output
from convcost.errors import ErrorDetail, OptionError

if TYPE_CHECKING:
    from convcost.charts.chart import Chart
    from convcost.cli.progress import Progress

_OUTPUTS = typer.Option(
    [], "--output", "-o", metavar="PATH", help="Write cost.svg, cost.png or cost.pdf; - is SVG on standard output."
)
_CHART = typer.Option(
    None,
    "--chart",
    metavar="CHART",
    help="cost, types, separable, memory, roofline, networks or front; without it, what was given decides.",
)
_SET = typer.Option(
    [], "--set", metavar="NAME=VALUES", help="Give a symbol a value, or for a front several: 0.25,0.5 or 128:224:32."
)
_METRICS = typer.Option(None, "--metrics", metavar="METRICS", help=f"Show others than macs,params: {options.METRICS}")
_PARETO = typer.Option(
    None, "--pareto", metavar="METRICS", help="The axes of a front; mults,params:max without: few mults, many params."
)


def plot(
    specs: list[str] = options.Specs,
    outputs: list[str] = _OUTPUTS,
    chart: str | None = _CHART,
    set: list[str] = _SET,
    metrics: str | None = _METRICS,
    pareto: str | None = _PARETO,
    join: str | None = options.Join,
    device: str | None = typer.Option(
        None, "--device", metavar="NAME|FILE", help="The device of a roofline: a shipped one, or a YAML file."
    ),
    dtype: list[str] = options.Dtype,
    batch: int = options.Batch,
    no_fold: bool = options.NoFold,
    layers: bool = options.Layers,
    max_points: int = typer.Option(
        100_000, "--max-points", min=1, metavar="N", help="How many points a front may be drawn from."
    ),
) -> None:
    """Draw a chart: the cost of each layer, several networks, or all values of a symbol with their Pareto front."""
    chosen = _outputs(outputs, specs)
    settings = options.settings(set)
    with _progress(specs[0], settings, join) as shown:
        drawn = convcost.plot(
            *specs,
            chart=chart,
            set=settings,
            metrics=options.names(metrics),
            pareto=options.names(pareto),
            join=join,
            device=device,
            dtype=dtype,
            batch=batch,
            fold=not no_fold,
            layers=layers,
            max_points=max_points,
            watch=None if shown is None else shown.advance,
        )
    _write(drawn, chosen)


def _progress(spec: str, settings: Mapping[str, str], join: str | None) -> AbstractContextManager[Progress | None]:
    """Return the progress of a sweep, where symbols may have several values."""
    if join is not None or any(mark in value for value in settings.values() for mark in ",:"):
        return progress.shown(f"sweep of {spec}", "points")
    return nullcontext()


def _outputs(texts: Sequence[str], specs: Sequence[str]) -> list[Output]:
    """Return the path and the format of a chart; standard output where that is no terminal.

    Raises:
        OptionError: Nothing says where, a suffix is none of a picture's, or two share a path.
    """
    from convcost.charts import files

    if not texts and (sys.stdout is None or sys.stdout.isatty()):
        help = "-o cost.svg, cost.png or cost.pdf; -o - writes SVG to standard output"
        raise OptionError(ErrorDetail("nothing says where the chart goes", help=help))
    chosen = []
    for text in texts or (STDOUT,):
        name, colon, path = text.partition(":")
        if colon and path and name in files.SUFFIXES:
            chosen.append(Output(name, path))
        else:
            chosen.append(Output("svg" if text == STDOUT else files.suffix(text, "-o"), text))
    for each in chosen:
        if each.path == STDOUT and each.format != "svg":
            message = f"a {each.format.upper()} goes to a file"
            raise OptionError(ErrorDetail(message, found=f"-o {each.format}:-", help=f"-o cost.{each.format}"))
    output.check_paths(chosen, specs)
    return chosen


def _write(chart: Chart, chosen: Sequence[Output]) -> None:
    """Write a chart to every output: all files first, then standard output; then show warnings."""
    from convcost.charts import files
    from convcost.cli import writing

    notices.refuse(chart.warnings)
    rendered = {each.path: files.rendered(chart, each.format) for each in chosen}
    with writing.written([writing.File(path, data) for path, data in rendered.items() if path != STDOUT]):
        if STDOUT in rendered:
            output.show(rendered[STDOUT].decode())
    notices.show(chart.warnings)
