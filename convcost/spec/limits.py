"""How many layers a network may have, and who hears how it grows: both hold for the specs read inside `limited`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from convcost.errors import Fault, OptionError

MOST_LAYERS = 1_000_000
"""No network has more: their names and shapes take gigabytes."""
DEFAULT_LAYERS = 100_000
"""How many a network may have unless more are allowed; these are analysed in a few seconds."""
FREE_LAYERS = 10_000
"""The same where symbols stay free: formulas take ten times as long as numbers."""
HELP = f"--max-layers N, or max_layers=N in Python, allows more, at most {MOST_LAYERS:,}"

Hearer = Callable[[int, bool], None]
"""Hears how many layers a network has so far, some times a second, and whether these are all."""

_allowed: ContextVar[int | None] = ContextVar("max_layers", default=None)
_watch: ContextVar[Hearer | None] = ContextVar("watch", default=None)


def allowed() -> int | None:
    """Return how many layers a network may have; None where nobody has said."""
    return _allowed.get()


def watch() -> Hearer | None:
    """Return who hears how many layers a network has so far; None where nobody does."""
    return _watch.get()


def notify(hearer: Hearer | None) -> None:
    """Tell somebody from now on how many layers a network has so far."""
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
        raise OptionError(Fault(message, found=f"{layers!r}"))
    return layers
