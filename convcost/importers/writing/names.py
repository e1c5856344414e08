"""Names of blocks, items and values: from the file's module paths, else from what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convcost.importers.writing.notation import has_word_characters
from convcost.importers.writing.rows import ItemRow, module_around
from convcost.importers.writing.tree import (
    BlockUse,
    Leaf,
    Merge,
    OptionalItem,
    Repetition,
    TextBlock,
    TreeNode,
    rows_in,
)
from convcost.layers.base import REGISTRY, Activation, Norm

_CONTAINERS = frozenset(
    ("features", "model", "module", "net", "network", "backbone", "body", "main", "seq", "sequential", "op", "ops")
)
RESIDUAL = "residual"
RESERVED = frozenset(
    (
        RESIDUAL,
        "each",
        "name",
        "from",
        "repeat",
        "if",
        "else",
        "weights",
        "trainable",
        "dtype",
        "sparsity",
        "in_channels",
        "layers",
    )
)
"""Words of the language beside the layer types, which no block is called by."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_CALLED = {"global_avg_pool": "pool", "depthwise_conv": "depthwise", "max_pool": "pool", "avg_pool": "pool"}


def fit(name: str) -> str:
    """Return a name that `from` can have.

    >>> fit("layer1.0.conv1"), fit("a: [b]")
    ('layer1.0.conv1', 'a_b')
    """
    return (name if has_word_characters(name) else re.sub(r"[^\w.-]+", "_", name))[:100].strip("_.")


def module_name(node: TreeNode) -> str:
    """Return the module path of an item as a name; nothing where the file has none."""
    if isinstance(node, Leaf):
        return fit(node.rows[0].item.name)
    if isinstance(node, Merge) and node.leaf.rows[0].item.name:
        row = node.leaf.rows[0]
        return fit(_joined(row.module, row) or row.item.name)
    rows = [row for row in rows_in([node], 0) if row.item.name]
    if not rows:
        return ""
    name = _joined(module_around(rows) or (), rows[0])
    return "" if any(row.item.name == name for row in rows) else fit(name)  # it is one row's, and not around all


def _joined(module: Sequence[str], row: ItemRow) -> str:
    """Return a module as the file writes it, given one of its layers."""
    return ("." if row.dotted else "_").join(module)


# blocks


def name_blocks(blocks: Sequence[TextBlock]) -> None:
    """Give each block a name, in place."""
    taken = {*REGISTRY.built_in(), *RESERVED}
    for block in sorted(blocks, key=lambda block: _is_special(block.body.nodes)):
        name = next((each for each in _wanted(block) if each and each not in taken), "")
        if not name:
            base = next(each for each in _wanted(block) if each)
            name = next(each for number in range(2, len(taken) + 3) if (each := f"{base}_{number}") not in taken)
        taken.add(name)
        block.name = name


def _is_special(nodes: Sequence[TreeNode]) -> bool:
    """Return whether a structure is a variant of a plain one: it strides, or has layers in its shortcut."""
    return _core(nodes)[2] or any(_always_strides(leaf) for leaf in _leaves(nodes))


def _wanted(block: TextBlock) -> Iterator[str]:
    """Yield names for a block, the best first."""
    known = _recognised(block.body.nodes)
    path = _path_word(block)
    yield known
    if known:
        for word in _qualifiers(block.body.nodes):
            yield f"{known}_{word}"
    yield path
    if path:
        for word in _qualifiers(block.body.nodes):
            yield f"{path}_{word}"
    described = _described(block.body.nodes)
    yield described
    yield f"{described}_block"
    for word in _qualifiers(block.body.nodes):
        yield f"{described}_{word}"


def _path_word(block: TextBlock) -> str:
    """Return what the modules of a block's occurrences are called, without their numbers."""
    paths = [module_around(rows_in(block.body.nodes, place)) for place in range(block.size)]
    words = {_word(path or ()) for path in paths}
    return words.pop() if len(words) == 1 else ""


