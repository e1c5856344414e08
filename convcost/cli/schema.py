"""`convcost schema`: what an editor or a program needs to complete, check and read a file."""

import typer

from convcost.cli import output
from convcost.errors import ErrorDetail, OptionError, nearest

_FILES = ("spec", "config", "report")
_FILE = typer.Argument(
    "spec",
    metavar="[spec|config|report]",
    show_default=False,
    help="A spec, `convcost.yaml`, or a JSON report.",
)


def schema(file: str = _FILE) -> None:
    """Print the JSON Schema of a spec, of `convcost.yaml`, or of the JSON reports, for editors and programs."""
    import json  # as the schemas, for this command only

    if file not in _FILES:
        raise OptionError(ErrorDetail(f"there is no schema of {file!r}", help=nearest(file, _FILES)))
    if file == "config":
        from convcost.budget.schema import config_schema as build
    elif file == "report":
        from convcost.documents.schema import report_schema as build
    else:
        from convcost.spec.schema import spec_schema as build
    output.show(json.dumps(build(), indent=2, ensure_ascii=False) + "\n")
