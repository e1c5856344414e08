"""The `compression` of a spec or of a file: how the weights of layers are compressed, by the names of layers."""

from __future__ import annotations

from collections.abc import Mapping as Given
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from convcost.errors import ConfigError
from convcost.network.compression import KEYS, MOST_BITS, CompressionRule
from convcost.spec import tree
from convcost.spec.amounts import amount, share_of
from convcost.spec.collector import ErrorCollector, Language, TooManyErrors
from convcost.spec.source import read as read_source
from convcost.spec.tree import Mapping, Node, Scalar, Sequence
from convcost.spec.values import Values, kind_of

KEY, LAYERS = "compression", "layers"
_FILE = Language("a compression", ConfigError, "write it again", "write it again", "it needs four levels")
_MOST_CODE_BITS = 64
_EXAMPLE = "layers: {'fc*': {density: 9%, weight_bits: 5, index_bits: 4}}"


def read_rules(node: Node, values: Values, path: str = "compression") -> tuple[CompressionRule, ...]:
    """Return the rules of a `compression`; what is wrong in it is reported."""
    if not isinstance(node, Mapping):
        found = kind_of(node)
        values.errors.add("compression is a mapping", node, path=path, found=found, help=_EXAMPLE)
        return ()
    values.check_keys(node, (LAYERS,), path, "compression")
    if LAYERS not in node.entries:
        if not node.broken:
            values.errors.add("compression needs layers", node, path=path, help=_EXAMPLE)
        return ()
    layers = node.entries[LAYERS][1]
    if not isinstance(layers, Mapping) or not layers.entries:
        found = "an empty mapping" if isinstance(layers, Mapping) else kind_of(layers)
        message = "layers is a mapping of patterns of names to what is done with them"
        values.errors.add(message, layers, path=f"{path}.{LAYERS}".lstrip("."), found=found, help=_EXAMPLE)
        return ()
    entries, dot = layers.entries.items(), f"{path}." if path else ""
    return tuple([_rule(pattern, key, inner, values, f"{dot}{LAYERS}.{pattern}") for pattern, (key, inner) in entries])


def _rule(pattern: str, key: Scalar, node: Node, values: Values, path: str) -> CompressionRule:
    if not isinstance(node, Mapping):
        values.errors.add(f"{pattern} is a mapping", node, path=path, found=kind_of(node), help=_EXAMPLE)
        return CompressionRule(pattern)
    values.check_keys(node, KEYS, path, "a compression")
    found: dict[str, Any] = {}
    for name, (_, value) in node.entries.items():
        if name in KEYS:
            found[name] = _value(name, value, values, path)
    return CompressionRule(pattern, **found, file=values.errors.source.file, line=key.line + 1, column=key.column + 1)


def _value(name: str, node: Node, values: Values, path: str) -> Any:
    texts: Any = node.text if isinstance(node, Scalar) and not node.null else None
    if isinstance(node, Sequence):
        texts = [child.text if isinstance(child, Scalar) else "" for child in node.items]
    value, message, help = checked(name, texts)
    if message:
        found = kind_of(node) if texts is None else str(texts)
        values.errors.add(message, node, path=path, found=found, help=help)
    return value


def checked(name: str, given: Any) -> tuple[Any, str, str]:
    """Return the value of a rule's key, what is wrong with it, and the remedy.

    Args:
        name: The key.
        given: A text, or a list of texts.

    >>> checked("density", "8%"), checked("weight_bits", "0")
    ((Fraction(2, 25), '', ''), (None, 'weight_bits is a whole number from 1 to 32', ''))
    """
    if name.endswith("histogram"):
        listed = isinstance(given, list) and bool(given)
        numbers: list[Any] = [amount(text, whole=False) for text in given] if listed else [None]
        if None in numbers:
            return None, f"{name} is a list of counts, or of shares that sum to 1", "such as [120, 64, 8]"
        return tuple([Fraction(number) for number in numbers]), "", ""
    text = given if isinstance(given, str) else ""
    if name == "density":
        value = share_of(text)
        is_percent = value is None and share_of(f"{text}%") is not None
        help = f"write {text}% for a percentage" if is_percent else "such as 8% or 0.08"
        return (value, "", "") if value is not None else (None, "a density is a share from 0 to 1", help)
    code_bits = name.endswith("code_bits")
    number = amount(text, whole=not code_bits)
    if code_bits:
        if number is None or not 0 < number <= _MOST_CODE_BITS:
            return (
                None,
                f"{name} is a number above 0 and at most {_MOST_CODE_BITS}",
                "the mean over all codes, such as 4.4",
            )
        return Fraction(number), "", ""
    if number is None or not 1 <= number <= MOST_BITS[name]:
        return None, f"{name} is a whole number from 1 to {MOST_BITS[name]}", ""
    return int(number), "", ""


def rules_of(given: Given[str, Given[str, Any]]) -> tuple[tuple[CompressionRule, ...], list[tuple[str, str, str]]]:
    """Return the rules that a program gives by patterns, and the errors in them: message, what was found, remedy."""
    rules, wrong = [], []
    for pattern, fields in given.items():
        found: dict[str, Any] = {}
        for name, value in fields.items():
            if name not in KEYS:
                wrong.append((f"a compression has no key {name!r}", f"for {pattern!r}", f"keys: {', '.join(KEYS)}"))
                continue
            texts = [str(each) for each in value] if isinstance(value, (list, tuple)) else str(value)
            found[name], message, help = checked(name, texts)
            if message:
                wrong.append((message, f"{texts} for {pattern!r}", help))
        rules.append(CompressionRule(pattern, **found))
    return tuple(rules), wrong


def read_file(path: str | Path) -> tuple[CompressionRule, ...]:
    """Return the rules of a file: a mapping with `compression`, or with `layers` alone.

    Raises:
        ConfigError: It cannot be read, or has errors; all of them are reported.
    """
    errors = ErrorCollector(read_source(Path(path)), _FILE)
    rules: tuple[CompressionRule, ...] = ()
    with suppress(TooManyErrors):
        root = tree.parse(errors)
        if root is None:
            errors.tell()
        values = Values(errors)
        if isinstance(root, Mapping) and KEY in root.entries:
            rules = read_rules(root.entries[KEY][1], values)
        else:
            rules = read_rules(Scalar("", 0, 0) if root is None else root, values, "")
    errors.tell()
    return rules
