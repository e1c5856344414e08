"""`convcost suggest`: which layers to rewrite until a network keeps its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

import typer

from convcost import metrics
from convcost.cli import options, output, rewrite
from convcost.errors import Fault, OptionError

if TYPE_CHECKING:
    from convcost.rewriting.base import Rewrite, Site

OUT_OF_REACH = 1

Max = typer.Option(
    [],
    "--max",
    metavar="METRIC=LIMIT",
    help=f"What to reach, such as mults=300M or params=4M; repeatable. Metrics are {options.METRICS}",
)


def suggest(
    spec: str = options.Spec,
    limits: list[str] = Max,
    allow: str = typer.Option("separable", "--allow", metavar="NAME,…", help="The rewrites that may be used."),
    with_: list[str] = rewrite.With,
    ends: bool = typer.Option(False, "--ends", help="The first and the last layer with weights may be touched too."),
    set: list[str] = options.Set,
    no_fold: bool = options.NoFold,
    format: Optional[str] = options.Format,  # noqa: UP045 -- typer reads the annotation while running
    outputs: list[str] = options.Outputs,
) -> None:
    """Suggest which layers to rewrite, the biggest saving for each layer touched first, until the limits are kept.

    The exit status is 0 when they are, 1 when they are out of reach.
    """
    from convcost import spec as specs
    from convcost.budget.remedies import command
    from convcost.rewriting.selection import options_for
    from convcost.rewriting.suggest import Suggestion
    from convcost.rewriting.suggest_report import SuggestionReport
    from convcost.rewriting.text import can_rewrite
    from convcost.spec import source

    chosen = output.outputs(format, outputs, [spec])
    wanted = _limits(limits)
    names = [name.strip() for name in allow.split(",") if name.strip()]
    given = rewrite.switches(with_)
    rewrites = [rewrite.with_options(name, given, names) for name in names]
    settings = options.settings(set)
    read = source.read(spec)
    network = specs.load(read, settings)

    def can(each: Rewrite, sites: Sequence[Site]) -> bool:
        return can_rewrite(read, settings, network, [(each, sites)])

    suggestion = Suggestion.of(network, rewrites, wanted, ends=ends, fold=not no_fold, can=can)
    to = options_for(network, suggestion.changes)
    line = command(spec, to, with_, set) if to else ""
    output.write([SuggestionReport(suggestion, line)], chosen)
    if not suggestion.reached:
        raise typer.Exit(OUT_OF_REACH)


def _limits(texts: Sequence[str]) -> dict[str, int]:
    """Return the limits that `--max METRIC=LIMIT` gives.

    Raises:
        OptionError: There is none, or one is not of this form.
    """
    from convcost.spec.reading import amount

    if not texts:
        raise OptionError(Fault("suggest needs a limit", help="such as --max mults=300M or --max params=4M"))
    limits = {}
    for text in texts:
        name, _, value = text.partition("=")
        metric = metrics.named(name, "--max: ")
        if not metric.adds_up:
            found = f"{name} is {metric.kind}, so that no rewritten layer says what is saved of it"
            raise OptionError(
                Fault(f"--max: suggest cannot limit {name}", found=found, help="limit a sum: --max mults=300M")
            )
        limit = amount(value.strip())
        if limit is None:
            raise OptionError(
                Fault(f"the limit of {name} is a whole number", found=f"--max {text}", help="such as 300M (k, M, G, T)")
            )
        limits[name] = limit
    return limits
