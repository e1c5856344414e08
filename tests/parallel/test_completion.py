"""Parts at an executor: the order of their results, how many are in flight, and what ends them."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from random import Random

import pytest

from convcost.parallel.completion import IN_FLIGHT, PartExecutor, completed


def power(base, exponent):
    if exponent == 13:
        raise ArithmeticError("thirteen")
    return base**exponent


class Slow(Executor):
    """Does a part when its queue is full or nothing else is left, and any of those that wait."""

    def __init__(self, seed=0):
        self.random = Random(seed)
        self.waiting = []
        self.most = 0

    def submit(self, work, /, *given):
        future = Future()
        self.waiting.append((future, work, given))
        self.most = max(self.most, len(self.waiting))
        return future

    def advance(self):
        future, work, given = self.waiting.pop(self.random.randrange(len(self.waiting)))
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work(*given))
            except ArithmeticError as error:
                future.set_exception(error)


class Own(Slow, PartExecutor):
    """Has two workers, and shares."""

    checked = 0

    def share(self, given):
        return given + 1

    def width(self):
        return 2

    def check(self):
        self.checked += 1
        self.advance()

    def explained(self, error):
        return RuntimeError(f"explained: {error}")


@pytest.fixture(autouse=True)
def no_silence(monkeypatch):
    monkeypatch.setattr("convcost.parallel.completion._SILENCE", 0)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_a_bounded_number_of_parts_is_in_flight(in_order, seed):
    taken = []
    parts = (taken.append(part) or part for part in range(100) if part != 13)
    pool = Own(seed)
    found = []
    for part, done in completed(power, 1, parts, pool, in_order=in_order):
        found.append((part, done))
        assert len(taken) - len(found) <= 8  # 4 for each of 2 workers, this one apart
    assert sorted(found) == [(part, 2**part) for part in range(100) if part != 13]  # 1 is shared as 2
    assert (found == sorted(found)) == in_order
    assert pool.most == 8
    assert pool.checked == 99  # no result came by itself


def test_parts_come_out_in_order_from_every_executor():
    expected = [(part, 3**part) for part in range(12)]
    assert list(completed(power, 3, range(12))) == expected
    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        with kind(2) as pool:
            assert list(completed(power, 3, range(12), pool)) == expected
            assert sorted(completed(power, 3, range(12), pool, in_order=False)) == expected


def test_an_executor_that_does_not_say_its_workers_gets_a_fixed_number():
    class Threads(Executor):
        def __init__(self, pool):
            self.pool = pool
            self.now = 0

        def submit(self, work, /, *given):
            self.now += 1
            return self.pool.submit(work, *given)

    with ThreadPoolExecutor(2) as pool:
        own = Threads(pool)
        results = completed(power, 1, range(14, 1_000), own)
        next(results)
        assert own.now == IN_FLIGHT
        assert len(list(results)) == 985


@pytest.mark.parametrize("in_order", [True, False])
def test_an_error_of_a_part_ends_the_others(in_order):
    pool = Own()
    with pytest.raises(RuntimeError, match=r"^explained: thirteen$"):
        list(completed(power, 1, range(100), pool, in_order=in_order))
    assert pool.waiting
    assert all(future.cancelled() for future, *_ in pool.waiting)
    with pytest.raises(ArithmeticError), ThreadPoolExecutor(2) as threads:
        list(completed(power, 1, range(100), threads, in_order=in_order))
