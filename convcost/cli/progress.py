"""The progress of long commands, and the time left, on standard error if that is a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic

from convcost.errors import cells, visible
from convcost.reports.table import BAR_CELLS, bar
from convcost.spec import limits

_AFTER = 1.0  # seconds; what takes less shows no bar
_EVERY = 0.2
_BETWEEN = 0.1  # seconds between two lines
_MANY = 20_000  # layers that take a while to count


class Progress:
    """A count of what is done.

    Args:
        title: What is worked on.
        unit: What is counted, such as `points`.
        now: A clock in seconds.
    """

    def __init__(self, title: str, unit: str, now: Callable[[], float] = monotonic) -> None:
        self._title = visible(title)
        self._unit = unit
        self._now = now
        self._start = self._last = now()
        self._done = self._total = 0

    def advance(self, amount: int, total: int) -> None:
        """Count more as done.

        Args:
            amount: How much was done since the last call.
            total: How much there is to do in all.
        """
        self._done += amount
        self._total = total
        self._last = self._now()

    def seconds_left(self) -> float | None:
        """Return the seconds that the rest takes at the pace so far; None before anything is done."""
        if not self._done:
            return None
        pace = (self._last - self._start) / self._done
        return max(0.0, pace * (self._total - self._done) - (self._now() - self._last))

    def line(self, width: int) -> str:
        """Return a bar, the share that is done, the time left and the title, in at most `width` terminal cells."""
        left = self.seconds_left()
        if left is None:
            text = f"{self._total:,} {self._unit} to do" if self._total else "starting"
            share = 0.0
        else:
            minutes, seconds = divmod(round(left), 60)
            time = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
            text = f"{100 * self._done // self._total} % of {self._total:,} {self._unit}, about {time} left"
            share = self._done / self._total
        line = f"{bar(share):<{BAR_CELLS}} {text}, {self._title}"[:width]
        while cells(line) > width:
            line = line[:-1]
        return line


class Operations:
    """A progress callback for verifications, in operations."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._total = 0

    def planned(self, work: Mapping[str, int]) -> None:
        """Set how many operations the layers of each type will take."""
        self._total = sum(work.values())
        self._progress.advance(0, self._total)

    def performed(self, type: str, work: int, seconds: float) -> None:
        """Count a layer that was executed."""
        self._progress.advance(work, self._total)


@contextmanager
def shown(title: str, unit: str) -> Iterator[Progress]:
    """Show a bar while the block runs, from a second on; nothing where standard error is no terminal.

    Args:
        title: What is worked on.
        unit: What is counted.
    """
    progress = Progress(title, unit)
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield progress
        return
    from threading import Event, Thread

    clear()
    ended = Event()
    drawing = Thread(target=_draw, args=(progress, ended.wait), daemon=True)
    drawing.start()
    try:
        yield progress
    finally:
        ended.set()
        drawing.join()


def _draw(progress: Progress, wait: Callable[[float], bool]) -> None:
    """Draw the bar until `wait` returns true, then remove it."""
    if wait(_AFTER):
        return
    with suppress(OSError):  # the terminal is gone
        while True:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write(f"\r{progress.line(width - 1)}\x1b[K")
            sys.stderr.flush()
            if wait(_EVERY):
                break
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


# the line with the number of layers so far

_started = 0.0  # when the network that is being unrolled was begun
_written_at = 0.0  # when the line was last written; 0 where there is none


def watch_layers() -> None:
    """Show the number of layers so far, if unrolling takes a while and standard error is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        limits.notify(_layers)


def _layers(count: int, complete: bool) -> None:
    global _started, _written_at
    now = monotonic()
    if not count or not _started:
        _started = now
    due = now - _started > _AFTER and now - _written_at > _BETWEEN
    if due or (complete and (_written_at or count >= _MANY)):
        _written_at = now
        text = f"counting {count:,} layers …" if complete else f"{count:,} layers so far"
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()


def clear() -> None:
    """Remove the line, before anything else is written."""
    global _written_at
    if _written_at:
        _written_at = 0.0
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
