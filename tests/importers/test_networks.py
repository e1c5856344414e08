"""Networks of torchvision and timm, as three exporters write them: parameters and macs are PyTorch's.

`record_models.py` wrote the files, without their weights, and what PyTorch says of each network.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.importers.onnx.reader import read
from convcost.spec import load
from convcost.spec.source import Source

DATA = Path(__file__).parent / "data" / "models"
TRUTH = json.loads((DATA / "truth.json").read_text())["models"]
SPREAD = {
    # Tables of relative positions that the exporter spread over all pairs of positions, less the tables: in windows of
    # 7 × 7 there are 13 × 13 relative positions; heads are 3, 6, 12 and 24 in 2, 2, 6 and 2 blocks.
    "swin_t": (2 * 3 + 2 * 6 + 6 * 12 + 2 * 24) * (49**2 - 13**2),
    # Windows and grids of 8 × 8, 15 × 15 relative positions; 1, 2, 4 and 8 heads in 2, 2, 5 and 2 blocks.
    "maxvit_pico_rw_256": 2 * (2 * 1 + 2 * 2 + 5 * 4 + 2 * 8) * (64**2 - 15**2),
}


@pytest.mark.parametrize("name", TRUTH)
def test_a_network_counts_as_pytorch_counts_it(name):
    content, truth = lzma.decompress((DATA / f"{name}.onnx.xz").read_bytes()), TRUTH[name]
    found = import_model(IMPORTERS["onnx"], content, "net.onnx")
    network = load(Source("net.onnx", found.text), found.sizes)
    assert found.difference(network) == ""
    total = convcost.Model(network).analyze().total
    folded = truth["norms"] - _norms_left(content)  # a factor and a shift each, of which a bias is left
    assert total.params == truth["params"] - folded // 2 + SPREAD.get(name, 0)
    assert total.macs == truth["macs"]


def _norms_left(content):
    """Return how many parameters the batch norms have that a file still has, those of activations."""
    graph = read(content, "net.onnx")
    left = {name for node in graph.nodes if node.operator == "BatchNormalization" for name in node.inputs[1:3]}
    return sum(graph.constants[name].shape[0] for name in left if name in graph.constants and "." in name)


def test_attention_is_recognised():
    attentions = {"vit_b_32": 12, "swin_t": 12, "pit_ti_224": 12, "pvt_v2_b0": 8, "mobilevit_xxs": 9}
    for name, count in attentions.items():
        content = lzma.decompress((DATA / f"{name}.onnx.xz").read_bytes())
        items = import_model(IMPORTERS["onnx"], content, "net.onnx", flat=True).model.items
        assert [item.type for item in items].count("attention") == count, name
