"""A spec's text with items replaced in place: everything else stays byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping

from convcost.spec.source import Source
from convcost.spec.tree import Mapping, Node, Scalar, Sequence, SpannedTree

_NEEDS_QUOTES = frozenset(",[]{}#&*!|>'\"%@`")


class Stuck(Exception):
    """The text is written in a form in which it cannot be edited; the message says why."""


class WrittenItem:
    """An item of a list as it is written.

    Attributes:
        type: Its type.
        keys: Its other keys, such as `name`.
        raw: The text of each of its fields.
        in_lines: The fields whose text cannot stand inside braces: lists and mappings in lines, and block scalars.
    """

    def __init__(self, text: Text, parent: Sequence, node: Node, key: Scalar, value: Node | None) -> None:
        self.parent = parent
        self.node = node
        self.key = key
        self.value = value
        self.type = key.text
        self.keys = frozenset(node.entries) if isinstance(node, Mapping) else frozenset()
        self.entries = value.entries if isinstance(value, Mapping) else {}
        self.raw = {name: written for name, (_, field) in self.entries.items() if (written := text.written(field))}
        self.in_lines = frozenset(name for name, (_, field) in self.entries.items() if text.in_lines(field))


class Text:
    """The text of a spec, its items by their place, and the edits that are made to it.

    Args:
        source: A spec that has been read without an error.
    """

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self._tree = SpannedTree(source)
        self.items = {(item.key.line + 1, item.key.column + 1): item for item in self._walk(self._tree.root)}
        self._edits: list[tuple[int, int, str]] = []

    def written(self, node: Node) -> str:
        """Return the text of a node."""
        return self.text[self._start(node) : self._end(node)]

    def in_lines(self, node: Node) -> bool:
        """Return whether a node is written in lines of its own, and so cannot stand inside braces."""
        if isinstance(node, Scalar):
            return self.written(node)[:1] in ("|", ">")
        return not self._in_braces(node)

    def edited(self) -> str:
        """Return the text with all edits."""
        text = self.text
        in_order = sorted(self._edits, key=lambda edit: edit[0])  # at one place in the order in which they were made
        for start, end, new in reversed(in_order):
            text = text[:start] + new + text[end:]
        return text

    def blocks(self) -> list[str]:
        """Return the names of the file's blocks."""
        _, blocks = self._tree.root.entries.get("blocks", (None, None))
        return list(blocks.entries) if isinstance(blocks, Mapping) else []

    def become(self, item: WrittenItem, type: str, wanted: AnyMapping[str, str], comment: str) -> None:
        """Give an item another type and other fields; what stays the same is not touched.

        Args:
            item: The item.
            type: Its new type.
            wanted: The text of each of its fields.
            comment: The comment at the end of its line, where there is room.
        """
        self._edit(self._start(item.key), self._end(item.key), type)
        end = self._end(item.value if item.value is not None else item.key)
        in_lines = bool(item.entries) and not self._in_braces(item.value)
        if not item.entries:
            if wanted:
                colon = ":" if item.value is None else ""
                place = self._end(item.key) + (item.value is not None)
                self._edit(place, place if item.value is None else max(place, end), f"{colon} {_flow(wanted)}")
        elif self._in_braces(item.value):
            self._fields_in_braces(item, wanted)
        else:
            self._fields_in_lines(item, wanted)
        self._comment(self._end(item.key) + 1 if in_lines else end, comment)

    def _fields_in_braces(self, item: WrittenItem, wanted: AnyMapping[str, str]) -> None:
        kept = [name for name in item.entries if name in wanted]
        if not kept:
            assert item.value is not None
            self._edit(self._start(item.value), self._end(item.value), _flow(wanted) if wanted else "")
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
                self._edit(self._start(key), self._start(following), "")
            else:  # from behind the one before, with the comma
                self._edit(self._end(item.entries[names[index - 1]][1]), self._end(value), "")
        added = [f", {name}: {in_braces(text)}" for name, text in wanted.items() if name not in item.entries]
        assert previous is not None
        end = self._end(item.entries[names[-1]][1])
        self._edit(end, end, "".join(added))

    def _fields_in_lines(self, item: WrittenItem, wanted: AnyMapping[str, str]) -> None:
        for name, (key, value) in item.entries.items():
            if name in wanted:
                self._change(item, name, wanted[name])
            else:
                line = self._line_start(self._start(key))
                if self.text[line : self._start(key)].strip():
                    raise Stuck(f"{name} cannot be taken out of its line")
                self._edit(line, self._line_end(self._end(value)) + 1, "")
        first = next(iter(item.entries.values()))[0]
        last = max(self._end(value) for _, value in item.entries.values())
        indent = " " * first.column
        added = [f"\n{indent}{name}: {text}" for name, text in wanted.items() if name not in item.entries]
        if added:
            end = self._line_end(last)
            self._edit(end, end, "".join(added))

    def _change(self, item: WrittenItem, name: str, text: str) -> None:
        _, value = item.entries[name]
        if item.raw.get(name) != text:
            self._edit(self._start(value), self._end(value), in_braces(text) if self._in_braces(item.value) else text)

    def remove(self, item: WrittenItem) -> None:
        """Take an item out of its list, with its lines where it has lines of its own.

        Raises:
            Stuck: It says more than its type, or is the only one of its list.
        """
        for key in "from", "if", "repeat":
            if key in item.keys:
                raise Stuck(f"an item with {key!r} cannot be left out")
        siblings = item.parent.items
        index = next(index for index, sibling in enumerate(siblings) if sibling is item.node)
        if len(siblings) == 1:
            raise Stuck("the only item of a list cannot be left out")
        start, end = self._start(item.node), self._end(item.node)
        line = self._line_start(start)
        if not self._in_braces(item.parent) and self.text[line:start].strip() == "-":
            self._edit(line, self._line_end(end) + 1, "")
        elif index + 1 < len(siblings):
            self._edit(start, self._start(siblings[index + 1]), "")
        elif self._in_braces(item.parent):
            self._edit(self._end(siblings[index - 1]), end, "")
        else:
            raise Stuck("it shares its line with something else")

    def add_blocks(self, blocks: AnyMapping[str, list[str]]) -> None:
        """Write new blocks behind the others, or a section for them before `layers`.

        Args:
            blocks: The lines below each block's name; a comment behind the name may be part of it.

        Raises:
            Stuck: The file is written in braces.
        """
        top = self._tree.root.entries
        found = top.get("blocks")
        if self._in_braces(self._tree.root) or (found and self._in_braces(found[1])):
            raise Stuck("a block cannot be added to a spec that is written in {}")
        known = list(found[1].entries.values()) if found and isinstance(found[1], Mapping) else []
        indent = " " * (known[0][0].column if known else 2)
        texts = [
            "".join(f"{indent}{line}\n" for line in (head, *(f"  {line}" for line in lines)))
            for head, lines in blocks.items()
        ]
        body = "\n".join(texts)
        if found:
            at = self._line_end(self._end(known[-1][1] if known else found[0]))
            self._edit(at, at, ("\n\n" if known else "\n") + body.removesuffix("\n"))
        else:
            at = self._line_start(self._start(top["layers"][0]))
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

    def _start(self, node: Node) -> int:
        return self._tree.span(node).start

    def _end(self, node: Node) -> int:
        span = self._tree.span(node)
        return span.start + len(self.text[span.start : span.end].rstrip())  # a block scalar's end is behind its line

    def _in_braces(self, node: Node | None) -> bool:
        return node is not None and self._tree.span(node).braces

    def _walk(self, node: Node) -> Iterator[WrittenItem]:
        """Yield the items of all lists of a node."""
        if isinstance(node, Mapping):
            for _, value in node.entries.values():
                yield from self._walk(value)
        elif isinstance(node, Sequence):
            for child in node.items:
                if isinstance(child, Scalar):
                    yield WrittenItem(self, node, child, child, None)
                elif isinstance(child, Mapping):
                    for key, value in child.entries.values():
                        yield WrittenItem(self, node, child, key, value)
                yield from self._walk(child)


def in_braces(text: str) -> str:
    """Return a value's text as it may stand inside braces.

    >>> in_braces("make_divisible(8 * a, 8)"), in_braces("[1, 7]"), in_braces("3")
    ('"make_divisible(8 * a, 8)"', '[1, 7]', '3')
    """
    if text[:1] in "\"'[{" or _NEEDS_QUOTES.isdisjoint(text.replace("**", "").replace("*", "").replace("%", "")):
        return text
    return f'"{text}"'


def _flow(wanted: AnyMapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {in_braces(text)}" for name, text in wanted.items()) + "}"
