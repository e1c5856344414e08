"""The reports of what bounds a network's speed on a device, and of the devices that convcost ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.memory.roofline.analysis import MEMORY, Fit, LayerRoofline, Roofline
from convcost.memory.roofline.devices import Device
from convcost.memory.roofline.energy import SOURCE
from convcost.memory.roofline.units import energy_text, percent_text, rate_text, seconds_text
from convcost.reports import titles
from convcost.reports.folding import Part
from convcost.reports.layer_rows import Line, folded, folding_note, tree_rows, unfolded
from convcost.reports.table import Column, Row, Table, bar, bytes_text, footer, grouped, safe, sized

if TYPE_CHECKING:
    from convcost.html.controls import NetworkSource
    from convcost.html.section import Section

_COLUMNS = (
    Column("Layer", role="name"),
    Column("Output", drop=5),
    Column("Flops", right=True, drop=4, role="number"),
    Column("Read", right=True, drop=3, role="number"),
    Column("Written", right=True, drop=3, role="number"),
    Column("Flops/byte", right=True, drop=2, role="number"),
    Column("Bound"),
    Column("At least", right=True, role="number"),
    Column("Share", role="bar", drop=6, footnote="The bar: the layer's share of the least time."),
)
_ENERGY = Column("Energy", right=True, drop=1, role="number")
_MEANING = (
    "At least: the longer of operations ÷ peak and bytes ÷ bandwidth, a bound and no prediction. Read and written, in "
    "bytes: weights, inputs and outputs once; nothing for views, folded norms and what is in place."
)


class RooflineReport(Struct, frozen=True):
    """What bounds a network's speed on a device, for every format.

    Attributes:
        roofline: The result.
        layers: Whether a screen shows every layer, however many there are.
        source: What the network was made of, for a page that computes it at other values of its symbols.
    """

    roofline: Roofline
    layers: bool = False
    source: NetworkSource | None = None

    def data(self) -> Struct:
        """Return the result as a document."""
        from convcost.memory.roofline.documents import roofline_document

        return roofline_document(self.roofline)

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each layer."""
        from convcost.memory.roofline.documents import numbers

        roofline = self.roofline
        return [
            {
                "network": roofline.network.name,
                "device": roofline.device.key,
                "name": row.layer.name,
                "type": row.layer.type,
                "line": row.layer.line or None,
                "output_shape": sized(row.layer.output_shape),
                "dtype": row.dtype,
                **numbers([row], row.seconds, row.bound),
            }
            for row in roofline.layers
        ]

    def table(self) -> Table:
        """Return the table of all layers."""
        return self._table(unfolded(self.roofline.layers))

    def section(self) -> Section:
        """Return the roofline as a section of a page, with its chart."""
        from convcost.html.charts import page_chart  # pages are written where they are asked for
        from convcost.html.section import Figure, section_of, with_blocks
        from convcost.memory.roofline.chart import MOST_POINTS

        roofline, table = self.roofline, self.table()
        figures = [
            Figure("least time", seconds_text(roofline.seconds)),
            Figure("of it bound by memory", percent_text(roofline.memory_share)),
        ]
        if roofline.energy is not None:
            figures.append(Figure("least energy", energy_text(roofline.energy)))
        figures += [
            Figure(f"{each.what} in {each.memory}", "fits" if each.fits else "does not fit", _room(each))
            for each in roofline.fits
        ]
        rows = iter(roofline.layers)
        shown = [None if row.weight == "heading" else next(rows) for row in table.rows]
        order = {
            "At least": [None if row is None else row.seconds for row in shown],
            "Energy": [None if row is None else row.energy for row in shown],
        }
        shown_table = with_blocks(table, lambda label, part: self._row(label, Line((), part, "")))
        live = self._live(shown_table)
        drawn = sum(1 for row in roofline.layers if row.flops and row.bytes_moved)
        return section_of(
            shown_table,
            {"order": order, **({"key": "layers"} if live else {})},
            headline=(),
            figures=tuple(figures),
            charts=(page_chart(roofline.plot(), "Roofline", key="roofline" if live and drawn <= MOST_POINTS else ""),),
            notes=(*self._footnotes(fits=live is None), *footer(replace(table, footer=()), range(len(table.columns)))),
            live=live,
        )

    def _live(self, table: Table) -> Mapping[str, Any] | None:
        """Return the data from which a page computes the roofline at other values; None where it cannot."""
        if self.source is None:
            return None
        from convcost.html.live import live_data  # symbolic numbers are imported where there are some
        from convcost.html.section import telling
        from convcost.memory.roofline.live import live_view

        view = live_view(self.roofline, [column.title for column in telling(table).columns])
        return live_data(self.roofline.network, self.source, view, table.subtitle[-1])

    def screen(self) -> Table:
        """Return the table with as many rows as a screen has room for, unless all were asked for."""
        return self.table() if self.layers else self._table(folded(self.roofline.layers, self._share))

    def _share(self, part: Part) -> float:
        seconds = self.roofline.seconds
        return float(sum(self.roofline.layers[index].seconds for index in part) / seconds) if seconds else 0

    def _table(self, lines: Sequence[Line]) -> Table:
        roofline = self.roofline
        columns = (*_COLUMNS[:-1], *((_ENERGY,) if roofline.energy is not None else ()), _COLUMNS[-1])
        return Table(
            title=f"{titles.title(roofline.network)} on {safe(roofline.device.name)}",
            headline=(self._headline(),),
            subtitle=titles.sourced(roofline.network, *self._facts()),
            columns=columns,
            rows=tree_rows(lines, self._row, len(columns)),
            total=self._cells("Total", "", roofline.layers, roofline.seconds, ""),
            footer=(*self._footnotes(), *folding_note(lines, roofline.layers)),
        )

    def _row(self, label: str, line: Line) -> Row:
        rows = [self.roofline.layers[index] for index in line.part]
        bounds = dict.fromkeys(row.bound for row in rows if row.bound)
        bound = next(iter(bounds)) if len(bounds) == 1 else self._mixed(rows) if bounds else ""
        seconds = sum((row.seconds for row in rows), Fraction(0))
        cells = self._cells(label, sized(rows[-1].layer.output_shape), rows, seconds, bound)
        weight = "ordinary" if seconds else "quiet"
        return Row((*cells[:-1], bar(self._share(line.part)) if seconds else ""), weight)

    def _mixed(self, rows: Sequence[LayerRoofline]) -> str:
        """Return which share of the time of some layers memory bounds."""
        seconds = sum(row.seconds for row in rows)
        bound = sum(row.seconds for row in rows if row.bound == MEMORY)
        return f"{percent_text(Fraction(bound, seconds))} memory"

    def _cells(
        self, label: str, output: str, rows: Sequence[LayerRoofline], seconds: Fraction, bound: str
    ) -> tuple[str, ...]:
        flops, moved = sum(row.flops for row in rows), sum(row.bytes_moved for row in rows)
        energies = [row.energy for row in rows if row.energy is not None]
        joules = sum(energies, Fraction(0))
        energy = (energy_text(joules) if joules else "",) if self.roofline.energy is not None else ()
        return (
            label,
            output,
            _count(flops),
            _count(sum(row.bytes_read for row in rows)),
            _count(sum(row.bytes_written for row in rows)),
            f"{float(Fraction(flops, moved)):.2f}" if moved else "",
            bound,
            seconds_text(seconds) if seconds else "",
            *energy,
            "",
        )

    def _headline(self) -> str:
        roofline = self.roofline
        parts = [
            f"at least {seconds_text(roofline.seconds)}",
            f"{percent_text(roofline.memory_share)} of it bound by memory",
        ]
        if (energy := roofline.energy) is not None:
            parts.append(f"at least {energy_text(energy)}")
        parts += [f"{each.memory} {'suffices' if each.fits else 'does not suffice'}" for each in roofline.fits]
        return " · ".join(parts)

    def _facts(self) -> Iterator[str]:
        yield " and ".join(self.roofline.dtypes)
        yield titles.batched(self.roofline.batch)

    def _footnotes(self, *, fits: bool = True) -> Iterator[str]:
        device = self.roofline.device
        yield _MEANING
        for width in self.roofline.dtypes:
            peak = device.peak[width]
            ridge = f"{float(peak / device.bandwidth):.2f}"
            yield (
                f"{width}: {rate_text(peak, 'ops/s')}, of which a multiply–accumulate is two, and "
                f"{rate_text(device.bandwidth, 'B/s')}: below {ridge} flops a byte memory bounds."
            )
        if any(row.layer.times != 1 for row in self.roofline.layers):
            yield "Inside `each` weights are read once for all slices."
        for each in self.roofline.fits if fits else ():
            of = f"{each.room:,} bytes of {each.memory}"
            yield f"{each.what.capitalize()}: {each.needed:,} of {of}, {_share(each)}."
        if self.roofline.energy is not None:
            yield f"Energy: multiplications, additions, and each byte once from DRAM, a bound, too; {SOURCE}."


