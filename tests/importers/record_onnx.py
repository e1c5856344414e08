"""Records a small file of the onnx package, and what that package reads in it: `python record_onnx.py`.

It needs `onnx`; the tests need what it writes only.
"""

from __future__ import annotations

import json
from pathlib import Path

try:  # the tests are collected without it
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper, shape_inference
except ImportError:
    pass

DATA = Path(__file__).parent / "data"


def weights(name, *shape):
    """Return a tensor of zeros."""
    return numpy_helper.from_array(numpy.zeros(shape, "float32"), name)


def small():
    """Return a network with most of what files have."""
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"], name="/stem/Pad", mode="constant"),
        helper.make_node("Conv", ["padded", "stem.weight", "stem.bias"], ["a"], name="/stem/Conv", strides=[2, 2],
                         kernel_shape=[3, 3]),
        helper.make_node("LeakyRelu", ["a"], ["b"], name="/act/LeakyRelu", alpha=0.1),
        helper.make_node("Conv", ["b", "dw.weight"], ["c"], name="/dw/Conv", group=4, auto_pad="SAME_UPPER"),
        helper.make_node("BatchNormalization", ["c", "n.weight", "n.bias", "n.mean", "n.var"], ["d"], name="/n/BN"),
        helper.make_node("Add", ["b", "d"], ["e"], name="/Add"),
        helper.make_node("AveragePool", ["e"], ["f"], name="/pool/AveragePool", kernel_shape=[2, 2], ceil_mode=1,
                         strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["f"], ["g"], name="/gap/GlobalAveragePool"),
        helper.make_node("Flatten", ["g"], ["h"], name="/Flatten"),
        helper.make_node("Gemm", ["h", "fc.weight", "fc.bias"], ["y"], name="/fc/Gemm", transB=1),
    ]  # fmt: skip
    tensors = [
        helper.make_tensor("pads", TensorProto.INT64, [8], [0, 0, 1, 0, 0, 0, 1, 2]),
        weights("stem.weight", 4, 3, 3, 3),
        weights("stem.bias", 4),
        weights("dw.weight", 4, 1, 3, 3),
        *(weights(f"n.{name}", 4) for name in ("weight", "bias", "mean", "var")),
        weights("fc.weight", 10, 4),
        weights("fc.bias", 10),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 13, 13])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])]
    graph = helper.make_graph(nodes, "small", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="onnx")
    onnx.checker.check_model(model)
    return shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def reading(model):
    """Return what the package reads in a file."""
    graph = model.graph
    shapes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*graph.value_info, *graph.output]
    }
    attributes = []
    for node in graph.node:
        found = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        attributes.append({name: each.decode() if isinstance(each, bytes) else each for name, each in found.items()})
    return {
        "nodes": [[node.op_type, list(node.input), list(node.output), node.name] for node in graph.node],
        "attributes": attributes,
        "tensors": {each.name: list(each.dims) for each in graph.initializer},
        "values": {each.name: numpy_helper.to_array(each).ravel().tolist() for each in graph.initializer},
        "shapes": shapes,
    }


if __name__ == "__main__":
    content = small().SerializeToString()
    (DATA / "small.onnx").write_bytes(content)
    (DATA / "small.json").write_text(json.dumps(reading(onnx.load_from_string(content)), indent=1) + "\n")
