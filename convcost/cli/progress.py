"""How far long work is and how long it will still take, on standard error if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from convcost.spec import limits

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from convcost.verification import Watch


_A_WHILE = 1.0  # seconds before anything is shown
_BETWEEN = 0.1  # seconds between two lines
_MANY = 20_000  # layers that take a while to count


class TimeLeft:
    """How long the rest of a verification takes, from the operations done per second.

    Layers of different types run at different speeds, so each type has its own; one of which none was executed yet is
    taken to run at the mean speed. What several processes do at once counts as often.

    Args:
        now: A clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        self._now = now
        self._start = self._last = now()
        self._planned: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._seconds: dict[str, float] = {}

    def planned(self, work: Mapping[str, int]) -> None:
        """Hear how many operations the layers of each type will take."""
        self._planned = dict(work)
        self._start = self._last = self._now()

    def performed(self, type: str, work: int, seconds: float) -> None:
        """Hear that a layer was executed."""
        self._done[type] = self._done.get(type, 0) + work
        self._seconds[type] = self._seconds.get(type, 0.0) + seconds
        self._last = self._now()

    @property
    def total(self) -> int:
        """All operations planned."""
        return sum(self._planned.values())

    @property
    def done(self) -> int:
        """Operations performed."""
        return sum(self._done.values())

    def seconds(self) -> float | None:
        """Return the seconds left; None as long as nothing is known."""
        done, busy = self.done, sum(self._seconds.values())
        elapsed = self._last - self._start
        if not done or busy <= 0 or elapsed <= 0:
            return None
        rest = 0.0
        for type, planned in self._planned.items():
            mine = self._done.get(type, 0)
            pace = self._seconds[type] / mine if mine else busy / done
            rest += (planned - mine) * pace
        at_once = max(1.0, busy / elapsed)
        return max(0.0, rest / at_once - (self._now() - self._last))

    def __str__(self) -> str:
        left = self.seconds()
        if left is None:
            return f"{self.total:,} operations to perform"
        minutes, seconds = divmod(round(left), 60)
        time = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return f"{100 * self.done // self.total} % of {self.total:,} operations, about {time} left"


class _Bar:
    """Draws a bar with the time left, once the work has taken a while."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._left = TimeLeft()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._timer = Timer(_A_WHILE, self._start)
        self._timer.daemon = True

    def planned(self, work: Mapping[str, int]) -> None:
        self._left.planned(work)
        self._timer.start()

    def performed(self, type: str, work: int, seconds: float) -> None:
        self._left.performed(type, work, seconds)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=self._left.total, completed=self._left.done)

    def _start(self) -> None:
        """Import what draws, and draw."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
        from rich.text import Text

        left = self._left

        class Left(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(str(left), no_wrap=True)

        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), Left())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(self._title, total=self._left.total, completed=self._left.done)
        self._progress.start()

    def close(self) -> None:
        """Remove the bar."""
        self._timer.cancel()
        if self._timer.is_alive():
            self._timer.join()
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def shown(title: str) -> Iterator[Watch | None]:
    """Show a bar while the block runs, if that takes a while; None where standard error is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    clear()
    bar = _Bar(title)
    try:
        yield bar
    finally:
        bar.close()


# a line that says how many layers a network has so far

_started = 0.0  # when the network that is being unrolled was begun
_told = 0.0  # when the line was last written; 0 where there is none


def watch_layers() -> None:
    """Say how many layers a network has so far, if unrolling it takes a while and standard error is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        limits.notify(_layers)


def _layers(count: int, complete: bool) -> None:
    global _started, _told
    now = monotonic()
    if not count or not _started:
        _started = now
    due = now - _started > _A_WHILE and now - _told > _BETWEEN
    if due or (complete and (_told or count >= _MANY)):
        _told = now
        text = f"counting {count:,} layers …" if complete else f"{count:,} layers so far"
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()


def clear() -> None:
    """Remove the line, before anything else is written."""
    global _told
    if _told:
        _told = 0.0
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
