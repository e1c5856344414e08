"""`convcost formulas`: the cost of each layer type, in the papers' symbols."""

import typer

import convcost
from convcost.cli import options, output

_TYPES = typer.Argument(None, metavar="[TYPE]…", show_default=False, help="Layer types; without, all of them.")
_SYMBOLS = typer.Option([], "--set", metavar="SYMBOL=NUMBER", help="Give a symbol a value; repeatable.")


def formulas(
    types: list[str] | None = _TYPES,
    set: list[str] = _SYMBOLS,
    latex: bool = typer.Option(False, "--latex", help="Write the formulas in LaTeX."),
    format: str | None = options.Format,
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the formulas of each layer type, derived from the code that counts."""
    from convcost.cost.formulas_report import FormulasReport

    chosen = output.outputs(format, outputs)
    found = convcost.formulas(*(types or ()), set=options.settings(set))
    output.write([FormulasReport.of(found, "latex" if latex else "unicode")], chosen)
