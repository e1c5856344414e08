"""Completion in shells: the values of arguments and options; imported only while a shell asks."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from convcost.network.widths import BITS
from convcost.plotting import CHARTS

Complete = Callable[[Any, str], Iterable[str]]
"""Gives the values that may stand where a word begins so; it gets the context of the command, too."""

_MOST_BYTES = 1 << 20  # of a spec whose symbols are completed


class _Item(NamedTuple):
    """A value as typer has it."""

    value: str
    type: str = "plain"
    help: str | None = None


def complete(command: Any) -> None:
    """Add completion of arguments and options to a command, in place."""
    for parameter in command.params:
        values = _VALUES.get((command.name, parameter.name)) or _VALUES.get(("", parameter.name))
        if values is not None:
            parameter.shell_complete = _completer(values)


def _completer(values: Complete) -> Callable[[Any, str], list[_Item]]:
    def shell_complete(context: Any, incomplete: str) -> list[_Item]:
        try:
            return [_Item(value) for value in values(context, incomplete) if value.startswith(incomplete)]
        except Exception:  # noqa: BLE001 -- a shell has no place for errors
            return []

    return shell_complete


def _specs(context: Any, incomplete: str) -> list[str]:
    """Return shipped specs and files; where only folders fit nothing, so that the shell completes them itself."""
    from convcost.spec.source import MODELS, shipped

    names = [name for name in shipped() if name.startswith(incomplete)]
    folder, _, start = incomplete.rpartition("/")
    if folder.startswith("~"):
        return names
    files, folders = [], []
    for entry in sorted(os.scandir(f"{folder}/" if "/" in incomplete else "."), key=lambda each: each.name):
        path = f"{folder}/{entry.name}" if "/" in incomplete else entry.name
        if entry.name.startswith(start) and not entry.name.startswith("."):
            if entry.is_dir():
                folders.append(f"{path}/")
            elif entry.name.lower().endswith((".yaml", ".yml", *MODELS)):
                files.append(path)
    found = [*files, *names]
    return [*found, *folders] if found else []


def _symbols() -> dict[str, str]:
    """Return the symbols of the specs on the line so far, with their defaults as they are written."""
    from convcost.spec.origin import Origin
    from convcost.spec.source import shipped

    found: dict[str, str] = {}
    words = shlex.split(os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", ""))
    for word in words[2:]:  # behind the program and the command; options that wait for a value end the parser's work
        is_file = Path(word).is_file()
        if (is_file and Path(word).stat().st_size <= _MOST_BYTES) or (not is_file and word in shipped()):
            for name, symbol in Origin.of(word).reader.check((), "").symbols.items():
                found.setdefault(name, getattr(symbol.value.at, "text", "") if symbol.value else "")
    return found


def _settings(context: Any, incomplete: str) -> Iterable[str]:
    return (f"{name}={value}" for name, value in _symbols().items())


def _metrics() -> list[str]:
    from convcost.cost import metrics as _  # noqa: F401 -- adds them to the table
    from convcost.metrics import METRICS

    return list(METRICS)


def _sorts(context: Any, incomplete: str) -> list[str]:
    from convcost.cost.columns import OTHER_SORTS

    return [*OTHER_SORTS, *_metrics()]


def _listed(values: Complete) -> Complete:
    """Complete the last of several values with commas between them."""

    def last(context: Any, incomplete: str) -> list[str]:
        before, comma, start = incomplete.rpartition(",")
        return [f"{before}{comma}{value}" for value in values(context, start)]

    return last


def _formats(context: Any, incomplete: str) -> list[str]:
    from convcost.reports.formats import names

    return names(ci=context.command.name == "check")


def _rewrites(context: Any, incomplete: str) -> Iterable[str]:
    from convcost.rewriting.rewrites import NAMES

    return NAMES


def _types(context: Any, incomplete: str) -> Iterable[str]:
    from convcost.layers import REGISTRY

    return REGISTRY


def _shipped(context: Any, incomplete: str) -> Iterable[str]:
    from convcost.spec.source import shipped

    return shipped()


def _devices(context: Any, incomplete: str) -> Iterable[str]:
    from convcost.memory.roofline.devices import SHIPPED

    return SHIPPED


_VALUES: dict[tuple[str, str], Complete] = {
    ("", "spec"): _specs,
    ("", "specs"): _specs,
    ("", "other"): _specs,
    ("", "set"): _settings,
    ("", "set_other"): _settings,
    ("", "free"): lambda context, incomplete: _symbols(),
    ("solve", "symbol"): lambda context, incomplete: _symbols(),
    ("formulas", "set"): lambda context, incomplete: (),
    ("", "sort"): _sorts,
    ("", "columns"): _listed(lambda context, incomplete: _metrics()),
    ("search", "best"): lambda context, incomplete: _metrics(),
    ("search", "pareto"): _listed(lambda context, incomplete: _metrics()),
    ("", "min"): lambda context, incomplete: (f"{name}=" for name in _metrics()),
    ("sweep", "best"): lambda context, incomplete: _metrics(),
    ("sweep", "where"): lambda context, incomplete: _metrics(),
    ("", "max"): lambda context, incomplete: (f"{name}=" for name in _metrics()),
    ("", "limits"): lambda context, incomplete: (f"{name}=" for name in _metrics()),
    ("", "device"): _devices,
    ("", "format"): _formats,
    ("", "outputs"): _formats,
    ("", "to"): _rewrites,
    ("", "allow"): _listed(_rewrites),
    ("formulas", "types"): _types,
    ("specs", "name"): _shipped,
    ("schema", "file"): lambda context, incomplete: ("spec", "config", "report"),
    ("memory", "order"): lambda context, incomplete: ("file", "best"),
    ("", "dtype"): lambda context, incomplete: BITS,
    ("plot", "chart"): lambda context, incomplete: CHARTS,
    ("plot", "metrics"): _listed(lambda context, incomplete: _metrics()),
    ("plot", "pareto"): _listed(lambda context, incomplete: _metrics()),
    ("plot", "outputs"): lambda context, incomplete: (),
    ("verify", "engine"): lambda context, incomplete: ("auto", "plain", "lanes"),
}
"""What completes each parameter, by command and name; an empty command stands for all others."""
