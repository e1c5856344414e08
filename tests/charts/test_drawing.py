"""Charts as files: SVG always, PNG and PDF by matplotlib."""

from __future__ import annotations

import os
import struct
import sys
import zlib

import pytest

import convcost
from convcost.charts.chart import Chart
from convcost.charts.shapes import Bar, Caption, Marker, Plot, Stroke


@pytest.fixture
def matplotlib():
    """Skip where matplotlib is missing, except in continuous integration."""
    try:
        import matplotlib
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("matplotlib is not installed: pip install -e '.[plot]'")
    return matplotlib


def pixels(data):
    """Return the rows of a PNG of 8 bits with red, green, blue and alpha (ISO 15948)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            assert (depth, color) == (8, 6)
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    raw, rows, before = zlib.decompress(packed), [], bytearray(4 * width)
    for y in range(height):
        filter, line = raw[y * (4 * width + 1)], bytearray(raw[y * (4 * width + 1) + 1 : (y + 1) * (4 * width + 1)])
        for x in range(4 * width):
            left, up, corner = (line[x - 4], before[x], before[x - 4]) if x >= 4 else (0, before[x], 0)
            near = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
            line[x] = (line[x] + (0, left, up, (left + up) // 2, near)[filter]) % 256
        rows.append(bytes(line))
        before = line
    return rows


def test_a_picture_has_the_shapes_where_the_svg_has_them(matplotlib, tmp_path):
    bar = Bar(10, 20, 60, 10, "series1")
    chart = Chart("test", "Shapes", "", 90, 45, (Plot((bar,)),))
    chart.save(tmp_path / "a.png")
    rows = pixels((tmp_path / "a.png").read_bytes())
    dots = 200 / 72  # of a pixel
    assert (len(rows[0]) // 4, len(rows)) == (round(90 * dots), round(45 * dots))
    blue = [
        (x, y) for y, row in enumerate(rows) for x in range(len(row) // 4) if row[4 * x : 4 * x + 3] == b"\x0b\x62\xa8"
    ]
    xs, ys = [x / dots for x, _ in blue], [y / dots for _, y in blue]
    assert (min(xs), max(xs)) == pytest.approx((10, 70), abs=0.8)
    assert (min(ys), max(ys)) == pytest.approx((20, 30), abs=0.8)
    assert rows[2][:3] == b"\xff\xff\xff"


def test_every_shape_is_drawn(matplotlib, tmp_path):
    shapes = [
        Bar(1, 1, 5, 5, "series1", hatched=True),
        Stroke(((0, 0), (9, 9)), "axis"),
        Caption(9, 9, "$x_1 \\x1b$ 2×3 ⌊r/2⌋\x1b", anchor="end", bold=True),
        *[Marker(5, 5, "series2", shape, hollow=hollow) for shape in ("circle", "diamond")
          for hollow in (False, True)],
    ]  # fmt: skip
    chart = Chart("test", "All", "", 50, 30, (Plot(tuple(shapes)),))
    for suffix, start in {"png": b"\x89PNG", "pdf": b"%PDF-1."}.items():
        chart.save(tmp_path / f"all.{suffix}")
        assert (tmp_path / f"all.{suffix}").read_bytes().startswith(start)


def test_a_file_is_the_same_every_time(matplotlib, tmp_path):
    chart = convcost.analyze("examples/worked_standard").plot()
    for suffix in ("svg", "png", "pdf"):
        first, second = tmp_path / f"1.{suffix}", tmp_path / f"2.{suffix}"
        chart.save(first)
        chart.save(str(second))
        assert first.read_bytes() == second.read_bytes()
        assert b"CreationDate" not in first.read_bytes()


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(convcost.OptionError) as error:
        convcost.analyze("examples/worked_standard").plot().save(tmp_path / "a.pdf")
    assert str(error.value) == (
        "error: a chart as PDF needs matplotlib, which is not installed\n"
        " = help: pip install 'convcost[plot]'; an .svg needs nothing"
    )
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_cannot_be_written(tmp_path):
    chart = convcost.analyze("examples/worked_standard").plot()
    with pytest.raises(convcost.OutputError) as error:
        chart.save(tmp_path / "missing" / "a.svg")
    assert str(error.value) == (
        f"error: a chart cannot be written: No such file or directory\n = found: {tmp_path / 'missing' / 'a.svg'}"
    )
    with pytest.raises(convcost.OptionError) as error:
        chart.save(tmp_path / "a.jpg")
    assert str(error.value) == (
        f"error: nothing says what the chart is to be\n = found: {tmp_path / 'a.jpg'}\n"
        " = help: a path that ends in .svg, .png or .pdf"
    )


def test_a_link_out_of_a_repository_is_not_followed(tmp_path):
    inside, outside = tmp_path / "repository", tmp_path / "outside.svg"
    (inside / ".git").mkdir(parents=True)
    outside.write_text("mine")
    (inside / "a.svg").symlink_to(outside)
    with pytest.raises(convcost.OutputError) as error:
        convcost.analyze("examples/worked_standard").plot().save(inside / "a.svg")
    assert str(error.value).startswith("error: a chart cannot be written: ")
    assert outside.read_text() == "mine"
