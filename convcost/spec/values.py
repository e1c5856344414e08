"""Values as a spec gives them: constants, formulas, and lists of these."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from convcost.errors import nearest
from convcost.layers import REGISTRY, Activation, Norm
from convcost.spec import expressions
from convcost.spec.arithmetic import FUNCTIONS, ExpressionError
from convcost.spec.collector import ErrorCollector
from convcost.spec.document import INVALID
from convcost.spec.expressions import IN_SIZES, LATER_FUNCTIONS, NAME, RESERVED, Expression
from convcost.spec.reads import Reads
from convcost.spec.tree import Mapping, Node, Scalar, Sequence

_DECLARE = "declare it under symbols"
NO_BOOLEANS = frozenset(["no", "yes", "on", "off", "True", "False", "TRUE", "FALSE", "None", "Null", "NULL"])


class Values:
    """Reads values; `known` holds the names that an expression may use where it stands, `reads` those that are used."""

    def __init__(self, errors: ErrorCollector) -> None:
        self.errors = errors
        self.known: frozenset[str] = frozenset()
        self.later: dict[str, int] = {}  # symbols by the line in which they stand, while symbols are read
        self.visible: Container[str] = ()  # the names of earlier items, of whose values an expression may use sizes
        self.indices: set[str] = set()  # of the repetitions read so far
        self.reads = Reads()
        self._expressions: dict[str, Any] = {}

    def read(self, node: Node, where: str, words: Iterable[str] = ()) -> Any:
        """Return the constant, formula or list of these that a node holds; `INVALID` when an error is reported.

        Args:
            node: The node.
            where: Its path, for errors.
            words: The words that may stand there.
        """
        if node.__class__ is Scalar:
            if node.split:
                return INVALID
            text = node.text
            try:
                value = self._expressions[text]
            except KeyError:
                try:
                    value = None if node.null else expressions.read(text)
                except ExpressionError as error:
                    if text in {*words}:  # a word that is a function's name, such as max
                        return text
                    at = self.errors.inside(node, error.offset)
                    self.errors.add(error.message, at, path=where, found=error.found, help=error.help)
                    return INVALID
                self._expressions[text] = value
            if value.__class__ is Expression and value.values and not self._sees(value, node, where):
                return INVALID
            if value.__class__ is Expression:
                self.reads.add(value.names)
            if value.__class__ is Expression and not value.names <= self.known:
                words = [*words]
                unknown = value.names - self.known
                if "in_channels" in self.known:
                    unknown -= IN_SIZES
                if not unknown:
                    return value
                if unknown.isdisjoint(value.lists) and (
                    unknown.issubset(words) or unknown.issubset({*words, *all_words()})
                ):
                    return value.text if value.text in unknown else value.with_words(unknown)
                self._add_unknown_names(value, node, where, words)
                return INVALID
            return value
        if isinstance(node, Sequence):
            values = [self.read(child, where) for child in node.items]
            return INVALID if INVALID in values else values
        self.errors.add("a value is a number, a word, an expression or a list", node, path=where, found="a mapping")
        return INVALID

    def _add_unknown_names(self, formula: Expression, node: Node, where: str, words: Iterable[str]) -> None:
        unknown = formula.names - self.known
        if unknown:
            from convcost.spec.words import meant_function, meant_type  # for errors only
        if "in_channels" in self.known:
            unknown -= IN_SIZES
        for name in sorted(unknown):
            if name in formula.lists:
                message = f"there is no function {name!r}"
                help = meant_function(name) or nearest(name, [*FUNCTIONS, *self.known])
                self.errors.add(message, self.errors.inside(node, formula.text.find(name)), path=where, help=help)
                continue
            if name in NO_BOOLEANS:
                help = "booleans are true and false only; no value is empty, ~ or null"
            elif name in self.later:
                help = f"a symbol sees those before it, and it stands in line {self.later[name]}"
            elif name in self.indices:
                help = f"{name} is the index of a repetition: only that item sees it"
            elif name in LATER_FUNCTIONS:
                help = f"{name} is a function: {name}(…)"
            elif name == "in_channels":
                help = "in_channels is known in layers and in the defaults of a block's parameters"
            elif words and formula.text == name:
                help = (
                    meant_type(name, [*words])
                    or nearest(name, [*words, *(self.known - {"in_channels"})])
                    or f"it is one of {', '.join(sorted(words))}"
                )
            else:
                help = nearest(name, self.known - {"in_channels"}) or (
                    f"{_DECLARE}, or as a parameter of the block" if where.startswith("blocks.") else _DECLARE
                )
            self.errors.add(
                f"there is no {name!r} here",
                self.errors.inside(node, formula.text.find(name)),
                path=where,
                help=help,
            )

    def _sees(self, formula: Expression, node: Scalar, where: str) -> bool:
        """Report the values of which an expression uses sizes and that it cannot see; return whether there are none."""
        unseen = [name for name in sorted(formula.values) if name not in self.visible]
        for name in unseen:
            at = self.errors.inside(node, max(formula.text.find(name), 0))
            message = f"there is no item named {name!r} before this one"
            self.errors.add(message, at, path=where, help="a size is NAME.channels, .height, .width, .length or .size")
        return not unseen

    def entries(self, node: Node, path: str, message: str) -> list[tuple[str, tuple[Scalar, Node]]]:
        """Return the entries of a mapping; anything else but no value is an error."""
        if isinstance(node, Mapping):
            return list(node.entries.items())
        if not (isinstance(node, Scalar) and node.null):
            self.errors.add(message, node, path=path, found=kind_of(node))
        return []

    def check_keys(self, node: Mapping, known: Iterable[str], path: str, what: str) -> None:
        """Report keys that are not known."""
        for text, (key, _) in node.entries.items():
            if text not in known:
                self.errors.add(f"{what} has no key {text!r}", key, path=path, help=nearest(text, known, 16))

    def check_new_name(self, name: str, key: Scalar, path: str, what: str) -> None:
        """Report a name that cannot be declared."""
        if name in RESERVED:
            self.errors.add(f"{what} cannot be called {name!r}", key, path=path, found="the language uses this word")
        elif not NAME.fullmatch(name):
            self.errors.add(
                f"{what} cannot be called {name!r}", key, path=path, help="letters, digits and _, not a digit first"
            )


def all_words() -> set[str]:
    """Return all words that some field takes, the names of norms and activations included."""
    words = {name for name, layer in REGISTRY.items() if issubclass(layer, (Norm, Activation))}
    return words.union(*[field.words for layer in REGISTRY.values() for field in layer.fields.values()])


def kind_of(node: Node) -> str:
    """Return the description of a node for messages."""
    if isinstance(node, Scalar):
        return "no value" if node.null else f"the text {node.text!r}"
    return "a list" if isinstance(node, Sequence) else "a mapping"
