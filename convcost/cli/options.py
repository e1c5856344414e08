"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from convcost import metrics
from convcost.errors import ErrorDetail, OptionError

METRICS = metrics.listed(metrics.METRICS.built_in())
"""The names of the metrics, for help texts."""

SPEC_HELP = "A spec or a model file by its path, - for standard input, or the name of a shipped spec."
Specs = typer.Argument(..., metavar="SPEC…", show_default=False, help=SPEC_HELP)
MaybeSpecs = typer.Argument(None, metavar="SPEC…", show_default=False, help=SPEC_HELP)
MaybeSpec = typer.Argument(None, metavar="SPEC", show_default=False, help=SPEC_HELP)
Spec = typer.Argument(..., metavar="SPEC", show_default=False, help=SPEC_HELP)
Batch = typer.Option(1, "--batch", min=1, metavar="N", help="Count the operations for N inputs.")
NoFold = typer.Option(False, "--no-fold", help="Count batch norms that could fold into the layer before.")
Set = typer.Option([], "--set", metavar="NAME=VALUE", help="Give a symbol of the spec a value; repeatable.")
Free = typer.Option(
    [], "--free", metavar="NAME", help="Keep a symbol as it is, so that the results are formulas; repeatable."
)
Cluster = typer.Option(
    None,
    "--cluster",
    metavar="ADDRESS",
    help="Work on the Dask cluster whose scheduler has this address, such as tcp://10.0.0.5:8786.",
)
Top = typer.Option(
    None, "--top", min=1, metavar="N", help="Show only the first so many rows: the largest, or of --sort."
)
Depth = typer.Option(
    None,
    "--depth",
    metavar="N",
    help="Fold what lies deeper in blocks and branches into one row; all: nothing. On a screen what fits without.",
)
SortChanges = typer.Option(
    None,
    "--sort",
    metavar="COLUMN",
    help=f"Sort layers by the change of a metric, the largest first, or by name: {METRICS}",
)
Dtype = typer.Option(
    [],
    "--dtype",
    metavar="TYPE",
    help="Give numbers a type: int8; weights=int8,activations=int16; PATTERN:float32 for some layers; repeatable.",
)
Join = typer.Option(
    None,
    "--join",
    metavar="CSV",
    help="Use columns of your own, such as a measured accuracy, as metrics; the CSV has a column for each symbol.",
)
Functional = typer.Option(
    [], "--functional", metavar="PATTERN", help="Layers that are called as functions, which some tools do not see."
)
Layers = typer.Option(False, "--layers", help="Show every row, however many there are.")
Format = typer.Option(
    None,
    "--format",
    "-f",
    metavar="FORMAT",
    help="[bold]table[/], json, csv, md or html, on standard output; FORMAT:PATH writes a file.",
)
CheckFormat = typer.Option(
    None,
    "--format",
    "-f",
    metavar="FORMAT",
    help="[bold]text[/], json, csv, md, github, gitlab, junit or sarif, on standard output.",
)
Outputs = typer.Option(
    [],
    "--output",
    "-o",
    metavar="[FORMAT:]PATH",
    help="Write a file, such as cost.json, report.html or json:cost; repeatable.",
)


def settings(
    texts: Sequence[str], option: str = "--set", form: str = "NAME=VALUE", example: str = "alpha=0.5"
) -> dict[str, str]:
    """Return the values that `--set NAME=VALUE`, or another option of this form, gives by name.

    Raises:
        OptionError: One is not of this form.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise OptionError(
                ErrorDetail(f"{option} takes {form}", found=f"{option} {text}", help=f"such as {option} {example}")
            )
        values[name.strip()] = value.strip()
    return values


def depth(text: str | None, layers: bool) -> tuple[int | None, bool]:
    """Return the depth that `--depth` gives, and whether every layer is asked for, as by `--layers`.

    Raises:
        OptionError: It is neither a whole number from 1 nor `all`, or stands beside `--layers`.
    """
    if text is None or text == "all":
        return None, layers or text == "all"
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise OptionError(ErrorDetail("--depth takes a whole number from 1, or all", found=f"--depth {text}"))
    if layers:
        help = "leave one of them out"
        raise OptionError(ErrorDetail("--layers and --depth contradict each other", found=f"--depth {text}", help=help))
    return int(text), False


def names(text: str | None) -> tuple[str, ...]:
    """Return the names that an option lists, with commas between them, each once; none without the option."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text is not None else ()
