"""What a network is compared with: a revision, or a report."""

from __future__ import annotations

from msgspec import Struct


class Base(Struct, frozen=True):
    """What growth is measured against.

    Attributes:
        name: What to call it, such as `1a2b3c4, the merge base with origin/main`.
        revision: The revision that was asked for; empty for a report.
        commit: The commit that was read; empty for a report.
        file: The report that was read; empty for a revision.
    """

    name: str
    revision: str = ""
    commit: str = ""
    file: str = ""
