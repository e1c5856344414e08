"""What would help where a limit is exceeded: rewrites that bring the network back within it, computed."""

from __future__ import annotations

import shlex
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from convcost.analysis.cost import Analysis
from convcost.analysis.suggestion import Suggestion
from convcost.budget.verdicts import Remedy
from convcost.rewrites import named
from convcost.spec.rewriting import can_rewrite
from convcost.spec.source import Source

METRICS = ("params", "buffers", "mults", "adds", "macs", "flops", "useful_mults")
"""What the cost of a rewritten layer tells."""

_GENTLE = ("separable",)
_ALL = ("separable", "asymmetric", "stacked", "grouped", "bottleneck", "fire")
_ATTEMPTS = ((_GENTLE, False), (_ALL, False), (_ALL, True))  # the rewrites, and whether the ends may be touched
_MOST_LAYERS = 2_000  # of a network that is rewritten; what a larger one would need takes seconds to find


def remedy(
    source: Source,
    spec: str,
    settings: Mapping[str, Any],
    analysis: Analysis,
    metric: str,
    limit: int,
    part: Container[int],
) -> Remedy | None:
    """Return the least that brings a network back within a limit, or what comes nearest; None where nothing helps.

    Standard convolutions become separable if that is enough; then the other rewrites are tried too, and at last the
    first and the last layer with weights are no longer spared.

    Args:
        source: The network's spec.
        spec: Its name.
        settings: The values given to its symbols.
        analysis: What it costs.
        metric: What is limited, one of `METRICS`.
        limit: The largest value that is allowed.
        part: The indices of the layers that the limit is for.
    """
    network = analysis.network
    if metric not in METRICS or len(network.layers) > _MOST_LAYERS:
        return None
    can = can_rewrite(source, settings, network)
    best: Suggestion | None = None
    for names, ends in _ATTEMPTS:
        rewrites = [named(name) for name in names]
        found = Suggestion.of(network, rewrites, {metric: limit}, ends=ends, can=can, part=part)
        if found.steps and (best is None or getattr(found.limited, metric) < getattr(best.limited, metric)):
            best = found
        if found.reached:
            break
    if best is None:
        return None
    given = [f"{name}={value}" for name, value in settings.items()]
    return Remedy(
        rewrites=tuple(dict.fromkeys(step.rewrite for step in best.steps)),
        layers=tuple(name for step in best.steps for name in step.names),
        reached=best.reached,
        value=getattr(best.limited, metric),
        command=command(spec, best.patterns(), (), given),
    )


def command(spec: str, to: Sequence[str], with_: Sequence[str], set: Sequence[str]) -> str:
    """Return the command line that does a rewrite.

    Args:
        spec: The spec.
        to: The rewrites, as `--to` takes them.
        with_: Their options, as `--with` takes them.
        set: The values of symbols, as `--set` takes them.
    """
    words = ["convcost", "rewrite", spec]
    for option, values in ("--to", to), ("--with", with_), ("--set", set):
        for value in values:
            words += [option, value]
    return shlex.join([*words, "-o", f"{Path(spec).stem}-rewritten.yaml"])
