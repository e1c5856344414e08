"""Records detectors of torchvision as ONNX files without weights: `python record_detectors.py`.

It needs `torch`, `torchvision` and `onnx`; the tests need what it writes only. A detector reads one picture without a
batch axis, as `torchvision.models.detection` does; macs are half of what `FlopCounterMode` counts.
"""

from __future__ import annotations

import io
import json
import lzma
from pathlib import Path

from record_models import strip

DATA = Path(__file__).parent / "data" / "detectors"
DETECTORS = {  # and the parts before boxes are chosen by their scores
    "ssdlite320_mobilenet_v3_large": ("SSD.backbone", "SSD.head"),
    "fasterrcnn_mobilenet_v3_large_320_fpn": ("FasterRCNN.backbone", "FasterRCNN.rpn"),
}
SIZE = 320


def record(name, parts):
    """Write the file of a detector, and return the macs that PyTorch counts before boxes are chosen."""
    import onnx
    import torch
    import torchvision
    from torch.utils.flop_counter import FlopCounterMode

    model = getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None).eval()
    picture = torch.rand(3, SIZE, SIZE)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model([picture])
    content = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(model, ([picture],), content, dynamo=False, opset_version=17)
    file = onnx.load_from_string(content.getvalue())
    strip(file)
    DATA.mkdir(exist_ok=True)
    packed = lzma.compress(file.SerializeToString(), preset=9 | lzma.PRESET_EXTREME)
    (DATA / f"{name}.onnx.xz").write_bytes(packed)
    versions = {module.__name__: module.__version__ for module in (torch, torchvision, onnx)}
    counts = counter.get_flop_counts()
    return {"versions": versions, "macs": sum(sum(counts[part].values()) for part in parts) // 2}


def main():
    """Write the files and what PyTorch says of them."""
    truth = {name: record(name, parts) for name, parts in DETECTORS.items()}
    (DATA / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
