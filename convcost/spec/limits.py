"""Limits of a spec's bytes and its network's layers, and the callback for its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from convcost import files
from convcost.errors import ErrorDetail, OptionError

MOST_LAYERS = 1_000_000
"""No network has more: their names and shapes take gigabytes."""
DEFAULT_LAYERS = 100_000
"""How many a network may have unless more are allowed; these are analysed in a few seconds."""
FREE_LAYERS = 10_000
"""The same where symbols stay free: formulas take ten times as long as numbers."""
HELP = f"--max-layers N, or max_layers=N in Python, allows more, at most {MOST_LAYERS:,}"

HELP_BYTES = "--max-bytes N, or convcost.spec.limits.allow_bytes(N) in Python, allows more"

Hearer = Callable[[int, bool], None]
"""Hears how many layers a network has so far, some times a second, and whether these are all."""

MOST_BYTES = 1 << 30
"""No spec has more."""

_max_bytes: ContextVar[int] = ContextVar("max_bytes", default=files.SPEC_BYTES)
_allowed: ContextVar[int | None] = ContextVar("max_layers", default=None)
_watch: ContextVar[Hearer | None] = ContextVar("watch", default=None)


def allowed() -> int | None:
    """Return how many layers a network may have; None where nobody has said."""
    return _allowed.get()


def max_bytes() -> int:
    """Return how many bytes a spec may have."""
    return _max_bytes.get()


def allow_bytes(count: int) -> None:
    """Let specs have so many bytes from now on.

    Raises:
        OptionError: It is no whole number from 1 to `MOST_BYTES`.
    """
    if type(count) is not int or not 1 <= count <= MOST_BYTES:
        message = f"max_bytes is a whole number from 1 to {MOST_BYTES:,}"
        raise OptionError(ErrorDetail(message, found=f"{count!r}"))
    _max_bytes.set(count)


def watch() -> Hearer | None:
    """Return the callback for the number of layers so far; None without one."""
    return _watch.get()


def notify(hearer: Hearer | None) -> None:
    """Call back from now on with the number of layers a network has so far."""
    _watch.set(hearer)


@contextmanager
def limited(layers: int | None) -> Iterator[None]:
    """Let networks have so many layers inside the block; as many as before where it is None.

    Raises:
        OptionError: It is no whole number from 1 to `MOST_LAYERS`.
    """
    token = _allowed.set(_allowed.get() if layers is None else checked(layers))
    try:
        yield
    finally:
        _allowed.reset(token)


def checked(layers: Any) -> int:
    """Return a number of layers that may be allowed.

    Raises:
        OptionError: It is no whole number from 1 to `MOST_LAYERS`.
    """
    if type(layers) is not int or not 1 <= layers <= MOST_LAYERS:
        message = f"max_layers is a whole number from 1 to {MOST_LAYERS:,}"
        raise OptionError(ErrorDetail(message, found=f"{layers!r}"))
    return layers
