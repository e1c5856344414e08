"""The JSON Schema of a spec, for completion and checks in editors, from what validation itself goes by.

What depends on values, on shapes or on the names that a file declares is beyond a schema. The names of a file's blocks
are, too: where a file has blocks, a type that convcost does not know may be one of them. Where it has defaults, they
may give what a layer must have. So there are four forms of the items, for files with and without blocks and defaults.

A value that no field can hold is refused wherever it stands; validation meets it where an item is not left out.

Source: https://json-schema.org/draft-07/json-schema-core; https://json-schema.org/draft-07/json-schema-validation
"""

from __future__ import annotations

from inspect import cleandoc
from itertools import combinations
from typing import Any

from convcost.layers import REGISTRY, Field, LayerType
from convcost.layers.fields import FACTOR, FLAG, MAX_SIZE, NUMBER, WHOLE, WORD, Form
from convcost.metrics import METRICS, Metric
from convcost.spec import forms
from convcost.spec.arithmetic import FUNCTIONS, shown
from convcost.spec.document import (
    BLOCK_KEYS,
    ITEM_KEYS,
    KEYS,
    MOST_SIZES,
    RESIDUAL_KEYS,
    SYMBOL_KEYS,
    is_merge,
)
from convcost.spec.expand import MOST_LAYERS
from convcost.spec.expressions import CONSTANTS, KEYWORDS, OPERATORS
from convcost.spec.fields import Follower, followers, lacks
from convcost.spec.forms import Schema
from convcost.spec.reading import VERSIONS

DRAFT = "http://json-schema.org/draft-07/schema#"

_RESIDUAL = "residual"
_CHECKED = "The channels of the input: always inferred, checked where given."
_BRANCHES = "Two or more branches, each a list of items, [] being the identity; none with `from: [a, b]`."
_TYPES = {WHOLE: ["integer"], FACTOR: ["number"], NUMBER: ["number"], FLAG: ["boolean"], WORD: []}


def _merges() -> list[str]:
    """Return the merges that are layer types, sorted."""
    return sorted(type for type in REGISTRY if is_merge(type))


def spec_schema() -> Schema:
    """Return the JSON Schema of a spec."""
    return _Builder().whole()


