"""YAML text to a tree of scalars, lists and mappings that know their place.

The tree is built from the parser's events: they carry line and column, and aliases, tags, duplicate keys and depth are
met here, before they can hurt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from msgspec import Struct

from convcost.spec.collector import ErrorCollector
from convcost.spec.source import Source

try:
    from yaml import CBaseLoader as Parser
except ImportError:  # PyYAML built without libyaml: the same events, slower
    from yaml import BaseLoader as Parser  # type: ignore[assignment]

DEEPEST = 100  # levels of nesting; each merge of a spec takes three or four
_BARE_ITEM = r"\s*- ([a-z]\w*)\s*$"  # compiled when it is used, for an error
_ELEMENT = r"([^\W\d]\w*)(\[[^\[\]{},]*\])"
SPLIT = "inside {} or [] an expression with a comma is quoted"
_NULLS = frozenset(("", "~", "null"))


class Scalar(Struct, gc=False):
    """A text; quotes never change its meaning. Lines and columns count from 0.

    `split` marks an expression that YAML split at a comma, which is reported.
    """

    text: str
    line: int
    column: int
    split: bool = False

    @property
    def null(self) -> bool:
        """Whether it means no value: empty, `~` or `null`."""
        return self.text in _NULLS


class Sequence(Struct, gc=False):
    """A list."""

    null = False

    items: list[Node]
    line: int
    column: int


class Mapping(Struct, gc=False):
    """A mapping: each key's text with its scalar and its value; `broken` when an entry is reported and left out."""

    null = False

    entries: dict[str, tuple[Scalar, Node]]
    line: int
    column: int
    broken: bool = False


Node = Scalar | Sequence | Mapping


_NO_KEY = Scalar("", 0, 0)


def parse(errors: ErrorCollector) -> Node | None:
    """Return the tree of the source's one document, or None when it is empty.

    Errors of YAML and of what specs leave out of it (anchors, aliases, merge keys, tags, several documents, duplicate
    keys) are added to `errors`.
    """
    if errors.source.tree is not None:
        laid_out: Node = errors.source.tree
        return laid_out
    try:
        try:
            return _build(Parser(errors.source.text), _Tree(errors))
        except yaml.MarkedYAMLError as error:
            if "nesting depth" not in str(error.problem):
                raise
            return _build(
                yaml.BaseLoader(errors.source.text), _Tree(errors)
            )  # libyaml looks ahead too far to say where
    except yaml.reader.ReaderError as error:
        _add_unprintable(error, errors)
    except yaml.MarkedYAMLError as error:
        _add_syntax(error, errors)
    return None


class Span(Struct, frozen=True, gc=False):
    """Where a node stands in the text.

    Attributes:
        start: The index of its first character.
        end: The index behind its last character; equal to `start` for a value that is left empty.
        braces: Whether it is a list in `[]` or a mapping in `{}`.
    """

    start: int
    end: int
    braces: bool


class SpannedTree:
    """The tree of a text and where each of its nodes stands.

    Args:
        source: A source that can be read without an error.
    """

    def __init__(self, source: Source) -> None:
        grown = _SpannedTree(ErrorCollector(source))
        root = _build(Parser(source.text), grown)
        assert isinstance(root, Mapping)  # it was read before
        self.root = root
        self._spans = grown.spans

    def span(self, node: Node) -> Span:
        """Return where a node of the tree stands."""
        return self._spans[id(node)]


def _build(parser: Any, tree: _Tree) -> Node | None:
    """Read the parser's events into a tree."""
    next_event = parser.get_event
    work: dict[type, Callable[[Any], bool]] = {event: getattr(tree, name) for event, name in _WORK.items()}
    scalar_event = yaml.ScalarEvent
    while True:
        event = next_event()
        if event.__class__ is scalar_event:
            mark: Any = event.start_mark
            node = Scalar(event.value, mark.line, mark.column)
            if event.anchor is not None or event.tag is not None:
                _add_foreign(event, node, tree.details)
            tree.place(node, event)
        elif work[event.__class__](event):
            return tree.root


