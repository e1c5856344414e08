"""Networks of every layer type and construct of the language, most of their values right and some astray."""

from __future__ import annotations

import random

VALUES = [
    "1", "2", "3", "0", "-1", "8", "n", "w", "w(0)", "w(i)", "w(9)", "i", "i + 1", "in_channels", "in_height", "in_size(1)", "in_size",
    "a.channels", "a.size", "b.width", "len(w)", "len", "1/2", "2*n", "x", "true", "false", "none", "same", "[1, 2]", "[3]", "[]",
    "[[1, 1], [1, 1]]", "channels", "length", "", "{}", "[a]", "a", "sum", "int8", "shared", "own", "previous", "_", "foo.bar",
    "[-1, 4]", "[n, n]", "[0, 2, 1]", "[channels, height]", "c h w -> (h w) c", "last", "{group_norm: {num_groups: 2}}", "10**15",
]  # fmt: skip
PLAIN = ["1", "2", "4", "n", "in_channels", "w(0)"]
FORMS = {
    "flag": ["true", "false"],
    "axis": ["0", "1", "-1", "channels", "height", "length", "[0, 1]"],
    "names": ["a", "b", "previous", "[a, b]"],
    "whole numbers": ["[4, 4]", "[n, -1]", "[1, 2, 0]", "8"],
    "shapes": ["[4, 8, 8]", "[[4], [2]]"],
}
REPEATS = [
    "2", "0", "n", "{times: 2, index: i}", "{times: n, index: i, collect: concat}", "{times: 2, collect: add}",
    "{times: 3, weights: shared}", "{times: 3, collect: dense}", "{times: 2, index: i, weights: shared, collect: add}", "{tims: 2}", "{times: w}",
]  # fmt: skip
INPUTS = [
    "input: [3, 8, 8]", "input: [n, 6]", "input: {shape: [5, 8], layout: tokens}", "input: [16]", "input: [2, 4, 4, 4]",
    "inputs: {a: [3, 8, 8], b: {shape: [4, 6], layout: tokens}}", "inputs: {a: [4, 4, 4], b: [4, 4, 4], input: [2]}",
    "inputs: {a: {shape: [6, 4], layout: unknown}, b: [4]}", "inputs:", "inputs: {a: {layout: tokens}}",
]  # fmt: skip


class Networks:
    """Writes a network's text.

    Args:
        rng: Where chance comes from.
    """

    def __init__(self, rng: random.Random) -> None:
        from convcost.layers import REGISTRY

        self.rng = rng
        self.registry = REGISTRY
        self.types = [*REGISTRY, "residual", "each", "unit", "join"]
        self.astray = rng.choice([0.02, 0.1, 0.4])
        self.names = ["a", "b"]

    def text(self) -> str:
        """Return the text of a spec."""
        rng = self.rng
        lines = [
            rng.choice(INPUTS),
            f"symbols: {{n: {rng.choice('234')}, w: {rng.choice(['[4, 8]', '[2]', '3', '[n, 2*n]'])}}}",
        ]
        if rng.random() < 0.2:
            lines.append(f"outputs: {self._sources()}")
        if rng.random() < 0.2:
            lines.append("defaults: {conv: {padding: 1, kernel_size: 3}, attention: {num_heads: 2}}")
        lines += [
            "blocks:",
            f"  unit: {{params: {{p: , q: {self._value()}}}, layers: {self._items(1, 3)}}}",
            f"  join: {{inputs: {rng.choice(['[a, b]', '[a]', '[a, a]', 'a'])}, layers: {self._items(1, 3)}}}",
            "layers:",
            *[f"  - {self._item(1)}" for _ in range(rng.randint(1, 7))],
        ]
        return "\n".join(lines) + "\n"

    def _goes_astray(self) -> bool:
        return self.rng.random() < self.astray

    def _value(self, form: str = "", words: tuple[str, ...] = ()) -> str:
        if self._goes_astray():
            return self.rng.choice(VALUES)
        return self.rng.choice(words if words and self.rng.random() < 0.7 else FORMS.get(form, PLAIN))

    def _sources(self, count: int = 1) -> str:
        if self._goes_astray():
            count = self.rng.randint(0, 4)
        found = [self.rng.choice([*self.names, "previous"]) for _ in range(count)]
        return found[0] if count == 1 else f"[{', '.join(found)}]"

    def _fields(self, type: str) -> str:
        if type not in self.registry:
            return "{p: 2}" if type == "unit" and not self._goes_astray() else "{q: n}" if type == "unit" else ""
        layer = self.registry[type]
        if layer.short and self.rng.random() < 0.5:
            return self.rng.choice(["c h w -> (h w) c", "l c -> c l", "c (h p) -> (p h)", "c h ->"])
        given = [
            f"{name}: {self._value(field.read.form.kind, field.words)}"
            for name, field in layer.fields.items()
            if self.rng.random() < (0.95 if field.required else 0.2)
        ]
        if layer.weights and self.rng.random() < 0.3:
            given += [f"norm: {self.rng.choice(['batch_norm', 'rms_norm', 'none', 'bn'])}", "activation: silu"]
        if self._goes_astray():
            given.append(f"{self.rng.choice(['dim', 'name', 'from', 'strides', 'p'])}: {self.rng.choice(VALUES)}")
        return "{" + ", ".join(given) + "}"

    def _branches(self, depth: int) -> str:
        kinds = [lambda: "[]", self._sources, lambda: self._items(depth + 1, 2)]
        return "[" + ", ".join(self.rng.choice(kinds)() for _ in range(self.rng.randint(1, 3))) + "]"

    def _item(self, depth: int) -> str:
        rng = self.rng
        type = rng.choice(self.types)
        merges = type in self.registry and self.registry[type].merges()
        if type == "residual":
            value = rng.choice([self._items(depth + 1, 2), f"{{body: {self._items(depth + 1, 2)}, shortcut: []}}"])
        elif type == "each":
            value = f"{{axis: {self._value('axis')}, layers: {self._items(depth + 1, 2)}}}"
        elif merges and rng.random() < 0.3:
            value = self._branches(depth)
        else:
            value = self._fields(type)
        keys = self._keys(depth, 2 if merges or type == "join" else 1)
        return "{" + ", ".join([f"{type}: {value}", *keys]) + "}"

    def _keys(self, depth: int, inputs: int) -> list[str]:
        rng = self.rng
        keys = []
        if rng.random() < (0.8 if inputs > 1 else 0.25):
            keys.append(f"from: {self._sources(inputs)}")
        for key, values, chance in [
            ("repeat", REPEATS, 0.12),
            ("if", ["true", "false", "n > 2", "i == 0", "in_height > 4", "1"], 0.1),
            ("weights", [*self.names, "own", "nowhere", "[a]"], 0.1),
            ("trainable", ["false", "true", "0"], 0.05),
            ("dtype", ["int8", "{weights: int4}", "int9"], 0.05),
        ]:
            if rng.random() < chance:
                keys.append(f"{key}: {rng.choice(values)}")
        if rng.random() < 0.04:
            keys.append(f"else: {self._items(depth + 1, 2)}")
        if rng.random() < 0.3:
            name = f"n{rng.randrange(10**6)}"
            if depth == 1:
                self.names.append(name)
            keys.append(f"name: {name if rng.random() < 0.9 else f'[{name}, _]'}")
        return keys

    def _items(self, depth: int, most: int) -> str:
        if depth > 4:
            return "[relu]"
        return "[" + ", ".join(self._item(depth) for _ in range(self.rng.randint(1, most))) + "]"
