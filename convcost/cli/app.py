"""The command `convcost`: its commands, and what becomes of errors."""

from __future__ import annotations

import os
import sys

import typer

import convcost
from convcost.cli import (
    analyze,
    check,
    compare,
    diff,
    formulas,
    init,
    rewrite,
    schema,
    solve,
    specs,
    suggest,
    sweep,
    verify,
)
from convcost.errors import ConvcostError

WRONG_INPUT = 2
BUG = 3

app = typer.Typer(
    name="convcost",
    help="What a convolutional network costs: parameters, multiplications, additions, per layer, exactly.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
app.command("analyze")(analyze.analyze)
app.command("verify")(verify.verify)
app.command("compare")(compare.compare)
app.command("diff")(diff.diff)
app.command("rewrite")(rewrite.rewrite)
app.command("suggest")(suggest.suggest)
app.command("check")(check.check)
app.command("init")(init.init)
app.command("formulas")(formulas.formulas)
app.command("sweep")(sweep.sweep)
app.command("solve")(solve.solve)
app.command("specs")(specs.specs)
app.command("schema")(schema.schema)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"convcost {convcost.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Serve what stands before a command, or alone."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line and exit.

    The status is 0 when all went well, 2 when the input or an option is wrong, 3 when convcost itself is.
    """
    try:
        app()
    except ConvcostError as error:
        _tell(str(error))
        sys.exit(WRONG_INPUT)
    except Exception as error:  # noqa: BLE001 -- whatever it is, a user sees no traceback
        _tell(_bug(error))
        sys.exit(BUG)


def _tell(text: str) -> None:
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        text = "\n".join(
            f"\x1b[1;31merror\x1b[0m\x1b[1m{line[5:]}\x1b[0m" if line.startswith("error:") else line
            for line in text.split("\n")
        )
    sys.stderr.write(text + "\n")


def _bug(error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else "an unknown place"
    return (
        f"error: this is a bug in convcost {convcost.__version__}, not in your spec\n"
        f" = found: {type(error).__name__}: {error}\n"
        f" = note: at {where}\n"
        " = help: please report it with the spec that shows it"
    )
