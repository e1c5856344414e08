"""The command `convcost`: its commands, their groups and common options, and how errors end it."""

import errno
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

import convcost
from convcost import _startup
from convcost.cli import notices, progress, streams
from convcost.errors import LONGEST, ConvcostError, ErrorDetail, OptionError, visible
from convcost.registry import PluginWarning, Registry
from convcost.spec import limits

NO = 1
WRONG_INPUT = 2
_COMPLETING = "_CONVCOST_COMPLETE"  # the variable that shells set to ask for completions
BUG = 3

_UNWRITABLE = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})
_UsageError: Any = typer.BadParameter.__bases__[0]  # typer has its own of late, and click's before

COMMANDS: Registry[Callable[..., None]] = Registry(
    "command",
    "convcost.commands",
    {
        "analyze": "convcost.cli.analyze:analyze",
        "compare": "convcost.cli.compare:compare",
        "diff": "convcost.cli.diff:diff",
        "plot": "convcost.cli.plot:plot",
        "formulas": "convcost.cli.formulas:formulas",
        "reconcile": "convcost.cli.reconcile:reconcile",
        "verify": "convcost.cli.verify:verify",
        "memory": "convcost.cli.memory:memory",
        "roofline": "convcost.cli.roofline:roofline",
        "compress": "convcost.cli.compress:compress",
        "devices": "convcost.cli.devices:devices",
        "import": "convcost.cli.import_:import_",
        "receptive-field": "convcost.cli.receptive_field:receptive_field",
        "sweep": "convcost.cli.sweep:sweep",
        "search": "convcost.cli.search:search",
        "solve": "convcost.cli.solve:solve",
        "rewrite": "convcost.cli.rewrite:rewrite",
        "suggest": "convcost.cli.suggest:suggest",
        "init": "convcost.cli.init:init",
        "check": "convcost.cli.check:check",
        "specs": "convcost.cli.specs:specs",
        "schema": "convcost.cli.schema:schema",
        "version": "convcost.cli.version:version",
    },
)
"""The commands, each a function from which typer makes one; imported when it is invoked, or help lists all."""

GROUPS = {
    "Count": ("analyze", "compare", "diff", "plot", "formulas", "reconcile", "verify"),
    "Fit a device": ("memory", "roofline", "compress", "devices"),
    "Design": ("import", "receptive-field", "sweep", "search", "solve", "rewrite", "suggest"),
    "Keep a budget": ("init", "check"),
    "Look up": ("specs", "schema", "version"),
}
"""The groups in which help lists commands; those of other packages come first, in none."""


_READ_NO_SPEC = frozenset(("devices", "formulas", "schema", "version"))
_OWN_STRICT = frozenset(("check", "specs"))  # the one has it, the other reads shipped specs only
_FEWER_LAYERS = {
    "compare": 30_000,
    "diff": 50_000,
    "plot": 30_000,
    "rewrite": 30_000,
    "suggest": 50_000,
    "verify": 50_000,
}
"""The limits of layers for the commands that work longest on each."""


def _max_layers(command: str) -> Any:
    """Return the option that limits the layers of the specs' networks."""
    default = _FEWER_LAYERS.get(command, limits.DEFAULT_LAYERS)

    def allow(context: Any, parameter: Any, layers: int | None) -> None:
        if layers is not None or command in _FEWER_LAYERS:
            context.with_resource(limits.limited(default if layers is None else layers))

    return TyperOption(
        param_decls=["--max-layers"],
        type=int,
        metavar="N",
        expose_value=False,
        callback=allow,
        help=f"Allow networks this many layers: {default:,} by default, at most {limits.MOST_LAYERS:,}.",
    )


def _max_bytes() -> Any:
    """Return the option that limits the bytes of a spec."""

    def allow(context: Any, parameter: Any, text: str | None) -> None:
        if text is not None:
            from convcost.spec.amounts import amount

            limits.allow_bytes(amount(text) or 0)

    return TyperOption(
        param_decls=["--max-bytes"],
        metavar="N",
        expose_value=False,
        callback=allow,
        help="Allow specs of this many bytes, such as 16Mi: 4Mi by default, at most 1Gi.",
    )


