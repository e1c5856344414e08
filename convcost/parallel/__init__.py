"""Work in parts of bounded size: in this process, in others of this machine, or on the workers of a cluster.

A question cuts its work into parts and gives them to `completed`, with a function that other processes can import. It
knows executors of `concurrent.futures` only; what a cluster is stands in `cluster.py` alone.
"""

from __future__ import annotations

from convcost.parallel.completion import completed
from convcost.parallel.pools import workers

__all__ = ["completed", "workers"]
