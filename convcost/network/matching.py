"""Layers by patterns of their names, or of the modules that they were in a model file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

_TURN = r"\.\d+$"  # which repetition of an item


def matches(pattern: str, layer: Any) -> bool:
    """Return whether a pattern matches a layer's name, or that of anything that it is in.

    A repeated item is matched by its name alone, too: `stage` matches `stage.1` and `stage.2`, and all layers in them.
    """
    paths = {layer.path, tuple([re.sub(_TURN, "", part) for part in layer.path])}
    return any(fnmatchcase("/".join(path[:length]), pattern) for path in paths for length in range(len(path), 0, -1))


def matching(pattern: str, layers: Sequence[Any], is_named: Callable[[str, Any], bool] = matches) -> list[int]:
    """Return the indices of the layers that a pattern matches.

    Names go first. A pattern that matches none is one of module paths, such as `layer3.0.conv1` or `layer3`, of layers
    that were read from a model file.

    Args:
        pattern: The pattern.
        layers: The layers of one network.
        is_named: Whether a pattern matches the name of a layer.
    """
    named = [index for index, layer in enumerate(layers) if is_named(pattern, layer)]
    return named or [index for index, layer in enumerate(layers) if layer.origin and _is_in(pattern, layer.origin)]


def _is_in(pattern: str, module: str) -> bool:
    """Return whether a pattern matches a module's path, or that of a module around it."""
    parts = module.split(".")
    return any(fnmatchcase(".".join(parts[:length]), pattern) for length in range(len(parts), 0, -1))
