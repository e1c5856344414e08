"""How other tools count: the rules of each, and why its number differs.

A convention is one file with a `ToolConvention`: a small table from layer types to functions of a layer. Another
package adds one by an entry point of the group `convcost.conventions`.
"""

from __future__ import annotations

from typing import Any

from convcost.conventions.base import ToolConvention
from convcost.registry import Registry


def _check(name: str, entry: Any) -> str:
    """Return why an entry of another package is no convention; nothing where it is one."""
    return "" if isinstance(entry, ToolConvention) else "it is no convcost.conventions.base.ToolConvention"


CONVENTIONS: Registry[ToolConvention] = Registry(
    "convention",
    "convcost.conventions",
    {
        "fvcore": "convcost.conventions.fvcore:FVCORE",
        "thop": "convcost.conventions.thop:THOP",
        "ultralytics-thop": "convcost.conventions.ultralytics_thop:ULTRALYTICS_THOP",
        "ptflops": "convcost.conventions.ptflops:PYTORCH",
        "ptflops-modules": "convcost.conventions.ptflops:MODULES",
        "ptflops-aten": "convcost.conventions.ptflops:ATEN",
        "torchinfo": "convcost.conventions.torchinfo:TORCHINFO",
        "flopcounter": "convcost.conventions.flop_counter:NO_GRADIENT",
        "flopcounter-grad": "convcost.conventions.flop_counter:WITH_GRADIENT",
        "flopcounter-meta": "convcost.conventions.flop_counter:META",
        "torchprofile": "convcost.conventions.torchprofile:TORCHPROFILE",
        "torchscan": "convcost.conventions.torchscan:TORCHSCAN",
        "torchscan-flops": "convcost.conventions.torchscan:OPERATIONS",
        "calflops": "convcost.conventions.calflops:CALFLOPS",
        "calflops-macs": "convcost.conventions.calflops:MACS_PRINTED",
        "deepspeed": "convcost.conventions.deepspeed:DEEPSPEED",
        "deepspeed-macs": "convcost.conventions.deepspeed:MACS_PRINTED",
        "pycls": "convcost.conventions.pycls:PYCLS",
        "onnx-tool": "convcost.conventions.onnx_tool:ONNX_TOOL",
        "onnx-tool-unfolded": "convcost.conventions.onnx_tool:UNFOLDED",
        "onnxsim": "convcost.conventions.onnxsim:ONNXSIM",
        "keras": "convcost.conventions.keras:KERAS",
    },
    _check,
)
