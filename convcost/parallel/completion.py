"""Parts of work, a bounded number of them in flight at an executor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Given = TypeVar("Given")
Part = TypeVar("Part")
Done = TypeVar("Done")

IN_FLIGHT = 64
"""Parts that an executor has at a time, where it does not say how many workers it has."""
_PER_WORKER = 4  # one that is worked on, and some that are on the way
_SILENCE = 2.0  # seconds without a result after which an executor is asked whether it is well


class PartExecutor(Executor):
    """An executor that knows how to share an object among parts, and whether its workers are still there."""

    @abstractmethod
    def share(self, given: Any) -> Any:
        """Return a reference to an object that all parts share, so that it is sent once."""

    @abstractmethod
    def width(self) -> int:
        """Return how many parts the workers are on at a time."""

    @abstractmethod
    def check(self) -> None:
        """Raise an error where the workers are gone; called while no result comes."""

    @abstractmethod
    def explained(self, error: BaseException) -> BaseException:
        """Return the error to report in place of one that a part ended with."""


def completed(
    work: Callable[[Given, Part], Done],
    given: Given,
    parts: Iterable[Part],
    pool: Executor | None = None,
    *,
    in_order: bool = True,
) -> Iterator[tuple[Part, Done]]:
    """Yield each part and what `work` makes of it.

    At most so many parts are in flight as keep the workers busy, those whose results wait for an earlier one included:
    neither all parts nor all results are ever held.

    Args:
        work: A function that other processes can import; it is called with `given` and a part.
        given: What all parts share.
        parts: The parts, each small to send, with a result of bounded size.
        pool: Any executor of `concurrent.futures`; without it the parts are done one after the other in this process.
        in_order: Whether the results come in the order of the parts, or as they are done.

    Raises:
        ClusterError: The cluster is gone, or its versions are others.
        Exception: What `work` raises; parts that have not begun are cancelled.

    >>> list(completed(pow, 2, range(4)))
    [(0, 1), (1, 2), (2, 4), (3, 8)]
    """
    if pool is None:
        for part in parts:
            yield part, work(given, part)
        return
    flight = _Flight(pool, work, given, parts)
    try:
        yield from flight.ordered() if in_order else flight.results()
    finally:
        flight.cancel()


class _Flight:
    """The parts that an executor has."""

    def __init__(self, pool: Executor, work: Any, given: Any, parts: Iterable[Any]) -> None:
        self._pool = pool
        self._own = pool if isinstance(pool, PartExecutor) else None
        self._work = work
        self._given = self._own.share(given) if self._own else given
        self._parts = iter(parts)
        self._done: SimpleQueue[Future[Any]] = SimpleQueue()
        self._begun: dict[Future[Any], Any] = {}

    def ordered(self) -> Iterator[tuple[Any, Any]]:
        """Yield the parts and their results in order; those that are early wait, and count as in flight."""
        early: dict[Future[Any], Any] = {}
        waiting: dict[Future[Any], Any] = {}
        while True:
            waiting |= self._submit(len(early))
            if not waiting:
                return
            future = self._next()
            early[future] = self._result(future)
            while waiting and (first := next(iter(waiting))) in early:
                yield waiting.pop(first), early.pop(first)

    def results(self) -> Iterator[tuple[Any, Any]]:
        """Yield the parts and their results as they come."""
        while True:
            self._submit()
            if not self._begun:
                return
            future = self._next()
            part = self._begun[future]
            yield part, self._result(future)

    def cancel(self) -> None:
        """Cancel the parts that have not begun."""
        for future in self._begun:
            future.cancel()

    def _submit(self, waiting: int = 0) -> dict[Future[Any], Any]:
        """Submit as many parts as there is room for, and return them."""
        room = max(0, self._most() - len(self._begun) - waiting)
        if not self._begun and not waiting:
            room = max(1, room)
        submitted = {}
        for part in islice(self._parts, room):
            try:
                future = self._pool.submit(self._work, self._given, part)
            except Exception as error:  # noqa: BLE001 -- it is raised, or what it means
                raise self._explained(error) from None
            self._begun[future] = submitted[future] = part
            future.add_done_callback(self._done.put)
        return submitted

    def _most(self) -> int:
        """Return how many parts may be in flight."""
        if self._own is not None:
            return _PER_WORKER * self._own.width()
        known = getattr(self._pool, "_max_workers", None)  # of the executors of the standard library
        return _PER_WORKER * known if isinstance(known, int) else IN_FLIGHT

    def _next(self) -> Future[Any]:
        """Return the next part that is done."""
        while True:
            try:
                return self._done.get(timeout=_SILENCE)
            except Empty:
                if self._own is not None:
                    self._own.check()

    def _result(self, future: Future[Any]) -> Any:
        del self._begun[future]
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 -- it is raised, or what it means
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> BaseException:
        return self._own.explained(error) if self._own is not None else error
