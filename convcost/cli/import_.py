"""`convcost import`: a model file as a spec."""

import typer

from convcost import spec as spec_of
from convcost.cli import notices, output, writing
from convcost.cli.writing import File
from convcost.errors import ErrorDetail, SpecError
from convcost.spec import source


def import_(
    path: str = typer.Argument(
        ..., metavar="FILE", show_default=False, help="A model file, such as model.onnx; - for standard input."
    ),
    to: str | None = typer.Option(
        None, "--output", "-o", metavar="PATH", help="Write the spec there; without it to standard output."
    ),
    force: bool = typer.Option(False, "--force", help="Write over a file that exists."),
    flat: bool = typer.Option(False, "--flat", help="Write one item for each layer, norms and activations too."),
) -> None:
    """Write a model file as a spec; it is read again first, and must give the same network."""
    output.check_spec_path(to, force=force)
    imported = source.read_model(path, flat=flat)
    network = spec_of.load(source.Source(path, imported.text), imported.sizes)
    if different := imported.difference(network):
        message = "the spec does not give the network of the model file"
        raise SpecError(ErrorDetail(message, found=different, help="please report it: this is a bug in convcost"))
    warnings = (*network.warnings, *imported.model.warnings)
    notices.refuse(warnings)
    if to is None or to == output.STDOUT:
        output.show(imported.text)
    else:
        writing.write([File(to, imported.text, new=not force)])
    notices.show(warnings)
