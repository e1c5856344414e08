"""Reading of a chart's SVG, by Python's own XML parser."""

from __future__ import annotations

from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart):
    """Return the root element of a chart's SVG."""
    return ElementTree.fromstring(chart.svg())


def bars(chart, series):
    """Return the bars of a series by their rows: each one's length in shares of the axis, and its value as text."""
    found = {}
    for group in parsed(chart).iter(f"{SVG}g"):
        if "data-length" in group.attrib:
            length = float(group.attrib["data-length"])
            for bar in group.iter(f"{SVG}rect"):
                if bar.attrib["data-series"] == series:
                    found[bar.attrib["data-row"]] = float(bar.attrib["width"]) / length, bar.attrib["data-value"]
    return found


def markers(chart):
    """Return the markers of a chart by their rows: each one's place and its two values as text."""
    found = {}
    for element in parsed(chart).iter():
        if "data-x" in element.attrib:
            if "cx" in element.attrib:
                place = float(element.attrib["cx"]), float(element.attrib["cy"])
            else:
                x, y = element.attrib["transform"].removeprefix("translate(").partition(")")[0].split()
                place = float(x), float(y)
            found[element.attrib["data-row"]] = place, element.attrib["data-x"], element.attrib["data-y"]
    return found


def texts(chart):
    """Return all texts that are seen."""
    return [element.text for element in parsed(chart).iter(f"{SVG}text")]
