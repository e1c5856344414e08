"""Records networks of torchvision and timm as ONNX files without weights: `python record_models.py`.

It needs `torch`, `torchvision`, `timm`, `onnx` and `onnxscript`; the tests need what it writes only. Each network gets
random weights, so that exporters merge no equal ones, and is exported. What PyTorch says of it stands beside:
parameters are those of its modules, macs half of what `FlopCounterMode` counts without fused attention. A recurrent
layer, which that counter leaves out, is added as 4 · hidden · (features + hidden) for each step and direction.
"""

from __future__ import annotations

import io
import json
import lzma
from pathlib import Path

try:  # the tests are collected without them
    import onnx
    import timm
    import torch
    import torchvision
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode
except ImportError:
    pass

DATA = Path(__file__).parent / "data" / "models"
LARGEST = 64
"""How many bytes of a tensor of floating-point numbers are kept."""

MODELS = (  # a network, how it is exported, and its resolution where it is not its own
    ("torchvision", "resnet18", "folded", 64),
    ("torchvision", "densenet121", "kept", 64),
    ("torchvision", "googlenet", "dynamo", 64),
    ("torchvision", "shufflenet_v2_x0_5", "folded", 64),
    ("torchvision", "squeezenet1_1", "kept", 64),
    ("torchvision", "mobilenet_v3_small", "folded", 64),
    ("torchvision", "swin_t", "kept", 112),
    ("torchvision", "vit_b_32", "kept", 224),
    ("torchvision", "lraspp_mobilenet_v3_large", "kept", 64),
    ("timm", "convnext_atto_rms", "dynamo", 64),
    ("timm", "edgenext_xx_small", "kept", 64),
    ("timm", "efficientformer_l1", "kept", 224),
    ("timm", "gmlp_ti16_224", "kept", 224),
    ("timm", "levit_128", "kept", 224),
    ("timm", "maxvit_pico_rw_256", "folded", 256),
    ("timm", "mixer_s32_224", "dynamo", 224),
    ("timm", "mobilevit_xxs", "kept", 64),
    ("timm", "mvitv2_tiny", "kept", 224),
    ("timm", "pit_ti_224", "kept", 224),
    ("timm", "poolformer_s12", "kept", 64),
    ("timm", "pvt_v2_b0", "dynamo", 224),
    ("timm", "resnest14d", "kept", 64),
    ("timm", "sequencer2d_s", "kept", 224),
    ("timm", "skresnet18", "folded", 64),
    ("timm", "swinv2_cr_tiny_ns_224", "kept", 224),
    ("timm", "vit_tiny_r_s16_p8_224", "kept", 224),
    ("timm", "xcit_nano_12_p16_224", "kept", 224),
)


class Segmented:
    """Makes a segmentation network give its picture alone."""

    def __new__(cls, body):
        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.body = body

            def forward(self, x):
                return self.body(x)["out"]

        return Module()


def built(library, name):
    """Return a network with random weights."""
    if library == "timm":
        timm.layers.set_fused_attn(False)
        model = timm.create_model(name)
    else:
        segmentation = name in torchvision.models.list_models(torchvision.models.segmentation)
        more = {"weights_backbone": None} if segmentation else {}
        more |= {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        model = torchvision.models.get_model(name, weights=None, **more)
        model = Segmented(model) if segmentation else model
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.1, 0.1, generator=generator)
        for key, buffer in model.named_buffers():
            if key.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5, generator=generator)
    return model.eval().requires_grad_(False)


def counted(model, picture):
    """Return the macs of a network."""
    recurrent = []

    def count(module, given, _):
        batch, steps, features = given[0].shape
        directions = 2 if module.bidirectional else 1
        recurrent.append(batch * steps * directions * 4 * module.hidden_size * (features + module.hidden_size))

    for module in model.modules():
        if isinstance(module, torch.nn.LSTM):
            module.register_forward_hook(count)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(picture)
    return counter.get_total_flops() // 2 + sum(recurrent)


def exported(model, picture, kind):
    """Return the ONNX file of a network."""
    if kind == "dynamo":
        return torch.onnx.export(model, (picture,), dynamo=True, verbose=False).model_proto
    training = torch.onnx.TrainingMode.PRESERVE if kind == "kept" else torch.onnx.TrainingMode.EVAL
    content = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(model, (picture,), content, dynamo=False, opset_version=17, training=training)
    return onnx.load_from_string(content.getvalue())


def strip(model):
    """Leave out what large tensors hold, as where an external file is missing."""
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) > LARGEST and tensor.data_type == onnx.TensorProto.FLOAT:
            size = len(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in (("location", "weights.bin"), ("length", str(size))):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in model.graph.value_info:
        del value.metadata_props[:]


def record(library, name, kind, size):
    """Write a network without its weights, and return what PyTorch says of it."""
    torch.backends.mha.set_fastpath_enabled(False)
    model = built(library, name)
    picture = torch.zeros(1, 3, size, size)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    truth = {
        "library": library,
        "export": kind,
        "resolution": size,
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "norms": sum(parameter.numel() for module in norms for parameter in module.parameters()),
        "macs": counted(model, picture),
    }
    file = exported(model, picture, kind)
    strip(file)
    content = lzma.compress(file.SerializeToString(), preset=9 | lzma.PRESET_EXTREME)
    (DATA / f"{name}.onnx.xz").write_bytes(content)
    return truth


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    versions = {module.__name__: module.__version__ for module in (torch, torchvision, timm, onnx)}
    truth = {name: record(library, name, kind, size) for library, name, kind, size in MODELS}
    (DATA / "truth.json").write_text(json.dumps({"versions": versions, "models": truth}, indent=1) + "\n")
