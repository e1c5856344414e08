"""onnxsim, its op counter: the products of Conv, ConvTranspose, Gemm, MatMul and Attention in an ONNX file.

Source: onnxsim/model_info.py of 0.8.1.
"""

from __future__ import annotations

from convcost.conventions.base import CONVOLUTIONS, MACS, Call, ToolConvention, all_of, macs


def _params(call: Call) -> int:
    """Count what a file keeps, batch norms folded."""
    return 0 if call.folded else call.params + call.buffers + (_channels(call) if call.folds and not call.biases else 0)


def _channels(call: Call) -> int:
    return call.layer.output_shape[-1] if call.layer.type == "linear" else call.layer.output_shape[0]


ONNXSIM = ToolConvention(
    "onnxsim",
    "onnxsim, macs of its model info",
    "0.8.1",
    "https://github.com/onnxsim/onnxsim/blob/master/onnxsim/model_info.py",
    MACS,
    all_of(macs, *CONVOLUTIONS, "transposed_conv", "linear", "matmul", "attention_scores", "attention_context"),
    unseen=dict.fromkeys(("lstm", "gru", "rnn"), "recurrent layers are not counted"),
    params=_params,
    notes=("Of the file that PyTorch exports; it prints no parameters: those of the file are shown.",),
)
