"""`convcost version`: the version of the program."""

import convcost
from convcost.cli import output


def version() -> None:
    """Show the version of convcost."""
    output.show(f"convcost {convcost.__version__}\n")
