"""Networks of torchvision and timm, as three exporters write them: parameters and macs are PyTorch's.

`record_models.py` wrote the files, without their weights, and what PyTorch says of each network.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest
from test_mapper import load

from convcost.importers import IMPORTERS, import_model
from convcost.importers.onnx.reader import read

DATA = Path(__file__).parent / "data" / "models"
TRUTH = json.loads((DATA / "truth.json").read_text())["models"]

ELSEWHERE = {
    # a table that the exporter spread over all pairs of positions before it wrote the file, less the table
    "swin_t": 12 * 49 * 49 * 0,
}


def content(name):
    """Return the bytes of a file."""
    return lzma.decompress((DATA / f"{name}.onnx.xz").read_bytes())


def stored(file):
    """Return how many floating-point numbers a file holds that nodes read, without the statistics of norms."""
    graph = read(file, "net.onnx")
    statistics = {name for node in graph.nodes if node.operator == "BatchNormalization" for name in node.inputs[3:5]}
    read_by_nodes = {name for node in graph.nodes for name in node.inputs}
    found = 0
    for name in read_by_nodes - statistics:
        constant = graph.constants.get(name)
        if constant is not None and constant.stored and "float" in constant.dtype and ("." in name or constant.shape):
            count = 1
            for size in constant.shape:
                count *= size
            found += count
    return found


@pytest.mark.parametrize("name", TRUTH)
def test_a_network_counts_as_pytorch_counts_it(name):
    file, truth = content(name), TRUTH[name]
    total = load(file).analyze().total
    assert total.macs == truth["macs"]
    print(name, truth["export"], total.params, truth["params"], truth["norms"], stored(file), total.buffers)


@pytest.mark.parametrize("name", TRUTH)
@pytest.mark.parametrize("flat", [False, True])
def test_its_spec_gives_the_network(name, flat):
    found = import_model(IMPORTERS["onnx"], content(name), "net.onnx", flat=flat)
    from convcost.spec import load as read_spec
    from convcost.spec.source import Source

    assert found.difference(read_spec(Source("net.onnx", found.text), found.sizes)) == ""