class _Tree:
    """A tree that grows event by event. Each method for a kind of event returns whether the tree ends there.

    Attributes:
        root: The node at the top.
        details: The errors that were found.
    """

    def __init__(self, errors: ErrorCollector) -> None:
        self.root: Node | None = None
        self.details = errors
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []  # for each open collection the key that waits for its value
        self._halves: list[Scalar | None] = []  # inside {} or [], the expression that YAML has split at its comma
        self._documents = 0
        self._aliases = False

    def place(self, node: Node, event: Any) -> None:
        """Put a node where the tree grows: as the root, an item of a list, a key, or the value of the last key."""
        if not self._open:
            self.root = node
            return
        parent, half = self._open[-1], self._halves[-1]
        if parent.__class__ is Sequence:
            if half is None or not _joined(half, node, self.details):
                parent.items.append(node)
                self._halves[-1] = _half(event, node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = _key(node, self.details)
            return
        if half is None or not (node.null and _joined(half, key, self.details)):
            _enter(parent, key, node, self.details)  # type: ignore[arg-type]  # what is open is a list or a mapping
            self._halves[-1] = _half(event, node)
        self._keys[-1] = None

    def start(self, event: Any) -> bool:
        """Open a list or a mapping."""
        mark = event.start_mark
        node: Sequence | Mapping = (
            Mapping({}, mark.line, mark.column)
            if event.__class__ is yaml.MappingStartEvent
            else Sequence([], mark.line, mark.column)
        )
        if event.anchor is not None or event.tag is not None:
            _add_foreign(event, node, self.details)
        if len(self._open) >= DEEPEST:
            help = self.details.language.deep
            self.details.add(f"the file nests deeper than {DEEPEST} levels", node, help=help)
            self.root = None
            return True
        self.place(node, event)
        self._open.append(node)
        self._keys.append(None)
        self._halves.append(None)
        return False

    def end(self, event: Any) -> bool:
        """Close the list or mapping that was opened last."""
        self._open.pop()
        self._keys.pop()
        self._halves.pop()
        return False

    def alias(self, event: Any) -> bool:
        """Report an alias, and put an empty text in its place."""
        node = Scalar("", event.start_mark.line, event.start_mark.column)
        self._aliases = True
        key = self._keys[-1] if self._keys else None
        if key is None or key.text != "<<":  # a merge key is reported as such
            language = self.details.language
            self.details.add(f"{language.what} has no aliases", node, found=f"*{event.anchor}", help=language.once)
        self.place(node, event)
        return False

    def document(self, event: Any) -> bool:
        """Begin the document; report a second one."""
        self._documents += 1
        if self._documents > 1:
            at = Scalar("", event.start_mark.line, event.start_mark.column)
            message = f"{self.details.language.what} is one document"
            self.details.add(message, at, help="put the second into its own file")
        return self._documents > 1

    def finish(self, event: Any) -> bool:
        """End the text; what an alias hides cannot be checked."""
        if self._aliases:
            self.root = None
        return True

    def ignore(self, event: Any) -> bool:
        """Pass over an event that says nothing."""
        return False


class _SpannedTree(_Tree):
    """A tree that also keeps where its nodes stand, by their `id`."""

    def __init__(self, errors: ErrorCollector) -> None:
        super().__init__(errors)
        self.spans: dict[int, Span] = {}

    def place(self, node: Node, event: Any) -> None:
        """Keep where a node begins, and where a scalar ends."""
        braces = not isinstance(node, Scalar) and bool(event.flow_style)
        self.spans[id(node)] = Span(event.start_mark.index, event.end_mark.index, braces)
        super().place(node, event)

    def end(self, event: Any) -> bool:
        """Keep where a collection ends: the parser puts the end of one without brackets behind the space after it."""
        node = self._open[-1]
        span = self.spans[id(node)]
        last = node.items[-1:] if isinstance(node, Sequence) else [value for _, value in node.entries.values()][-1:]
        end = event.end_mark.index if span.braces else self.spans[id(last[0])].end
        self.spans[id(node)] = Span(span.start, end, span.braces)
        return super().end(event)


_WORK: dict[type, str] = {
    yaml.MappingStartEvent: "start",
    yaml.SequenceStartEvent: "start",
    yaml.MappingEndEvent: "end",
    yaml.SequenceEndEvent: "end",
    yaml.AliasEvent: "alias",
    yaml.StreamStartEvent: "ignore",
    yaml.DocumentStartEvent: "document",
    yaml.DocumentEndEvent: "ignore",
    yaml.StreamEndEvent: "finish",
}


def _half(event: Any, node: Node) -> Scalar | None:
    """Return a scalar without quotes that has an open parenthesis."""
    if isinstance(node, Scalar) and "(" in node.text and not event.style and _open(node):
        return node
    return None


def _joined(half: Scalar, rest: Node, errors: ErrorCollector) -> bool:
    """Put an expression together again that YAML has split at a comma, and report just that."""
    if not isinstance(rest, Scalar) or not _open(half) or rest.line != half.line:
        return False
    at = errors.inside(half, half.text.index("("))
    errors.add("a parenthesis is not balanced", at, found="this ( is not closed", help=SPLIT)
    half.text += f", {rest.text}"
    half.split = True
    return True


def _open(scalar: Scalar) -> bool:
    return scalar.text.count("(") > scalar.text.count(")")


def _key(node: Node, errors: ErrorCollector) -> Scalar:
    if isinstance(node, Scalar):
        return node
    errors.add("a key is a word", node, found="a list or mapping", help="quote {…} and […] that are meant as text")
    return _NO_KEY


def _enter(parent: Mapping, key: Scalar, node: Node, errors: ErrorCollector) -> None:
    text = key.text
    if key is _NO_KEY:
        parent.broken = True
    elif text in parent.entries:
        first = parent.entries[text][0]
        errors.add(f"the key {text!r} stands twice", key, found=f"first in line {first.line + 1}", help="keep one")
    elif text == "<<":
        errors.add(f"{errors.language.what} has no merge keys", key, found="<<", help=errors.language.merge)
        parent.broken = True
    else:
        parent.entries[text] = (key, node)


def _add_foreign(event: Any, node: Node, errors: ErrorCollector) -> None:
    if event.anchor is not None:
        errors.add(f"{errors.language.what} has no anchors", node, found=f"&{event.anchor}", help=errors.language.once)
    if event.tag is not None:
        errors.add(
            f"{errors.language.what} has no tags", node, found=str(event.tag), help="convcost types all text itself"
        )


def _add_syntax(error: yaml.MarkedYAMLError, errors: ErrorCollector) -> None:
    """Report what the parser stumbled over, at the end of the text where that is behind it."""
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context)
    at = errors.within(Scalar("", mark.line if mark else 0, mark.column if mark else 0))
    if "\t" in errors.line(at.line)[: at.column + 1]:
        help = "indent with spaces, not tabs"
    elif "mapping values are not allowed" in problem and (bare := re.match(_BARE_ITEM, errors.line(at.line - 1))):
        help = f"an item that takes a name, from, repeat or if is a mapping: - {bare[1]}:"
    elif "mapping values are not allowed" in problem:
        help = "a ':' inside a text needs quotes; items of one mapping align"
    elif "expected ',' or" in problem and (element := _element(errors.line(at.line), at.column)):
        help = element
    elif "unexpected ':'" in problem:
        help = "a space follows the colon of a key: {out: , s: 1}"
    elif "expected ',' or" in problem or "expected node content" in problem:
        help = "a bracket or brace is not closed, or a comma is missing"
    else:
        help = ""
    errors.add("this is not YAML", at, found=problem, help=help)


def _element(line: str, column: int) -> str:
    """Return the remedy for an element of a list, `widths[i]`, inside braces; nothing for other brackets there."""
    found = next((each for each in re.finditer(_ELEMENT, line) if each.start(2) in (column, column - 1)), None)
    return f"inside {{}} or [] an element is written {found[1]}({found[2][1:-1]})" if found else ""


def _add_unprintable(error: yaml.reader.ReaderError, errors: ErrorCollector) -> None:
    text = errors.source.text
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)  # the error counts bytes where libyaml found it
    at = match.start() if match else min(error.position, len(text) - 1)
    found = f"the control character U+{ord(text[at]):04X}"
    errors.add("this is not YAML", errors.position(at), found=found, help="remove it")