def _strict() -> Any:
    """Return the option that makes errors of warnings."""
    return TyperOption(
        param_decls=["--strict"],
        is_flag=True,
        expose_value=False,
        callback=lambda context, parameter, strict: context.with_resource(notices.strictly(bool(strict))),
        help="Treat warnings about the specs as errors.",
    )


def _model_options() -> list[Any]:
    """Return the options for model files: of operators that have no layer type, and of inputs without sizes."""

    def option(name: str, read: Callable[[Any], dict[str, Any]], help: str, **more: Any) -> Any:
        def callback(context: Any, parameter: Any, given: Any) -> None:
            if given:
                from convcost import model_options

                context.with_resource(model_options.using(**read(given)))

        return TyperOption(
            param_decls=[name], expose_value=False, callback=callback, rich_help_panel="Model files", help=help, **more
        )

    def shapes(texts: Sequence[str]) -> dict[str, Any]:
        from convcost.model_options import input_shape

        return {"inputs": {name: shape for text in texts for name, shape in input_shape(text).items()}}

    def costs(texts: Sequence[str]) -> dict[str, Any]:
        from convcost.model_options import declared_costs

        return {"declare": {name: cost for text in texts for name, cost in declared_costs(text).items()}}

    return [
        option("--input", shapes, "Give an input its sizes; repeatable.", metavar="[NAME=]SHAPE", multiple=True),
        option(
            "--declare",
            costs,
            "Give each call of an operator that has no layer type this cost; repeatable.",
            metavar="OP=macs:N,params:N",
            multiple=True,
        ),
        option(
            "--allow-unknown",
            lambda given: {"allow_unknown": True},
            "Leave operators without a layer type out of the count: totals are lower bounds, with ≥.",
            is_flag=True,
        ),
        option(
            "--signature",
            lambda name: {"signature": name},
            "Read this signature of a TensorFlow Lite file; without it the first.",
            metavar="NAME",
        ),
    ]


class _Command(TyperCommand):
    """A command whose help ends with examples, and whose options for model files are for those among several specs."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        from convcost import model_options

        if model_options.current() != model_options.ModelOptions():
            from convcost.spec.source import is_model_file

            given = [ctx.params.get(each.name) for each in self.params if each.param_type_name == "argument"]
            paths = [path for each in given for path in (each if isinstance(each, (list, tuple)) else [each])]
            if any(map(is_model_file, filter(None, map(str, paths)))):
                ctx.with_resource(model_options.using(mixed=True))
        return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help and the examples."""
        super().format_help(ctx, formatter)
        _write_examples(self.name or "", formatter)


def _write_examples(command: str, formatter: Any) -> None:
    from convcost.cli import examples

    formatter.write(examples.text(command))  # shown behind what rich has drawn


class _Lazy(Mapping[str, Any]):
    """The commands as typer has them, each made when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        group = next((group for group, names in GROUPS.items() if name in names), None)
        alone.command(name, cls=_Command, rich_help_panel=group)(COMMANDS[name])
        command = typer.main.get_command(alone)
        if name in COMMANDS.built_in() and name not in _READ_NO_SPEC:
            command.params += _model_options() if name != "specs" else []
            command.params += [_max_layers(name), _max_bytes(), *(() if name in _OWN_STRICT else (_strict(),))]
        if _COMPLETING in os.environ:
            from convcost.cli import completion

            completion.complete(command)
        return command

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(TyperGroup):
    """A group that imports the invoked command only."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Lazy()  # type: ignore[assignment]  # it is only read

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help and the examples."""
        super().format_help(ctx, formatter)
        _write_examples("", formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word names.

        Raises:
            OptionError: It names a spec.
        """
        if args[0] not in COMMANDS and not ctx.resilient_parsing and _is_spec(args[0]):
            import shlex  # for this error only

            line = f"convcost analyze {shlex.join(args)}"
            help = line if len(line) <= LONGEST else f"convcost analyze {shlex.quote(args[0])}"  # never cut
            raise OptionError(ErrorDetail(f"a command comes before the spec {args[0]!r}", help=help))
        return super().resolve_command(ctx, args)

    def make_context(self, *words: Any, **more: Any) -> Any:
        """Parse what stands before a command."""
        with _visible_errors():
            return super().make_context(*words, **more)

    def invoke(self, ctx: Any) -> Any:
        """Parse what stands behind a command, and run it."""
        with _visible_errors():
            return super().invoke(ctx)


