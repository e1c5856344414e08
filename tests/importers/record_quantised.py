"""Records `small.onnx` as ONNX Runtime quantises and optimises it: `python record_quantised.py`.

It needs `onnx` and `onnxruntime` 1.32.0; the tests need what it writes only.
"""

from __future__ import annotations

from pathlib import Path

try:  # the tests are collected without them
    import numpy
    import onnxruntime
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
except ImportError:
    pass

DATA = Path(__file__).parent / "data"


class Pictures:
    """One picture to calibrate with."""

    def __init__(self):
        self.left = [{"x": numpy.random.default_rng(0).random((1, 3, 13, 13), dtype="float32")}]

    def get_next(self):
        """Return the next picture."""
        return self.left.pop() if self.left else None


def record():
    """Write the files."""
    source = DATA / "small.onnx"
    for name, format in ("qdq", QuantFormat.QDQ), ("qlinear", QuantFormat.QOperator):
        quantize_static(source, DATA / f"small_{name}.onnx", Pictures(), quant_format=format)
    quantize_dynamic(source, DATA / "small_dynamic.onnx", weight_type=QuantType.QUInt8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(DATA / "small_optimised.onnx")
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    record()
