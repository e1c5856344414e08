"""The command line; the only place that prints, exits or reads the environment."""

from convcost.cli.app import main

__all__ = ["main"]
