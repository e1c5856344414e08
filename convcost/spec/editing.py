"""A spec's text with items replaced in place: everything else stays byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from convcost.spec.source import Source

try:
    from yaml import CBaseLoader as Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import BaseLoader as Loader  # type: ignore[assignment]

_NEEDS_QUOTES = frozenset(",[]{}#&*!|>'\"%@`")


class Stuck(Exception):
    """The text is written in a form in which it cannot be edited; the message says why."""


class WrittenItem:
    """An item of a list as it is written.

    Attributes:
        type: Its type.
        keys: Its other keys, such as `name`.
        raw: The text of each of its fields.
    """

    def __init__(
        self, text: str, parent: yaml.SequenceNode, node: yaml.Node, key: yaml.Node, value: yaml.Node | None
    ) -> None:
        self.parent = parent
        self.node = node
        self.key = key
        self.value = value
        self.type: str = key.value
        self.keys = frozenset(k.value for k, _ in node.value) if isinstance(node, yaml.MappingNode) else frozenset()
        self.entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if isinstance(value, yaml.MappingNode):
            self.entries = {k.value: (k, v) for k, v in value.value}
        self.raw = {name: text[_start(v) : _end(v)] for name, (_, v) in self.entries.items() if _start(v) < _end(v)}


class Text:
    """The text of a spec, its items by their place, and the edits that are made to it.

    Args:
        source: A spec that has been read without an error.
    """

    def __init__(self, source: Source) -> None:
        self.text = source.text
        root = yaml.compose(source.text, Loader=Loader)
        assert isinstance(root, yaml.MappingNode)  # it was read before
        self.root = root
        self.items = {_place(item.key): item for item in self._walk(self.root)}
        self._edits: list[tuple[int, int, str]] = []

    def edited(self) -> str:
        """Return the text with all edits."""
        text = self.text
        in_order = sorted(self._edits, key=lambda edit: edit[0])  # at one place in the order in which they were made
        for start, end, new in reversed(in_order):
            text = text[:start] + new + text[end:]
        return text

    def blocks(self) -> list[str]:
        """Return the names of the file's blocks."""
        node = self._top("blocks")
        return [key.value for key, _ in node[1].value] if node and isinstance(node[1], yaml.MappingNode) else []

    def become(self, item: WrittenItem, type: str, wanted: Mapping[str, str], comment: str) -> None:
        """Give an item another type and other fields; what stays the same is not touched.

        Args:
            item: The item.
            type: Its new type.
            wanted: The text of each of its fields.
            comment: What is said of it at the end of its line, where there is room.
        """
        self._edit(item.key.start_mark.index, item.key.end_mark.index, type)
        end = _end(item.value if item.value is not None else item.key)
        in_lines = bool(item.entries) and not _in_braces(item.value)
        if not item.entries:
            if wanted:
                colon = ":" if item.value is None else ""
                place = item.key.end_mark.index + (item.value is not None)
                self._edit(place, place if item.value is None else max(place, end), f"{colon} {_flow(wanted)}")
        elif _in_braces(item.value):
            self._fields_in_braces(item, wanted)
        else:
            self._fields_in_lines(item, wanted)
        self._comment(item.key.end_mark.index + 1 if in_lines else end, comment)

    def _fields_in_braces(self, item: WrittenItem, wanted: Mapping[str, str]) -> None:
        kept = [name for name in item.entries if name in wanted]
        if not kept:
            assert item.value is not None
            self._edit(_start(item.value), _end(item.value), _flow(wanted) if wanted else "")
            return
        previous = None
        names = list(item.entries)
        for index, name in enumerate(names):
            key, value = item.entries[name]
            if name in wanted:
                self._change(item, name, wanted[name])
                previous = value
            elif previous is None:  # up to the next key, with the comma
                following = item.entries[names[index + 1]][0]
                self._edit(key.start_mark.index, following.start_mark.index, "")
            else:  # from behind the one before, with the comma
                self._edit(_end(item.entries[names[index - 1]][1]), _end(value), "")
        added = [f", {name}: {in_braces(text)}" for name, text in wanted.items() if name not in item.entries]
        assert previous is not None
        end = _end(item.entries[names[-1]][1])
        self._edit(end, end, "".join(added))

    def _fields_in_lines(self, item: WrittenItem, wanted: Mapping[str, str]) -> None:
        for name, (key, value) in item.entries.items():
            if name in wanted:
                self._change(item, name, wanted[name])
            else:
                line = self._line_start(key.start_mark.index)
                if self.text[line : key.start_mark.index].strip():
                    raise Stuck(f"{name} cannot be taken out of its line")
                self._edit(line, self._line_end(_end(value)) + 1, "")
        first = next(iter(item.entries.values()))[0]
        last = max(_end(value) for _, value in item.entries.values())
        indent = " " * first.start_mark.column
        added = [f"\n{indent}{name}: {text}" for name, text in wanted.items() if name not in item.entries]
        if added:
            end = self._line_end(last)
            self._edit(end, end, "".join(added))

    def _change(self, item: WrittenItem, name: str, text: str) -> None:
        _, value = item.entries[name]
        if item.raw.get(name) != text:
            self._edit(_start(value), _end(value), in_braces(text) if _in_braces(item.value) else text)

    def remove(self, item: WrittenItem) -> None:
        """Take an item out of its list, with its lines where it has lines of its own.

        Raises:
            Stuck: It says more than its type, or is the only one of its list.
        """
        for key in "from", "if", "repeat":
            if key in item.keys:
                raise Stuck(f"an item with {key!r} cannot be left out")
        siblings = item.parent.value
        index = siblings.index(item.node)
        if len(siblings) == 1:
            raise Stuck("the only item of a list cannot be left out")
        start, end = _start(item.node), _end(item.node)
        line = self._line_start(start)
        if not item.parent.flow_style and self.text[line:start].strip() == "-":
            self._edit(line, self._line_end(end) + 1, "")
        elif index + 1 < len(siblings):
            self._edit(start, _start(siblings[index + 1]), "")
        elif item.parent.flow_style:
            self._edit(_end(siblings[index - 1]), end, "")
        else:
            raise Stuck("it shares its line with something else")

    def add_blocks(self, blocks: Mapping[str, list[str]]) -> None:
        """Write new blocks behind the others, or a section for them before `layers`.

        Args:
            blocks: The lines below each block's name; a comment behind the name may be part of it.

        Raises:
            Stuck: The file is written in braces.
        """
        found = self._top("blocks")
        if _in_braces(self.root) or (found and _in_braces(found[1])):
            raise Stuck("a block cannot be added to a spec that is written in {}")
        known: list[Any] = found[1].value if found and isinstance(found[1], yaml.MappingNode) else []
        indent = " " * (known[0][0].start_mark.column if known else 2)
        texts = [
            "".join(f"{indent}{line}\n" for line in (head, *(f"  {line}" for line in lines)))
            for head, lines in blocks.items()
        ]
        body = "\n".join(texts)
        if found:
            at = self._line_end(_end(known[-1][1] if known else found[0]))
            self._edit(at, at, ("\n\n" if known else "\n") + body.removesuffix("\n"))
        else:
            layers = self._top("layers")
            assert layers is not None
            at = self._line_start(_start(layers[0]))
            self._edit(at, at, f"blocks:\n{body}\n")

    def head(self, comment: str) -> None:
        """Write a comment above everything."""
        self._edit(0, 0, f"# {comment}\n")

    def _comment(self, end: int, comment: str) -> None:
        stop = self._line_end(end)
        if not self.text[end:stop].strip():
            self._edit(stop, stop, f"   # {comment}")

    def _edit(self, start: int, end: int, new: str) -> None:
        if start != end or new:
            self._edits.append((start, end, new))

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        end = self.text.find("\n", index)
        return len(self.text) if end < 0 else end - self.text[index:end].endswith("\r")

    def _top(self, name: str) -> tuple[Any, Any] | None:
        return next(((key, value) for key, value in self.root.value if key.value == name), None)

    def _walk(self, node: yaml.Node) -> Iterator[WrittenItem]:
        if isinstance(node, yaml.MappingNode):
            for _, value in node.value:
                yield from self._walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for child in node.value:
                if isinstance(child, yaml.ScalarNode):
                    yield WrittenItem(self.text, node, child, child, None)
                elif isinstance(child, yaml.MappingNode):
                    for key, value in child.value:
                        yield WrittenItem(self.text, node, child, key, value)
                yield from self._walk(child)


def in_braces(text: str) -> str:
    """Return a value's text as it may stand inside braces.

    >>> in_braces("make_divisible(8 * a, 8)"), in_braces("[1, 7]"), in_braces("3")
    ('"make_divisible(8 * a, 8)"', '[1, 7]', '3')
    """
    if text[:1] in "\"'[{" or _NEEDS_QUOTES.isdisjoint(text.replace("**", "").replace("*", "").replace("%", "")):
        return text
    return f'"{text}"'


def _flow(wanted: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {in_braces(text)}" for name, text in wanted.items()) + "}"


def _in_braces(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _start(node: yaml.Node) -> int:
    index: int = node.start_mark.index
    return index


def _end(node: yaml.Node) -> int:
    """Return the end of a node's text; the parser puts the end of a list in lines behind the space after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    index: int = node.end_mark.index
    return index
