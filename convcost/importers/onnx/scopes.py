"""Which module a node belongs to, as its exporter says."""

from __future__ import annotations

import re
from functools import lru_cache

_CALLS = frozenset(("StatefulPartitionedCall", "PartitionedCall"))
"""Modules of TensorFlow that every node is in."""
_MARKS = frozenset("'\"\\")
"""Characters that stand in a text of Python only where its marks are not those that most have."""
_STEP = r"[A-Z]\w*(?:[:;].*)?|(?:add|mul|sub|depthwise|convolution)(?:_\d+|__\d+|[:;].*)*"
"""The last part of a name that says what a node does, not where it is."""


def scope_of(name: str, operator: str, scopes: str = "") -> str:
    """Return the path of a node's module, such as `layer1.0.conv1`; empty where the file does not say.

    Args:
        name: The node's name.
        operator: What it does.
        scopes: PyTorch's list of the modules around it, outermost first, as the newer exporter writes it.

    >>> scope_of("/layer1/layer1.0/conv1/Conv", "Conv"), scope_of("/Add_1", "Add"), scope_of("Conv_12", "Conv")
    ('layer1.0.conv1', '', '')
    >>> scope_of("/features/features.1/conv/conv.0/conv.0.0/Conv", "Conv")
    'features.1.conv.0.0'
    >>> scope_of("node_conv2d", "Conv", "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']")
    'layer1.0.conv1'
    >>> scope_of("StatefulPartitionedCall/resnet50/conv1_conv/Conv2D", "Conv"), scope_of("p2o.Conv.3", "Conv")
    ('resnet50.conv1_conv', '')
    >>> scope_of("inception_3a/5x5_reduce", "Conv"), scope_of("a/b/Add;c/d", "Conv")
    ('inception_3a.5x5_reduce', 'a.b')
    """
    if scopes:
        return _listed(scopes)
    name = name.partition(";")[0]  # of several nodes that TensorFlow joined
    if name.startswith("/"):
        return _of_pytorch(name.rpartition("/")[0])
    *path, last = name.split("/")
    if not path:  # a name of its own, or made up by the exporter
        return ""
    parts = [*path, *(() if re.fullmatch(_STEP, last) else (last,))]
    return ".".join(part.replace(".", "_") for part in parts if part and part not in _CALLS)


def _listed(scopes: str) -> str:
    names = scopes[2:-2].split("', '")
    if scopes[:2] == "['" and scopes[-2:] == "']" and scopes.isprintable() and not any(map(_MARKS.intersection, names)):
        return names[-2] if len(names) > 1 else ""
    import ast  # where the newer exporter of PyTorch wrote the file only

    try:
        listed = ast.literal_eval(scopes) if len(scopes) < 10_000 else []
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        listed = []
    if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
        return listed[-2] if len(listed) > 1 else ""
    return ""


@lru_cache(maxsize=1024)
def _of_pytorch(modules: str) -> str:
    path: list[str] = []
    for part in modules.split("/")[1:]:
        if path and part.startswith(path[-1] + "."):  # a module in a list has the name of the list before its number
            path.pop()
        path.append(part)
    return ".".join(path)
