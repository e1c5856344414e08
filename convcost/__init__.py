"""What a convolutional network costs, exactly: parameters, multiplications, additions, per layer.

>>> import convcost
>>> model = convcost.load({"input": [3, 12, 12], "layers": [{"conv": {"out_channels": 256, "kernel_size": 5}}]})
>>> model.analyze().total.mults
1228800
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from convcost import spec as _spec
from convcost.analysis import cost as _cost
from convcost.analysis.cost import LayerCost
from convcost.errors import ConvcostError, Fault, OptionError, OutputError, Place, SpecError
from convcost.network import Layer, Network
from convcost.ops import Cost, Ledger
from convcost.spec import source as _source

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "ConvcostError",
    "Cost",
    "Fault",
    "Layer",
    "LayerCost",
    "Ledger",
    "Model",
    "Network",
    "OptionError",
    "OutputError",
    "Place",
    "SpecError",
    "analyze",
    "load",
]


class Analysis(_cost.Analysis, frozen=True):
    """What a network costs; a notebook shows its table.

    See `convcost.analysis.cost.Analysis` for the attributes.
    """

    def _repr_html_(self) -> str:
        from convcost.reports.analysis import AnalysisReport
        from convcost.reports.notebook import html

        return html(AnalysisReport.of(self))

    def __str__(self) -> str:
        from convcost.reports import formats
        from convcost.reports.analysis import AnalysisReport
        from convcost.reports.contents import Page

        return formats.render("table", [AnalysisReport.of(self)], Page())


class Model(Struct, frozen=True):
    """A network that a spec describes, and the questions it can be asked.

    Attributes:
        network: Its layers, shapes and symbols as plain data.
    """

    network: Network

    def analyze(self, *, batch: int = 1, fold: bool = True) -> Analysis:
        """Return what the network costs, layer by layer and in all.

        Args:
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.

        Raises:
            OptionError: The batch is not a positive whole number.

        >>> load("mobilenet_v1").analyze().total.macs
        568740352
        """
        if type(batch) is not int or batch < 1:
            raise OptionError(Fault("batch is a whole number, at least 1", found=f"found {batch}"))
        return Analysis.of(self.network, batch=batch, fold=fold)


def load(spec: str | Path | Mapping[str, Any], *, set: Mapping[str, Any] | None = None) -> Model:
    """Read a spec.

    Args:
        spec: A path, the name of a shipped spec, `-` for standard input, or the spec itself as a mapping.
        set: Values for the spec's symbols: numbers, or expressions as text.

    Raises:
        SpecError: There is no such spec, or it has faults; all of them are told, each with its place.
        OptionError: `set` names an unknown symbol or gives one a value it cannot have.

    >>> load("mobilenet_v1", set={"alpha": "1/2"}).analyze().total.params
    1331592
    """
    source = _source.from_mapping(spec) if isinstance(spec, Mapping) else _source.read(spec)
    return Model(_spec.load(source, set or {}))


def analyze(
    spec: str | Path | Mapping[str, Any],
    *,
    set: Mapping[str, Any] | None = None,
    batch: int = 1,
    fold: bool = True,
) -> Analysis:
    """Read a spec and return what its network costs: `load(spec, set=set).analyze(batch=batch, fold=fold)`."""
    return load(spec, set=set).analyze(batch=batch, fold=fold)
