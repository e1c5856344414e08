"""`convcost formulas`: what each layer type costs, in the papers' letters."""

from __future__ import annotations

from typing import Optional

import typer

from convcost.cli import options, output
from convcost.errors import Fault, OptionError

_TYPES = typer.Argument(None, metavar="[TYPE]…", show_default=False, help="Layer types; without, all of them.")
_LETTERS = typer.Option([], "--set", metavar="LETTER=NUMBER", help="Give a letter a value; repeatable.")
_WITH_RATIOS = frozenset(("conv", "depthwise_conv", "pointwise_conv", "separable_conv"))


def formulas(
    types: Optional[list[str]] = _TYPES,  # noqa: UP045 -- typer reads the annotation while running
    set: list[str] = _LETTERS,
    latex: bool = typer.Option(False, "--latex", help="Write the formulas in LaTeX."),
    format: Optional[str] = options.Format,  # noqa: UP045
    outputs: list[str] = options.Outputs,
) -> None:
    """Show the formulas of each layer type, derived from the code that counts."""
    from convcost.cost.formulas import quotients, sheets
    from convcost.cost.formulas_report import LettersReport

    chosen = output.outputs(format, outputs)
    settings = {name: _whole(name, value) for name, value in options.settings(set).items()}
    found = sheets(types or (), settings)
    ratios = quotients(settings) if not types or not _WITH_RATIOS.isdisjoint(types) else []
    output.write([LettersReport(found, ratios, "latex" if latex else "unicode")], chosen)


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 15:
        raise OptionError(Fault(f"{name} is a whole number", found=f"--set {name}={text}"))
    return int(text)
