"""The report of the shipped specs."""

from __future__ import annotations

import csv
import io
import json

import convcost
from convcost.cost.specs_report import SpecsReport
from convcost.reports import formats
from convcost.reports.table import Page

NAMES = ("mobilenet_v1", "examples/worked_standard")
REPORT = SpecsReport({name: convcost.analyze(name) for name in NAMES})


def test_the_table_lists_name_totals_and_source():
    text = formats.render("table", [REPORT], Page())
    rows = [line.split("  ") for line in text.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    source = "Howard et al. 2017, arXiv:1704.04861, Table 1"
    assert ["mobilenet_v1", "MobileNetV1", "2017", "3×224×224", "4,231,976", "568,740,352", source] in rows
    source = "a worked example: 256 kernels of 5 × 5 on a 12 × 12 image with 3 channels"
    name = "examples/worked_standard"
    assert [name, "One standard convolution", "3×12×12", "19,200", "1,228,800", source] in rows
    assert ["2 specs"] in rows


def test_the_data():
    row = {
        "name": "mobilenet_v1",
        "network": "MobileNetV1",
        "year": 2017,
        "input_shape": "3×224×224",
        "params": 4_231_976,
        "macs": 568_740_352,
        "mults": 568_740_352,
        "source": "Howard et al. 2017, arXiv:1704.04861, Table 1",
    }
    data = json.loads(formats.render("json", [REPORT], Page()))
    assert data["schema_version"] == 2
    assert data["specs"][0] == row | {"input_shape": [3, 224, 224]}
    assert data["specs"][1]["year"] is None
    rows = list(csv.DictReader(io.StringIO(formats.render("csv", [REPORT], Page()))))
    assert rows[0] == {key: str(value) for key, value in row.items()}
    assert [row["name"] for row in rows] == list(NAMES)


def test_a_narrow_page_keeps_name_and_totals():
    lines = formats.render("table", [REPORT], Page(width=52)).splitlines()
    assert max(map(len, lines)) <= 52
    assert any(line.split() == ["mobilenet_v1", "4,231,976", "568,740,352"] for line in lines)
