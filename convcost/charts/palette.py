"""The colours of charts, on light and on dark paper.

The three series differ in lightness as well as in hue, so that people who do not see red or green distinguish them;
each has a contrast of at least 3 to its paper, texts of at least 4.5.
"""

from __future__ import annotations

from msgspec import Struct


class Color(Struct, frozen=True):
    """A colour on light and on dark paper, as `#rrggbb`."""

    light: str
    dark: str


COLORS = {
    "paper": Color("#ffffff", "#0d1117"),
    "ink": Color("#1f2328", "#e6edf3"),
    "muted": Color("#59636e", "#9198a1"),
    "grid": Color("#e3e7ec", "#2a313a"),
    "axis": Color("#8c959f", "#6e7681"),
    "series1": Color("#0b62a8", "#58a6ff"),
    "series2": Color("#c2570c", "#f0a050"),
    "series3": Color("#5b6470", "#aab4bf"),
    "soft": Color("#bfd8ee", "#1f3f63"),
}
