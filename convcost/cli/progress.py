"""How far a long verification is and how long it will still take, on standard error if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from convcost.verification import Watch


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
    """Draws a bar with the time left."""

    def __init__(self, progress: Progress, task: TaskID, left: TimeLeft) -> None:
        self._progress = progress
        self._task = task
        self._left = left

    def planned(self, work: Mapping[str, int]) -> None:
        self._left.planned(work)
        self._progress.update(self._task, total=self._left.total)

    def performed(self, type: str, work: int, seconds: float) -> None:
        self._left.performed(type, work, seconds)
        self._progress.update(self._task, completed=self._left.done)


@contextmanager
def shown(title: str) -> Iterator[Watch | None]:
    """Show a bar while the block runs; None where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    left = TimeLeft()

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(str(left), no_wrap=True)

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), Left())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress, progress.add_task(title, total=None), left)
