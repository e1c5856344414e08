"""The charts that `convcost/charts/README.md` shows.

    python tests/charts/pictures.py

draws all of them anew, to be looked at before they are committed.
"""

from __future__ import annotations

from pathlib import Path

import convcost

FOLDER = Path(__file__).parent / "pictures"
PICTURES = {
    "cost": lambda: convcost.plot("mobilenet_v1"),
    "types": lambda: convcost.plot("mobilenet_v3_small", chart="types"),
    "memory": lambda: convcost.plot("mobilenet_v1", chart="memory", dtype="int8"),
    "roofline": lambda: convcost.plot("mobilenet_v1", chart="roofline", device="raspberry-pi-4"),
    "networks": lambda: convcost.plot(
        "alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v1", "mobilenet_v2", "squeezenet1_1", "efficientnet_b0"
    ),
    "front": lambda: convcost.plot("mobilenet_v1", set={"alpha": "1/4:1:1/8", "r": "128:224:32"}),
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        draw().save(FOLDER / f"{name}.svg")
