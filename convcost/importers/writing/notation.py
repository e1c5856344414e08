"""Values, names and comments as YAML writes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_YAML_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "none"))


def one_line(text: str) -> str:
    """Return a text without line breaks and other characters that are not printed."""
    return "".join(char if char.isprintable() else " " for char in text)


def has_word_characters(text: str) -> bool:
    """Return whether a text has but letters, digits, underscores, points and hyphens; without one it has them, too.

    >>> [has_word_characters(text) for text in ("layer1.0.conv-1", "_", "a b", "a:")]
    [True, True, False, False]
    """
    letters = text.replace("_", "").replace(".", "").replace("-", "")
    return not letters or letters.isalnum()


def quoted(name: str) -> str:
    """Return a name as YAML has it.

    >>> quoted("layer1.0.conv1"), quoted("0.1"), quoted("yes")
    ('layer1.0.conv1', '"0.1"', '"yes"')
    """
    first = name[:1]
    if first.isascii() and first.isalpha() and has_word_characters(name) and name.lower() not in _YAML_WORDS:
        return name
    import json  # where a name is none that YAML takes as it is

    return json.dumps(name, ensure_ascii=not name.isprintable())


def flow(value: Any) -> str:
    """Return a field's value in YAML's flow style.

    >>> flow({"padding": [[0, 1], [0, 1]], "bias": False, "activation": {"leaky_relu": {"negative_slope": 0.1}}})
    '{padding: [[0, 1], [0, 1]], bias: false, activation: {leaky_relu: {negative_slope: 0.1}}}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
