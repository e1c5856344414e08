"""Records a small TensorFlow Lite file, and what its packages read in it: `python record_tflite.py`.

It needs `tflite` 2.18.0 and `flatbuffers` 25.12.19 with NumPy; the tests need what it writes only. The file is
built by these packages, too, not by the tests' own writer.
"""

from __future__ import annotations

import json
from pathlib import Path

try:  # the tests are collected without them
    import flatbuffers
    import tflite
except ImportError:
    pass

DATA = Path(__file__).parent / "data"
TENSORS = [  # name, shape, type, how many bytes a number of a constant has
    ("net/input", [1, 9, 9, 3], "INT8", 0),
    ("net/stem/Conv2D", [4, 3, 3, 3], "INT8", 1),
    ("net/stem/bias", [4], "INT32", 4),
    ("net/stem/Relu;net/stem/BiasAdd", [1, 5, 5, 4], "INT8", 0),
    ("net/dw/depthwise", [1, 3, 3, 4], "INT8", 1),
    ("net/dw/bias", [4], "INT32", 4),
    ("net/dw/out", [1, 5, 5, 4], "INT8", 0),
    ("net/add/add", [1, 5, 5, 4], "INT8", 0),
    ("net/gap/axes", [2], "INT32", 4),
    ("net/gap/Mean", [1, 4], "INT8", 0),
    ("net/fc/MatMul", [10, 4], "INT8", 1),
    ("net/fc/bias", [10], "INT32", 4),
    ("net/fc/BiasAdd", [1, 10], "INT8", 0),
    ("Identity", [1, 10], "INT8", 0),
]
OPERATORS = [
    ("CONV_2D", [0, 1, 2], [3]),
    ("DEPTHWISE_CONV_2D", [3, 4, 5], [6]),
    ("ADD", [3, 6], [7]),
    ("MEAN", [7, 8], [9]),
    ("FULLY_CONNECTED", [9, 10, 11], [12]),
    ("SOFTMAX", [12], [13]),
]


def vector(builder, start, items, put):
    """Return a vector; it is written from its end."""
    start(builder, len(items))
    for item in reversed(items):
        put(item)
    return builder.EndVector()


def options(builder, operator):
    """Return the options of an operator, and their type."""
    activations, same = tflite.ActivationFunctionType, tflite.Padding.SAME
    if operator == "CONV_2D":
        tflite.Conv2DOptionsStart(builder)
        tflite.Conv2DOptionsAddPadding(builder, same)
        tflite.Conv2DOptionsAddStrideW(builder, 2)
        tflite.Conv2DOptionsAddStrideH(builder, 2)
        tflite.Conv2DOptionsAddFusedActivationFunction(builder, activations.RELU)
        return tflite.Conv2DOptionsEnd(builder), tflite.BuiltinOptions.Conv2DOptions
    if operator == "DEPTHWISE_CONV_2D":
        tflite.DepthwiseConv2DOptionsStart(builder)
        tflite.DepthwiseConv2DOptionsAddPadding(builder, same)
        tflite.DepthwiseConv2DOptionsAddStrideW(builder, 1)
        tflite.DepthwiseConv2DOptionsAddStrideH(builder, 1)
        tflite.DepthwiseConv2DOptionsAddDepthMultiplier(builder, 1)
        return tflite.DepthwiseConv2DOptionsEnd(builder), tflite.BuiltinOptions.DepthwiseConv2DOptions
    if operator == "SOFTMAX":
        tflite.SoftmaxOptionsStart(builder)
        tflite.SoftmaxOptionsAddBeta(builder, 1.0)
        return tflite.SoftmaxOptionsEnd(builder), tflite.BuiltinOptions.SoftmaxOptions
    return None, 0


