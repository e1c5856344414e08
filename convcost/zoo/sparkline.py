"""A small drawing of how a network's cost is spread from its first layer to its last."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from convcost.html.table import Svg

_BARS, _WIDTH, _HEIGHT = 48, 3, 24


def sparkline(values: Sequence[int], about: str) -> Svg:
    """Return a drawing of some values in their order; of many, neighbours are added up to a bar.

    Args:
        values: The values, none below 0.
        about: What is drawn, for those who hear it.

    >>> drawing = sparkline([1, 0, 2], "macs")
    >>> drawing[drawing.index("viewBox") :]
    'viewBox="0 0 9 24"><path d="M0 24v-12h2v12zM6 24v-24h2v24z"/></svg>'
    """
    number = min(len(values), _BARS)
    edges = [place * len(values) // number for place in range(number + 1)] if number else []
    bars = [sum(values[start:end]) for start, end in pairwise(edges)]
    largest = max(bars, default=0)
    path = "".join(
        f"M{place * _WIDTH} {_HEIGHT}v-{height}h{_WIDTH - 1}v{height}z"
        for place, bar in enumerate(bars)
        if bar and (height := max(1, round(bar * _HEIGHT / largest)))
    )
    return Svg(
        f'<svg class="spark" role="img" aria-label="{escape(about)}" viewBox="0 0 {number * _WIDTH} {_HEIGHT}">'
        f'<path d="{path}"/></svg>'
    )
