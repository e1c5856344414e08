"""Networks of which not all costs are known."""

from __future__ import annotations

from collections import Counter

from convcost.errors import ErrorDetail, Place, WarningDetail
from convcost.network.graph import Layer, Network

_LISTED = 5  # operators that are named
_REMEDY = "{} gives a model file's operator your cost, `declared` an item of a spec"


def operators(layers: tuple[Layer, ...]) -> str:
    """Return the operators of unknown layers as text, each with how many there are."""
    counts = Counter(layer.fields["operator"] for layer in layers)
    names = [f"{name} ({count:,} times)" if count > 1 else name for name, count in counts.items()]
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")


def is_in_memory(file: str) -> bool:
    """Return whether a file is none, but what a program holds in memory, such as `<ResNet>`."""
    return file.startswith("<") and file != "<stdin>"


def declaration(operator: str, file: str, *, shape: bool) -> str:
    """Return the option, in Python the argument, that gives an operator its cost.

    Args:
        operator: The operator.
        file: The file that it is in.
        shape: Whether the shape of its output is needed, too.

    >>> print(declaration("NonZero", "net.onnx", shape=True))
    --declare 'NonZero=macs:1000,params:20,output_shape:64x7x7'
    >>> print(declaration("aten.svd", "<Net>", shape=False))
    declare={'aten.svd': {'macs': 1000, 'params': 20}}
    """
    if is_in_memory(file):
        costs = {"macs": 1000, "params": 20, **({"output_shape": (64, 7, 7)} if shape else {})}
        return f"declare={ {operator: costs} }"
    return f"--declare '{operator}=macs:1000,params:20{',output_shape:64x7x7' if shape else ''}'"


def _remedy(layer: Layer, file: str) -> str:
    return _REMEDY.format(declaration(layer.fields["operator"], file, shape=layer.fields["output_shape"] is None))


def incomplete(network: Network) -> ErrorDetail:
    """Return the error of a question that needs the costs of all layers."""
    unknown = network.unknown
    return ErrorDetail(
        "this needs the costs of all operations",
        Place(network.file) if network.file else None,
        found=f"not known: {operators(unknown)}",
        help=_remedy(unknown[0], network.file),
    )


def incomplete_warning(network: Network) -> WarningDetail | None:
    """Return the warning that totals are lower bounds; None where all costs are known."""
    unknown = network.unknown
    if not unknown:
        return None
    message = "operations are not counted, so that totals are lower bounds (≥)"
    place = Place(network.file) if network.file else None
    return WarningDetail(message, place, found=operators(unknown), help=_remedy(unknown[0], network.file))
