"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from convcost.errors import Fault, OptionError

Specs = typer.Argument(
    ...,
    metavar="SPEC…",
    show_default=False,
    help="A path, - for standard input, or the name of a shipped spec.",
)
Set = typer.Option([], "--set", metavar="NAME=VALUE", help="Give a symbol of the spec a value; repeatable.")
Format = typer.Option(
    None, "--format", "-f", metavar="FORMAT", help="[bold]table[/], json, csv or markdown, on standard output."
)
Outputs = typer.Option(
    [], "--output", "-o", metavar="FORMAT[:PATH]", help="Write a format, to a path where one is given; repeatable."
)


def settings(texts: Sequence[str]) -> dict[str, str]:
    """Return the symbols' values that `--set NAME=VALUE` gives.

    Raises:
        OptionError: One is not of this form.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise OptionError(Fault("--set takes NAME=VALUE", found=f"--set {text}", help="such as --set alpha=0.5"))
        values[name.strip()] = value.strip()
    return values
