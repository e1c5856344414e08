"""Record what tools print of single layers, one tool after the other, into data/layers.json.

    pip install torch fvcore thop ptflops torchinfo torchprofile torchscan
    python tests/conventions/record_layers.py fvcore ptflops … data/layers.json
    python tests/conventions/record_layers.py export DIRECTORY
    python tests/conventions/record_layers.py onnx-tool=DIRECTORY onnxsim=DIRECTORY keras data/layers.json

thop and ultralytics-thop are packages of the same name, so each needs an environment of its own; the profilers of
calflops and DeepSpeed are recorded without what else those packages import. onnx-tool and onnxsim read the files that
`record_layers.py export DIRECTORY` writes. TensorFlow's profiler counts layers of Keras, channels last.
"""

from __future__ import annotations

import json
import platform
import sys
import types
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Case = tuple[Any, tuple[Any, ...]]


def torch_layers() -> dict[str, Case]:
    """Return the modules and their inputs, one of each, in PyTorch."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Called(nn.Module):
        def __init__(self, function: Callable[..., Any]) -> None:
            super().__init__()
            self.function = function

        def forward(self, *inputs: Any) -> Any:
            return self.function(*inputs)

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    x, line, volume = torch.zeros(1, 6, 10, 14), torch.zeros(1, 6, 15), torch.zeros(1, 6, 5, 7, 9)
    vector, tokens, gate = torch.zeros(1, 16), torch.zeros(1, 12, 16), torch.zeros(1, 6, 1, 1)
    half = {"scale_factor": 2, "align_corners": False}
    called = Called
    return {
        "convolution 3×3": (nn.Conv2d(6, 8, 3, padding=1, bias=False), (x,)),
        "convolution 3×3 with biases": (nn.Conv2d(6, 8, 3, padding=1), (x,)),
        "convolution 5×5, stride 2": (nn.Conv2d(6, 8, 5, stride=2, padding=2), (x,)),
        "convolution 3×3, 2 groups": (nn.Conv2d(6, 8, 3, groups=2, bias=False), (x,)),
        "convolution 3×3, depthwise": (nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False), (x,)),
        "convolution 1×1": (nn.Conv2d(6, 8, 1, bias=False), (x,)),
        "convolution 3×3, dilation 2": (nn.Conv2d(6, 8, 3, dilation=2, bias=False), (x,)),
        "convolution 4×4, padding same": (nn.Conv2d(6, 8, 4, padding="same", bias=False), (x,)),
        "convolution over one axis": (nn.Conv1d(6, 8, 3, bias=False), (line,)),
        "convolution over three axes": (nn.Conv3d(6, 8, 3, bias=False), (volume,)),
        "transposed convolution 4×4, stride 2": (nn.ConvTranspose2d(6, 8, 4, 2, 1, bias=False), (x,)),
        "transposed convolution with biases, 2 groups": (nn.ConvTranspose2d(6, 8, 4, 2, 1, groups=2), (x,)),
        "linear": (nn.Linear(16, 24, bias=False), (vector,)),
        "linear with biases": (nn.Linear(16, 24), (vector,)),
        "linear on 12 tokens": (nn.Linear(16, 24, bias=False), (tokens,)),
        "linear on 12 tokens with biases": (nn.Linear(16, 24), (tokens,)),
        "matrix product": (called(lambda a, b: torch.matmul(a, b)), (torch.zeros(5, 7), torch.zeros(7, 11))),
        "multi-head attention on 12 tokens": (Attention(), (tokens,)),
        "LSTM, 12 steps": (nn.LSTM(16, 9, batch_first=True), (tokens,)),
        "LSTM, 12 steps, both directions": (nn.LSTM(16, 9, batch_first=True, bidirectional=True), (tokens,)),
        "LSTM, 12 steps, 2 layers": (nn.LSTM(16, 9, 2, batch_first=True), (tokens,)),
        "GRU, 12 steps": (nn.GRU(16, 9, batch_first=True), (tokens,)),
        "RNN, 12 steps": (nn.RNN(16, 9, batch_first=True), (tokens,)),
        "embedding of 12 tokens": (nn.Embedding(100, 16), (torch.zeros(1, 12, dtype=torch.int64),)),
        "batch norm": (nn.BatchNorm2d(6), (x,)),
        "batch norm without weights": (nn.BatchNorm2d(6, affine=False), (x,)),
        "layer norm on 12 tokens": (nn.LayerNorm(16), (tokens,)),
        "layer norm without weights": (nn.LayerNorm(16, elementwise_affine=False), (tokens,)),
        "group norm, 2 groups": (nn.GroupNorm(2, 6), (x,)),
        "instance norm without weights": (nn.InstanceNorm2d(6), (x,)),
        "instance norm with weights": (nn.InstanceNorm2d(6, affine=True), (x,)),
        "RMS norm on 12 tokens": (nn.RMSNorm(16), (tokens,)),
        "ReLU": (nn.ReLU(), (x,)),
        "ReLU6": (nn.ReLU6(), (x,)),
        "leaky ReLU": (nn.LeakyReLU(), (x,)),
        "ELU": (nn.ELU(), (x,)),
        "SiLU": (nn.SiLU(), (x,)),
        "GELU": (nn.GELU(), (x,)),
        "sigmoid": (nn.Sigmoid(), (x,)),
        "tanh": (nn.Tanh(), (x,)),
        "hard swish": (nn.Hardswish(), (x,)),
        "hard sigmoid": (nn.Hardsigmoid(), (x,)),
        "ReLU, called as a function": (called(lambda x: functional.relu(x)), (x,)),
        "PReLU": (nn.PReLU(), (x,)),
        "PReLU, one for each channel": (nn.PReLU(6), (x,)),
        "softmax": (nn.Softmax(-1), (vector,)),
        "max pooling 2×2": (nn.MaxPool2d(2), (x,)),
        "average pooling 2×2": (nn.AvgPool2d(2), (x,)),
        "average pooling 3×3, padding 1": (nn.AvgPool2d(3, 2, 1), (x,)),
        "adaptive average pooling to 5×7": (nn.AdaptiveAvgPool2d((5, 7)), (x,)),
        "adaptive average pooling to 4×4": (nn.AdaptiveAvgPool2d(4), (x,)),
        "global average pooling": (nn.AdaptiveAvgPool2d(1), (x,)),
        "global average pooling, called as a function": (called(lambda x: functional.adaptive_avg_pool2d(x, 1)), (x,)),
        "global max pooling": (nn.AdaptiveMaxPool2d(1), (x,)),
        "mean over the positions": (called(lambda x: x.mean((2, 3))), (x,)),
        "upsampling, nearest": (nn.Upsample(scale_factor=2), (x,)),
        "upsampling, bilinear": (nn.Upsample(mode="bilinear", **half), (x,)),
        "upsampling, bicubic": (nn.Upsample(mode="bicubic", **half), (x,)),
        "upsampling, bilinear, called as a function": (
            called(lambda x: functional.interpolate(x, mode="bilinear", **half)),
            (x,),
        ),
        "upsampling, bilinear, to 20×28": (nn.Upsample(size=(20, 28), mode="bilinear"), (x,)),
        "sum of two maps": (called(lambda a, b: a + b), (x, x)),
        "product of a map and a gate": (called(lambda a, b: a * b), (x, gate)),
        "concatenation": (called(lambda a, b: torch.cat([a, b], 1)), (x, x)),
        "dropout": (nn.Dropout(), (x,)),
        "flattening": (nn.Flatten(), (x,)),
        "pixel shuffle": (nn.PixelShuffle(2), (torch.zeros(1, 8, 10, 14),)),
    }


def module(name: str) -> Case:
    """Return a new module in a container, as in a network, and its inputs."""
    from torch import nn

    layer, inputs = torch_layers()[name]

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, *inputs: Any) -> Any:
            found = self.layer(*inputs)
            return found[0] if isinstance(found, tuple) else found

    network = Network().eval()
    for tensor in (*network.parameters(), *network.buffers()):  # equal ones would be one initializer of an ONNX file
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 1.5)
    return network, inputs


def fvcore(network: Any, inputs: Any) -> dict[str, Any]:
    import fvcore.nn

    return {"count": fvcore.nn.FlopCountAnalysis(network, inputs).total()}


def thop(network: Any, inputs: Any) -> dict[str, Any]:
    from thop import profile

    macs, params = profile(network, inputs, verbose=False)
    return {"count": int(macs), "params": int(params)}


def _ptflops(network: Any, inputs: Any, **options: Any) -> dict[str, Any]:
    sys.modules["torchvision"] = sys.modules["timm"] = None  # type: ignore[assignment]  # it reads their own classes
    from ptflops import get_model_complexity_info

    def construct(_: Any) -> Any:
        return dict(zip(("a", "b"), inputs, strict=False))

    class Named(type(network)):  # type: ignore[misc]
        def forward(self, a: Any, b: Any = None) -> Any:
            return super().forward(*([a] if b is None else [a, b]))

    network.__class__ = Named
    macs, params = get_model_complexity_info(
        network, (1,), as_strings=False, print_per_layer_stat=False, input_constructor=construct, **options
    )
    return {"count": None if macs is None else int(macs), "params": params}


def torchinfo(network: Any, inputs: Any) -> dict[str, Any]:
    import torchinfo

    summary = torchinfo.summary(network, input_data=list(inputs), verbose=0)
    return {"count": int(summary.total_mult_adds), "params": summary.total_params}


def flop_counter(network: Any, inputs: Any, gradient: bool = False, device: str = "cpu") -> dict[str, Any]:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    network, inputs = network.to(device), [each.to(device) for each in inputs]
    with counter, torch.set_grad_enabled(gradient):
        network(*inputs)
    return {"count": counter.get_total_flops()}


def torchprofile(network: Any, inputs: Any) -> dict[str, Any]:
    import torchprofile

    return {"count": torchprofile.profile_macs(network, inputs)}


def _made(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


def _stub(*names: str) -> None:
    """Stand in for modules that a package imports beside what counts."""
    for name in names:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            full = ".".join(parts[:depth])
            if full not in sys.modules:
                stub = types.ModuleType(full)
                stub.__path__ = []
                stub.__getattr__ = _made  # type: ignore[method-assign]
                sys.modules[full] = stub


def calflops(network: Any, inputs: Any) -> dict[str, Any]:
    _stub("timm", "transformers", "accelerate", "accelerate.utils", "huggingface_hub.utils")
    import torch
    from calflops import calculate_flops

    network.device = torch.nn.Parameter(torch.zeros(1))  # it asks the first parameter for the device
    flops, macs, params = calculate_flops(network, args=list(inputs), output_as_string=False, print_results=False)
    return {"count": int(flops), "macs": int(macs), "params": int(params) - 1}


def deepspeed(network: Any, inputs: Any) -> dict[str, Any]:
    import logging
    from importlib.util import module_from_spec, spec_from_file_location

    _stub("deepspeed.accelerator", "deepspeed.utils.timer", "deepspeed.moe.layer", "deepspeed.utils.torch", "einops")
    sys.modules["deepspeed.utils"].logger = logging.getLogger("deepspeed")
    sys.modules["deepspeed.accelerator"].get_accelerator = lambda: types.SimpleNamespace(synchronize=lambda: None)
    sys.modules["deepspeed.utils.torch"].required_torch_version = lambda **_: True
    if "profiler" not in sys.modules:
        (place,) = [each for each in map(Path, sys.path) if (each / "deepspeed/profiling").exists()]
        spec = spec_from_file_location("profiler", place / "deepspeed/profiling/flops_profiler/profiler.py")
        sys.modules["profiler"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["profiler"])
    flops, macs, params = sys.modules["profiler"].get_model_profile(
        network, args=list(inputs), print_profile=False, as_string=False, warm_up=0
    )
    return {"count": int(flops), "macs": int(macs), "params": int(params)}


def torchscan(network: Any, inputs: Any) -> dict[str, Any]:
    from torchscan import crawl_module

    totals = crawl_module(network, args=inputs)["totals"]
    known = {name: totals[name].get("value", totals[name].get("known_value")) for name in totals}
    return {"count": known["macs"], "flops": known["module_flops"], "params": known["parameters"]}


def onnx_tool(path: str) -> dict[str, Any]:
    import onnx_tool

    model = onnx_tool.Model(path)
    model.graph.shape_infer(None)
    model.graph.profile()
    return {"count": int(model.graph.macs[0]), "params": int(model.graph.params)}


def onnxsim(path: str) -> dict[str, Any]:
    import onnx
    from onnxsim.model_info import ModelInfo

    return {"count": int(ModelInfo(onnx.load(path)).macs)}


def keras_layers() -> dict[str, Any]:
    """Return the layers of Keras with the shapes of their inputs, channels last, those that it has."""
    from keras import layers

    x, line, volume, vector, tokens = (10, 14, 6), (15, 6), (5, 7, 9, 6), (16,), (12, 16)
    plain = {"use_bias": False}
    return {
        "convolution 3×3": (layers.Conv2D(8, 3, padding="same", **plain), x),
        "convolution 3×3 with biases": (layers.Conv2D(8, 3, padding="same"), x),
        "convolution 3×3, 2 groups": (layers.Conv2D(8, 3, groups=2, **plain), x),
        "convolution 3×3, depthwise": (layers.DepthwiseConv2D(3, padding="same", **plain), x),
        "convolution 1×1": (layers.Conv2D(8, 1, **plain), x),
        "convolution 3×3, dilation 2": (layers.Conv2D(8, 3, dilation_rate=2, **plain), x),
        "convolution 4×4, padding same": (layers.Conv2D(8, 4, padding="same", **plain), x),
        "convolution over one axis": (layers.Conv1D(8, 3, **plain), line),
        "convolution over three axes": (layers.Conv3D(8, 3, **plain), volume),
        "transposed convolution 4×4, stride 2": (layers.Conv2DTranspose(8, 4, 2, padding="same", **plain), x),
        "linear": (layers.Dense(24, **plain), vector),
        "linear with biases": (layers.Dense(24), vector),
        "linear on 12 tokens": (layers.Dense(24, **plain), tokens),
        "linear on 12 tokens with biases": (layers.Dense(24), tokens),
        "batch norm": (layers.BatchNormalization(), x),
        "batch norm without weights": (layers.BatchNormalization(center=False, scale=False), x),
        "layer norm on 12 tokens": (layers.LayerNormalization(), tokens),
        "layer norm without weights": (layers.LayerNormalization(center=False, scale=False), tokens),
        "ReLU": (layers.ReLU(), x),
        "ReLU6": (layers.ReLU(6), x),
        "leaky ReLU": (layers.LeakyReLU(), x),
        "ELU": (layers.ELU(), x),
        "SiLU": (layers.Activation("silu"), x),
        "GELU": (layers.Activation("gelu"), x),
        "sigmoid": (layers.Activation("sigmoid"), x),
        "tanh": (layers.Activation("tanh"), x),
        "hard swish": (layers.Activation("hard_silu"), x),
        "hard sigmoid": (layers.Activation("hard_sigmoid"), x),
        "PReLU, one for each channel": (layers.PReLU(shared_axes=[1, 2]), x),
        "softmax": (layers.Softmax(), vector),
        "max pooling 2×2": (layers.MaxPooling2D(2), x),
        "average pooling 2×2": (layers.AveragePooling2D(2), x),
        "global average pooling": (layers.GlobalAveragePooling2D(keepdims=True), x),
        "global max pooling": (layers.GlobalMaxPooling2D(keepdims=True), x),
        "upsampling, nearest": (layers.UpSampling2D(2), x),
        "upsampling, bilinear": (layers.UpSampling2D(2, interpolation="bilinear"), x),
        "sum of two maps": (layers.Add(), (x, x)),
        "product of a map and a gate": (layers.Multiply(), (x, (1, 1, 6))),
        "concatenation": (layers.Concatenate(), (x, x)),
        "dropout": (layers.Dropout(0.5), x),
        "flattening": (layers.Flatten(), x),
        "multi-head attention on 12 tokens": (layers.MultiHeadAttention(4, 4), (tokens, tokens)),
        "LSTM, 12 steps": (layers.LSTM(9, return_sequences=True), tokens),
    }


def keras(layer: Any, shapes: Any) -> dict[str, Any]:
    """Return what TensorFlow's profiler counts of a frozen layer of Keras."""
    import keras
    import tensorflow
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2_as_graph

    several = isinstance(shapes[0], tuple)
    inputs = [keras.Input(shape) for shape in (shapes if several else [shapes])]
    attention = isinstance(layer, keras.layers.MultiHeadAttention)
    model = keras.Model(inputs, layer(*inputs) if attention else layer(inputs if several else inputs[0]))
    specs = [tensorflow.TensorSpec((1, *each.shape[1:]), tensorflow.float32) for each in inputs]
    run = tensorflow.function(lambda *given: model(list(given), training=False)).get_concrete_function(*specs)
    _, graph = convert_variables_to_constants_v2_as_graph(run)
    with tensorflow.Graph().as_default() as frozen:
        tensorflow.graph_util.import_graph_def(graph, name="")
        options = tensorflow.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        counted = tensorflow.compat.v1.profiler.profile(frozen, cmd="op", options=options)
    return {"count": counted.total_float_ops, "params": model.count_params()}


