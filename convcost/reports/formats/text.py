"""Text: what a terminal and a log show, the same as `table`."""

from __future__ import annotations

from convcost.reports.formats.table import render

__all__ = ["render"]
