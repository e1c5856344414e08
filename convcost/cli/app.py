"""The command `convcost`: its commands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

import convcost
from convcost.cli import progress
from convcost.errors import ConvcostError, visible
from convcost.registry import PluginWarning, Registry
from convcost.spec import limits

WRONG_INPUT = 2
BUG = 3

COMMANDS: Registry[Callable[..., None]] = Registry(
    "command",
    "convcost.commands",
    {
        "analyze": "convcost.cli.analyze:analyze",
        "verify": "convcost.cli.verify:verify",
        "compare": "convcost.cli.compare:compare",
        "diff": "convcost.cli.diff:diff",
        "rewrite": "convcost.cli.rewrite:rewrite",
        "suggest": "convcost.cli.suggest:suggest",
        "check": "convcost.cli.check:check",
        "init": "convcost.cli.init:init",
        "formulas": "convcost.cli.formulas:formulas",
        "sweep": "convcost.cli.sweep:sweep",
        "solve": "convcost.cli.solve:solve",
        "specs": "convcost.cli.specs:specs",
        "schema": "convcost.cli.schema:schema",
    },
)
"""The commands, each a function that typer makes one of; imported when it is invoked, or help lists all."""


_READ_NO_SPEC = frozenset(("formulas", "schema"))


def _max_layers() -> Any:
    """Return the option of how many layers the specs' networks may have: one for all commands that read specs."""

    def allow(context: Any, parameter: Any, layers: int | None) -> None:
        if layers is not None:
            limits.allow(layers)

    return TyperOption(
        param_decls=["--max-layers"],
        type=int,
        metavar="N",
        expose_value=False,
        callback=allow,
        help=f"Allow networks so many layers: {limits.DEFAULT_LAYERS:,} without, at most {limits.MOST_LAYERS:,}.",
    )


class _Lazy(Mapping[str, Any]):
    """The commands as typer has them, each made when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(name)(COMMANDS[name])
        command = typer.main.get_command(alone)
        if name in COMMANDS.built_in() and name not in _READ_NO_SPEC:
            command.params.append(_max_layers())
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(TyperGroup):
    """A group that imports the invoked command only."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Lazy()  # type: ignore[assignment]  # it is only read


app = typer.Typer(
    name="convcost",
    cls=_Group,
    help="What a convolutional network costs: parameters, multiplications, additions, per layer, exactly.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


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
    warnings.showwarning = _show_warning
    progress.watch_layers()
    try:
        app()
    except ConvcostError as error:
        _tell(str(error))
        sys.exit(WRONG_INPUT)
    except MemoryError:
        _tell("error: there is not enough memory for this\n = help: a smaller network, or fewer layers or points")
        sys.exit(WRONG_INPUT)
    except RecursionError:
        _tell("error: the input nests too deep\n = help: expressions, blocks and branches that nest less")
        sys.exit(WRONG_INPUT)
    except Exception as error:  # noqa: BLE001 -- whatever it is, a user sees no traceback
        _tell(_bug(error))
        sys.exit(BUG)


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Show a warning about another package as one line; others, which are for developers, as Python does."""
    if issubclass(category, PluginWarning):
        if sys.stderr is not None:
            sys.stderr.write(f"warning: {visible(str(message))}\n")
    else:
        _python_shows(message, category, *place, **more)


_python_shows = warnings.showwarning


def _tell(text: str) -> None:
    progress.clear()
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
