"""The commands that write pages."""

from __future__ import annotations

import json
import re
import sys

import pytest

from convcost import cli


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return a function that runs a command and returns the page that it writes."""
    monkeypatch.chdir(tmp_path)

    def page(*words):
        monkeypatch.setattr(sys, "argv", ["convcost", *words, "-o", "html:report.html"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code in (None, 0, 1)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return page


@pytest.mark.parametrize(
    ("words", "shown", "computed"),
    [
        (["analyze", "mobilenet_v2"], "analyze mobilenet_v2", 1),
        (["analyze", "mobilenet_v2", "--layers", "--batch", "2", "--no-fold"], "analyze mobilenet_v2", 1),
        (["analyze", "mobilenet_v2", "--depth", "1"], "", 0),
        (["analyze", "mobilenet_v2", "--deployed"], "", 0),
        (["analyze", "mobilenet_v1", "mobilenet_v2"], "analyze mobilenet_v1", 2),
        (["compare", "mobilenet_v2", "--dtype", "int8"], "compare mobilenet_v2", 1),
        (["compare", "mobilenet_v2", "--sort", "mults"], "", 0),
        (["compare", "mobilenet_v1", "mobilenet_v2"], "", 0),
        (["compare", "mobilenet_v1", "mobilenet_v2", "vgg16"], "analyze mobilenet_v1", 3),
        (["diff", "mobilenet_v1", "mobilenet_v2"], "", 0),
        (["check", "mobilenet_v2", "--max", "macs=1M"], "", 0),
        (["memory", "mobilenet_v2", "--dtype", "int8"], "memory mobilenet_v2", 1),
        (["memory", "mobilenet_v2", "--place"], "", 0),
        (["receptive-field", "mobilenet_v2"], "", 0),
        (["reconcile", "mobilenet_v2"], "", 0),
        (["roofline", "mobilenet_v2", "--device", "a100"], "roofline --device a100 mobilenet_v2", 1),
        (["sweep", "mobilenet_v2", "--set", "alpha=0.5,1"], "", 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_writes_a_page(page, words, shown, computed):
    """Of reports that the page computes it has the command that says more, and the values of the slider."""
    written = page(*words)
    assert written.startswith("<!DOCTYPE html>")
    found = [json.loads(each) for each in re.findall(r'class="live">(.*?)</script>', written)]
    assert len(found) == computed
    if computed:
        assert found[0]["command"] == f"convcost {shown}"
        assert {"alpha", "r", "classes"} <= {symbol["name"] for symbol in found[0]["symbols"]}


def test_a_page_of_a_network_without_symbols_computes_nothing(page):
    assert 'class="live"' not in page("analyze", "examples/one_5x5")