def small():
    """Return the bytes of the file."""
    b = flatbuffers.Builder(1024)
    buffers = [None]
    for name, shape, _, width in TENSORS:
        if width:
            count = 1
            for size in shape:
                count *= size
            data = b"\1\0\0\0\2\0\0\0" if name.endswith("axes") else bytes(count * width)
            buffers.append(b.CreateByteVector(data))
    made = []
    for data in buffers:
        tflite.BufferStart(b)
        if data is not None:
            tflite.BufferAddData(b, data)
        made.append(tflite.BufferEnd(b))
    buffers = vector(b, tflite.ModelStartBuffersVector, made, b.PrependUOffsetTRelative)
    tensors, constants = [], 0
    for name, shape, dtype, width in TENSORS:
        constants += bool(width)
        text, sizes = b.CreateString(name), vector(b, tflite.TensorStartShapeVector, shape, b.PrependInt32)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, sizes)
        tflite.TensorAddType(b, getattr(tflite.TensorType, dtype))
        tflite.TensorAddBuffer(b, constants if width else 0)
        tflite.TensorAddName(b, text)
        tensors.append(tflite.TensorEnd(b))
    operators, codes = [], []
    for number, (name, inputs, outputs) in enumerate(OPERATORS):
        table, kind = options(b, name)
        reads = vector(b, tflite.OperatorStartInputsVector, inputs, b.PrependInt32)
        gives = vector(b, tflite.OperatorStartOutputsVector, outputs, b.PrependInt32)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, number)
        tflite.OperatorAddInputs(b, reads)
        tflite.OperatorAddOutputs(b, gives)
        if table is not None:
            tflite.OperatorAddBuiltinOptionsType(b, kind)
            tflite.OperatorAddBuiltinOptions(b, table)
        operators.append(tflite.OperatorEnd(b))
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, getattr(tflite.BuiltinOperator, name))
        tflite.OperatorCodeAddBuiltinCode(b, getattr(tflite.BuiltinOperator, name))
        codes.append(tflite.OperatorCodeEnd(b))
    lists = [
        vector(b, tflite.SubGraphStartTensorsVector, tensors, b.PrependUOffsetTRelative),
        vector(b, tflite.SubGraphStartInputsVector, [0], b.PrependInt32),
        vector(b, tflite.SubGraphStartOutputsVector, [len(TENSORS) - 1], b.PrependInt32),
        vector(b, tflite.SubGraphStartOperatorsVector, operators, b.PrependUOffsetTRelative),
    ]
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, lists[0])
    tflite.SubGraphAddInputs(b, lists[1])
    tflite.SubGraphAddOutputs(b, lists[2])
    tflite.SubGraphAddOperators(b, lists[3])
    graphs = vector(b, tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(b)], b.PrependUOffsetTRelative)
    codes = vector(b, tflite.ModelStartOperatorCodesVector, codes, b.PrependUOffsetTRelative)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, buffers)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def reading(content):
    """Return what the packages read in a file."""
    model = tflite.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    names = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
    types = {number: name.lower() for name, number in vars(tflite.TensorType).items() if isinstance(number, int)}
    tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
    operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    return {
        "versions": {"tflite": "2.18.0", "flatbuffers": flatbuffers.__version__},
        "inputs": graph.InputsAsNumpy().tolist(),
        "outputs": graph.OutputsAsNumpy().tolist(),
        "tensors": [
            [
                each.Name().decode(),
                each.ShapeAsNumpy().tolist(),
                types[each.Type()],
                model.Buffers(each.Buffer()).DataLength(),
            ]
            for each in tensors
        ],
        "operators": [
            [
                names[model.OperatorCodes(each.OpcodeIndex()).BuiltinCode()],
                each.InputsAsNumpy().tolist(),
                each.OutputsAsNumpy().tolist(),
            ]
            for each in operators
        ],
    }


if __name__ == "__main__":
    content = small()
    (DATA / "small.tflite").write_bytes(content)
    (DATA / "small_tflite.json").write_text(json.dumps(reading(content), indent=1) + "\n", encoding="utf-8")
