"""A first `convcost.yaml`: today's numbers plus headroom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from glob import escape
from math import ceil
from pathlib import Path

from convcost.budget import patterns
from convcost.budget.budgets import quoted
from convcost.budget.configuration import FILE
from convcost.cost.analysis import Analysis
from convcost.errors import ErrorDetail, OptionError
from convcost.spec.reading import VERSIONS

_LIMITED = ("params", "mults")


def initial(analyses: Mapping[str, Analysis], headroom: Fraction, text: str, settings: Mapping[str, str]) -> str:
    """Return the text of a configuration that allows networks what they cost, and some more.

    Args:
        analyses: What each spec costs, by its path or shipped name.
        headroom: What is allowed beside, as a share of that; limits are rounded up to whole numbers.
        text: The headroom as somebody wrote it.
        settings: The values of symbols at which the networks cost that, as somebody wrote them.

    Raises:
        OptionError: A spec is no file in the current folder or below, nor a shipped one, or its name is not Unicode.
    """
    values = ", ".join(f"{name}: {quoted(value)}" for name, value in settings.items())
    named = {_named(spec): analysis for spec, analysis in analyses.items()}
    lines = [
        "# What the networks may cost. `convcost check` holds them to it.",
        f"# Each limit is what the network cost when this was written, given behind it, and {text}.",
        f"convcost: {VERSIONS[-1]}",
        "models:",
        *(f"  - {name}" for name in named),
        "",
        "budgets:",
    ]
    for name, analysis in named.items():
        for metric in _LIMITED:
            actual = analysis.value(metric)
            lines.append(f"  - metric: {metric}")
            if len(named) > 1:
                lines.append(f"    models: {name}")
            if values:
                lines.append(f"    set: {{{values}}}")
            lines.append(f"    max: {ceil(actual * (1 + headroom)):_}   # {actual:_}")
    return "\n".join(lines) + "\n"


def _named(spec: str) -> str:
    """Return the path of a spec as a configuration in the current folder writes it."""
    pattern = escape(Path(os.path.relpath(spec)).as_posix())
    if spec == "-":
        found = "standard input"
    elif _is_outside(pattern):
        found = f"{spec!r} is outside"
    elif pattern.encode(errors="replace").decode() != pattern:
        found = f"{spec!r} is not Unicode"
    else:
        return quoted(pattern)
    help = f"{FILE} names files in its folder and below"
    raise OptionError(ErrorDetail(f"{FILE} cannot name this spec", found=found, help=help))


def _is_outside(pattern: str) -> bool:
    try:
        patterns.matched(Path(), pattern)
    except patterns.Outside:
        return True
    return False
