"""What would help where a limit is exceeded: rewrites that bring the network back within it, computed."""

from __future__ import annotations

import shlex
from collections.abc import Container, Mapping, Sequence
from math import floor
from pathlib import Path
from typing import Any

from convcost.budget.budgets import spelled
from convcost.budget.verdicts import Remedy, Value
from convcost.cost.analysis import Analysis
from convcost.errors import OptionError
from convcost.metrics import METRICS
from convcost.network.dtypes import Dtype, with_dtypes
from convcost.rewriting.application import apply
from convcost.rewriting.candidates import Limits
from convcost.rewriting.choosing import ALL, GENTLE, Changes, Choice, Chooser, choose_in_order
from convcost.rewriting.selection import matches, options_for
from convcost.rewriting.text import Note, can_rewrite, rewrite_text
from convcost.spec import load
from convcost.spec.limits import MOST_LAYERS, limited
from convcost.spec.source import Source


def remedy(
    source: Source | None,
    spec: str,
    settings: Mapping[str, Any],
    analysis: Analysis,
    metric: str,
    limit: Value,
    part: Container[int],
    pattern: str,
    dtype: Sequence[Dtype] = (),
) -> Remedy | None:
    """Return the least that brings a network back within a limit, or what comes nearest; None where nothing helps.

    It follows the rules of `convcost suggest`: standard convolutions become separable if that is enough, then the other
    rewrites are tried too; the first and the last layer with weights are spared. A metric whose total is no sum has no
    remedy.

    Args:
        source: The network's spec; None for a network that no spec describes.
        spec: Its name.
        settings: The values given to its symbols.
        analysis: What it costs.
        metric: What is limited.
        limit: The largest value that is allowed.
        part: The indices of the layers that the limit is for.
        pattern: The pattern by which they were chosen; empty for all layers.
        dtype: The types given to its numbers.
    """
    if not METRICS[metric].adds_up:  # what a layer saves says nothing of the largest of the layers, or of a ratio
        return None
    network = analysis.network

    def can(changes: Changes) -> bool:
        return source is None or can_rewrite(source, settings, network, changes)

    limits = {metric: floor(limit)}
    chooser = Chooser(analysis, limits, part, can)
    best = choose_in_order(chooser, ends=False)
    with_ends = choose_in_order(chooser, ends=True) if not best.reached else best
    if not best.candidates and not with_ends.reached:
        return None
    changes = best.changes()
    given = [f"{name}={spelled(value)}" for name, value in settings.items()]
    line = command(spec, options_for(network, changes), (), given) if changes else ""
    suggestion = ""
    whole = not pattern and all(index in part for index in range(len(analysis.layers)))
    if whole and with_ends.reached and not best.reached:
        suggestion = suggest_command(spec, limits, given, with_ends, analysis, dtype)
    if spec in ("<mapping>", "<network>") or not line.isprintable() or not suggestion.isprintable():
        line = suggestion = ""  # no shell can be given these
    return Remedy(
        rewrites=tuple(rewrite.name for rewrite, _ in changes),
        layers=tuple(name for candidate in best.candidates for name in candidate.names(network)),
        reached=best.reached,
        value=best.left[metric],
        renamed=bool(pattern)
        and _renamed_cost(source, settings, dtype, analysis, metric, changes, pattern) != best.left[metric],
        command=line,
        reached_with_ends=with_ends.reached,
        suggestion=suggestion,
    )


def _renamed_cost(
    source: Source | None,
    settings: Mapping[str, Any],
    dtype: Sequence[Dtype],
    analysis: Analysis,
    metric: str,
    changes: Changes,
    pattern: str,
) -> int | None:
    """Return the cost of the layers that a pattern matches in the rewritten spec.

    None where its types match none, or the pattern is of modules, which the rewritten text does not know.
    """
    if not any(matches(pattern, layer) for layer in analysis.layers):
        return None
    notes = [(Note(rewrite.name, rewrite.source), sites) for rewrite, sites in changes]
    expected = apply(analysis.network, [site for _, sites in changes for site in sites]).network
    if source is not None:
        text = rewrite_text(source, settings, analysis.network, notes, expected)
        with limited(MOST_LAYERS):
            expected = load(Source(source.file, text), settings)
        try:
            expected = with_dtypes(expected, dtype)
        except OptionError:
            return None
    after = Analysis.of(expected, batch=analysis.batch, fold=analysis.fold)
    values = zip(after.layers, after.values(metric), strict=True)
    left: int = sum(value for layer, value in values if matches(pattern, layer))
    return left


def suggest_command(
    spec: str, limits: Limits, set: Sequence[str], choice: Choice, counted: Analysis, dtype: Sequence[Dtype] = ()
) -> str:
    """Return the command line that suggests how limits are kept with the first and the last layer touched.

    Args:
        spec: The spec.
        limits: The limits.
        set: The values of symbols, as `--set` takes them.
        choice: What keeps them.
        counted: The network, counted for a batch, with or without folding.
        dtype: The types given to its numbers.
    """
    words = ["convcost", "suggest", _as_argument(spec)]
    for name, limit in limits.items():
        words += ["--max", f"{name}={limit}"]
    for value in set:
        words += ["--set", value]
    for each in dtype:
        words += ["--dtype", str(each)]
    words += ["--batch", str(counted.batch)] if counted.batch != 1 else []
    words += [] if counted.fold else ["--no-fold"]
    if not {rewrite.name for rewrite, _ in choice.changes()} <= {*GENTLE}:
        words += ["--allow", ",".join(ALL)]
    return shlex.join([*words, "--ends"])


def _as_argument(spec: str) -> str:
    return f"./{spec}" if spec.startswith("-") and spec != "-" else spec


def command(spec: str, to: Sequence[str], with_: Sequence[str], set: Sequence[str]) -> str:
    """Return the command line that does a rewrite.

    Args:
        spec: The spec.
        to: The rewrites, as `--to` takes them.
        with_: Their options, as `--with` takes them.
        set: The values of symbols, as `--set` takes them.
    """
    words = ["convcost", "rewrite", _as_argument(spec)]
    for option, values in ("--to", to), ("--with", with_), ("--set", set):
        for value in values:
            words += [option, value]
    return shlex.join([*words, "-o", f"{Path(spec).stem}-rewritten.yaml".lstrip("-")])
