"""Work in parts of bounded size: in this process, in others of this machine, or on the workers of a cluster.

A question cuts its work into parts and gives them to `completed`, with a function that other processes can import. It
knows executors of `concurrent.futures` only; what Dask is stands in `dask.py` alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor


def cluster(address: str, *, seconds: float = 10) -> AbstractContextManager[Executor]:
    """Connect to a Dask cluster inside a block, and give the executor that `pool=` takes.

    The cluster's workers run code that this process sends, and this process trusts what they send back: use a cluster
    of your own.

        with convcost.cluster("tcp://10.0.0.5:8786") as pool:
            found = convcost.sweep("mobilenet_v1", set={"alpha": "1/32:1:1/32", "r": "32:512:32"}, pool=pool)

    Args:
        address: The address of the scheduler: `tcp://HOST:PORT`, or `tls://HOST:PORT` where Dask is configured for it.
        seconds: How long the cluster has to answer.

    Raises:
        OptionError: The address is none, or the extra `cluster` is not installed.
        ClusterError: The cluster does not answer, has no workers, or other versions of convcost or Python.
    """
    from convcost.parallel.dask import connected  # takes a while to import

    return connected(address, seconds)
