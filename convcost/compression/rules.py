"""What is done with the weights of each layer: rules by patterns of names, put together and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict, replace

from convcost.compression.positions import kept_of
from convcost.errors import ErrorDetail, OptionError, Place, nearest
from convcost.network import Layer, Network
from convcost.network.compression import KEYS, CompressionRule
from convcost.network.matching import matching
from convcost.reports.table import counted
from convcost.spec.compression import rules_of


def chosen(
    network: Network, layers: Sequence[Layer], weights: Sequence[int], rules: Sequence[CompressionRule]
) -> list[CompressionRule]:
    """Return the compression of each layer's weights: of the rules that match it, a later one wins key by key.

    Args:
        network: The network.
        layers: Its layers with weights.
        weights: How many each has.
        rules: The rules.

    Raises:
        OptionError: A rule is for no layer with weights, or what belongs together is missing.
    """
    details = [detail for rule in rules if (detail := _unmatched(rule, network, layers)) is not None]
    if details:
        raise OptionError(details)
    found, errors = [], []
    meant = [{*matching(rule.pattern, layers)} for rule in rules]
    for index, (layer, count) in enumerate(zip(layers, weights, strict=True)):
        own = CompressionRule(layer.name)
        for rule, indices in zip(rules, meant, strict=True):
            if rule.pattern == "*" or index in indices:
                given = {name: value for name, value in asdict(rule).items() if name in KEYS and value is not None}
                place = {"file": rule.file, "line": rule.line, "column": rule.column}
                own = replace(own, **given, **place)
        found.append(own)
        errors += [(layer.name, detail) for detail in _contradictions(own, count)]
    if errors:
        raise OptionError(_named(errors))
    return found


def _named(errors: Sequence[tuple[str, ErrorDetail]]) -> list[ErrorDetail]:
    """Return the errors of layers, each once, with the first layer's name and the number of the others."""
    layers: dict[ErrorDetail, list[str]] = {}
    for name, detail in errors:
        layers.setdefault(detail, []).append(name)
    named = []
    for detail, (first, *others) in layers.items():
        who = f"{first} and {counted(len(others), 'more layer')}" if others else first
        named.append(replace(detail, message=f"{who}: {detail.message}"))
    return named


def _place(rule: CompressionRule) -> Place | None:
    return Place(rule.file, rule.line, rule.column) if rule.line else None


def _unmatched(rule: CompressionRule, network: Network, layers: Sequence[Layer]) -> ErrorDetail | None:
    if rule.pattern == "*" or matching(rule.pattern, layers):
        return None
    place = _place(rule)
    others = [network.layers[index] for index in matching(rule.pattern, network.layers)]
    if others:
        message = f"the layers that match {rule.pattern!r} have no weights to compress"
        return ErrorDetail(message, place, found=", ".join(f"{each.name}: {each.type}" for each in others[:3]))
    names = [layer.name for layer in layers]
    return ErrorDetail(f"no layer matches {rule.pattern!r}", place, help=nearest(rule.pattern, names))


def _contradictions(rule: CompressionRule, weights: int) -> list[ErrorDetail]:
    """Return the error in the compression of a layer: a setting that is missing or does not fit."""
    place, found = _place(rule), []

    def add(message: str, what: str = "", help: str = "") -> None:
        found.append(ErrorDetail(message, place, found=what, help=help))

    kept = weights if rule.density is None else kept_of(weights, rule.density)
    if kept < weights and rule.index_bits is None:
        add(
            "pruned weights need index_bits, the bits of a distance",
            help="such as index_bits: 5, as an option --index-bits 5",
        )
    if rule.weight_bits is None and (rule.weight_code_bits or rule.weight_histogram):
        add("codes of weights need weight_bits", help="such as weight_bits: 5")
    if rule.index_bits is None and (rule.index_code_bits or rule.index_histogram):
        add("codes of distances need index_bits", help="such as index_bits: 5")
    for key, bits in (("weight", rule.weight_bits), ("index", rule.index_bits)):
        histogram: Any = getattr(rule, f"{key}_histogram")
        if histogram is None or bits is None:
            continue
        if getattr(rule, f"{key}_code_bits") is not None:
            add(f"{key}_code_bits and {key}_histogram say the same twice", help="leave one of them out")
        if len(histogram) > 1 << bits:
            add(f"{key}_histogram has more entries than codes", f"{len(histogram):,}, of {bits} bits {1 << bits:,}")
        total = sum(histogram)
        if total == 1:
            continue
        if any(number.denominator != 1 for number in histogram):
            add(f"the shares of {key}_histogram do not sum to 1", str(float(total)))
        elif key == "weight" and total != kept:
            add("weight_histogram does not sum to the kept weights", f"{int(total):,} instead of {kept:,}")
        elif key == "index" and total < kept:
            add("index_histogram sums to less than the kept weights", f"{int(total):,} instead of at least {kept:,}")
    return found


def layer_options(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Parse a rule for some layers, such as `fc*:density=9%,weight_bits=5`.

    Raises:
        OptionError: One is not of this form.

    >>> layer_options(["fc*:density=9%,weight_bits=5"])
    {'fc*': {'density': '9%', 'weight_bits': '5'}}
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        pattern, colon, fields = text.rpartition(":")
        pairs = [pair.partition("=") for pair in fields.split(",")]
        if not colon or not pattern.strip() or not all(key.strip() and value.strip() for key, _, value in pairs):
            help = "--layer 'fc*:density=9%,weight_bits=5'"
            raise OptionError(
                ErrorDetail("--layer takes a pattern and what is done", found=f"--layer {text!r}", help=help)
            )
        found.setdefault(pattern.strip(), {}).update({key.strip(): value.strip() for key, _, value in pairs})
    return found


def given_rules(layers: Mapping[str, Mapping[str, Any]], **fields: Any) -> tuple[CompressionRule, ...]:
    """Return the rules that a program gives: for all layers, then for some.

    Raises:
        OptionError: A key is unknown, or a value is not of its kind.
    """
    everywhere = {name: value for name, value in fields.items() if value is not None}
    rules, wrong = rules_of({**({"*": everywhere} if everywhere else {}), **layers})
    if wrong:
        raise OptionError([ErrorDetail(message, found=found, help=help) for message, found, help in wrong])
    return rules