TOOLS: dict[str, Callable[..., dict[str, Any]]] = {
    "fvcore": fvcore,
    "thop": thop,
    "ultralytics-thop": thop,
    "ptflops": lambda network, inputs: _ptflops(network, inputs, backend="pytorch"),
    "ptflops-modules": lambda network, inputs: _ptflops(
        network, inputs, backend_specific_config={"count_functional": False}
    ),
    "ptflops-aten": lambda network, inputs: _ptflops(network, inputs, backend="aten"),
    "torchinfo": torchinfo,
    "flopcounter": flop_counter,
    "flopcounter-grad": lambda network, inputs: flop_counter(network, inputs, gradient=True),
    "flopcounter-meta": lambda network, inputs: flop_counter(network, inputs, device="meta"),
    "torchprofile": torchprofile,
    "calflops": calflops,
    "deepspeed": deepspeed,
    "torchscan": torchscan,
}
FILE_TOOLS: dict[str, Callable[[str], dict[str, Any]]] = {"onnx-tool": onnx_tool, "onnxsim": onnxsim}
PACKAGES = {
    **dict.fromkeys(("flopcounter", "flopcounter-grad", "flopcounter-meta"), "torch"),
    **dict.fromkeys(("ptflops-modules", "ptflops-aten"), "ptflops"),
}