def _is_spec(word: str) -> bool:
    """Return whether a word names a spec: a file, or a shipped one."""
    from convcost.spec.source import shipped

    return word.endswith((".yaml", ".yml")) or Path(word).is_file() or word in shipped()


@contextmanager
def _visible_errors() -> Iterator[None]:
    """Escape invisible characters in the messages of the option parser, which quotes words as they were given."""
    try:
        yield
    except _UsageError as error:
        message = error.format_message()
        shown = streams.harmless(visible(message))
        if shown == message:
            raise
        raise _UsageError(shown, ctx=error.ctx) from None


app = typer.Typer(
    name="convcost",
    cls=_Group,
    help="What a neural network costs: parameters, multiplications, additions, memory, per layer, exactly.",
    invoke_without_command=True,
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
    """Handle options without a command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line and exit.

    The status is 0 when all went well, 2 when the input or an option is wrong, 3 when convcost itself is.
    """
    warnings.showwarning = _show_warning
    progress.watch_layers()
    streams.limit_widths()
    status = _run()
    if (failure := streams.flush()) and not isinstance(failure, BrokenPipeError) and status in (0, NO):
        _show_error(_without_output(failure))
        status = WRONG_INPUT
    _startup.end(status)


def _run() -> int:
    """Run the command line and return its status."""
    try:
        app()
    except SystemExit as ended:  # as typer ends
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else NO
    except KeyboardInterrupt:
        return _startup.INTERRUPTED
    except ConvcostError as error:
        _show_error(_without_folder() or error.text())
        return WRONG_INPUT
    except MemoryError:
        _show_error("error: there is not enough memory for this\n = help: a smaller network, or fewer layers or points")
        return WRONG_INPUT
    except RecursionError:
        _show_error("error: the input nests too deep\n = help: expressions, blocks and branches that nest less")
        return WRONG_INPUT
    except Exception as error:  # noqa: BLE001 -- whatever it is, a user sees no traceback
        if text := _of_system(error):
            _show_error(text)
            return WRONG_INPUT
        _show_error(_bug(error))
        return BUG
    return 0


def _of_system(error: Exception) -> str:
    """Return the message for an error of the system, such as a full disk; nothing for others."""
    if not isinstance(error, OSError):
        return ""
    return _without_folder() or (_without_output(error) if error.errno in _UNWRITABLE and not error.filename else "")


def _without_folder() -> str:
    """Return the message that the working directory is gone, if it is."""
    try:
        Path.cwd()
    except OSError:
        return str(ErrorDetail("the working directory does not exist any more", help="go to one that does"))
    return ""


def _without_output(error: OSError) -> str:
    return str(ErrorDetail(f"standard output cannot be written: {error.strerror}"))


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Show a warning about another package as one line; others, which are for developers, as Python does."""
    if issubclass(category, PluginWarning):
        streams.show_error(f"warning: {visible(str(message))}")
    else:
        _python_shows(message, category, *place, **more)


_python_shows = warnings.showwarning


def _show_error(text: str) -> None:
    progress.clear()
    streams.show_error(streams.colored(text))


def _bug(error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else "an unknown place"
    return (
        f"error: this is a bug in convcost {convcost.__version__}, not in your spec\n"
        f" = found: {type(error).__name__}: {visible(str(error))}\n"
        f" = note: at {where}\n"
        " = help: please report it with the spec that shows it"
    )
