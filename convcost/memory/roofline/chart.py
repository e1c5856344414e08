"""The roofline of a device, with the layers of a network below it, on axes of powers of ten.

Source: Williams, Waterman, Patterson 2009, Roofline: an insightful visual performance model, figure 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import sqrt

from msgspec import Struct

from convcost.charts.chart import Chart
from convcost.charts.points import ChartAxis, ChartPoint, Curve, MarkerStyle, point_chart
from convcost.charts.quantities import decimal
from convcost.charts.scales import around
from convcost.charts.shapes import Marker
from convcost.memory.roofline.analysis import COMPUTE, MEMORY, LayerRoofline, Roofline
from convcost.memory.roofline.units import percent_text, rate_text, seconds_text
from convcost.reports import titles
from convcost.reports.folding import Path, fit, group
from convcost.reports.table import counted, safe

MOST_POINTS = 150
"""How many points there are; more layers are folded as in a table."""
_NAMED = 8  # points with a name
_AROUND = Fraction(1, 4), 2  # of a ridge, what an axis shows at least
_LEAST, _MOST_RADIUS = 3.0, 9.0  # pixels, of the shortest and of the longest layer

STYLES = {
    COMPUTE: MarkerStyle("bound by compute", Marker(0, 0, "series1")),
    MEMORY: MarkerStyle("bound by memory", Marker(0, 0, "series2", "diamond")),
}


def roofline_chart(roofline: Roofline) -> Chart:
    """Return the chart of the device's roofs, with a point for each layer, as large as its share of the least time.

    Args:
        roofline: What bounds each layer.
    """
    rows = [row for row in roofline.layers if row.flops and row.bytes_moved]
    points = sorted(_points(roofline, rows), key=lambda point: -point.radius)
    named = [
        point if number < _NAMED else ChartPoint(point.key, point.x, point.y, "", point.tip, point.style, point.radius)
        for number, point in enumerate(points)
    ]
    ends = _ends(roofline, named)
    facts = [" and ".join(roofline.dtypes), titles.batched(roofline.batch)]
    moving = sum(not row.flops and bool(row.bytes_moved) for row in roofline.layers)
    head = f"at least {seconds_text(roofline.seconds)} · {percent_text(roofline.memory_share)} of it bound by memory"
    longest = [f"{point.tip}" for point in named[:3]]
    return point_chart(
        "roofline",
        f"{titles.title(roofline.network)} on {safe(roofline.device.name)}",
        (f"{head} · {rate_text(roofline.device.bandwidth, 'B/s')}", titles.facts(roofline.network, *facts)),
        f"Points: operations per second that each layer can reach, against its operations per byte. {head}. "
        f"The longest: {'; '.join(longest)}.",
        named,
        (
            ChartAxis("flops per byte", decimal, log=True, key="intensity", ends=ends[0]),
            ChartAxis("attainable flops per second", _rate, log=True, ends=ends[1]),
        ),
        styles=STYLES,
        curves=[*_roofs(roofline, ends)],
        notes=[
            "A point's area is its share of the least time; on the roof unless its layers are of both kinds.",
            *([f"{counted(moving, 'layer')} without operations not shown: these only move bytes."] if moving else []),
        ],
    )


def _points(roofline: Roofline, rows: Sequence[LayerRoofline]) -> Iterator[ChartPoint]:
    """Yield a point for each layer, or for what a table folds; those of which one is on the other are one."""
    paths: list[Path] = [row.layer.path for row in rows]
    groups = group(paths)
    if len(rows) > MOST_POINTS:
        groups = fit(paths, lambda part: float(sum(rows[index].seconds for index in part)))
    together: dict[tuple[Fraction, Fraction], list[_Work]] = {}
    for path, part in groups:
        work = _Work.of(safe("/".join(path)), [rows[index] for index in part])
        together.setdefault((work.intensity, work.rate), []).append(work)
    longest = max([sum(work.seconds for work in works) for works in together.values()], default=Fraction(0))
    for (intensity, rate), works in together.items():
        seconds = sum((work.seconds for work in works), Fraction(0))
        bound = sum((work.memory_seconds for work in works), Fraction(0))
        name = max(works, key=lambda work: work.seconds).name
        more = f" and {len(works) - 1:,} more" if len(works) > 1 else ""
        share = percent_text(seconds / roofline.seconds)
        yield ChartPoint(
            name,
            intensity,
            rate,
            f"{name}{more}",
            f"{name}{more}: {decimal(intensity)} flops per byte, at least {seconds_text(seconds)}, {share} of all",
            MEMORY if 2 * bound > seconds else COMPUTE,
            max(_LEAST, _MOST_RADIUS * sqrt(seconds / longest)),
        )


class _Work(Struct, frozen=True):
    """What some layers do together: operations, bytes, the least time, and how much of it memory bounds."""

    name: str
    flops: int
    moved: int
    seconds: Fraction
    memory_seconds: Fraction

    @classmethod
    def of(cls, name: str, rows: Sequence[LayerRoofline]) -> _Work:
        bound = sum((row.seconds for row in rows if row.bound == MEMORY), Fraction(0))
        seconds = sum((row.seconds for row in rows), Fraction(0))
        return cls(name, sum(row.flops for row in rows), sum(row.bytes_moved for row in rows), seconds, bound)

    @property
    def intensity(self) -> Fraction:
        return Fraction(self.flops, self.moved)

    @property
    def rate(self) -> Fraction:
        return self.flops / self.seconds


_Ends = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]


def _ends(roofline: Roofline, points: Sequence[ChartPoint]) -> _Ends:
    """Return the ends of both axes: around all points and the ridge of each roof, with room for names above."""
    device = roofline.device
    peaks = [device.peak[width] for width in roofline.dtypes] or [next(iter(device.peak.values()))]
    ridges = [peak / device.bandwidth for peak in peaks]
    across = around([*(point.x for point in points), *(ridge * part for ridge in ridges for part in _AROUND)], log=True)
    low, high = around([*(point.y for point in points), *peaks, *(peak / 8 for peak in peaks)], log=True)
    return across, (low, high * 4)


def _roofs(roofline: Roofline, ends: _Ends) -> Iterator[Curve]:
    """Yield the roof of memory, and that of each type of numbers."""
    device = roofline.device
    (low, high), (least, _) = ends
    peaks = {width: device.peak[width] for width in roofline.dtypes}
    if not peaks:
        return
    highest = max(peaks.values())
    start = max(low, least / device.bandwidth)
    yield Curve(((start, start * device.bandwidth), (highest / device.bandwidth, highest)), "axis")
    for width, peak in peaks.items():
        yield Curve(((peak / device.bandwidth, peak), (high, peak)), "axis", label=f"{width}: {_rate(peak)}")


def _rate(value: Fraction) -> str:
    return rate_text(value, "flops/s")
