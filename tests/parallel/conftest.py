"""Clusters on this machine: a scheduler and workers, each a process of its own on ports that the system chooses."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SECONDS = 60  # for a cluster to come up, where the machine is busy


class Cluster:
    """A scheduler and its workers; `address` is the scheduler's."""

    def __init__(self, start, folder):
        self._start = start
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.workers = []
        self.scheduler = self._process("scheduler", "--port", "0", env={})
        self._wait(lambda: self._file.exists() and self._file.stat().st_size)
        self.address = json.loads(self._file.read_text(encoding="utf-8"))["address"]

    def add(self, count, *options, env=None):
        """Start more workers, and wait until the scheduler has them."""
        own = ["--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--local-directory", str(self._folder)]
        self.workers += [self._process("worker", *own, *options, env=env or {}) for _ in range(count)]
        self._wait(lambda: self._count() >= len(self.workers))
        return self

    def _process(self, kind, *options, env):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", str(self._file)]
        log = (self._folder / f"{kind}.log").open("ab")
        paths = os.pathsep.join([*filter(None, [env.get("PYTHONPATH"), str(ROOT)])])
        settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0" if self._folder.name == "fragile" else "3"}
        return self._start(
            [*command, "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", *options],
            env={**os.environ, **settings, **env, "PYTHONPATH": paths},
            stdout=log,
            stderr=log,
        )

    def _wait(self, ready):
        deadline = time.monotonic() + _SECONDS
        while not ready():
            assert time.monotonic() < deadline, (self._folder / "scheduler.log").read_text(encoding="utf-8")
            time.sleep(0.05)

    def _count(self):
        return (self._folder / "scheduler.log").read_text(encoding="utf-8").count("Register worker")

    def end(self):
        """Kill every process, stopped ones too; nothing of them is needed any more."""
        for process in [*self.workers, self.scheduler]:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)


@contextmanager
def _up(started, folder, count):
    with ExitStack() as stack:
        options = {"seconds": 300, "cwd": folder}
        cluster = Cluster(lambda command, **more: stack.enter_context(started(command, **options, **more)), folder)
        try:
            yield cluster.add(count)
        finally:
            cluster.end()


@pytest.fixture(scope="session")
def distributed():
    """Skip a test where Dask is not installed; fail where everything must be."""
    if find_spec("distributed") is None:
        if os.environ.get("CI"):
            pytest.fail("the tests of clusters need the extra `cluster`")
        pytest.skip("needs the extra `cluster`: pip install 'convcost[cluster]'")


@pytest.fixture(scope="module")
def cluster(distributed, started, tmp_path_factory):
    """Return a cluster of three workers that no test changes."""
    with _up(started, tmp_path_factory.mktemp("cluster"), 3) as cluster:
        yield cluster


@pytest.fixture
def own_cluster(distributed, started, tmp_path):
    """Return a function that gives a cluster of so many workers to a test alone, which may kill what it likes."""
    with ExitStack() as stack:

        def up(count, name="own"):
            folder = tmp_path / name
            folder.mkdir()
            return stack.enter_context(_up(started, folder, count))

        yield up
