"""The JSON Schema of a spec, for completion and checks in editors, from the tables that validation itself uses.

It knows the names, the kinds of values and the words. It knows no shapes, no expressions and no names that a file
declares: any text may be an expression. So a file with blocks may use any type, and a file with defaults may leave out
required fields.

Source: https://json-schema.org/draft-07/json-schema-core; https://json-schema.org/draft-07/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import cleandoc
from itertools import product
from typing import Any

from convcost.layers import REGISTRY, LayerType
from convcost.layers.fields import (
    AXIS,
    AXIS_WORDS,
    BOUNDS,
    FACTOR,
    FLAG,
    MAX_SIZE,
    NAMED,
    NAMES,
    NUMBER,
    SHAPES,
    WHOLE,
    WHOLES,
    WORD,
    Form,
)
from convcost.layers.fields import TEXT as WRITTEN
from convcost.metrics import METRICS, Metric
from convcost.network.compression import KEYS as COMPRESSION_KEYS
from convcost.network.compression import MOST_BITS
from convcost.spec.document import (
    BLOCK_KEYS,
    BRANCHES,
    DTYPE_KEYS,
    DTYPES,
    EACH,
    EACH_KEYS,
    FIRST_TYPES,
    INPUT_KEYS,
    ITEM_KEYS,
    KEYS,
    LATER_ITEM_KEYS,
    LAYOUTS,
    MOST_SIZES,
    REPEAT_KEYS,
    RESIDUAL,
    RESIDUAL_KEYS,
    SYMBOL_KEYS,
    is_merge,
)
from convcost.spec.expressions import CONSTANTS, KEYWORDS, RESERVED
from convcost.spec.fields import followers
from convcost.spec.reading import VERSIONS
from convcost.spec.values import all_words

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
TEXT: Schema = {"type": ["string", "number", "boolean", "null"]}
"""A text or no value; what looks like a number is a text too."""
NAME: Schema = {"type": ["string", "number", "boolean"]}
VERSION: Schema = {"enum": [*VERSIONS, *map(str, VERSIONS), None]}
"""The version of the language."""
AMOUNT: Schema = {"type": ["integer", "string"], "minimum": 0}
"""An amount: a number, or a text such as `4.3M`."""
AMOUNT_OF_RATIO: Schema = {"type": ["number", "string"], "minimum": 0}
"""An amount of a metric that is a ratio, which need not be whole."""

_NAMES: Schema = {"type": [*NAME["type"], "array"], "items": NAME, "minItems": 1}
_DTYPE: Schema = {
    "anyOf": [
        {"enum": list(DTYPES)},
        {
            "type": "object",
            "properties": {key: {"enum": list(DTYPES)} for key in DTYPE_KEYS},
            "additionalProperties": False,
        },
    ]
}
_SHARE: Schema = {"type": ["number", "string"], "minimum": 0, "maximum": 1}
_OLD_ITEM_KEYS = [key for key in ITEM_KEYS if key not in LATER_ITEM_KEYS]

_TYPES = {WHOLE: "integer", WHOLES: "integer", AXIS: "integer", FACTOR: "number", NUMBER: "number", FLAG: "boolean"}
_CHANNELS = Form(WHOLE, 1)
_CHECKED = "The channels of the input: always inferred, checked where given."
_BRANCHES = "Two or more branches, each a list of items, [] being the identity; none with `from: [a, b]`."
_RESIDUAL = "What is inside, added to its input: a list of items, or {body: [...], shortcut: [...]}."


def spec_schema() -> Schema:
    """Return the JSON Schema of a spec; layer types of installed packages are in it."""
    definitions = {type: _fields(layer) for type, layer in REGISTRY.items()}
    definitions |= {
        # an argument of a block; the bare reference would send editors looking for defaults without end
        "argument": {"type": [*TEXT["type"], "array"], "items": {"allOf": [_refer("argument")]}},
        "known_words": _known_words(),
        "not_a_word": _none_of(KEYWORDS | CONSTANTS.keys()),
    }
    for blocks, complete in product((False, True), repeat=2):
        definitions |= _items(blocks=blocks, complete=complete)
    value: Schema = {"type": [*TEXT["type"], "array"], "items": TEXT}
    symbol = described(SYMBOL_KEYS, {"value": value, "multiple_of": _one(Form(FACTOR), empty=True)})
    symbols = {
        "type": [*TEXT["type"], "object", "array"],
        "items": TEXT,
        "properties": symbol,
        "additionalProperties": False,
    }
    totals = {name: {"description": metric.about, **amount(metric)} for name, metric in METRICS.items()}
    kinds = {
        "convcost": VERSION,
        "name": TEXT,
        "source": TEXT,
        "symbols": mapping(propertyNames=_none_of(RESERVED), additionalProperties=symbols),
        "input": _input(),
        "inputs": {"type": "object", "additionalProperties": _input(), "minProperties": 1},
        "outputs": _NAMES,
        "dtype": _DTYPE,
        "defaults": mapping(properties={type: _refer(type) for type in REGISTRY}, additionalProperties=False),
        "blocks": mapping(propertyNames=_none_of([*sorted(FIRST_TYPES), *_OLD_ITEM_KEYS])),
        "layers": {"type": "array", "minItems": 1},
        "budget": mapping(properties=totals, additionalProperties=False),
        "compression": _compression(),
    }
    known = {"properties": dict.fromkeys(("input", "inputs", "defaults", "layers"), _refer("known_words"))}
    return {
        "$schema": DRAFT,
        "title": "convcost spec",
        "description": "A convolutional network, as `convcost analyze` reads it.",
        "type": "object",
        "properties": described(KEYS, kinds),
        "required": ["layers"],
        "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "additionalProperties": False,
        "allOf": [
            {"if": {"required": ["blocks"]}, "then": _parts(blocks=True), "else": _parts(blocks=False)},
            {"if": {"properties": {"symbols": False, "blocks": False}}, "then": known},
        ],
        "definitions": dict(sorted(definitions.items())),
    }


def mapping(**schema: Any) -> Schema:
    """Return the schema of a mapping, or of no value."""
    return {"type": ["object", "null", "string"], "pattern": "^(~|null)?$", **schema}


def _compression() -> Schema:
    """Return the schema of `compression`."""

    def bits(name: str) -> Schema:
        return {"type": ["integer", "string"], "minimum": 1, "maximum": MOST_BITS[name]}

    mean = {"type": ["number", "string"], "exclusiveMinimum": 0}
    counts = {"type": "array", "items": {"type": ["number", "string"], "minimum": 0}, "minItems": 1}
    kinds = {
        "density": _SHARE,
        "weight_bits": bits("weight_bits"),
        "index_bits": bits("index_bits"),
        "weight_code_bits": mean,
        "index_code_bits": mean,
        "weight_histogram": counts,
        "index_histogram": counts,
    }
    rule = mapping(properties=described(COMPRESSION_KEYS, kinds), additionalProperties=False)
    layers = mapping(additionalProperties=rule, minProperties=1)
    return mapping(properties={"layers": layers}, required=["layers"], additionalProperties=False)


def amount(metric: Metric) -> Schema:
    """Return the schema of an amount of a metric."""
    return AMOUNT_OF_RATIO if metric.is_ratio else AMOUNT


def described(texts: dict[str, str], kinds: dict[str, Schema]) -> dict[str, Schema]:
    """Return the schema of each key with its description."""
    return {key: {"description": about, **kinds[key]} for key, about in texts.items()}


def _refer(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _none_of(words: Iterable[str]) -> Schema:
    return {"not": {"enum": sorted(words)}}


# values


def _one(form: Form, *, empty: bool = False) -> Schema:
    """Return the schema of one number or truth value; a text may be an expression, but no word of the language."""
    types = [_TYPES[form.kind]] if form.kind in _TYPES else []
    schema: Schema = {"type": [*types, "string", *(["null"] if empty else [])], "allOf": [_refer("not_a_word")]}
    if form.kind in (WHOLE, WHOLES):
        schema |= {"minimum": form.minimum, "maximum": MAX_SIZE}
    elif form.kind == FACTOR:
        schema |= {"exclusiveMinimum": 0, "maximum": MAX_SIZE}
    return schema


def _value(form: Form) -> Schema:
    """Return the schema of what a field takes: its words, one value, or lists of values."""
    if form.kind == WRITTEN:
        return {"type": "string"}
    if form.kind == NAMES:
        names: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"anyOf": [{"type": ["string", "null"]}, *([names] if form.depth else [])]}
    if form.kind == NAMED:
        return {"type": "object", "additionalProperties": _one(Form(WHOLE, form.minimum))}
    if form.kind == BOUNDS:
        number = _one(Form(NUMBER))
        return {
            "anyOf": [_one(Form(NUMBER), empty=True), {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]
        }
    if form.kind == SHAPES:
        shape = {"type": "array", "items": _one(Form(WHOLE, 1)), "minItems": 1}
        return {"anyOf": [shape, {"type": "array", "items": shape, "minItems": 1}]}
    words = [*(CONSTANTS if form.kind == FLAG else ()), *form.words]
    alternatives: list[Schema] = [{"enum": words}, _one(form, empty=True)]
    element = _one(Form(form.kind, form.minimum))
    if form.kind == AXIS:
        element = {"anyOf": [{"enum": words}, element]}
    if form.depth == 2:
        element = {"anyOf": [element, {"type": "array", "items": element, "minItems": 2, "maxItems": 2}]}
    if form.depth:
        longest = {} if form.kind == WHOLES else {"maxItems": MOST_SIZES - 1}
        alternatives.append({"type": "array", "items": element, "minItems": 1, **longest})
    return {"anyOf": alternatives if words else alternatives[1:]}


def _known_words() -> Schema:
    """Return the rule that a file which declares nothing uses the words of the language, numbers and expressions."""
    words = sorted({*all_words(), *REGISTRY, *RESERVED, RESIDUAL, "null"})
    fields = [(name, field) for layer in REGISTRY.values() for name, field in layer.fields.items()]
    named = {"name", "from", *[name for name, field in fields if field.read.form.kind == NAMES]}
    return {
        "pattern": f"^({'|'.join(words)})?$|[^A-Za-z_]",
        "patternErrorMessage": "a word that is not declared: symbols are declared under `symbols`",
        "items": {"allOf": [_refer("known_words")]},
        "properties": dict.fromkeys(sorted(named), True),
        "additionalProperties": _refer("known_words"),
    }


# layers


def _fields(layer: type[LayerType]) -> Schema:
    """Return the schema of the fields of a layer type, none of which is required."""
    properties = {}
    for name, field in layer.fields.items():
        default = {"default": field.default} if isinstance(field.default, (int, str)) else {}
        properties[name] = {"description": field.about, **default, **_value(field.read.form)}
    for name in layer.checked:
        channels = {"type": "array", "items": _one(_CHANNELS), "minItems": 1, "maxItems": 1}
        properties[name] = {"description": _CHECKED, "anyOf": [_one(_CHANNELS, empty=True), channels]}
    for name, follower in followers(layer).items():
        words = _value(Form(WORD, words=tuple(follower.words())))["anyOf"]
        one = {"minProperties": 1, "maxProperties": 1, "additionalProperties": False}
        fields = {"type": "object", "properties": {type: _refer(type) for type in follower.choices}, **one}
        properties[name] = {"description": follower.about, "anyOf": [*words, fields]}
    more = _one(Form(WHOLE, layer.fields[layer.gathers].read.form.minimum)) if layer.gathers else False
    fields = mapping(properties=properties, additionalProperties=more)
    if layer.short:
        del fields["pattern"]  # any text gives the field
    return {"description": _about(layer), **fields}


def _needed(layer: type[LayerType]) -> Schema:
    """Return the rule that a layer has its required fields; empty where it has none."""
    names = [name for name, field in layer.fields.items() if field.required]
    if not names and not layer.either:
        return {}
    either = {"anyOf": [{"required": [name]} for name in layer.either]} if layer.either else {}
    values = {name: {"not": {"type": "null"}} for name in names}
    kinds = ["object", "string"] if names == [layer.short] else "object"
    return {"type": kinds, "required": names, "properties": values, **either}


def _about(layer: type[LayerType]) -> str:
    """Return the description of a layer type: its docstring without the source."""
    paragraphs = cleandoc(layer.__doc__ or "").split("\n\n")
    return " ".join(" ".join(text.split()) for text in paragraphs if not text.startswith("Source:"))


# items


def _parts(*, blocks: bool) -> Schema:
    """Return the rule for layers and blocks: in a file with defaults, items need not give their required fields."""

    def parts(*, complete: bool) -> Schema:
        layers = {"items": _refer(_named("item", blocks=blocks, complete=complete))}
        block = _refer(_named("block", blocks=True, complete=complete)) if blocks else {}
        return {"properties": {"layers": layers, "blocks": {"additionalProperties": block}}}

    return {"if": {"required": ["defaults"]}, "then": parts(complete=False), "else": parts(complete=True)}


def _named(name: str, *, blocks: bool, complete: bool) -> str:
    return f"{name}{'_with_blocks' if blocks else ''}{'' if complete else '_with_defaults'}"


def _items(*, blocks: bool, complete: bool) -> dict[str, Schema]:
    """Return the definitions of an item, and of a block.

    Args:
        blocks: Whether a type may be a block of the file.
        complete: Whether a layer must give all its required fields.
    """
    name = _named("item", blocks=blocks, complete=complete)
    items = {"type": "array", "items": _refer(name)}
    definitions = {name: _item(items, blocks=blocks, complete=complete)}
    if blocks:
        definitions[_named("block", blocks=True, complete=complete)] = _block(items)
    return definitions


def _block(items: Schema) -> Schema:
    params = mapping(propertyNames=_none_of([*RESERVED, *_OLD_ITEM_KEYS]), additionalProperties=_refer("argument"))
    properties = described(BLOCK_KEYS, {"inputs": _NAMES, "outputs": _NAMES, "params": params, "layers": items})
    return {"type": "object", "properties": properties, "required": ["layers"], "additionalProperties": False}


def _item(items: Schema, *, blocks: bool, complete: bool) -> Schema:
    """Return the schema of an item: a type alone, or a mapping with exactly one."""
    needed = {type: _needed(layer) if complete else {} for type, layer in REGISTRY.items()}
    merges = [type for type in REGISTRY if is_merge(type)]
    several = [type for type in merges if REGISTRY[type].arity[0] > 1]
    alone = [type for type in REGISTRY if not needed[type] and type not in several]
    types = {type: {"allOf": [_refer(type), rule]} for type, rule in needed.items()}
    types |= {type: _merge(type, items) for type in merges} | {RESIDUAL: _residual(items), EACH: _each(items)}
    names = [{"enum": alone, "enumDescriptions": [_about(REGISTRY[type]) for type in alone]}]
    names += [NAME | _none_of({*types, *ITEM_KEYS}.difference(alone))] if blocks else []
    written = [{"required": [type]} for type in types]
    mapped = {
        "type": "object",
        "properties": types | _item_keys(items),
        "additionalProperties": mapping(additionalProperties=_refer("argument")) if blocks else False,
        "oneOf": [*written, {"not": {"anyOf": written}}],  # else it is a block
        "not": {"propertyNames": {"enum": list(ITEM_KEYS)}},
        **_inputs(several),
    }
    return {"anyOf": [*names, mapped]}


def _item_keys(items: Schema) -> dict[str, Schema]:
    times: Schema = {"type": ["integer", "string"], "minimum": 0}
    repeats = {
        "times": times,
        "index": NAME,
        "collect": {"enum": ["concat", "add", "dense"]},
        "weights": {"enum": ["shared"]},
    }
    repeat = {
        "type": ["integer", "string", "object"],
        "minimum": 0,
        "properties": described(REPEAT_KEYS, repeats),
        "required": ["times"],
        "additionalProperties": False,
    }
    kinds: dict[str, Schema] = {
        "name": _NAMES,
        "from": _NAMES,
        "repeat": repeat,
        "if": _value(Form(FLAG)),
        "else": items,
        "weights": NAME,
        "trainable": _value(Form(FLAG)),
        "dtype": _DTYPE,
        "sparsity": _SHARE,
    }
    return described(ITEM_KEYS, kinds)


def _merge(type: str, items: Schema) -> Schema:
    """Return the schema of a merge: a list of branches, a mapping of its fields with `branches`, or nothing."""
    either = {"anyOf": [items, NAME]}
    branches = {"description": _BRANCHES, "type": "array", "minItems": 2, "items": either}
    fields = _fields(REGISTRY[type])
    fields["properties"][BRANCHES] = branches
    return {"description": f"{_about(REGISTRY[type])} {_BRANCHES}", "anyOf": [branches, fields]}


def _inputs(merges: Iterable[str]) -> Schema:
    """Return the rule that a merge without branches names its inputs."""
    none = {"not": {"anyOf": [{"type": "array"}, {"required": [BRANCHES], "type": "object"}]}}
    several = {"required": ["from"], "properties": {"from": {"type": "array", "minItems": 2}}}
    return {"if": {"anyOf": [{"required": [type], "properties": {type: none}} for type in merges]}, "then": several}


def _input() -> Schema:
    """Return the schema of an input: its shape, or a mapping with its shape and layout."""
    shape: Schema = {"type": "array", "items": _one(_CHANNELS), "minItems": 1, "maxItems": MOST_SIZES}
    properties = described(INPUT_KEYS, {"shape": shape, "layout": {"enum": list(LAYOUTS)}, "dtype": _DTYPE})
    mapped = {"type": "object", "properties": properties, "required": ["shape"], "additionalProperties": False}
    return {"anyOf": [shape, mapped]}


def _each(items: Schema) -> Schema:
    axis = {"anyOf": [{"enum": list(AXIS_WORDS)}, {"type": ["integer", "string"]}]}
    properties = described(EACH_KEYS, {"axis": axis, "layers": items})
    return {"type": "object", "properties": properties, "required": list(EACH_KEYS), "additionalProperties": False}


def _residual(items: Schema) -> Schema:
    properties = described(RESIDUAL_KEYS, dict.fromkeys(RESIDUAL_KEYS, items))
    parts = {"type": "object", "properties": properties, "required": ["body"], "additionalProperties": False}
    return {"description": _RESIDUAL, "anyOf": [items, parts]}