class DevicesReport(Struct, frozen=True):
    """The devices that convcost ships, for every format."""

    devices: tuple[Device, ...]

    def data(self) -> Struct:
        """Return the devices as a document."""
        from convcost.documents.roofline import DevicesDocument
        from convcost.memory.roofline.documents import device_document

        return DevicesDocument(devices=[device_document(device) for device in self.devices])

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each device and type of numbers."""
        return [
            {
                "key": device.key,
                "name": device.name,
                "dtype": width,
                "peak": float(peak),
                "bandwidth": float(device.bandwidth),
                "sram": device.sram,
                "flash": device.flash,
                "source": "; ".join(f"{name}: {source}" for name, source in device.sources.items()),
            }
            for device in self.devices
            for width, peak in device.peak.items()
        ]

    def table(self) -> Table:
        """Return the table of the devices, and their sources below."""
        rows = []
        for device in self.devices:
            for place, (width, peak) in enumerate(device.peak.items()):
                first = not place
                cells = (
                    safe(device.key) if first else "",
                    width,
                    rate_text(peak, "ops/s"),
                    rate_text(device.bandwidth, "B/s") if first else "",
                    bytes_text(device.sram) if first and device.sram else "",
                    bytes_text(device.flash) if first and device.flash else "",
                    safe(device.name) if first else "",
                )
                rows.append(Row(cells))
        return Table(
            title="The devices that convcost ships",
            subtitle=(),
            columns=(
                Column("Device", role="name"),
                Column("Type"),
                Column("Peak", right=True, role="number"),
                Column("Bandwidth", right=True, role="number"),
                Column("SRAM", right=True, drop=3, role="number"),
                Column("Flash", right=True, drop=3, role="number"),
                Column("Name", drop=2, least=20),
            ),
            rows=rows,
            total=(f"{len(self.devices)} devices", *[""] * 6),
            footer=(
                "Peak: a multiply–accumulate counts as two operations. JSON and CSV have the source of each figure.",
                "A device of your own is a YAML file with the same figures: --device FILE.",
            ),
            commands=("A roofline: convcost roofline SPEC --device NAME",),
        )


def _count(number: int) -> str:
    return grouped(number) if number else ""


def _room(fit: Fit) -> str:
    return f"{fit.needed:,} of {fit.room:,} bytes"


def _share(fit: Fit) -> str:
    return "which suffices" if fit.fits else f"{float(Fraction(fit.needed, fit.room)):.2f} × as much as there is"
