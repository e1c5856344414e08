"""Record what tools print of torchvision's networks: writes the `networks` of data/totals.json.

    pip install torch torchvision fvcore thop ptflops torchinfo torchprofile calflops transformers
    python tests/conventions/record_totals.py > totals.json

The recorded file was made with the versions that it names.
"""

from __future__ import annotations

import json
import sys
from typing import Any

OPTIONS: dict[str, dict[str, Any]] = {"deeplabv3_resnet50": {"aux_loss": False, "num_classes": 21}}
NETWORKS = (
    *("alexnet", "vgg16", "squeezenet1_1", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_large"),
    *("densenet121", "efficientnet_b0", "convnext_tiny", "vit_b_16", "deeplabv3_resnet50"),
)


def counts(make: Any, size: int) -> dict[str, Any]:
    """Return what each tool prints; each gets a module of its own."""
    import fvcore.nn
    import ptflops
    import thop
    import torch
    import torchinfo
    import torchprofile
    from calflops import calculate_flops
    from torch.utils.flop_counter import FlopCounterMode

    x = torch.zeros(1, 3, size, size)
    found: dict[str, Any] = {}
    analysis = fvcore.nn.FlopCountAnalysis(make(), x)
    found["fvcore"] = {"count": analysis.total(), "params": fvcore.nn.parameter_count(make())[""]}
    macs, params = thop.profile(make(), (x,), verbose=False)
    found["thop"] = {"count": int(macs), "params": int(params)}
    for name, backend in (("ptflops", "pytorch"), ("ptflops-aten", "aten")):
        macs, params = ptflops.get_model_complexity_info(
            make(), (3, size, size), as_strings=False, print_per_layer_stat=False, backend=backend
        )
        found[name] = {"count": macs, "params": params}
    summary = torchinfo.summary(make(), input_data=x, verbose=0)
    found["torchinfo"] = {"count": summary.total_mult_adds, "params": summary.total_params}
    for name, gradient in (("flopcounter", False), ("flopcounter-grad", True)):
        counter = FlopCounterMode(display=False)
        with counter, torch.set_grad_enabled(gradient):
            make()(x)
        found[name] = {"count": counter.get_total_flops()}
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), torch.device("meta"):
        make().to("meta")(x.to("meta"))
    found["flopcounter-meta"] = {"count": counter.get_total_flops()}
    found["torchprofile"] = {"count": torchprofile.profile_macs(make(), x)}
    flops, _, params = calculate_flops(make(), (1, 3, size, size), output_as_string=False, print_results=False)
    found["calflops"] = {"count": flops, "params": params}
    return found


def main() -> None:
    """Write what the tools print of all networks."""
    import torchvision

    networks = {}
    for name in NETWORKS:
        size = 513 if name.startswith("deeplab") else 224

        def make(name: str = name) -> Any:
            options = {"weights_backbone": None, **OPTIONS[name]} if name in OPTIONS else {}
            return torchvision.models.get_model(name, weights=None, **options).eval()

        networks[name] = {"resolution": size, "tools": counts(make, size)}
    json.dump(networks, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