def export(directory: Path) -> None:
    """Write the layers as ONNX files, by PyTorch's exporter of traced graphs."""
    import torch

    for index, name in enumerate(torch_layers()):
        network, inputs = module(name)
        try:
            torch.onnx.export(network, inputs, str(directory / f"{index}.onnx"), dynamo=False, opset_version=17)
        except (RuntimeError, ValueError) as error:
            sys.stderr.write(f"{name}: {error!r:.200}\n")


def record(tool: str, directory: str = "") -> dict[str, Any]:
    """Return what a tool prints of all layers; a text where it prints none."""
    found: dict[str, Any] = {}
    if tool == "keras":
        return {name: keras(*layer) for name, layer in keras_layers().items()}
    names = json.loads(Path(directory, "names.json").read_text()) if directory else list(torch_layers())
    for index, name in enumerate(names):
        try:
            if tool in FILE_TOOLS:
                found[name] = FILE_TOOLS[tool](f"{directory}/{index}.onnx")
            else:
                found[name] = TOOLS[tool](*module(name))
        except Exception as error:  # noqa: BLE001 -- whatever a tool ends with is what it says of the layer
            found[name] = f"{type(error).__name__}: {error}".splitlines()[0][:120]
    return found


def other_count(row: Any, field: str) -> Any:
    """Return a row with the other number that a tool prints."""
    if isinstance(row, str):
        return row
    return {"count": row.pop(field)} | ({"params": row["params"]} if "params" in row else {})


