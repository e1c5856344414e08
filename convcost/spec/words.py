"""Words of other frameworks and slips of the pen: what to write instead."""

from __future__ import annotations

import re
from collections.abc import Collection

from convcost.layers import REGISTRY, LayerType
from convcost.spec.source import SPEC_FORM
from convcost.spec.tree import Mapping, Node, Scalar, Sequence

_SQUEEZE_EXCITE = "multiply: [[], [global_avg_pool, conv: {…}, relu, conv: {…}, sigmoid]]"
_RECIPES = {
    "squeezeexcite": f"squeeze and excite is {_SQUEEZE_EXCITE}",
    "squeezeexcitation": f"squeeze and excite is {_SQUEEZE_EXCITE}",
    "se": f"squeeze and excite is {_SQUEEZE_EXCITE}",
    "selayer": f"squeeze and excite is {_SQUEEZE_EXCITE}",
    "skip": "`residual: [...]` adds the input to what its items give",
    "skipconnection": "`residual: [...]` adds the input to what its items give",
    "sequential": "a list is a sequence already; one that is used often is a block, under `blocks`",
    "modulelist": "a list is a sequence already; one that is used often is a block, under `blocks`",
    "parallel": "`concat`, `add` and `multiply` run branches side by side: concat: [[...], [...]]",
    "branch": "`concat`, `add` and `multiply` run branches side by side: concat: [[...], [...]]",
    "branches": "`concat`, `add` and `multiply` run branches side by side: concat: [[...], [...]]",
    "input": "the shape of the input stands at the top: input: [3, 224, 224]",
    "output": "what no item reads is an output; `outputs: [NAME, …]` at the top names them",
    "squeeze": "`reshape: {shape: […]}` gives the shape without the axis of size 1",
    "unsqueeze": "`reshape: {shape: […]}` gives the shape with the axis of size 1",
    "einsum": "`matmul` multiplies the last two axes of two inputs; `permute` or `rearrange` brings them there",
    "pool": "it is max_pool, avg_pool or lp_pool",
    "embed": "`embedding` looks up rows of a table; patches are a `conv` whose stride is its kernel, and `tokens`",
    "patchembed": "patches are a `conv` whose stride is its kernel, and `tokens` behind it",
    "positionalencoding": "`add: [[], [parameter: {shape: […]}]]` adds a learned one",
    "ffn": "write its layers as a block: linear, gelu, linear",
    "mlp": "write its layers as a block: linear, gelu, linear",
    "feedforward": "write its layers as a block: linear, gelu, linear",
}
"""Words, in plain form, that no single layer type stands for."""
_FIELDS: dict[str, tuple[str, str]] = {
    "filters": ("out_channels", "Keras"),
    "num_filters": ("out_channels", "many papers"),
    "channels": ("out_channels", "many papers"),
    "units": ("out_features", "Keras"),
    "strides": ("stride", "Keras"),
    "pool_size": ("kernel_size", "Keras"),
    "kernel": ("kernel_size", "many papers"),
    "kernel_shape": ("kernel_size", "ONNX"),
    "ksize": ("kernel_size", "many papers"),
    "dilation_rate": ("dilation", "Keras"),
    "dilations": ("dilation", "ONNX"),
    "use_bias": ("bias", "Keras"),
    "pad": ("padding", "Caffe"),
    "pads": ("padding", "ONNX"),
    "group": ("groups", "ONNX"),
    "rate": ("p", "Keras"),
    "nonlinearity": ("activation", "PyTorch"),
    "return_sequences": ("return", "Keras"),
    "scale": ("scale_factor", "many papers"),
    "k": ("kernel_size", "many papers"),
    "s": ("stride", "many papers"),
    "p": ("padding", "many papers"),
    "d": ("dilation", "many papers"),
    "g": ("groups", "many papers"),
    "out": ("out_channels", "many papers"),
    "c": ("out_channels", "many papers"),
    "heads": ("num_heads", "many papers"),
    "hidden": ("hidden_size", "many papers"),
}
"""What others call fields: the field, and who does. Where a type has no `out_channels`, its width is another field."""
_WIDTHS = ("out_channels", "out_features", "hidden_size", "embedding_dim")
_NEEDLESS = frozenset((
    "inplace", "data_format", "device", "kernel_initializer", "bias_initializer", "kernel_regularizer",
    "track_running_stats", "momentum", "batch_first", "input_shape", "batch_size", "trainable_params",
))  # fmt: skip
"""Fields of others on which no count depends."""
_FUNCTIONS = {
    "int": "floor(…) rounds down, round(…) to the nearest whole number",
    "float": "every number is exact: it may be left out",
    "str": "an expression is a number, not a text",
    "pow": "a power is a ** b",
    "abs": "max(x, -x) is the absolute value",
    "sqrt": "there are no roots: give the number itself, as a symbol",
    "log2": "there are no logarithms: give the number itself, as a symbol",
    "sum": "write the sum with +",
    "range": "`repeat: {times: n, index: i}` counts",
}
_CALL = r"(?s)(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)\s*(\(.*)?"


