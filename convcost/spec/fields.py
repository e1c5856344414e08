"""What is given to a layer or a block: its fields, its norm and activation, its arguments."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any

from msgspec import Struct

from convcost.errors import nearest
from convcost.layers import REGISTRY, Activation, Field, LayerType, Norm
from convcost.layers.fields import AXIS, AXIS_WORDS, FLAG, NAMED, NAMES, TEXT
from convcost.network import Widths
from convcost.network.widths import bias_width
from convcost.spec.arithmetic import shown
from convcost.spec.document import BRANCHES, DENSE, DTYPE_KEYS, DTYPES, INVALID, REPEAT_KEYS, Given, Item, Repeat
from convcost.spec.expressions import NAME, RESERVED, Expression
from convcost.spec.tree import Mapping, Node, Scalar, Sequence
from convcost.spec.values import Values, kind_of

_LIKE_CONV = frozenset(("depthwise_conv", "pointwise_conv", "separable_conv", "deform_conv"))
"""The types that take the defaults of `conv`, as far as they have its fields."""
_READ_APART = frozenset((AXIS, TEXT, NAMED, NAMES))
"""The kinds of fields that hold something else than values and lists of these."""


class Follower(Struct, frozen=True):
    """A key that writes a layer behind the one it stands in: the kind of type it may name, and what it is."""

    kind: type[LayerType]
    about: str

    def takes(self, type: str) -> bool:
        """Return whether it may name a type."""
        return type in REGISTRY and issubclass(REGISTRY[type], self.kind)

    def words(self) -> Iterator[str]:
        """Yield the words that may stand for its value; finding the types is slow where there are plug-ins."""
        yield "none"
        yield from self.choices

    @property
    def choices(self) -> list[str]:
        """The types that it may name."""
        return [type for type in REGISTRY if self.takes(type)]


FOLLOWERS = {
    "norm": Follower(Norm, "The norm behind it: a type, or one type with fields; `none` turns a default off."),
    "activation": Follower(
        Activation, "The activation behind it: a type, or one type with fields; `none` turns a default off."
    ),
}
"""The keys of a layer with weights that write layers behind it, in the order in which these run."""
_STAGE_FOLLOWERS = {
    "mid_norm": Follower(Norm, "The norm between the two stages, where it differs from the last one."),
    "mid_activation": Follower(Activation, "The activation between the two stages, where it differs from the last."),
}


class Defaults:
    """The fields that layers take which do not give them; those of `conv` hold for its kin, too."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, Given]] = {}
        self._of: dict[str, dict[str, Given]] = {}

    def add(self, type: str, fields: dict[str, Given]) -> None:
        """Add the fields that are given for a layer type."""
        self._given[type] = fields
        self._of.clear()

    def of(self, type: str) -> dict[str, Given]:
        """Return the fields that a layer of a type takes; the type is imported if those of `conv` may count."""
        found = self._of.get(type)
        if found is None:
            found = self._given.get(type, {})
            if type in _LIKE_CONV and (shared := self._given.get("conv")):
                known = allowed(REGISTRY[type])
                found = {name: value for name, value in shared.items() if name in known} | found
            self._of[type] = found
        return found