class _Builder:
    """Builds the schema; `definitions` gathers what it refers to."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def whole(self) -> Schema:
        """Return the whole schema."""
        properties = {name: {"description": about, **self._key(name)} for name, about in KEYS.items()}
        schema = {
            "$schema": DRAFT,
            "title": "convcost spec",
            "description": "A convolutional network, as `convcost analyze` reads it.",
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "required": ["input", "layers"],
            "allOf": [self._items_by_file(), self._plain_words(), self._known_words()],
        }
        return schema | {"definitions": dict(sorted(self.definitions.items()))}

    def _refer(self, name: str, schema: Schema) -> Schema:
        self.definitions[name] = schema
        return {"$ref": f"#/definitions/{name}"}

    # values

    def _scalar(self, form: Form, *, required: bool = False, outside: bool = False) -> Schema:
        """Return one value of a form, without the words that may stand for it.

        Args:
            form: The form.
            required: Whether no value is not enough.
            outside: Whether it stands where no channels are known.
        """
        schema: Schema = {"type": [*_TYPES[form.kind], "string", *(() if required else ("null",))]}
        if form.kind == WHOLE:
            schema |= {"minimum": form.minimum, "maximum": MAX_SIZE}
        elif form.kind == FACTOR:
            schema |= {"exclusiveMinimum": 0, "maximum": MAX_SIZE}
        rules = [self._word() if form.kind == WORD else self._expression(outside=outside)]
        if form.kind in (FLAG, WORD):
            rules.append(self._refer("no_keyword", forms.NO_KEYWORD))
        else:
            rules.append(self._refer("no_word", forms.NO_WORD))
        if required:
            rules.append(self._given())
        name = "_".join([_named(Form(form.kind, form.minimum), required=required), *(["outside"] if outside else [])])
        return self._refer(f"one_{name}", {**schema, "allOf": rules})

    def _value(self, *, outside: bool = False) -> Schema:
        """Return one number, truth value, word or expression, or no value."""
        return {"type": ["number", "boolean", "string", "null"], "allOf": [self._expression(outside=outside)]}

    def _expression(self, *, outside: bool) -> Schema:
        if outside:
            return self._refer("expression_outside", forms.EXPRESSION_OUTSIDE)
        return self._refer("expression", forms.EXPRESSION)

    def _word(self) -> Schema:
        return self._refer("one_name", forms.ONE_NAME)

    def _given(self) -> Schema:
        return self._refer("given", forms.GIVEN)

    def _name(self) -> Schema:
        return self._refer("name", forms.NAME)

    def _new_name(self) -> Schema:
        return self._refer("new_name", forms.NEW_NAME)

    # the keys of a spec

    def _key(self, key: str) -> Schema:
        """Return what stands under a key of a spec; `_items_by_file` says what depends on blocks and defaults."""
        if key in ("name", "source"):
            return self._refer("text", forms.TEXT)
        if key == "convcost":
            return forms.version(VERSIONS)
        if key == "symbols":
            return forms.mapping(propertyNames=self._new_name(), additionalProperties=self._symbol())
        if key == "input":
            size = self._scalar(Form(WHOLE, 1), required=True, outside=True)
            return {"type": "array", "items": size, "minItems": 1, "maxItems": MOST_SIZES}
        if key == "defaults":
            types = {type: self._fields(layer, complete=False) for type, layer in REGISTRY.items()}
            return forms.mapping(properties=types, additionalProperties=False)
        if key == "blocks":
            taken = [*REGISTRY, _RESIDUAL, *ITEM_KEYS]
            return forms.mapping(propertyNames=forms.none_of(taken, "the language uses this name"))
        if key == "layers":
            return {"type": "array", "minItems": 1}
        if key == "budget":
            totals = {name: {"description": each.about, **self._amount(each)} for name, each in METRICS.items()}
            return forms.mapping(properties=totals, additionalProperties=False)
        raise KeyError(key)

    def _amount(self, metric: Metric) -> Schema:
        if metric.is_ratio:
            return self._refer("amount_of_ratio", forms.amount(whole=False))
        return self._refer("amount", forms.amount())

    def _symbol(self) -> Schema:
        value = self._value(outside=True)
        kinds = {"value": value, "multiple_of": self._scalar(Form(FACTOR), outside=True)}
        properties = {key: {"description": about, **kinds[key]} for key, about in SYMBOL_KEYS.items()}
        either = {**value, "type": [*value["type"], "object"]}
        return self._refer("symbol", {**either, "properties": properties, "additionalProperties": False})

    # items

    def _items_by_file(self) -> Schema:
        """Return the layers and blocks of a spec by whether it has blocks and defaults."""

        def items(*, blocks: bool, complete: bool) -> Schema:
            properties = {"layers": _hidden(items=self._item(blocks=blocks, complete=complete))}
            if blocks:
                properties["blocks"] = _hidden(additionalProperties=self._block(complete=complete))
            return {"properties": properties}

        def by_defaults(*, blocks: bool) -> Schema:
            then, otherwise = items(blocks=blocks, complete=False), items(blocks=blocks, complete=True)
            return {"if": {"required": ["defaults"]}, "then": then, "else": otherwise}

        return {"if": {"required": ["blocks"]}, "then": by_defaults(blocks=True), "else": by_defaults(blocks=False)}

    def _block(self, *, complete: bool) -> Schema:
        name = {"allOf": [self._new_name(), forms.none_of(ITEM_KEYS, "a parameter cannot be called so")]}
        kinds = {
            "params": forms.mapping(propertyNames=name, additionalProperties=self._argument()),
            "layers": {"type": "array", "items": self._item(blocks=True, complete=complete)},
        }
        properties = {key: {"description": about, **kinds[key]} for key, about in BLOCK_KEYS.items()}
        block = {"type": "object", "properties": properties, "required": ["layers"], "additionalProperties": False}
        return self._refer("block" if complete else "block_with_defaults", block)

    def _argument(self) -> Schema:
        """Return what a parameter takes: a value, or a list of values."""
        value = self._value()
        return self._refer("argument", {**value, "type": [*value["type"], "array"], "items": _again("argument")})

    def _item(self, *, blocks: bool, complete: bool) -> Schema:
        """Return an item: a type alone, or a mapping with exactly one.

        Args:
            blocks: Whether a type may be a block of the file.
            complete: Whether a layer gives all the fields that it must have.
        """
        name = "item" + ("_with_blocks" if blocks else "") + ("" if complete else "_with_defaults")
        item = {"$ref": f"#/definitions/{name}"}
        if name in self.definitions:
            return item
        self.definitions[name] = {}  # it holds itself
        types = {type: self._fields(layer, complete=complete) for type, layer in REGISTRY.items()}
        types |= {type: self._merge(type, item, blocks=blocks, complete=complete) for type in (*_merges(), _RESIDUAL)}
        kinds = [self._alone(complete=complete), {"type": "object"}]
        if blocks:
            alone = self.definitions["type" if complete else "type_with_defaults"]["enum"]
            others = [type for type in (*REGISTRY, _RESIDUAL, *ITEM_KEYS) if type not in alone]
            message = "this needs fields, inputs or a type"
            kinds.append({"allOf": [self._name(), forms.none_of(others, message)]})
        self.definitions[name] = {
            "anyOf": kinds,
            "properties": types | self._item_keys(),
            "additionalProperties": self._arguments() if blocks else False,
            "allOf": [self._one_type(), self._sources()],
        }
        return item

    def _alone(self, *, complete: bool) -> Schema:
        """Return the layer types that may stand alone."""
        types = [type for type, layer in REGISTRY.items() if not is_merge(type) and not (complete and _needs(layer))]
        enum = {"enum": types, "enumDescriptions": [_about(REGISTRY[type]) for type in types]}
        return self._refer("type" if complete else "type_with_defaults", enum)

    def _merge(self, type: str, item: Schema, *, blocks: bool, complete: bool) -> Schema:
        items = {"type": "array", "items": item}
        if type == _RESIDUAL:
            about = "What is inside, added to its input: a list of items, or {body: [...], shortcut: [...]}."
            properties = {key: {"description": text, **items} for key, text in RESIDUAL_KEYS.items()}
            parts = {"type": "object", "properties": properties, "required": ["body"], "additionalProperties": False}
            return {"description": about, "anyOf": [items, parts]}
        kinds = {**forms.NOTHING, "type": ["array", *forms.NOTHING["type"]]}
        return {"description": f"{_about(REGISTRY[type])} {_BRANCHES}", **kinds, "minItems": 2, "items": items}

    def _arguments(self) -> Schema:
        about = "A block of this file, with its arguments."
        arguments = forms.mapping(propertyNames=self._new_name(), additionalProperties=self._argument())
        return self._refer("arguments", {"description": about, **arguments})

    def _item_keys(self) -> dict[str, Schema]:
        name = self._name()
        several = {"anyOf": [name, {"type": "array", "items": name, "minItems": 1}]}
        repeat = {"anyOf": [self._scalar(Form(WHOLE), required=True)], "maximum": MOST_LAYERS}
        condition = {"anyOf": [self._scalar(Form(FLAG), required=True)]}
        kinds = {"name": name, "from": several, "repeat": repeat, "if": condition}
        return {
            key: self._refer(f"item_{key}", {"description": about, **kinds[key]}) for key, about in ITEM_KEYS.items()
        }

    def _one_type(self) -> Schema:
        """Return the rule that an item has exactly one key that is not one of its own."""
        keys = list(ITEM_KEYS)
        most = [
            {"if": {"properties": dict.fromkeys(absent, False)}, "then": {"maxProperties": len(keys) + 1 - number}}
            for number in range(1, len(keys) + 1)
            for absent in combinations(keys, number)
        ]
        least = _refused({"propertyNames": {"enum": keys}}, "an item has exactly one type")
        return self._refer("one_type", {**least, "maxProperties": len(keys) + 1, "allOf": most})

    def _sources(self) -> Schema:
        """Return the rule that a merge without branches reads several names, once, and nothing else does."""
        branches, one = _hidden(type="array"), _hidden(maxItems=1)
        several = {"from": _hidden(type="array", minItems=2), "repeat": _hidden(maximum=1)}
        rule = {
            "if": {"properties": dict.fromkeys(_merges(), branches)},
            "then": {"properties": {"from": one}},
            "else": {"properties": several, "required": ["from"]},
        }
        return self._refer("sources", rule)

    # fields

    def _fields(self, layer: type[LayerType], *, complete: bool) -> Schema:
        """Return the fields of a layer type; with `complete` all that it must have are among them."""
        required = [name for name, field in layer.fields.items() if complete and field.required]
        properties: dict[str, Schema] = {}
        for name, field in layer.fields.items():
            properties[name] = {"description": _described(field), **self._field(field, required=name in required)}
            if isinstance(field.default, (int, str)):
                properties[name]["default"] = field.default
        for name in layer.checked:
            properties[name] = {"description": _CHECKED, **self._checked()}
        for name, follower in followers(layer).items():
            properties[name] = {"description": follower.about, **self._follower(name, follower, complete=complete)}
        schema: Schema = {"properties": properties, "additionalProperties": False}
        schema = {"type": "object", **schema, "required": required} if required else forms.mapping(**schema)
        if layer.either:
            schema |= self._either(layer, complete=complete)
        needs = complete and (_needs(layer) or any(map(_lacking, followers(layer).values())))
        name = f"{layer.type}_complete" if needs else layer.type
        return self._refer(name, {"title": layer.type, "description": _about(layer), **schema})

    def _field(self, field: Field, *, required: bool) -> Schema:
        """Return what a field takes; where it must be given, no value is not enough."""
        form = field.read.form
        alternatives = [self._scalar(form, required=required)]
        if form.words:
            alternatives.append({"enum": list(form.words)})
        if form.depth:
            axes = {"type": "array", "items": self._element(form), "minItems": 1, "maxItems": MOST_SIZES - 1}
            alternatives.append(axes)
        if form.kind == WORD:
            alternatives.reverse()  # of two that do not fit, an editor tells what is wrong with the first
        return self._refer(_named(form, required=required), {"anyOf": alternatives})

    def _element(self, form: Form) -> Schema:
        """Return what a list has for one axis."""
        number = self._scalar(form, required=True)
        if form.depth == 1:
            return number
        return {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}

    def _checked(self) -> Schema:
        one = Form(WHOLE, 1)
        several = {"type": "array", "items": self._scalar(one, required=True), "minItems": 1, "maxItems": 1}
        return self._refer("channels", {"anyOf": [self._scalar(one), several]})

    def _follower(self, key: str, follower: Follower, *, complete: bool) -> Schema:
        """Return what `norm` or `activation` takes: a word, or one type with fields."""
        lacking = _lacking(follower) if complete else []
        types = sorted(follower.choices)
        one = {"minProperties": 1, "maxProperties": 1, "additionalProperties": False}
        fields = {type: self._fields(REGISTRY[type], complete=complete) for type in types}
        alternatives = [
            {"enum": [*(type for type in types if type not in lacking), "none"]},
            self._scalar(Form(WORD)),
            {"type": "object", "properties": fields, **one},
        ]
        kind = key.removeprefix("mid_")
        return self._refer(f"{kind}_complete" if lacking else kind, {"anyOf": alternatives})

    def _either(self, layer: type[LayerType], *, complete: bool) -> Schema:
        """Return the rule that exactly one of some fields is given, or at most one where defaults may give it."""
        given = self._given()
        both = {"required": list(layer.either), "properties": dict.fromkeys(layer.either, given)}
        rule = _refused(both, f"{layer.type} takes either {' or '.join(layer.either)}")
        if complete:
            rule["anyOf"] = [{"required": [name], "properties": {name: given}} for name in layer.either]
        return rule

    # words

    def _plain_words(self) -> Schema:
        """Return the rule that `no`, `yes` and the like stand nowhere but in a file that declares one of them."""
        names = {"propertyNames": forms.NO_BOOLEAN}
        parameters = {"properties": {"params": names}}
        declared = {"symbols": names, "blocks": {**names, "additionalProperties": parameters}}
        words = self._everywhere("plain_words", forms.NO_BOOLEAN)
        places = dict.fromkeys(("symbols", "defaults", "blocks", "layers"), words)
        return {"if": {"properties": declared}, "then": {"properties": places}}

    def _known_words(self) -> Schema:
        """Return the rule that a file which declares nothing uses the words of the language only."""
        language = {*REGISTRY, *KEYWORDS, *CONSTANTS, *FUNCTIONS, *OPERATORS, _RESIDUAL, "in_channels", "null"}
        message = "a word that is not declared: symbols are declared under `symbols`, parameters in a block"
        rule = {"pattern": forms.known(language), "patternErrorMessage": message}
        places = dict.fromkeys(("input", "defaults", "layers"), self._everywhere("known_words", rule))
        return {"if": {"properties": {"symbols": False, "blocks": False}}, "then": {"properties": places}}

    def _everywhere(self, name: str, rule: Schema) -> Schema:
        """Return a rule for all texts inside something, the names of items apart."""
        inside = _again(name)
        apart: dict[str, Any] = {"name": True, "from": True}
        rule = _hidden(**rule, items=inside, properties=apart, additionalProperties=inside)
        return self._refer(name, rule)


def _hidden(**schema: Any) -> Schema:
    """Return a rule that offers nothing to complete in an editor."""
    return {**schema, "doNotSuggest": True}


def _refused(condition: Schema, message: str) -> Schema:
    """Return the rule that no mapping fits a condition, with what an editor says of one that does."""
    return {"if": condition, "then": {**forms.TEXT, "errorMessage": message}}


def _again(name: str) -> Schema:
    """Refer to a definition from inside itself, such that an editor which looks for defaults comes to an end."""
    return {"allOf": [{"$ref": f"#/definitions/{name}"}]}


def _named(form: Form, *, required: bool) -> str:
    """Return the name of the definition of what a field takes."""
    parts = [form.kind, *([f"from_{form.minimum}"] if form.kind == WHOLE else []), *form.words]
    parts += [("", "per_axis", "in_pairs")[form.depth], "required" if required else ""]
    return "_".join(part for part in parts if part).replace(" ", "_")


def _needs(layer: type[LayerType]) -> bool:
    """Return whether a layer type needs fields."""
    return bool(lacks(layer.type, ()) or layer.either)


def _lacking(follower: Follower) -> list[str]:
    """Return the types that cannot be named without fields."""
    return sorted(type for type in follower.choices if lacks(type, ()))


def _about(layer: type[LayerType]) -> str:
    """Return what a layer type is and what it costs: its docstring without the source."""
    paragraphs = cleandoc(layer.__doc__ or "").split("\n\n")
    return " ".join(" ".join(text.split()) for text in paragraphs if not text.startswith("Source:"))


def _described(field: Field) -> str:
    """Return what a field is, what it takes and its default."""
    default = f"; {shown(field.default)} without it" if isinstance(field.default, (int, str)) else ""
    return f"{field.about} Takes {forms.described(field.read.form)}{default}."