def meant(name: str) -> str:
    """Return the remedy for the word that another framework has for a layer type; nothing for other words.

    >>> meant("Dense"), meant("conv3d")
    ("write `linear`, the 'Dense' of Keras", "write `conv`, the 'Conv2d' of PyTorch")
    >>> meant("mean"), meant("relu()")
    ("write `reduce: {op: mean}`, the 'mean' of PyTorch", 'write `relu`: fields follow a colon, never in parentheses')
    """
    if name[:1] == "-" and (name[1:] in REGISTRY or meant(name[1:])):
        return f"a space follows the dash: - {name[1:]}"
    plain = _plain(name)
    for type, layer in REGISTRY.items():
        for word, who in layer.words.items():
            if _plain(word) == plain:
                return f"write `{_with_op(type, layer, plain)}`, the {word!r} of {who}"
    if plain in _RECIPES:
        return _RECIPES[plain]
    call = re.fullmatch(_CALL, name)
    if call is None or call[1] == name:
        return ""
    if call[1] in REGISTRY:
        return f"write `{call[1]}`" + (": fields follow a colon, never in parentheses" if call[2] else "")
    return meant(call[1])


def _with_op(type: str, layer: type[LayerType], plain: str) -> str:
    """Return how an item of a type begins, with the operation that a word names."""
    op = layer.fields.get("op")
    return f"{type}: {{op: {plain}}}" if op is not None and plain in op.words else type


def meant_type(name: str, types: Collection[str]) -> str:
    """Return the remedy for the word of another framework where only some layer types may stand.

    >>> meant_type("swish", ["relu", "silu"]), meant_type("swish", ["relu"])
    ("write `silu`, the 'swish' of Keras", '')
    """
    remedy = meant(name)
    found = re.match(r"write `(\w+)`", remedy)
    return remedy if found and found[1] in types else ""


def meant_field(name: str, layer: type[LayerType]) -> tuple[str, str]:
    """Return the field that another framework's word means, and the remedy; nothing for other words.

    >>> meant_field("strides", REGISTRY["conv"])
    ('stride', "write `stride`, the 'strides' of Keras")
    """
    if name in _NEEDLESS:
        return "", "no count depends on it: leave it out"
    field, who = _FIELDS.get(name, ("", ""))
    if field in _WIDTHS:
        field = next((width for width in _WIDTHS if width in layer.fields), "")
    if not field or (field not in layer.fields and not (field == "activation" and layer.weights)):
        return "", ""
    return field, f"write `{field}`, the {name!r} of {who}"


def translated_axis(node: Node) -> str:
    """Return the remedy for `dim`, which counts the batch axis in PyTorch."""
    if isinstance(node, Sequence):
        numbers = [child.text for child in node.items if isinstance(child, Scalar)]
        if not numbers or not all(_is_whole(number) for number in numbers):
            return _COUNTS_BATCH
        kept = ", ".join(_without_batch(number) for number in numbers if number != "0")
        return f"`dim: [{', '.join(numbers)}]` counts the batch axis in PyTorch: write `axis: [{kept}]`"
    text = node.text if isinstance(node, Scalar) else ""
    if not _is_whole(text):
        return _COUNTS_BATCH
    if text == "0":
        return "`dim: 0` is the batch axis in PyTorch, which shapes leave out: `axis: 0` is the first axis behind it"
    if text[0] == "-":
        return f"write `axis: {text}`, the `dim: {text}` of PyTorch"
    channels = ", the channels of a feature map" if text == "1" else ""
    return f"`dim: {text}` counts the batch axis in PyTorch: write `axis: {_without_batch(text)}`{channels}"


_COUNTS_BATCH = "write `axis`, without the batch axis that the `dim` of PyTorch counts"


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,3}", text) is not None


def _without_batch(number: str) -> str:
    return number if number[0] == "-" else str(int(number) - 1)


def meant_function(name: str) -> str:
    """Return the remedy for a function that expressions do not have; nothing for one that nobody means."""
    return _FUNCTIONS.get(name, "")


def foreign(root: Mapping) -> tuple[str, str]:
    """Return whose file a mapping without layers and inputs is, and the remedy; empty texts for others.

    >>> foreign(Mapping({}, 0, 0))
    ('', '')
    """
    keys = root.entries.keys()
    if {"backbone", "head"} <= keys:
        return "this is a model of Ultralytics, not a spec", SPEC_FORM
    if {"class_name", "config"} <= keys or "keras_version" in keys:
        return "this is a model of Keras, not a spec", SPEC_FORM
    if "model_type" in keys or "architectures" in keys:
        return "this is a configuration of Hugging Face, not a spec", SPEC_FORM
    return "", ""


def _plain(word: str) -> str:
    """Return a word without case, underscores and how many axes it is for."""
    return re.sub("[123]d$", "", word.replace("_", "").lower())
