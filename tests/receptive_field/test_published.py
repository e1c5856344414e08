"""The published table of receptive fields: every end point of 19 networks, and the 12 of the article."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from published import NETWORKS, spec

import convcost

DATA = json.loads((Path(__file__).parent / "data" / "published.json").read_text(encoding="utf-8"))


def _rows(network, resolution):
    """Return the field of each part of a network by name; of an item with several layers that of the last."""
    rows = {}
    for row in convcost.receptive_field(spec(network, resolution)).every:
        for length in range(1, len(row.layer.path) + 1):
            rows["/".join(row.layer.path[:length])] = row
    return rows


def test_the_record_is_whole():
    assert set(DATA["networks"]) == set(NETWORKS)
    assert sum(len(points) for points in DATA["networks"].values()) * 3 == 561  # rows at 224, at 321 and at no size


@pytest.mark.parametrize("resolution", [224, 321])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_row_agrees(network, resolution):
    rows = _rows(network, resolution)
    for point, (size, stride, padding) in DATA["networks"][network].items():
        row = rows[point.replace("/", "-")]
        assert row.axes[0].local == row.axes[1].local == size, point
        assert row.axes[0].stride == row.axes[1].stride == stride, point
        assert row.axes[0].padding == row.axes[1].padding == padding[str(resolution)], point
        # where the table has a padding without a size, it is that of any size
        assert padding["None"] in (None, padding[str(resolution)]), point
        assert row.aligned is not False, point


@pytest.mark.parametrize(("network", "size", "stride", "padding"), DATA["distill"]["rows"])
def test_the_article_agrees_with_the_last_map(network, size, stride, padding):
    last = convcost.receptive_field(spec(network, 224)).every[-1].axes[0]
    assert (last.local, last.stride, last.padding) == (size, stride, padding)
