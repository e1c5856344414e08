"""The page of all shipped networks in a browser."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from convcost.cli.app import app


@pytest.fixture(scope="module")
def zoo():
    """Return the page of all shipped networks."""
    done = CliRunner().invoke(app, ["specs", "--format", "html"])
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_axe_finds_nothing(opened, zoo, axe, width, dark):
    browser = opened(zoo, width=width, dark=dark)
    browser.execute_script(axe)
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run().then((found) => done(found.violations.map((each) => "
        "[each.id, each.nodes.slice(0, 5).map((node) => node.html.slice(0, 200))])));"
    )
    assert found == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == width


def test_networks_are_sorted_by_numbers_that_are_written_short(opened, zoo):
    browser = opened(zoo)
    head = next(each for each in browser.find_elements("css selector", "thead button") if each.text == "Peak memory")
    head.click()
    column = "return [...document.querySelectorAll('table')[0].querySelectorAll('tbody tr')].map((row) => row.cells[8])"
    texts = browser.execute_script(f"{column}.map((cell) => cell.textContent)")
    scales = {"bytes": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
    sizes = [float(number) * scales[unit] for number, unit in map(str.split, texts)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) > 10


def test_a_drawing_is_drawn_and_named(opened, zoo):
    browser = opened(zoo)
    drawings, rows = browser.execute_script(
        "return [[...document.querySelectorAll('svg.spark')].map((each) => [each.getBoundingClientRect().height, "
        "each.getAttribute('aria-label')]), document.querySelector('table').querySelectorAll('tbody tr').length]"
    )
    assert len(drawings) == rows
    assert all(height > 10 and label.startswith("the macs of ") for height, label in drawings)
