"""The executor of a Dask cluster; nothing else knows of Dask.

A cluster is a scheduler, to which this process connects, and workers, which get parts from it and send their results
back through it. The scheduler gives a part to another worker where one is lost. What all parts share is a task of its
own: it is sent to the scheduler once, fetched by workers from each other, and made again where it is lost.
"""

from __future__ import annotations

import logging
import pickle
import re
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from convcost.errors import ClusterError, ErrorDetail, OptionError
from convcost.parallel.completion import PartExecutor
from convcost.parallel.installed import Installed, installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client

T = TypeVar("T")

_WITHOUT_WORKERS = 60.0  # seconds that a cluster may have lost all its workers
_WIDTH_SECONDS = 2.0  # for which the number of workers is taken as it was
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_MISSING = re.compile(r"No module named '(convcost[\w.]*)'")
_SAME = "install the same convcost[cluster], with the same Python, for the scheduler and every worker"
_LARGE = 50_000  # bytes of a result from which on it is compressed
_SHOWN = 3  # workers that an error names


@contextmanager
def connected(address: str, seconds: float) -> Iterator[ClusterExecutor]:
    """Connect to a cluster inside the block; see `convcost.cluster` for the arguments."""
    if not _ADDRESS.fullmatch(address):
        message = "the address of a cluster is tcp://HOST:PORT"
        raise OptionError(ErrorDetail(message, found=address, help="the scheduler writes it when it starts"))
    client = _connected(address, seconds)
    try:
        pool = ClusterExecutor(client, address, seconds)
        pool.check_versions()
        yield pool
    finally:
        with suppress(Exception):  # a scheduler that is gone cannot be told
            client.close(timeout=2)  # type: ignore[no-untyped-call]


def _connected(address: str, seconds: float) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        help = "pip install 'convcost[cluster]'"
        raise OptionError(ErrorDetail("a cluster needs the package distributed", found=str(error), help=help)) from None

    class Connection(Client):
        """A client that is not closed when it is forgotten: one that never got an answer could not."""

        def __del__(self) -> None:
            """Leave it."""

    message = f"the cluster {address} does not answer within {seconds:g} seconds"
    help = "is that the address that its scheduler writes, and can this machine reach it?"
    try:
        return _answer(seconds + 1, Connection, address, timeout=seconds, set_as_default=False, name="convcost")
    except TypeError as error:  # what Dask raises where its configuration names no certificates
        found = str(error).partition("\n")[0]
        help = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE and others of Dask's configuration name them"
        raise OptionError(ErrorDetail(f"{address} needs certificates", found=found, help=help)) from None
    except (OSError, RuntimeError) as error:
        found = str(error).partition("\n")[0] or "the connection is accepted, and nothing is said"
        raise ClusterError(ErrorDetail(message, found=found, help=help)) from None
    except Exception as error:  # noqa: BLE001 -- what another program sends can break anything in the reader
        found = f"what it sends is no message of Dask: {type(error).__name__}"
        raise ClusterError(ErrorDetail(message, found=found, help=help)) from None


