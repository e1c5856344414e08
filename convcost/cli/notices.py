"""Warnings about specs: shown on standard error after the results, or raised as errors with `--strict`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from convcost.cli import progress, streams
from convcost.errors import SpecError, WarningDetail

MOST = 20
"""How many warnings are shown."""

_strict: ContextVar[bool] = ContextVar("strict", default=False)


@contextmanager
def strictly(strict: bool) -> Iterator[None]:
    """Raise warnings as errors inside the block, if `strict` holds."""
    token = _strict.set(strict)
    try:
        yield
    finally:
        _strict.reset(token)


def refuse(warnings: Iterable[WarningDetail]) -> None:
    """Raise warnings as errors where `--strict` asks for it.

    Raises:
        SpecError: There are warnings, and `--strict` was given.
    """
    errors = [each.as_error() for each in dict.fromkeys(warnings)] if _strict.get() else []
    if errors:
        raise SpecError(errors)


def show(warnings: Iterable[WarningDetail]) -> None:
    """Show warnings on standard error, each once."""
    found = list(dict.fromkeys(warnings))
    if not found:
        return
    progress.clear()
    texts = [str(each) for each in found[:MOST]]
    if len(found) > MOST:
        texts.append(f"… and {len(found) - MOST:,} more warnings; -f json lists them all")
    apart = "\n" if all(stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr)) else ""
    streams.show_error(apart + streams.colored("\n\n".join(texts)))
