"""Where each operator is mapped: a module is imported when one of its names is read first."""

from __future__ import annotations

FAMILIES = {
    "activations": (
        "Relu Sigmoid Tanh Silu HardSwish Selu Softplus Softsign Mish Exp Log Sqrt Reciprocal Abs Neg Sign Floor Ceil "
        "Round Sin Cos Erf Pow Clip LeakyRelu HardSigmoid Gelu Elu Celu PRelu Softmax LogSoftmax"
    ),
    "attention": "Attention com.microsoft.MultiHeadAttention com.microsoft.Attention",
    "choices": "If Constant Identity",
    "convolutions": "Conv ConvTranspose",
    "einsum": "Einsum",
    "foreign": "convcost.AdaptiveAveragePool convcost.AdaptiveMaxPool convcost.Unfold convcost.Fold",
    "keras": (
        "keras.BatchNormalization keras.LayerNormalization keras.RMSNormalization "
        "keras.GroupNormalization keras.UnitNormalization keras.Normalization keras.Scale keras.Shift keras.Square "
        "keras.Rsqrt keras.Celu keras.LearnedFactor keras.Masking keras.AdaptiveAveragePool keras.AdaptiveMaxPool "
        "keras.LSTM keras.GRU keras.SimpleRNN keras.CausalMask keras.Constant keras.Stored"
    ),
    "merges": "Add Mul Sub Div Max Min Sum Concat",
    "movements": (
        "Shape Size Cast CastLike Flatten Reshape Squeeze Unsqueeze Transpose Pad DepthToSpace SpaceToDepth Col2Im"
    ),
    "norms": (
        "BatchNormalization LayerNormalization RMSNormalization InstanceNormalization GroupNormalization "
        "LpNormalization LRN"
    ),
    "pools": (
        "MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool ReduceMean ReduceMax ReduceMin ReduceSum ReduceL2 "
        "ArgMax ArgMin "
        "Resize Upsample"
    ),
    "products": "Gemm MatMul",
    "recurrent": "LSTM GRU RNN convcost.lstm convcost.gru convcost.rnn_tanh convcost.rnn_relu",
    "sampling": "GridSample RoiAlign",
    "selections": "Slice Split Gather GatherND GatherElements ScatterND ScatterElements Where Expand Tile",
}
"""The modules of `convcost.importers.operators`, and the operators that each maps."""


def places() -> dict[str, str]:
    """Return the module of each operator."""
    return {
        name: f"convcost.importers.operators.{module}" for module, names in FAMILIES.items() for name in names.split()
    }