def _lines(held: dict[str, Any]) -> str:
    """Return the record with a line for each tool's version and each layer."""

    def rows(values: dict[str, Any], indent: str) -> str:
        lines = [
            f"{indent}{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
            for name, value in values.items()
        ]
        return ",\n".join(lines)

    tools = [f"  {json.dumps(tool)}: {{\n{rows(layers, '   ')}\n  }}" for tool, layers in sorted(held["tools"].items())]
    versions = rows(dict(sorted(held["versions"].items())), "  ")
    return f'{{\n "versions": {{\n{versions}\n }},\n "tools": {{\n' + ",\n".join(tools) + "\n }\n}\n"


def main() -> None:
    """Record tools into a file, beside what it holds."""
    *tools, last = sys.argv[1:]
    if tools == ["export"]:
        export(Path(last))
        Path(last, "names.json").write_text(json.dumps(list(torch_layers())))
        return
    path = Path(last)
    held = json.loads(path.read_text()) if path.exists() else {"versions": {}, "tools": {}}
    for tool in tools:
        name, _, directory = tool.partition("=")
        package = PACKAGES.get(name, name)
        rows = record(name, directory)
        names = [name]
        for field in ("macs", "flops"):  # a tool that prints both is a convention for each
            other = {
                layer: other_count(row, field) for layer, row in rows.items() if isinstance(row, str) or field in row
            }
            if any(isinstance(row, dict) for row in other.values()):
                names.append(f"{name}-{field}")
                held["tools"][names[-1]] = other
        held["tools"][name] = rows
        versions = {"python": platform.python_version()}
        for each in {package, "onnx" if directory else "tensorflow" if name == "keras" else "torch"}:
            try:
                versions[each] = version(each)
            except ImportError:
                versions[each] = "see the file beside"
        held["versions"].update(dict.fromkeys(names, versions))
    path.write_text(_lines(held), encoding="utf-8")


if __name__ == "__main__":
    main()