class ClusterExecutor(PartExecutor):
    """The executor of a cluster.

    Args:
        client: The connection.
        address: The address of the scheduler.
        seconds: How long the cluster has to answer.
    """

    def __init__(self, client: Client, address: str, seconds: float) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)  # type: ignore[no-untyped-call]
        self._address = address
        self._seconds = seconds
        self._installed = installed()
        self._threads: Mapping[str, int] = {}
        self._asked = -_WIDTH_SECONDS
        self._empty_since: float | None = None

    def check_versions(self) -> None:
        """Refuse a cluster without workers, or whose workers have other versions.

        Raises:
            ClusterError: It is so.
        """
        deadline = monotonic() + self._seconds
        while not (found := self._ask(self._client.run, installed, on_error="return")):
            if monotonic() > deadline:
                message = f"the cluster {self._address} has no workers"
                help = f"start some: dask worker {self._address} --nworkers 4 --nthreads 1"
                raise ClusterError(ErrorDetail(message, help=help))
            sleep(0.2)
        wrong = [f"{worker} has {words}" for worker, each in found.items() if (words := self._difference(each))]
        if wrong:
            message = f"{len(wrong)} of {len(found)} workers of the cluster have other versions than this process"
            more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise ClusterError(ErrorDetail(message, found="; ".join(wrong[:_SHOWN]) + more, help=_SAME))

    def _difference(self, found: Any) -> str:
        """Describe how a worker's installation differs from this one; an empty text where it does not."""
        if isinstance(found, Installed):
            return self._installed.differences(found)
        missing = _MISSING.search(str(found))  # in an error that Dask has packed into another
        if missing is None:
            return f"another convcost: {type(found).__name__}: {found}"
        return "no convcost" if missing[1] == "convcost" else f"another convcost, without {missing[1]}"

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a worker call a function; a worker that is lost is replaced by another."""
        packed = self._executor.submit(_checked, self._installed, work, *args, **kwargs)
        result: Future[T] = Future()
        result.add_done_callback(lambda done: packed.cancel() if done.cancelled() else None)
        packed.add_done_callback(lambda done: _unpack(done, result))
        return result

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work; the connection ends with the block of `connected`."""
        self._executor.shutdown(wait=wait and not cancel_futures)

    def share(self, given: Any) -> Any:
        """Return the task that makes the object on the workers."""
        return self._client.submit(_restored, _packed(given), pure=False)

    def width(self) -> int:
        """Return how many threads the workers have."""
        if monotonic() - self._asked > _WIDTH_SECONDS:
            self._threads = self._ask(self._client.nthreads)
            self._asked = monotonic()
        return max(1, sum(self._threads.values()))

    def check(self) -> None:
        """Raise an error where the scheduler does not answer, or all workers have been gone for a minute.

        Raises:
            ClusterError: It is so.
        """
        if self._ask(self._client.nthreads):
            self._empty_since = None
            return
        self._empty_since = self._empty_since or monotonic()
        if monotonic() - self._empty_since > _WITHOUT_WORKERS:
            message = f"the cluster {self._address} has had no workers for {_WITHOUT_WORKERS:g} seconds"
            help = f"start some: dask worker {self._address} --nworkers 4 --nthreads 1; then ask again"
            raise ClusterError(ErrorDetail(message, help=help))

    def explained(self, error: BaseException) -> BaseException:
        """Return the error of the cluster that made a part fail, or the part's own."""
        from distributed import CancelledError as Cancelled
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        if isinstance(error, KilledWorker):
            message = "a part was given up: each worker that began it has ended, as where memory is short"
            help = "workers with more memory, and with one thread each (--nthreads 1)"
            return ClusterError(ErrorDetail(message, help=help))
        lost = isinstance(error, OSError | RuntimeError) and self._client.status != "running"
        if lost or isinstance(error, CancelledError | Cancelled | CommClosedError):
            return self._gone()
        return error

    def _gone(self) -> ClusterError:
        message = f"the scheduler of the cluster {self._address} went away, and with it the parts that it had"
        return ClusterError(ErrorDetail(message, help="is it running, and can this machine reach it? then ask again"))

    def _ask(self, question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return the scheduler's answer.

        Raises:
            ClusterError: It does not answer in time.
        """
        try:
            return _answer(self._seconds, question, *args, **kwargs)
        except TimeoutError:
            message = f"the cluster {self._address} has not answered for {self._seconds:g} seconds"
            raise ClusterError(ErrorDetail(message, help="is its scheduler busy or stopped? then ask again")) from None
        except Exception as error:  # noqa: BLE001 -- it is raised, or what it means
            raise self.explained(error) from None


def _answer(seconds: float, question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function, and raise `TimeoutError` after so many seconds: a connection may wait forever."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 -- it is raised where it was asked
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    return answer.result(seconds)


class Packed(Struct, frozen=True):
    """A large result on its way: compressed, as the scheduler's network is what all results share."""

    data: bytes


def _packed(given: Any) -> bytes:
    return zlib.compress(pickle.dumps(given, pickle.HIGHEST_PROTOCOL), 1)


def _restored(packed: bytes) -> Any:
    return pickle.loads(zlib.decompress(packed))


def _unpack(packed: Future[Any], result: Future[Any]) -> None:
    """Give a future the result that has come."""
    if not result.set_running_or_notify_cancel():
        return
    try:
        found = packed.result()
        result.set_result(_restored(found.data) if isinstance(found, Packed) else found)
    except BaseException as error:  # noqa: BLE001 -- it is raised where the result is asked for
        result.set_exception(error)


def _checked(client: Installed, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function on a worker, which may have come after the others were asked for their versions."""
    words = client.differences(installed())
    if words:
        message = "a worker of the cluster has other versions than the process that uses it"
        raise ClusterError(ErrorDetail(message, found=words, help=_SAME))
    found = work(*args, **kwargs)
    data = pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    return Packed(zlib.compress(data, 1)) if len(data) > _LARGE else found


@contextmanager
def silenced() -> Iterator[None]:
    """Keep what Dask logs about a lost connection from standard error inside the block; an error says it."""
    with suppress(ImportError):
        import distributed  # noqa: F401 -- makes its loggers
    loggers = [
        logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.startswith("distributed")
    ]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
