"""Layers by patterns of their names."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from convcost.network.graph import Layer

_TURN = r"\.\d+$"  # which repetition of an item


def matches(pattern: str, layer: Layer) -> bool:
    """Return whether a pattern matches a layer's name, or that of anything that it is in.

    A repeated item is matched by its name alone, too: `stage` matches `stage.1` and `stage.2`, and all layers in them.
    """
    paths = {layer.path, tuple([re.sub(_TURN, "", part) for part in layer.path])}
    return any(fnmatchcase("/".join(path[:length]), pattern) for path in paths for length in range(len(path), 0, -1))
