"""The executors that `--jobs` and `--cluster` name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from convcost.errors import ErrorDetail, OptionError

if TYPE_CHECKING:
    from concurrent.futures import Executor


@contextmanager
def workers(jobs: int = 1, cluster: str | None = None) -> Iterator[Executor | None]:
    """Give the executor for so many processes, or for a cluster; None where this process alone works.

    Args:
        jobs: How many processes work at once.
        cluster: The address of a Dask scheduler, such as `tcp://10.0.0.5:8786`.

    Raises:
        OptionError: Both are given, or a process has ended.
        ClusterError: The cluster cannot be used.
    """
    if cluster is not None:
        if jobs != 1:
            message = "--jobs and --cluster exclude each other"
            raise OptionError(ErrorDetail(message, help="a cluster has as many processes as it has workers"))
        from convcost import parallel
        from convcost.parallel.dask import silenced  # imported where it is asked for

        with silenced(), parallel.cluster(cluster) as pool:
            yield pool
    elif jobs == 1:
        yield None
    else:
        with _processes(jobs) as pool:
            yield pool


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    import multiprocessing
    import signal
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

    # Ctrl-C is for this process to answer; it ends the others
    pool = ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    wait = True  # else Python, which ends meanwhile, may write to a pipe that is closed
    try:
        pool.submit(int).result()  # starts the processes before a progress bar starts a thread
        yield pool
    except BrokenExecutor:
        message = "a process that worked on a part has ended, as where memory is short"
        raise OptionError(ErrorDetail(message, help=f"--jobs {max(1, jobs // 2)}")) from None
    except KeyboardInterrupt:
        wait = False
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)
