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


def detector(tmp_path, name):
    """Return a detector of which what no layer type is known for is left out, and the macs that PyTorch counts."""
    folder = DATA.parent / "detectors"
    path = tmp_path / "detector.onnx"
    path.write_bytes(lzma.decompress((folder / f"{name}.onnx.xz").read_bytes()))
    truth = json.loads((folder / "truth.json").read_text())
    return convcost.load(path, allow_unknown=True), truth[name]["macs"]


def test_a_detector_counts_up_to_what_depends_on_the_data(tmp_path):
    model, macs = detector(tmp_path, "ssdlite320_mobilenet_v3_large")
    analysis = model.analyze()
    assert analysis.total.macs == macs
    # the boxes of one class are chosen by their scores, and nothing with products stands behind
    unknown = [layer.fields["operator"] for layer in analysis.unknown]
    assert unknown[:2] == ["Greater", "NonZero"]
    assert not {"Conv", "Gemm", "MatMul"} & {*unknown}
    heads = {layer.name: layer.output_shape for layer in model.network.layers if layer.type == "softmax"}
    assert list(heads.values()) == [(3234, 91)]  # boxes and classes


def test_a_detector_of_two_stages_counts_up_to_the_choice_of_its_regions(tmp_path):
    model, macs = detector(tmp_path, "fasterrcnn_mobilenet_v3_large_320_fpn")
    analysis = model.analyze()
    assert analysis.total.macs == macs
    # so many of the best boxes of each scale, then those that overlap too little: how many the heads read is not known
    unknown = [layer.fields["operator"] for layer in analysis.unknown]
    assert unknown[0] == "TopK"
    assert (unknown.count("RoiAlign"), unknown.count("Gemm")) == (2, 4)
