"""The modules around a node, as PyTorch's newer exporter lists them: a text of Python."""

from __future__ import annotations

import pytest

from convcost.importers.onnx.scopes import scope_of


@pytest.mark.parametrize(
    ("listed", "scope"),
    [
        ("['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']", "layer1.0.conv1"),
        ("['conv2d']", ""),  # of no module
        ("""['', "it's", 'add']""", "it's"),  # Python's other marks
        ("['', 'a\\\\b', 'c', 'add']", "c"),
        ("['', 'a\\x62', 'add']", "ab"),
        ("""["conv"]""", ""),
        ("[1, 2, 3]", ""),
        ("{'a': 1}", ""),
        ("'abc'", ""),
        ("['', 'open", ""),
        ("['a', " + "'b', " * 3_000 + '"c"]', ""),  # longer than anyone writes
        ("[" * 5_000 + '"', ""),
    ],
)
def test_the_module_is_the_last_but_one(listed, scope):
    assert scope_of("node_conv2d", "Conv", listed) == scope
