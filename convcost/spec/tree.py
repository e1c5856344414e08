"""YAML text to a tree of scalars, lists and mappings that know their place.

The tree is built from the parser's events: they carry line and column, and aliases, tags, duplicate keys and depth are
met here, before they can hurt.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from msgspec import Struct

from convcost.spec.faults import Faults

try:
    from yaml import CBaseLoader as Parser
except ImportError:  # PyYAML built without libyaml: the same events, slower
    from yaml import BaseLoader as Parser  # type: ignore[assignment]

DEEPEST = 100  # levels of nesting; each merge of a spec takes three or four
_BARE_ITEM = re.compile(r"\s*- ([a-z]\w*)\s*$")
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


def parse(faults: Faults) -> Node | None:
    """Return the tree of the source's one document, or None when it is empty.

    Faults of YAML and of what specs leave out of it (anchors, aliases, merge keys, tags, several documents, duplicate
    keys) are added to `faults`.
    """
    if faults.source.tree is not None:
        laid_out: Node = faults.source.tree
        return laid_out
    try:
        try:
            return _build(Parser(faults.source.text), faults)
        except yaml.MarkedYAMLError as error:
            if "nesting depth" not in str(error.problem):
                raise
            return _build(yaml.BaseLoader(faults.source.text), faults)  # libyaml looks ahead too far to say where
    except yaml.reader.ReaderError as error:
        _add_unprintable(error, faults)
    except yaml.MarkedYAMLError as error:
        _add_syntax(error, faults)
    return None


def _build(parser: Any, faults: Faults) -> Node | None:  # noqa: C901 -- one loop over the kinds of events
    """Read the events into a tree with a stack of the open lists and mappings."""
    next_event = parser.get_event
    scalar_event, sequence_start, mapping_start = yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent
    root: Node | None = None
    stack: list[Sequence | Mapping] = []
    keys: list[Scalar | None] = []  # for each open collection the key that waits for its value
    halves: list[Scalar | None] = []  # and, inside {} or [], the expression that YAML has split at its comma
    documents = 0
    aliases = False
    while True:
        event = next_event()
        kind = event.__class__
        node: Node
        if kind is scalar_event:
            mark = event.start_mark
            node = Scalar(event.value, mark.line, mark.column)
            if event.anchor is not None or event.tag is not None:
                _add_foreign(event, node, faults)
        elif kind is mapping_start or kind is sequence_start:
            mark = event.start_mark
            node = (
                Mapping({}, mark.line, mark.column) if kind is mapping_start else Sequence([], mark.line, mark.column)
            )
            if event.anchor is not None or event.tag is not None:
                _add_foreign(event, node, faults)
            if len(stack) >= DEEPEST:
                faults.add(
                    f"the file nests deeper than {DEEPEST} levels",
                    node,
                    help=faults.language.deep,
                )
                return None
        elif kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
            stack.pop()
            keys.pop()
            halves.pop()
            continue
        elif kind is yaml.AliasEvent:
            mark = event.start_mark
            node = Scalar("", mark.line, mark.column)
            aliases = True
            if not keys or keys[-1] is None or keys[-1].text != "<<":  # a merge key is reported as such
                faults.add(
                    f"{faults.language.what} has no aliases", node, found=f"*{event.anchor}", help=faults.language.once
                )
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                mark = event.start_mark
                faults.add(
                    f"{faults.language.what} is one document",
                    Scalar("", mark.line, mark.column),
                    help="put the second into its own file",
                )
                return root
            continue
        elif kind is yaml.StreamEndEvent:
            return None if aliases else root  # what an alias hides cannot be checked
        else:
            continue

        if not stack:
            root = node
        else:
            parent = stack[-1]
            if isinstance(parent, Sequence):
                if halves[-1] is None or not _joined(halves[-1], node, faults):
                    parent.items.append(node)
                    halves[-1] = _half(event, node)
            elif (key := keys[-1]) is None:
                keys[-1] = _key(node, faults)
            else:
                if halves[-1] is None or not (node.null and _joined(halves[-1], key, faults)):
                    _enter(parent, key, node, faults)
                    halves[-1] = _half(event, node)
                keys[-1] = None
        if not isinstance(node, Scalar):
            stack.append(node)
            keys.append(None)
            halves.append(None)


def _half(event: Any, node: Node) -> Scalar | None:
    """Return a scalar without quotes that has an open parenthesis."""
    if isinstance(node, Scalar) and "(" in node.text and not event.style and _open(node):
        return node
    return None


def _joined(half: Scalar, rest: Node, faults: Faults) -> bool:
    """Put an expression together again that YAML has split at a comma, so that just this is told."""
    if not isinstance(rest, Scalar) or not _open(half) or rest.line != half.line:
        return False
    at = faults.inside(half, half.text.index("("))
    faults.add("a parenthesis is not balanced", at, found="this ( is not closed", help=SPLIT)
    half.text += f", {rest.text}"
    half.split = True
    return True


def _open(scalar: Scalar) -> bool:
    return scalar.text.count("(") > scalar.text.count(")")


def _key(node: Node, faults: Faults) -> Scalar:
    if isinstance(node, Scalar):
        return node
    faults.add("a key is a word", node, found="a list or mapping", help="quote {…} and […] that are meant as text")
    return _NO_KEY


def _enter(parent: Mapping, key: Scalar, node: Node, faults: Faults) -> None:
    text = key.text
    if key is _NO_KEY:
        parent.broken = True
    elif text in parent.entries:
        first = parent.entries[text][0]
        faults.add(f"the key {text!r} stands twice", key, found=f"first in line {first.line + 1}", help="keep one")
    elif text == "<<":
        faults.add(f"{faults.language.what} has no merge keys", key, found="<<", help=faults.language.merge)
        parent.broken = True
    else:
        parent.entries[text] = (key, node)


def _add_foreign(event: Any, node: Node, faults: Faults) -> None:
    if event.anchor is not None:
        faults.add(f"{faults.language.what} has no anchors", node, found=f"&{event.anchor}", help=faults.language.once)
    if event.tag is not None:
        faults.add(
            f"{faults.language.what} has no tags", node, found=str(event.tag), help="convcost types all text itself"
        )


def _add_syntax(error: yaml.MarkedYAMLError, faults: Faults) -> None:
    """Report what the parser stumbled over, at the end of the text where that is behind it."""
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context)
    at = faults.within(Scalar("", mark.line if mark else 0, mark.column if mark else 0))
    if "\t" in faults.line(at.line)[: at.column + 1]:
        help = "indent with spaces, not tabs"
    elif "mapping values are not allowed" in problem and (bare := _BARE_ITEM.match(faults.line(at.line - 1))):
        help = f"an item that takes a name, from, repeat or if is a mapping: - {bare[1]}:"
    elif "mapping values are not allowed" in problem:
        help = "a ':' inside a text needs quotes; items of one mapping align"
    elif "expected ',' or" in problem or "expected node content" in problem:
        help = "a bracket or brace is not closed, or a comma is missing"
    else:
        help = ""
    faults.add("this is not YAML", at, found=problem, help=help)


def _add_unprintable(error: yaml.reader.ReaderError, faults: Faults) -> None:
    text = faults.source.text
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)  # the error counts bytes where libyaml found it
    at = match.start() if match else min(error.position, len(text) - 1)
    found = f"the control character U+{ord(text[at]):04X}"
    faults.add("this is not YAML", faults.position(at), found=found, help="remove it")