class Fields:
    """Reads what is given to layers and blocks.

    Args:
        values: How a value is read.
        defaults: The fields that a layer type takes where the layer does not give them.
        parameters: The parameters of each block, None for one that is required; None for a block that is wrong.
        block_inputs: The names of what each block reads; none where it reads one value.
    """

    def __init__(
        self,
        values: Values,
        defaults: Defaults,
        parameters: dict[str, dict[str, Given | None] | None],
    ) -> None:
        self.values = values
        self.defaults = defaults
        self.parameters = parameters
        self.block_inputs: dict[str, tuple[str, ...]] = {}

    def layer(self, layer: type[LayerType], node: Node, at: Node, where: str) -> dict[str, Given]:
        """Return the fields that a layer gives, its defaults, and `INVALID` for required ones that are missing."""
        given = self.given(node, layer, where) if node.__class__ is not Scalar or node.text else {}
        if defaults := self.defaults.of(layer.type):
            given = defaults | given
        for name, field in layer.fields.items():
            if field.default is ... and name not in given:
                if not (isinstance(node, Mapping) and node.broken):  # else it may stand in what is reported
                    self.values.errors.add(f"{layer.type} needs {name}", at, path=where, help=_form(layer))
                given[name] = Given(INVALID, at)
        return given

    def given(self, node: Node, layer: type[LayerType], where: str, *, outer: bool = False) -> dict[str, Given]:
        """Return the fields that a mapping gives to a layer type; `outer` marks those in `defaults`."""
        if layer.short and isinstance(node, Scalar) and not node.null:
            return {layer.short: Given(node.text, node, outer)}
        if node.__class__ is not Mapping:
            if not (isinstance(node, Scalar) and node.null):
                self.values.errors.add(
                    f"the fields of {layer.type} are a mapping",
                    node,
                    path=where,
                    found=kind_of(node),
                    help=_form(layer) or f"{layer.type} may stand alone",
                )
                return dict.fromkeys(layer.fields, Given(INVALID, node))
            return {}
        fields = layer.fields
        given: dict[str, Given] = {}
        for name, (key, value) in node.entries.items():
            field = fields.get(name)
            if field is not None:
                if value.__class__ is Scalar and value.null:
                    continue
                form = field.read.form
                if form.kind in _READ_APART:
                    read = self._value(field, value, where)
                else:
                    read = self.values.read(value, where, _words(field))
                given[name] = Given(read, value, outer)
                continue
            follower = followers(layer).get(name)
            if layer.gathers:
                gathered = given.setdefault(layer.gathers, Given({}, value, outer))
                read = self.values.read(value, where)
                if isinstance(gathered.value, dict):
                    gathered.value[name] = read
                if read is INVALID:
                    gathered.value = INVALID
                continue
            if name not in layer.checked and follower is None:
                self._unknown_field(name, key, value, layer, given, where)
            elif value.__class__ is Scalar and value.null:
                continue
            elif follower is None:
                given[name] = Given(self.values.read(value, where), value, outer)
            else:
                given[name] = Given(self._follower(value, name, follower, where, outer), value, outer)
        return given

    def _unknown_field(
        self, name: str, key: Scalar, value: Node, layer: type[LayerType], given: dict[str, Given], where: str
    ) -> None:
        """Report a field that a layer type does not have, and take it as the one that is meant."""
        from convcost.spec.words import meant_field, translated_axis  # for errors only

        field, help = meant_field(name, layer)
        if name == "dim" and "axis" in layer.fields:
            field, help = "axis", translated_axis(value)
        help = help or nearest(name, [*allowed(layer), *([BRANCHES] if layer.merges() else [])])
        self.values.errors.add(f"{layer.type} has no field {name!r}", key, path=where, help=help)
        if field in layer.fields:
            given.setdefault(field, Given(INVALID, key))
        elif not field:
            _take_as_meant(name, layer.fields, given, key)

    def _value(self, field: Field, node: Node, where: str) -> Any:
        """Return what a field is given: axes, a text, named numbers or the names of values."""
        kind = field.read.form.kind
        if kind == AXIS:
            return self.axis_value(node, where)
        if kind == TEXT:
            if isinstance(node, Scalar):
                return node.text
            self.values.errors.add("this is a text", node, path=where, found=kind_of(node))
            return INVALID
        if kind == NAMED and isinstance(node, Mapping):
            named = {name: self.values.read(value, where) for name, (_, value) in node.entries.items()}
            return INVALID if INVALID in named.values() else named
        if kind == NAMES:
            nodes = node.items if isinstance(node, Sequence) else [node]
            texts = [child.text for child in nodes if isinstance(child, Scalar)]
            return texts if isinstance(node, Sequence) else texts[0] if texts else INVALID
        return self.values.read(node, where, field.words)

    def axis_value(self, node: Node, where: str) -> Any:
        """Return an axis or a list of axes; the names of axes are never symbols."""
        if isinstance(node, Scalar) and node.text in AXIS_WORDS:
            return node.text
        if isinstance(node, Sequence):
            values = [self.axis_value(child, where) for child in node.items]
            return INVALID if INVALID in values else values
        return self.values.read(node, where, AXIS_WORDS)

    def repeat(self, node: Node, where: str) -> Repeat:
        """Return how often an item runs: a number, or a mapping with `times`."""
        if not isinstance(node, Mapping):
            return Repeat(Given(self.values.read(node, where), node), node)
        self.values.check_keys(node, REPEAT_KEYS, where, "repeat")
        given = {key: value for key, (_, value) in node.entries.items()}
        if "times" not in given and given.keys() <= REPEAT_KEYS.keys():
            self.values.errors.add("repeat needs times", node, path=where, help="repeat: {times: 3, index: i}")
        times = given.get("times", node)
        found = Repeat(Given(self.values.read(times, where) if times is not node else INVALID, times), times)
        if "index" in given:
            found.index = self._index(given["index"], where)
        if "collect" in given:
            found.collect = self._word(given["collect"], ("concat", "add", DENSE), "collect", where)
        if "weights" in given:
            found.shared = bool(self._word(given["weights"], ("shared",), "weights", where))
        return found

    def _index(self, node: Node, where: str) -> str:
        text = node.text if isinstance(node, Scalar) else ""
        if not NAME.fullmatch(text):
            found = kind_of(node)
            self.values.errors.add("index is a new word", node, path=where, found=found, help="index: i")
            return ""
        if text in self.values.known or text in RESERVED:
            self.values.errors.add(f"index cannot be called {text!r}", node, path=where, found="this name is taken")
            return ""
        self.values.indices.add(text)
        return text

    def _word(self, node: Node, words: tuple[str, ...], key: str, where: str) -> str:
        if isinstance(node, Scalar) and node.text in words:
            return node.text
        form = " or ".join(words) if len(words) <= 2 else f"one of {', '.join(words)}"
        self.values.errors.add(f"{key} must be {form}", node, path=where, found=kind_of(node))
        return ""

    def widths(self, node: Node, where: str) -> Widths | None:
        """Return the types of a layer's numbers: one for all, or one each for weights, activations and biases."""
        if isinstance(node, Scalar):
            width = self._word(node, DTYPES, "dtype", where)
            return Widths(width, width, bias_width(width)) if width else None
        if not isinstance(node, Mapping):
            self.values.errors.add("dtype is a type of numbers", node, path=where, found=kind_of(node), help="int8")
            return None
        self.values.check_keys(node, DTYPE_KEYS, where, "dtype")
        given = {key: self._word(value, DTYPES, key, where) for key, (_, value) in node.entries.items()}
        return Widths(**{key: width for key, width in given.items() if width and key in DTYPE_KEYS})

    def _follower(self, node: Node, name: str, follower: Follower, where: str, outer: bool) -> Any:
        """Read `norm` or `activation`: a word, or one type with its fields."""
        kind = name.removeprefix("mid_")
        fields: dict[str, Given] = {}
        if isinstance(node, Scalar):
            value = self.values.read(node, where, follower.words())
            if isinstance(value, Expression) or value is INVALID or value == "none":
                return value
            type, at = shown(value), node
        elif isinstance(node, Mapping) and len(node.entries) == 1:
            ((type, (at, inner)),) = node.entries.items()
        else:
            found = kind_of(node) if isinstance(node, Sequence) else f"{len(node.entries)} types"
            self.values.errors.add(f"{name} is a name or one type with fields", node, path=where, found=found)
            return INVALID
        if not follower.takes(type):
            from convcost.spec.words import meant_type  # for errors only

            help = meant_type(type, follower.choices) or nearest(type, [*follower.choices, "none"])
            self.values.errors.add(f"there is no {kind} {type!r}", at, path=where, help=help)
            return INVALID
        if isinstance(node, Mapping):
            fields = self.given(inner, REGISTRY[type], where, outer=outer)
        if not outer and (lacking := lacks(type, self.defaults.of(type) | fields)):
            help = where_to_give(name, type, lacking)
            self.values.errors.add(f"{type} needs {lacking}", at, path=where, help=help)
            return INVALID
        return Item(type, type, where, at.line, at.column, fields) if isinstance(node, Mapping) else type

    def arguments(self, block: str, node: Node, at: Node, where: str) -> dict[str, Given]:
        """Return the arguments of the use of a block, and `INVALID` for missing ones."""
        parameters = self.parameters[block]
        self.values.reads.blocks.add(block)
        if parameters is None:
            return {}
        given: dict[str, Given] = {}
        if isinstance(node, Mapping):
            for name, (key, value) in node.entries.items():
                if name in parameters:
                    if isinstance(value, Scalar) and value.null:
                        continue
                    given[name] = Given(self.values.read(value, where), value)
                else:
                    help = nearest(name, parameters) if parameters else "it has no parameters"
                    _take_as_meant(name, parameters, given, key)
                    self.values.errors.add(f"the block {block!r} has no parameter {name!r}", key, path=where, help=help)
        elif not (isinstance(node, Scalar) and node.null):
            help = f"{block}: {{" + ", ".join(f"{name}: …" for name in parameters) + "}"
            self.values.errors.add(
                f"the arguments of {block!r} are a mapping", node, path=where, found=kind_of(node), help=help
            )
            return {name: Given(INVALID, node) for name, default in parameters.items() if default is None}
        for name, default in parameters.items():
            if default is None and name not in given:
                self.values.errors.add(
                    f"the block {block!r} needs {name}", at, path=where, help=f"{block}: {{{name}: …}}"
                )
                given[name] = Given(INVALID, at)
        return given


