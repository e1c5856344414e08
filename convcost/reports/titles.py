"""The title of a report, and the lines below it that say which network it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from convcost.metrics import METRICS
from convcost.network import Network
from convcost.network.dtypes import is_float32, types_of, types_text
from convcost.reports.table import safe, sized


def title(network: Network) -> str:
    """Return the network's name, or its file where it has none."""
    return safe(network.name or network.file or "network")


def facts(network: Network, *more: str) -> str:
    """Return its input, the values of its symbols, and what else a report adds, on one line."""
    symbols = [f"{name} = {value}" for name, value in network.symbols.items()]
    shapes = [sized(tensor.shape) for tensor in network.inputs]
    inputs = f"input {shapes[0]}" if len(shapes) == 1 else f"inputs {', '.join(shapes)}"
    return safe(" · ".join([inputs, *symbols, *(fact for fact in more if fact)]))


def sourced(network: Network, *more: str) -> tuple[str, ...]:
    """Return the lines below the title: where the architecture comes from, where that is known, and the facts."""
    return (*((safe(network.source),) if network.source else ()), facts(network, *more))


def batched(batch: int) -> str:
    """Return the number of inputs as a fact, or nothing for one."""
    return "" if batch == 1 else f"batch {batch:,}"


def types(network: Network, shown: Iterable[str] = ()) -> str:
    """Return the types of its numbers as a fact.

    Args:
        network: The network.
        shown: The metrics that are shown: where one is in bytes, `float32` is said, too, else nothing for it.
    """
    return types_fact(types_of(network), shown)


def types_fact(types: Mapping[str, Iterable[str]], shown: Iterable[str] = ()) -> str:
    """Return types of numbers as a fact; see `types`."""
    if is_float32(types) and not any(METRICS[name].depends_on_types for name in shown):
        return ""
    return types_text(types)
