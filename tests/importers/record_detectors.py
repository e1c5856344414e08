"""Records a detector of torchvision as an ONNX file without weights: `python record_detectors.py`.

It needs `torch`, `torchvision` and `onnx`; the tests need what it writes only. The detector reads one picture without a
batch axis, as `torchvision.models.detection` does; macs are half of what `FlopCounterMode` counts.
"""

from __future__ import annotations

import io
import json
import lzma
from pathlib import Path

from record_models import strip

DATA = Path(__file__).parent / "data" / "detectors"
NAME, SIZE = "ssdlite320_mobilenet_v3_large", 320


def main():
    """Write the file and what PyTorch says of it."""
    import onnx
    import torch
    import torchvision
    from torch.utils.flop_counter import FlopCounterMode

    model = getattr(torchvision.models.detection, NAME)(weights=None, weights_backbone=None).eval()
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
    (DATA / f"{NAME}.onnx.xz").write_bytes(packed)
    versions = {module.__name__: module.__version__ for module in (torch, torchvision, onnx)}
    truth = {"versions": versions, "macs": counter.get_total_flops() // 2}
    (DATA / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
