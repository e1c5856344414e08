"""What a neural network costs, exactly: parameters, multiplications, additions, per layer.

>>> import convcost
>>> model = convcost.load({"input": [3, 12, 12], "layers": [{"conv": {"out_channels": 256, "kernel_size": 5}}]})
>>> model.analyze().total.mults
1228800
"""

from __future__ import annotations

from convcost import _startup  # noqa: F401 -- before everything that takes time

# isort: split
from typing import TYPE_CHECKING, Any

from convcost.cost.analysis import Analysis, LayerCost
from convcost.errors import (
    BaselineError,
    ClusterError,
    ConfigError,
    ConvcostError,
    ErrorDetail,
    NetworkError,
    OptionError,
    OutputError,
    Place,
    SpecError,
    WarningDetail,
)
from convcost.model import Model, load
from convcost.network import Layer, Network, NetworkBuilder, Tensor
from convcost.ops import Cost, Ledger
from convcost.questions import (
    analyze,
    check,
    compare,
    compress,
    diff,
    expect,
    formulas,
    memory,
    peak_formula,
    plot,
    receptive_field,
    reconcile,
    rewrite,
    roofline,
    search,
    solve,
    suggest,
    sweep,
    verify,
    verify_receptive_field,
)

if TYPE_CHECKING:
    from convcost.parallel import cluster
    from convcost.pytorch import from_torch

__version__ = "0.1.0"

Fault = ErrorDetail
"""The former name of `ErrorDetail`."""

__all__ = [
    "Analysis",
    "BaselineError",
    "ClusterError",
    "ConfigError",
    "ConvcostError",
    "Cost",
    "ErrorDetail",
    "Layer",
    "LayerCost",
    "Ledger",
    "Model",
    "Network",
    "NetworkBuilder",
    "NetworkError",
    "OptionError",
    "OutputError",
    "Place",
    "SpecError",
    "Tensor",
    "WarningDetail",
    "analyze",
    "check",
    "cluster",
    "compare",
    "compress",
    "diff",
    "expect",
    "formulas",
    "from_torch",
    "load",
    "memory",
    "peak_formula",
    "plot",
    "receptive_field",
    "reconcile",
    "rewrite",
    "roofline",
    "search",
    "solve",
    "suggest",
    "sweep",
    "verify",
    "verify_receptive_field",
]

_LATER = {"cluster": "convcost.parallel", "from_torch": "convcost.pytorch"}
"""The modules of what few programs use; each is imported when its name is read first."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_LATER[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
