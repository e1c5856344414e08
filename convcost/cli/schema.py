"""`convcost schema`: what an editor needs to complete and check a file."""

from __future__ import annotations

import typer

from convcost.cli import output
from convcost.errors import Fault, OptionError, nearest

_FILES = ("spec", "config")
_FILE = typer.Argument("spec", metavar="[spec|config]", show_default=False, help="A spec, or `convcost.yaml`.")


def schema(file: str = _FILE) -> None:
    """Print the JSON Schema of a spec, or of `convcost.yaml`, for completion and checks in editors."""
    import json  # as the schemas, for this command only

    if file not in _FILES:
        raise OptionError(Fault(f"there is no schema of {file!r}", help=nearest(file, _FILES)))
    if file == "config":
        from convcost.budget.schema import config_schema as build
    else:
        from convcost.spec.schema import spec_schema as build
    output.show(json.dumps(build(), indent=2, ensure_ascii=False) + "\n")
