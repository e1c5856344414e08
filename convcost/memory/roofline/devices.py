"""Devices: small YAML files that say how fast one computes, how fast its memory is, and how much of it there is."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Struct

from convcost.errors import ConfigError, ErrorDetail, OptionError, nearest
from convcost.network.widths import BITS
from convcost.spec import tree
from convcost.spec.amounts import UNITS, amount
from convcost.spec.collector import ErrorCollector, Language, TooManyErrors
from convcost.spec.source import Source
from convcost.spec.source import read as read_source
from convcost.spec.tree import Node, Scalar
from convcost.spec.values import Values, kind_of

FOLDER = Path(__file__).parent / "data"
SHIPPED = ("stm32l4r5", "stm32f746", "raspberry-pi-4", "cortex-a76", "jetson-nano", "a100")
"""The devices that convcost ships, each a file in the folder; the slowest first."""


DEVICE = Language("a device", ConfigError, "write it again", "write it again", "it needs two levels")

KEYS = {
    "name": "What people call it.",
    "source": "Where its figures come from: a text, or one for each of `peak`, `bandwidth`, `sram` and `flash`.",
    "peak": "Operations per second at best, by the type of the numbers; a multiply–accumulate is two operations.",
    "bandwidth": "Bytes per second that its memory gives and takes at best.",
    "sram": "Bytes for activations; left out where there is memory enough.",
    "flash": "Bytes for weights; left out where there is memory enough.",
}
_NEEDED = ("name", "source", "peak", "bandwidth")
_FIGURES = ("peak", "bandwidth", "sram", "flash")
_MEASURES = {
    "peak": ({"ops/s": 1, "flops/s": 1, "macs/s": 2}, "operations per second", "864M, 864M ops/s or 432M macs/s"),
    "bandwidth": ({"B/s": 1}, "bytes per second", "5.56G or 5.56 GB/s"),
    "sram": ({"B": 1}, "bytes", "320Ki or 320 KiB"),
    "flash": ({"B": 1}, "bytes", "1Mi or 1 MiB"),
}
"""Of each figure: the units that may follow, with what they are worth, what it is in words, and how it is written."""
_LEAST_BARE = 1000  # a smaller number without a unit has lost it


class Device(Struct, frozen=True):
    """A device that a network may run on.

    Attributes:
        key: The name that options take: that of its file.
        name: What people call it.
        sources: Where each figure comes from.
        peak: Operations per second at best, by the type of the numbers; a multiply–accumulate is two.
        bandwidth: Bytes per second between it and its memory, at best.
        sram: Bytes for activations; None where that is no question.
        flash: Bytes for weights; None where that is no question.
    """

    key: str
    name: str
    sources: dict[str, str]
    peak: dict[str, Fraction]
    bandwidth: Fraction
    sram: int | None = None
    flash: int | None = None


def shipped() -> dict[str, Path]:
    """Return the devices that convcost ships, by the names that options take."""
    return {name: FOLDER / f"{name}.yaml" for name in SHIPPED}


def device(name: str | Path) -> Device:
    """Return a device.

    Args:
        name: One that is shipped, or the path of a file.

    Raises:
        OptionError: There is none of this name.
        ConfigError: The file has errors; all of them are reported.
    """
    known = shipped()
    text = str(name)
    if text in known:
        return parse(read_source(known[text]), text)
    path = Path(text)
    if not path.exists():
        help = nearest(text, known) or f"known: {', '.join(known)}; or the path of a YAML file"
        raise OptionError(ErrorDetail(f"there is no device {text!r}", help=help))
    return parse(read_source(path), path.stem)


def parse(source: Source, key: str) -> Device:
    """Return the device that a text describes.

    Raises:
        ConfigError: It has errors; all of them are reported.
    """
    errors = ErrorCollector(source, DEVICE)
    reader = _Reader(errors, key)
    found = None
    with suppress(TooManyErrors):
        root = tree.parse(errors)
        if root is None:
            errors.tell()
        found = reader.read(root)
    errors.tell()
    assert found is not None
    return found


class _Reader:
    def __init__(self, errors: ErrorCollector, key: str) -> None:
        self.errors = errors
        self.values = Values(errors)
        self.key = key

    def read(self, root: Node | None) -> Device | None:
        """Read the tree of a device; None where errors were found."""
        if not isinstance(root, tree.Mapping):
            at = Scalar("", 0, 0) if root is None else root
            found = "" if root is None or root.null else kind_of(root)
            self.errors.add("a device is a mapping", at, found=found, help=f"it needs {', '.join(_NEEDED)}")
            return None
        self.values.check_keys(root, KEYS, "", "a device")
        entries = {name: entry[1] for name, entry in root.entries.items()}
        if missing := [name for name in _NEEDED if name not in entries]:
            help = f"{missing[0]}: {KEYS[missing[0]]}"
            self.errors.add(f"a device needs {' and '.join(missing)}", root, help=help)
        figures = {
            name: self._figure(name, entries[name], name) for name in ("bandwidth", "sram", "flash") if name in entries
        }
        device = Device(
            key=self.key,
            name=self._text(entries["name"], "name") if "name" in entries else "",
            sources=self._sources(entries["source"], entries) if "source" in entries else {},
            peak=self._peaks(entries["peak"]) if "peak" in entries else {},
            bandwidth=figures.get("bandwidth") or Fraction(1),
            sram=self._whole(figures.get("sram"), entries.get("sram"), "sram"),
            flash=self._whole(figures.get("flash"), entries.get("flash"), "flash"),
        )
        return None if len(self.errors) else device

    def _text(self, node: Node, path: str) -> str:
        if isinstance(node, Scalar) and node.text and not node.null:
            return node.text
        self.errors.add(f"{path} is a text", node, path=path, found=kind_of(node))
        return ""

    def _sources(self, node: Node, entries: dict[str, Node]) -> dict[str, str]:
        """Return the source of each figure."""
        given = [name for name in _FIGURES if name in entries]
        if not isinstance(node, tree.Mapping):
            return dict.fromkeys(given, self._text(node, "source"))
        self.values.check_keys(node, dict.fromkeys(_FIGURES, ""), "source", "source")
        if missing := [name for name in given if name not in node.entries]:
            help = f"{missing[0]}: a datasheet, a page or a measurement"
            self.errors.add(f"there is no source for {' and '.join(missing)}", node, path="source", help=help)
        return {name: self._text(node.entries[name][1], f"source.{name}") for name in given if name in node.entries}

    def _peaks(self, node: Node) -> dict[str, Fraction]:
        if not isinstance(node, tree.Mapping) or not node.entries:
            found = "an empty mapping" if isinstance(node, tree.Mapping) else kind_of(node)
            help = "peak: {int8: 864M}"
            self.errors.add(
                "peak is a mapping of types to operations per second", node, path="peak", found=found, help=help
            )
            return {}
        peaks = {}
        for width, (at, value) in node.entries.items():
            if width not in BITS:
                help = nearest(width, BITS) or f"types: {', '.join(BITS)}"
                self.errors.add(f"there is no type {width!r}", at, path=f"peak.{width}", help=help)
                continue
            if (number := self._figure("peak", value, f"peak.{width}")) is not None:
                peaks[width] = number
        return peaks

    def _figure(self, name: str, node: Node, path: str) -> Fraction | None:
        """Return a number with its unit; None where an error is reported."""
        units, words, example = _MEASURES[name]
        text = node.text if isinstance(node, Scalar) and not node.null else ""
        number = measure(text, units)
        if number is None:
            found = text or kind_of(node)
            self.errors.add(f"{path} is {words}", node, path=path, found=found, help=f"such as {example}")
        elif not number:
            self.errors.add(f"{path} is more than 0", node, path=path, found=text)
        elif number < _LEAST_BARE and text.strip("0123456789_.") == "":
            self.errors.add(f"{path} has no unit", node, path=path, found=text, help=f"write it such as {example}")
        else:
            return number
        return None

    def _whole(self, number: Fraction | None, node: Node | None, path: str) -> int | None:
        if number is None or node is None:
            return None
        if number.denominator != 1:
            self.errors.add(f"{path} is a whole number of bytes", node, path=path, found=str(number))
        return int(number)


def measure(text: str, units: dict[str, int]) -> Fraction | None:
    """Return the number that a text such as `5.56 GB/s` means; None where it means none.

    >>> measure("5.56 GB/s", {"B/s": 1}), measure("432M macs/s", {"macs/s": 2}), measure("1Mi", {"B": 1})
    (Fraction(5560000000, 1), Fraction(864000000, 1), Fraction(1048576, 1))
    """
    scales = "|".join(sorted(UNITS, key=len, reverse=True))
    words = "|".join(map(re.escape, units))
    found = re.fullmatch(rf"\s*([^\sa-zA-Z]+(?:e\d+)?)\s*({scales})?\s*({words})?\s*", text)
    if found is None:
        return None
    value: Any = amount(found[1] + (found[2] or ""), whole=False)
    return None if value is None else Fraction(value) * units.get(found[3] or "", 1)
