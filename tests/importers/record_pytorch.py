"""Records exported programs without weights, and what PyTorch says of the modules: `python record_pytorch.py`.

It needs torch, torchvision, timm and onnx; the tests need what it writes only. Parameters are `numel` of those with a
gradient; macs half of what `FlopCounterMode` counts with attention unfused, all on the device `meta`. Before anything
is written, the module itself is read by `convcost.from_torch`, which must give the spec that the file gives.

With torch 2.4, `python record_pytorch.py old` writes the archives of its layout. `python record_pytorch.py onnx` writes
the same networks as ONNX, by the older exporter with batch norms kept.
"""

from __future__ import annotations

import io
import json
import lzma
import sys
import warnings
import zipfile
from pathlib import Path

try:  # the tests are collected without them
    import onnx
    import timm
    import torch
    import torchvision
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    import convcost
except ImportError:
    pass

DATA = Path(__file__).parent / "data" / "pytorch"
TORCHVISION = ["mnasnet0_5", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1", "vgg11"]
TIMM = [
    "coat_tiny",
    "convit_tiny",
    "edgenext_xx_small",
    "efficientformer_l1",
    "gmlp_s16_224",
    "halonet26t",
    "hiera_tiny_224",
    "levit_128s",
    "mambaout_femto",
    "mobilevit_xxs",
    "nf_regnet_b0",
    "pvt_v2_b0",
    "sequencer2d_s",
    "swinv2_cr_tiny_224",
    "tnt_s_patch16_224",
    "xcit_nano_12_p8_224",
]
OLD = ["mobilenet_v3_small", "resnet18"]
SHAPE = (1, 3, 224, 224)
KEPT = (
    "models/model.json",
    "_config.json",
    "archive_format",
    "archive_version",
    "version",
    "serialized_exported_program.json",
)


def macs(module, example):
    """Return half of the operations that PyTorch counts in products."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(example)
    return counter.get_total_flops() // 2


def without_weights(archive, stem):
    """Return an archive with its JSON alone, and that without traces."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as read,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, True, 9) as to,
    ):
        for info in read.infolist():
            if not info.filename.endswith(KEPT) or "/.data/" in info.filename:
                continue
            content = read.read(info)
            if info.filename.endswith(".json"):
                content = without_traces(json.loads(content))
            name = info.filename if "/" not in info.filename else stem + "/" + info.filename.partition("/")[2]
            to.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return written.getvalue()


def without_traces(read):
    """Return JSON without what the tests need not: the traces and the list of modules."""
    module = read.get("graph_module", {})
    module["module_call_graph"] = []
    for node in module.get("graph", {}).get("nodes", []):
        node["metadata"] = {key: text for key, text in node["metadata"].items() if key == "nn_module_stack"}
    return json.dumps(read, separators=(",", ":"))


def record(name, module, stem, source, *, dynamic=None, shape=SHAPE):
    """Write the program of a module, and return what PyTorch says of it."""
    module.eval()
    example = torch.zeros(shape)
    shapes = {"x": {2: torch.export.Dim("h", min=64, max=1024), 3: torch.export.Dim("w", min=64, max=1024)}}
    program = torch.export.export(module, (example,), dynamic_shapes=shapes if dynamic else None, strict=False)
    written = io.BytesIO()
    torch.export.save(program, written)
    path = DATA / f"{stem}.pt2"
    path.write_bytes(without_weights(written.getvalue(), stem))
    live = convcost.from_torch(module, example, dynamic_shapes=shapes if dynamic else None)
    mine = live.text.partition("layers:")[2]
    theirs = convcost.load(path, set=dict(zip("hw", shape[2:], strict=True)) if dynamic else None).text.partition(
        "layers:"
    )[2]
    if mine != theirs:
        raise SystemExit(f"{name}: the file and the module give two specs")
    return {
        "source": source,
        "exporter": f"torch {torch.__version__.partition('+')[0]}",
        "params": sum(each.numel() for each in module.parameters() if each.requires_grad),
        "buffers": sum(each.numel() for each in module.buffers() if each.is_floating_point()),
        "macs": macs(module.to("meta"), example.to("meta")),
        "input": list(shape),
        "dynamic": bool(dynamic),
    }


def as_onnx(stem, module, shape):
    """Write a module as an ONNX file, its weights left out."""
    written = io.BytesIO()
    for each in module.parameters():  # equal ones are merged
        torch.nn.init.uniform_(each.data, 0.1, 0.2)
    preserved = torch.onnx.TrainingMode.PRESERVE
    torch.onnx.export(module.eval(), (torch.zeros(shape),), written, dynamo=False, training=preserved, opset_version=17)
    model = onnx.load_from_string(written.getvalue())
    constants = [each.t for node in model.graph.node for each in node.attribute if node.op_type == "Constant"]
    for tensor in [*model.graph.initializer, *constants]:
        is_weight = tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.raw_data) > 16
        if is_weight or len(tensor.raw_data) > 4096:
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights.bin")
    for node in model.graph.node:
        node.ClearField("doc_string")
    written = lzma.compress(model.SerializeToString(), preset=9 | lzma.PRESET_EXTREME)
    (DATA / f"{stem}.onnx.xz").write_bytes(written)


def main_onnx():
    """Write the networks as ONNX files, where the exporter can."""
    warnings.simplefilter("ignore")
    for name in [*TORCHVISION, *TIMM]:
        is_torchvision = name in TORCHVISION
        module = torchvision.models.get_model(name, weights=None) if is_torchvision else timm.create_model(name)
        shape = SHAPE if is_torchvision else (1, *timm.get_pretrained_cfg(name).input_size)
        try:
            as_onnx(name, module, shape)
        except Exception as error:  # noqa: BLE001 -- of any kind: the exporter has no operator
            sys.stderr.write(f"{name}: {str(error).splitlines()[0]}\n")


def main(old):
    """Write all files."""
    warnings.simplefilter("ignore")
    path = DATA / "truth.json"
    truth = json.loads(path.read_text()) if path.exists() else {}
    for name in OLD if old else TORCHVISION:
        module = torchvision.models.get_model(name, weights=None)
        stem = f"{name}_torch24" if old else name
        truth[stem] = record(name, module, stem, f"torchvision {torchvision.__version__.partition('+')[0]}")
    for name in [] if old else TIMM:
        module = timm.create_model(name)
        size = timm.get_pretrained_cfg(name).input_size
        truth[name] = record(name, module, name, f"timm {timm.__version__}", shape=(1, *size))
    if not old:
        module = torchvision.models.resnet18()
        source = f"torchvision {torchvision.__version__.partition('+')[0]}"
        truth["resnet18_hw"] = record("resnet18", module, "resnet18_hw", source, dynamic=True)
    path.write_text(json.dumps(dict(sorted(truth.items())), indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["onnx"]:
        main_onnx()
    else:
        main(sys.argv[1:] == ["old"])
