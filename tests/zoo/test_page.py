"""The page of all shipped networks."""

from __future__ import annotations

import re
from html import unescape

import pytest
from typer.testing import CliRunner

from convcost.cli.app import app
from convcost.spec.source import shipped


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the page that `--format html:PATH` writes."""
    path = tmp_path_factory.mktemp("zoo") / "zoo.html"
    done = CliRunner().invoke(app, ["specs", "--format", f"html:{path}"])
    assert (done.exit_code, done.stdout) == (0, "")
    return path.read_text(encoding="utf-8")


def tables(page):
    """Return each table's rows, each a list of its cells' texts; end tags may be missing."""
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        body = table.partition("<tbody>")[2].partition("</tbody>")[0]
        rows = re.findall(r"<tr.*?(?=<tr|$)", body, re.DOTALL)
        yield [
            [unescape(re.sub(r"<.*?>", "", cell)).strip() for cell in re.split(r"<t[dh][^>]*>", row)[1:]]
            for row in rows
        ]


def test_every_network_has_a_row(page):
    networks, _ = tables(page)
    names = [name for name in shipped() if not name.startswith("examples/")]
    assert [row[1] for row in networks] == names
    assert f">{len(names)} networks</th>" in page


def test_a_row_has_the_numbers_of_its_network(page):
    networks, _ = tables(page)
    (row,) = [row for row in networks if row[1] == "mobilenet_v1"]
    *numbers, use, published, source = row
    weights = 4 * (4_231_976 - 2 * 10_944 + 10_944)  # the 10,944 normalised channels have a bias instead of a norm
    peak = 4 * (32 + 64) * 112 * 112  # what the first pointwise convolution reads and writes
    assert numbers == [
        *("MobileNetV1", "mobilenet_v1", "2017", "3×224×224"),
        *("4,231,976", "568,740,352", ""),  # Howard et al. 2017: 4.2 and 569 million
        *(f"{weights / 2**20:.1f} MiB", f"{peak / 2**20:.2f} MiB"),
        f"{315 + 6 * 32}",  # Araujo, Norris, Sim 2019, doi:10.23915/distill.00021, and an average over 7, 32 apart
    ]
    assert (use, source) == ("classification", "Howard et al. 2017, arXiv:1704.04861, Table 1")
    assert published == "569M macs, 4.2M params (MobileNets, Howard et al. 2017)"  # Table 8


def test_what_is_written_short_is_sorted_by_its_number(page):
    peak = 4 * (32 + 64) * 112 * 112
    row = next(row for row in page.split("<tr") if ">mobilenet_v1<" in row)
    assert f'data-v="{float(peak)}">4.59 MiB' in row
    assert f'data-v="{float(3 * 224 * 224)}">3×224×224' in row


def test_the_drawing_has_a_bar_for_each_layer_and_says_which_is_largest(page):
    row = next(row for row in page.split("<tr") if ">mobilenet_v1<" in row)
    drawing = re.search(r'<svg class="spark".*?</svg>', row)[0]
    assert drawing.count("M") == 1 + 2 * 13 + 1  # a convolution, 13 depthwise and pointwise ones, the classifier
    share = 100 * 512 * 512 * 14 * 14 / 568_740_352
    assert f"the macs of 28 layers; most, {share:.1f} %, in " in drawing


def test_published_numbers_are_all_there_with_what_explains_them(page):
    networks, numbers = tables(page)
    assert f">{len(numbers)} numbers</th>" in page
    assert {row[0] for row in numbers} <= {row[1] for row in networks}
    slim = [
        row for row in numbers if row[0] == "mobilenet_v2" and row[2] == "mobilenet_v2_1.4_224" and row[4] == "macs"
    ]
    # TensorFlow Slim, mobilenet/README.md: 582 million multiply-adds at a width of 1.4
    assert [row[3] for row in slim] == ["alpha=1.4"]
    assert [(row[5], row[6][:3]) for row in slim] == [("582M", "582")]


def test_other_outputs_are_as_they_were(tmp_path):
    csv = tmp_path / "specs.csv"
    done = CliRunner().invoke(app, ["specs", "-o", f"html:{tmp_path / 'zoo.html'}", "-o", str(csv), "-o", "csv"])
    assert done.exit_code == 0
    assert done.stdout == CliRunner().invoke(app, ["specs", "-f", "csv"]).stdout == csv.read_text(encoding="utf-8")


def test_a_format_with_a_path_that_is_none():
    done = CliRunner().invoke(app, ["specs", "--format", "pdf:zoo.pdf"])
    assert done.exit_code != 0
    assert str(done.exception).startswith("error: there is no format 'pdf:zoo.pdf'")