def _word(path: Sequence[str]) -> str:
    """Return what a module is called.

    >>> [_word(path.split(".")) for path in ("layer1", "layer1.0", "stages.1.blocks.2", "inception3a", "Mixed_5b")]
    ['layer', 'layer_block', 'block', 'inception', 'mixed']
    >>> _word(["features", "3"]), _word(["encoder", "layers", "encoder_layer_0"])
    ('', 'encoder_layer')
    """
    parts = list(path)
    listed = bool(parts) and parts[-1].isdigit()
    while parts and parts[-1].isdigit():
        parts.pop()
    if not parts or parts[-1].lower() in _CONTAINERS:
        return ""
    name = fit(parts[-1]).replace(".", "_").replace("-", "_").lower()
    word = name
    while (shorter := _without_number(word)) != word:
        word = shorter
    if listed and word == name:
        word = word[:-1] if word.endswith("s") and not word.endswith("ss") else word
    elif listed:
        word = f"{word}_block"
    return word if word.isidentifier() and len(word) > 1 else ""


def _without_number(word: str) -> str:
    """Return a word without the number at its end, with a letter behind it or a mark before it.

    >>> [_without_number(word) for word in ("layer1", "stage_2", "mixed_5b", "conv", "b", "7")]
    ['layer', 'stage', 'mixed', 'conv', 'b', '']
    """
    stem = word[:-1] if word[-1:].isascii() and word[-1:].islower() else word
    left = stem
    while left[-1:].isdecimal():
        left = left[:-1]
    if left == stem:
        return word
    return left[:-1] if left.endswith(("_", ".", "-")) else left


def _core(nodes: Sequence[TreeNode]) -> tuple[Sequence[TreeNode], bool, bool]:
    """Return the items of a residual's body, whether there is one, and whether its shortcut has items."""
    left = [node for node in nodes if not _is(node, Activation)]
    if len(left) == 1 and isinstance(left[0], Merge) and left[0].leaf.type == "add":
        short, body = sorted(left[0].branches, key=lambda branch: len(branch.nodes))[-2:]
        return body.nodes, True, bool(short.nodes)
    return nodes, False, False


def _inner(node: TreeNode) -> TreeNode:
    """Return an item as it is where it runs."""
    return node.unit.nodes[0] if isinstance(node, OptionalItem) else node


def _is(node: TreeNode, kind: type) -> bool:
    return isinstance(node, Leaf) and issubclass(REGISTRY[node.type], kind)


def _recognised(nodes: Sequence[TreeNode]) -> str:
    """Return the common name of a structure; nothing where it has none."""
    body, residual, _ = _core(nodes)
    body = [_inner(node) for node in body]
    signs = [_sign(node) for node in body if not (_is(node, Activation) or _is(node, Norm))]
    if signs == ["excite"]:
        return "squeeze_excite"
    plain = [sign for sign in signs if sign != "excite"]
    known = _structure(body, plain, residual=residual) or _of_sequence(nodes)
    return f"{known}_se" if known and plain != signs else known


def _structure(body: Sequence[TreeNode], plain: Sequence[str], *, residual: bool) -> str:
    """Return the name of a sequence of convolutions."""
    if residual and plain == ["point", "conv", "point"]:
        return "bottleneck"
    if residual and plain == ["conv", "conv"]:
        return "basic"
    if plain == ["point", "conv", "point"]:
        return "bottleneck_body"
    if plain == ["point", "depthwise", "point"]:
        return "inverted_residual" if residual else "inverted_bottleneck"
    if plain in (["depthwise", "point"], ["depthwise", "linear", "linear"]):
        return "separable" if plain[1] == "point" else ""
    if plain == ["depthwise", "point", "point"] and residual:
        return "convnext"
    if plain == ["point", "fan"] and _is_fire(body):
        return "fire"
    if plain[:1] == ["fan"] and len(plain) == 1 and isinstance(body[0], Merge) and len(body[0].branches) > 2:
        return "inception"
    return ""


def _is_fire(nodes: Sequence[TreeNode]) -> bool:
    """Return whether a squeezed value is expanded by two convolutions side by side."""
    fan = nodes[-1]
    return isinstance(fan, Merge) and [len(branch.nodes) for branch in fan.branches] == [1, 1]


def _of_sequence(nodes: Sequence[TreeNode]) -> str:
    types = {row.item.type for row in rows_in(nodes, 0)}
    residuals = sum(isinstance(node, Merge) and node.leaf.type == "add" for node in nodes)
    if "attention" in types and residuals == 2:
        return "encoder"
    joins = any(isinstance(node, Leaf) and len(node.reads) > 1 for node in nodes)
    if joins and not types.isdisjoint(("transposed_conv", "upsample")):
        return "up"
    return ""


