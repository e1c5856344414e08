"""Record what further tools print of torchvision's networks, beside what data/totals.json holds.

    python tests/conventions/record_more_totals.py deepspeed ultralytics-thop … data/totals.json

Each tool as in record_layers.py; operators of torchvision that were not built are declared. `onnx-tool=DIRECTORY` and
`onnxsim=DIRECTORY` read what torch.onnx.export(network, zeros, dynamo=False, opset_version=17) wrote; parameters of new
networks are not recorded: the exporter keeps equal ones once. Nor is onnx-tool's count of ViT-B/16, 17,866,375,103: six
more than ours, for the sizes of the class token that is expanded.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from record_layers import FILE_TOOLS, PACKAGES, TOOLS, other_count
from record_totals import NETWORKS, OPTIONS


def main() -> None:
    """Add what tools print to the file."""
    tools, last = sys.argv[1:-1], sys.argv[-1]
    path = Path(last)
    held = json.loads(path.read_text(encoding="utf-8"))
    if any("=" in tool for tool in tools):
        _of_files(held, dict(tool.split("=") for tool in tools))
    else:
        _of_modules(held, tools)
    path.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


def _of_files(held: dict[str, Any], directories: dict[str, str]) -> None:
    """Add what tools print of exported networks, by tool and directory."""
    for tool, directory in directories.items():
        for file in sorted(Path(directory).glob("*.onnx")):
            count = FILE_TOOLS[tool](str(file))["count"]
            held["networks"][file.stem]["tools"][tool] = {"count": count}
        held["versions"][tool] = version(tool)


def _of_modules(held: dict[str, Any], tools: list[str]) -> None:
    """Add what tools print of modules."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    for name in NETWORKS:
        size = held["networks"][name]["resolution"]
        options: dict[str, Any] = {"weights_backbone": None, **OPTIONS[name]} if name in OPTIONS else {}
        for tool in tools:
            network = torchvision.models.get_model(name, weights=None, **options).eval()
            found = TOOLS[tool](network, (torch.zeros(1, 3, size, size),))
            for field in ("macs", "flops"):
                if field in found:
                    held["networks"][name]["tools"][f"{tool}-{field}"] = other_count(found, field)
            held["networks"][name]["tools"][tool] = found
            held["versions"][tool] = f"{version(PACKAGES.get(tool, tool))}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
