"""`convcost reconcile`: what other tools count, and why their numbers differ."""

from __future__ import annotations

from typing import Optional

import typer

import convcost
from convcost.cli import options, output

_WITH = typer.Option([], "--with", metavar="TOOL", help="Show this tool only; repeatable.")
_EXPECT = typer.Option(
    None, "--expect", metavar="NUMBER", help="Find the conventions that give a printed number, such as 4.12G."
)


def reconcile(
    spec: str = options.Spec,
    set: list[str] = options.Set,
    tools: list[str] = _WITH,
    expect: Optional[str] = _EXPECT,  # noqa: UP045 -- typer reads the annotation while running
    functional: list[str] = options.Functional,
    batch: int = options.Batch,
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Show what other tools count, by how much they differ, and why; or which of them gives a printed number."""
    from convcost.conventions.report import ExpectationReport, ReconciliationReport

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