def _sign(node: TreeNode) -> str:
    """Return the role of an item in a structure, such as `point` or `excite`."""
    if isinstance(node, Leaf):
        if node.type == "conv":
            kernel = node.rows[0].item.fields.get("kernel_size")
            return "point" if kernel == 1 else "conv"
        return {"depthwise_conv": "depthwise", "pointwise_conv": "point"}.get(node.type, node.type)
    if isinstance(node, Merge):
        types = {row.item.type for row in rows_in([node], 0)}
        if node.leaf.type == "multiply" and types & {"global_avg_pool", "reduce"}:
            return "excite"
        return "fan" if node.leaf.type == "concat" else node.leaf.type
    if isinstance(node, BlockUse):
        inner = _recognised(node.block.body.nodes)
        return "excite" if inner == "squeeze_excite" else inner
    return "repeat"


def _qualifiers(nodes: Sequence[TreeNode]) -> Iterator[str]:
    """Yield words that tell a structure from others of its name."""
    _, residual, shortcut = _core(nodes)
    rows = list(rows_in(nodes, 0))
    strided = any(_always_strides(leaf) for leaf in _leaves(nodes))
    types = [row.item.type for row in rows]
    if any(isinstance(node, Repetition) for node in map(_inner, nodes)):
        yield "stage"
    if strided:
        yield "down"
    if shortcut:
        yield "projected"
    if "max_pool" in types or "avg_pool" in types:
        yield "pooled"
    if residual:
        yield "residual"
    if not any(row.activation for row in rows):
        yield "linear"
    if any("norm" in each for each in types):
        yield "normed"
    if strided and shortcut:
        yield "down_projected"
    kernel = max((size for row in rows if isinstance(size := row.item.fields.get("kernel_size"), int)), default=1)
    yield f"{'down_' if strided else ''}{kernel}x{kernel}"


def _leaves(nodes: Sequence[TreeNode]) -> Iterator[Leaf]:
    for node in nodes:
        if isinstance(node, Leaf):
            yield node
        elif isinstance(node, Merge):
            for branch in node.branches:
                yield from _leaves(branch.nodes)


def _always_strides(leaf: Leaf) -> bool:
    return "conv" in leaf.type and all(row.item.fields.get("stride", 1) not in (1, [1, 1]) for row in leaf.rows)


def _described(nodes: Sequence[TreeNode]) -> str:
    """Return a name made of what the items are."""
    nodes = [_inner(node) for node in nodes]
    if any(isinstance(node, Repetition) for node in nodes):
        return "stage"
    words: list[str] = []
    for node in nodes:
        if _is(node, Activation) or _is(node, Norm):
            continue
        word = _called(node)
        if not words or words[-1] != word:
            words.append(word)
    words = words or [_called(nodes[0])]
    return "_".join(words if len(words) <= 3 else [words[0], words[-1]])


def _called(node: TreeNode) -> str:
    if isinstance(node, Leaf):
        return _CALLED.get(node.type, node.type)
    if isinstance(node, Merge):
        return RESIDUAL if node.leaf.type == "add" else node.leaf.type
    return node.block.name if isinstance(node, BlockUse) and node.block.name else "stage"


# values


def value_names(node: TreeNode, name: str) -> list[str]:
    """Return names for the outputs of an item of several."""
    count = len(node.rows[0].outputs) if isinstance(node, Leaf) else 1
    if count == 1:
        return [name]
    return [f"{name}.{at}" if "." in name else f"{name}_{at + 1}" for at in range(count)]


def ordinals(count: int) -> list[str]:
    """Return names for the parts of a whole."""
    return list(_ORDINALS[:count]) if count <= len(_ORDINALS) else [f"part_{at + 1}" for at in range(count)]


def local_name(node: TreeNode, module: tuple[str, ...]) -> str:
    """Return a name for what an item of a block gives.

    Args:
        node: The item.
        module: The module around the items of the block's first occurrence; empty where it is not known.
    """
    if isinstance(node, Leaf):
        if node.rows[0].item.name and (name := relative(node.rows[0].module, module)):
            return name
        return _CALLED.get(node.type, node.type)
    return _called(node)


def relative(path: tuple[str, ...], module: tuple[str, ...]) -> str:
    """Return a path within a module as a word; nothing where it is none.

    >>> relative(("Mixed_7b", "branch3x3_1", "conv"), ("Mixed_7b",)), relative(("layer1", "0"), ("layer1",))
    ('branch3x3_1', '')
    """
    name = "_".join(part for part in path[len(module) :] if part not in ("conv", "0"))
    return name if name.isidentifier() and name not in REGISTRY.built_in() else ""
