"""Record what further tools print of torchvision's networks, beside what data/totals.json holds.

    python tests/conventions/record_more_totals.py deepspeed ultralytics-thop … data/totals.json

Each tool as in record_layers.py; operators of torchvision that were not built are declared.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from record_layers import PACKAGES, TOOLS, other_count
from record_totals import NETWORKS, OPTIONS


def main() -> None:
    """Add what tools print to the file."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    *tools, last = sys.argv[1:]
    path = Path(last)
    held = json.loads(path.read_text(encoding="utf-8"))
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
        path.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
