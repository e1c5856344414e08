"""`convcost reconcile`: what other tools count, and why their numbers differ."""

from collections.abc import Sequence

import typer

import convcost
from convcost.cli import options, output
from convcost.errors import ErrorDetail, OptionError

_SPEC = typer.Argument(None, metavar="SPEC", show_default=False, help=options.SPEC_HELP)
_WITH = typer.Option([], "--with", metavar="TOOL", help="Show this tool only; repeatable.")
_EXPECT = typer.Option(
    None, "--expect", metavar="NUMBER", help="Find the conventions that give a printed number, such as 4.12G."
)
_LAYERS = typer.Option(False, "--layers", help="Show what each tool prints of single layers; takes no SPEC.")


def reconcile(
    spec: str | None = _SPEC,
    set: list[str] = options.Set,
    tools: list[str] = _WITH,
    expect: str | None = _EXPECT,
    layers: bool = _LAYERS,
    functional: list[str] = options.Functional,
    batch: int = options.Batch,
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show what other tools count, by how much they differ, and why; or which of them gives a printed number."""
    from convcost.conventions.report import ExpectationReport, ReconciliationReport

    if layers:
        others = {"SPEC": spec, "--set": set, "--expect": expect, "--functional": functional, "--batch": batch != 1}
        _show_layers(tools, output.outputs(format, outputs), [name for name, given in others.items() if given])
        return
    if spec is None:
        raise OptionError(ErrorDetail("reconcile takes a SPEC", help="or --layers, for single layers"))
    chosen = output.outputs(format, outputs, [spec])
    model = convcost.load(spec, set=options.settings(set))
    if expect is None:
        found = model.reconcile(tools=tools, functional=functional, batch=batch)
        output.write([ReconciliationReport(found)], chosen, warnings=found.warnings)
        return
    expected = model.expect(expect, functional=functional)
    output.write([ExpectationReport(expected)], chosen)
    if not expected.matches:
        raise typer.Exit(1)


def _show_layers(tools: Sequence[str], chosen: Sequence[output.Output], others: Sequence[str]) -> None:
    """Show what tools print of single layers.

    Raises:
        OptionError: What belongs to a network is given, too.
    """
    from convcost.conventions.layer_comparison import LayerComparison, LayerComparisonReport

    if others:
        message = f"--layers shows single layers, which take no {others[0]}"
        raise OptionError(ErrorDetail(message, help="leave one of them out"))
    found = LayerComparison.of(lambda spec: convcost.load(dict(spec)).network, tools)
    output.write([LayerComparisonReport(found)], chosen)
