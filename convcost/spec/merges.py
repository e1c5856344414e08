"""Merges and the branches of items: lists of items within an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcost.layers import REGISTRY
from convcost.layers.inputs import count_of_inputs
from convcost.spec.document import BRANCHES, PREVIOUS, RESIDUAL, RESIDUAL_KEYS, Branch, Item
from convcost.spec.fields import allowed
from convcost.spec.names import Names
from convcost.spec.tree import Mapping, Node, Scalar, Sequence
from convcost.spec.values import kind_of

if TYPE_CHECKING:
    from convcost.spec.items import Items


class Merges:
    """Reads what merges hold.

    Args:
        items: Reads the items of branches.
    """

    def __init__(self, items: Items) -> None:
        self.items = items

    def merge(self, item: Item, node: Node, where: str, names: Names, counts: dict[str, int], *, named: bool) -> None:
        """Read what a merge is given: branches, or inputs that `from` names, and fields."""
        if item.type == RESIDUAL:
            self._residual(item, node, where, names, counts)
        else:
            layer = REGISTRY[item.type]
            branches, fields = _parts(node)
            item.fields = self.items.fields.layer(layer, fields, fields, where)
            if branches is None and fields.entries.keys() <= {*allowed(layer)}:
                self._check_named_inputs(item, node, where, named=named)
            elif branches is not None:
                self._branches(item, branches, where, names, counts)
        if item.branches is not None and len(item.sources) > 1:
            self.items.values.errors.add(
                f"{item.type} takes branches or several names, not both",
                item,
                path=where,
                found="both",
                help="with branches, from is the one name that all of them read",
            )

    def _check_named_inputs(self, item: Item, node: Node, where: str, *, named: bool) -> None:
        """Refuse a merge without branches whose inputs `from` does not name."""
        least, most = REGISTRY[item.type].arity
        count = len(item.sources) or (0 if named else 1)
        if least <= count and (most is None or count <= most):
            return
        if most and len(item.sources) > 1:
            message, help = f"{item.type} takes {count_of_inputs(least, most)}", "from: [a, b]"
            self.items.values.errors.add(message, item, path=where, found=f"{count} names", help=help)
        elif most == 0 and item.sources:
            self.items.values.errors.add(f"{item.type} takes no input", item, path=where, found="from")
        elif least >= 2 and (item.sources or not named):  # else what stands in `from` is reported
            self.items.values.errors.add(
                f"{item.type} {f'takes {count_of_inputs(least, most)}' if most else 'needs at least two inputs'}",
                item if isinstance(node, Scalar) else node,
                path=where,
                found="one name" if item.sources else "none",
                help="branches, each a list of items, or from: [a, b]",
            )

    def _branches(self, item: Item, node: Node, where: str, names: Names, counts: dict[str, int]) -> None:
        type = item.type
        least, most = REGISTRY[type].arity if type in REGISTRY else (2, None)
        if isinstance(node, Sequence) and most is not None and len(node.items) > most:
            message = f"{type} takes {count_of_inputs(least, most)}"
            self.items.values.errors.add(message, node, path=where, found=f"{len(node.items)} branches")
            return
        if not isinstance(node, Sequence) or len(node.items) < 2:
            found = f"{len(node.items)} branch" if isinstance(node, Sequence) else kind_of(node)
            self.items.values.errors.add(
                f"{type} takes at least two branches",
                node,
                path=where,
                found=found.replace("0 branch", "no branch"),
                help="each a list of items; [] is the identity",
            )
            return
        item.branches = []
        for index, child in enumerate(node.items):
            number = counts["branch"] = counts.get("branch", 0) + 1
            if isinstance(child, Scalar) and not child.null:
                source = self._branch_name(child, f"{where}.{type}[{index}]", names)
                item.branches.append(Branch([], f"branch_{number}", f"branch_{index + 1}", source))
                continue
            items = self.branch(child, f"{where}.{type}[{index}]", names, {})
            item.branches.append(Branch(items, f"branch_{number}", f"branch_{index + 1}"))

    def _branch_name(self, node: Scalar, where: str, names: Names) -> str:
        """Return the name of an earlier item that is a branch."""
        if node.text not in names and node.text not in self.items.declared and self.items.is_type(node.text):
            help = f"[{node.text}] is a branch with that layer, [] the identity"
            self.items.values.errors.add(
                "a branch is a list of items", node, path=where, found=f"the text {node.text!r}", help=help
            )
            return PREVIOUS
        (source,) = self.items.names_of([node], where, names, "a branch")
        return source

    def _residual(self, item: Item, node: Node, where: str, names: Names, counts: dict[str, int]) -> None:
        form = "a list of items, or {body: [...], shortcut: [...]}"
        if isinstance(node, Sequence):
            item.branches = [Branch(self.branch(node, f"{where}.residual", names, counts), "", ""), Branch([], "", "")]
        elif isinstance(node, Mapping):
            self.items.values.check_keys(node, RESIDUAL_KEYS, where, "residual")
            if "body" not in node.entries:
                self.items.values.errors.add("residual needs a body", node, path=where, help=form)
            item.branches = [
                self._way(label, node, f"{where}.residual.{label}", names, counts) for label in RESIDUAL_KEYS
            ]
        else:
            at = item if isinstance(node, Scalar) and node.null else node
            self.items.values.errors.add("residual needs a body", at, path=where, found=kind_of(node), help=form)
            item.branches = [Branch([], "", ""), Branch([], "", "")]

    def _way(self, label: str, node: Mapping, where: str, names: Names, counts: dict[str, int]) -> Branch:
        """Return one of the two ways of a residual: the body's layers are counted with the list around it."""
        if label not in node.entries:
            return Branch([], "", "")
        inner = node.entries[label][1]
        if label == "body":
            return Branch(self.branch(inner, where, names, counts), "", label)
        number = counts[label] = counts.get(label, 0) + 1
        part = label if number == 1 else f"{label}_{number}"
        return Branch(self.branch(inner, where, names, {}), part, label)

    def branch(
        self, node: Node, where: str, names: Names, counts: dict[str, int], title: str = "a branch"
    ) -> list[Item]:
        """Return the items of a list within an item, which see what the item sees."""
        if not isinstance(node, Sequence):
            self.items.values.errors.add(
                f"{title} is a list of items",
                node,
                path=where,
                found=kind_of(node),
                help="- - conv: {…}; [] is the identity" if title == "a branch" else "- conv: {…}",
            )
            return []
        return self.items.read(node, where, Names(around=names), counts)


def _parts(node: Node) -> tuple[Node | None, Mapping]:
    """Return the branches of a merge, None where it has none, and the mapping of its fields."""
    if isinstance(node, Mapping):
        entries = {name: entry for name, entry in node.entries.items() if name != BRANCHES}
        fields = Mapping(entries, node.line, node.column, node.broken)
        return (node.entries[BRANCHES][1] if BRANCHES in node.entries else None), fields
    empty = Mapping({}, node.line, node.column)
    return (None, empty) if isinstance(node, Scalar) and node.null else (node, empty)
