"""`convcost rewrite`: specs whose layers take another form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from convcost import spec as spec_of
from convcost.cli import notices, options, output
from convcost.cli.writing import File
from convcost.errors import ErrorDetail, OptionError
from convcost.network import Network
from convcost.preconditions import check_complete
from convcost.rewriting.rewrites import with_options

if TYPE_CHECKING:
    from convcost.rewriting.base import Rewrite, Site

To = typer.Option(
    [], "--to", metavar="NAME[:PATTERN]", help="The rewrite; behind a colon the layers that it is for; repeatable."
)
Layers = typer.Option(
    [], "--layers", metavar="PATTERN", help="The layers to rewrite, by name, such as 'stage_1/*'; repeatable."
)
With = typer.Option([], "--with", metavar="NAME=VALUE", help="An option of the rewrite, such as groups=4; repeatable.")


def rewrite(
    spec: str | None = options.MaybeSpec,
    to: list[str] = To,
    layers: list[str] = Layers,
    with_: list[str] = With,
    set: list[str] = options.Set,
    dtype: list[str] = options.Dtype,
    path: str | None = typer.Option(
        None, "--output", "-o", metavar="PATH", help="Write the new spec; - writes it to standard output."
    ),
    force: bool = typer.Option(False, "--force", help="Write over a file that exists."),
    list_: bool = typer.Option(False, "--list", help="List the rewrites with what they save, and stop."),
    format: str | None = options.Format,
) -> None:
    """Rewrite a spec's layers into another form, and show what that saves; without -o nothing is written."""
    chosen = output.outputs(format, [])
    if list_:
        from convcost.rewriting.report import CatalogueReport

        output.write([CatalogueReport()], chosen)
        return
    if spec is None or not to:
        missing = "a SPEC" if spec is None else "--to NAME"
        raise OptionError(
            ErrorDetail(f"rewrite takes {missing}", help="convcost rewrite SPEC --to separable -o new.yaml")
        )
    output.check_spec_path(path, force=force)
    from convcost.rewriting.analysis import Rewriting
    from convcost.rewriting.report import RewritingReport
    from convcost.rewriting.text import Note, rewrite_text
    from convcost.spec import source

    settings = options.settings(set)
    read = source.read(spec)
    network = spec_of.Spec(read, dtype=dtype).network(settings)
    check_complete(network)
    changes = chosen_sites(network, to, layers, switches(with_))
    rewriting = Rewriting.of(network, changes)
    notes = [(Note(each.name, each.source), sites) for each, sites in changes]
    text = rewrite_text(read, settings, network, notes, rewriting.after.network)
    if path == output.STDOUT:
        notices.refuse(network.warnings)
        output.show(text)
        notices.show(network.warnings)
        return
    written = f"Written to {path}." if path is not None else "Nothing is written without -o PATH."
    files = [File(path, text, new=not force)] if path is not None else []
    output.write([RewritingReport(rewriting, (written,))], chosen, files, network.warnings)


def chosen_sites(
    network: Network, to: Sequence[str], layers: Sequence[str], given: Mapping[str, Any]
) -> list[tuple[Rewrite, list[Site]]]:
    """Return the sites of each rewrite that `--to NAME[:PATTERN]` and `--layers PATTERN` choose.

    Raises:
        OptionError: There is no such rewrite or layer, the rewrite does not apply, or two rewrites want one layer.
    """
    from convcost.rewriting.selection import select

    patterns: dict[str, list[str]] = {}
    for text in to:
        name, _, pattern = text.partition(":")
        patterns.setdefault(name, []).extend([pattern] if pattern else layers)
    changes = []
    claimed: dict[int, str] = {}
    for name, wanted in patterns.items():
        each = with_options(name, given, patterns)
        sites = select(network, each, wanted)
        for site in sites:
            for index in site.becomes:
                if index in claimed:
                    what = f"{network.layers[index].name}: {claimed[index]} and {name}"
                    help = "choose with --to NAME:LAYER"
                    raise OptionError(ErrorDetail("two rewrites want one layer", found=what, help=help))
            claimed |= dict.fromkeys(site.becomes, name)
        changes.append((each, sites))
    return changes


def switches(texts: Sequence[str]) -> dict[str, Any]:
    """Return the options that `--with NAME=VALUE` gives: whole numbers, true or false."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        words = {"true": True, "false": False}
        if not equals or not (value in words or value.isdecimal()):
            help = "such as --with groups=4, --with shuffle=true"
            raise OptionError(ErrorDetail("--with takes NAME=VALUE", found=f"--with {text}", help=help))
        values[name.strip()] = words[value] if value in words else int(value)
    return values