def allowed(layer: type[LayerType]) -> list[str]:
    """Return the names of all that may be given to a layer type."""
    return [*layer.fields, *layer.checked, *followers(layer)]


def followers(layer: type[LayerType]) -> dict[str, Follower]:
    """Return the keys of a layer type that write layers behind it."""
    if not layer.weights:
        return {}
    return FOLLOWERS | _STAGE_FOLLOWERS if layer.composite else FOLLOWERS


def _words(field: Field | None) -> tuple[str, ...]:
    """Return the words that may stand for a field's value; where it is true or false else, these too."""
    if field is None or not field.words:
        return ()
    return (*field.words, "true", "false") if field.read.form.kind == FLAG else field.words


def _take_as_meant(name: str, known: Iterable[str], given: dict[str, Given], key: Scalar) -> None:
    """Replace a misspelt key by the nearest one, so that the latter is not reported as missing."""
    from difflib import get_close_matches  # on the way to an error only

    for meant in get_close_matches(name, known, n=1):
        given.setdefault(meant, Given(INVALID, key))


def lacks(type: str, given: Container[str]) -> str:
    """Return the first required field of a layer type that is not given."""
    fields = REGISTRY[type].fields.items()
    return next((name for name, field in fields if field.required and name not in given), "")


def where_to_give(name: str, type: str, field: str) -> str:
    """Return the remedy for a norm or activation that lacks a field."""
    return f"{name}: {{{type}: {{{field}: …}}}}, or the field under defaults"


def _form(layer: type[LayerType]) -> str:
    names = [f"{name}: …" for name, field in layer.fields.items() if field.required]
    return f"{layer.type}: {{{', '.join(names)}}}" if names else ""
