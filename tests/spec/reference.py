"""The list of layer types in the README of the spec, from their docstrings and an example of each.

`python tests/spec/reference.py` writes it anew.
"""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import convcost
from convcost.layers import REGISTRY
from convcost.layers.fields import AXIS_WORDS, WORD
from convcost.spec.document import LAYOUTS

README = Path(__file__).parents[2] / "specs" / "README.md"
START, END = "<!-- types: tests/spec/reference.py writes them -->\n", "<!-- end of types -->\n"

MAP: list[int] = [4, 8, 8]
TOKENS = {"shape": [6, 8], "layout": "tokens"}
ONE: dict[str, Any] = {"from": "x"}
TWO: dict[str, Any] = {"from": ["x", "x"]}
EXAMPLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "add": (MAP, {"add": None, **TWO}),
    "multiply": (MAP, {"multiply": None, **TWO}),
    "subtract": (MAP, {"subtract": None, **TWO}),
    "divide": (MAP, {"divide": None, **TWO}),
    "maximum": (MAP, {"maximum": None, **TWO}),
    "minimum": (MAP, {"minimum": None, **TWO}),
    "concat": (MAP, {"concat": {"axis": "height"}, **TWO}),
    "matmul": ([6, 6], {"matmul": None, **TWO}),
    "attention": (TOKENS, {"attention": {"num_heads": 2}}),
    "lstm": (TOKENS, {"lstm": {"hidden_size": 5, "bidirectional": True}}),
    "gru": (TOKENS, {"gru": {"hidden_size": 5, "return": "last"}}),
    "rnn": (TOKENS, {"rnn": {"hidden_size": 5}}),
    "linear": (TOKENS, {"linear": {"out_features": 10}}),
    "embedding": ([7], {"embedding": {"num_embeddings": 10, "embedding_dim": 4}}),
    "parameter": ([7], {"parameter": {"shape": [7, 4]}}),
    "feature_map": (TOKENS, {"feature_map": {"size": [2, 3]}}),
    "rearrange": (MAP, {"rearrange": {"pattern": "c (h p) (w q) -> (h w) (p q c)", "p": 2, "q": 2}}),
    "permute": (MAP, {"permute": {"axes": [1, 2, 0]}}),
    "reshape": (MAP, {"reshape": {"shape": [2, -1]}}),
    "expand": ([1, 8, 8], {"expand": {"shape": [4, 8, 8]}}),
    "roll": (MAP, {"roll": {"shift": 2, "axis": "width"}}),
    "flip": (MAP, {"flip": {"axis": "width"}}),
    "gather": (TOKENS, {"gather": {"shape": [3, 8]}}),
    "unfold": (MAP, {"unfold": {"kernel_size": 2, "stride": 2}}),
    "fold": ([16, 16], {"fold": {"output_size": [8, 8], "kernel_size": 2, "stride": 2}}),
    "split": (MAP, {"split": {"chunks": 2}, "name": ["a", "b"]}),
    "slice": (MAP, {"slice": {"start": 1, "end": 3}}),
    "pad": (MAP, {"pad": {"padding": 1, "mode": "reflect"}}),
    "crop": (MAP, {"crop": {"cropping": 1}}),
    "reduce": (MAP, {"reduce": {"op": "mean", "axis": ["height", "width"]}}),
    "elementwise": (MAP, {"elementwise": {"op": "clamp", "value": [0, 1]}}),
    "cross_correlation": (MAP, {"cross_correlation": {"mode": "depthwise"}, **TWO}),
    "max_unpool": (MAP, {"max_unpool": {"of": "pool"}}),
    "declared": (MAP, {"declared": {"output_shape": [4, 8, 8], "mul": 256, "source": "the vendor's table"}}),
    "unknown": (MAP, {"unknown": {"operator": "NonMaxSuppression", "output_shape": [300, 4]}}),
    "grid_sample": (MAP, {"grid_sample": {"size": [5, 5]}}),
    "roi_align": (MAP, {"roi_align": {"num_regions": 3, "output_size": 7, "sampling_ratio": 2}}),
    "conv": (MAP, {"conv": {"out_channels": 6, "kernel_size": 3, "padding": 1}}),
    "depthwise_conv": (MAP, {"depthwise_conv": {"kernel_size": 3, "padding": "same"}}),
    "pointwise_conv": (MAP, {"pointwise_conv": {"out_channels": 6}}),
    "separable_conv": (MAP, {"separable_conv": {"out_channels": 6, "kernel_size": 3}}),
    "transposed_conv": (MAP, {"transposed_conv": {"out_channels": 6, "kernel_size": 2, "stride": 2}}),
    "deform_conv": (MAP, {"deform_conv": {"out_channels": 6, "kernel_size": 3, "padding": 1}}),
    "max_pool": (MAP, {"max_pool": {"kernel_size": 2}}),
    "avg_pool": (MAP, {"avg_pool": {"kernel_size": 2}}),
    "lp_pool": (MAP, {"lp_pool": {"kernel_size": 2, "norm_type": 2}}),
    "adaptive_avg_pool": (MAP, {"adaptive_avg_pool": {"output_size": 2}}),
    "adaptive_max_pool": (MAP, {"adaptive_max_pool": {"output_size": 2}}),
    "group_norm": (MAP, {"group_norm": {"num_groups": 2}}),
    "local_response_norm": (MAP, {"local_response_norm": {"size": 5}}),
    "channel_shuffle": (MAP, {"channel_shuffle": {"groups": 2}}),
    "pixel_shuffle": (MAP, {"pixel_shuffle": {"upscale_factor": 2}}),
    "pixel_unshuffle": (MAP, {"pixel_unshuffle": {"downscale_factor": 2}}),
    "upsample": (MAP, {"upsample": {"scale_factor": 2}}),
}
"""The input and the item of an example; the other types stand alone on a feature map."""


def types() -> list[str]:
    """Return the types that a spec may write, but for the parts of others."""
    return [type for type, layer in REGISTRY.items() if not layer.internal and not type.startswith("each_")]


def example(type: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a spec with an example of a type, and the example's item."""
    given, item = EXAMPLES.get(type, (MAP, {type: None}))
    before = [{"max_pool": {"kernel_size": 2}, "name": "pool"}] if type == "max_unpool" else []
    return {"inputs": {"x": given}, "layers": [*before, item]}, item


def section() -> str:
    """Return the list: what each type is, its fields, and an example with its shapes."""
    lines = [
        f"An axis is a number, without the batch axis, or one of {', '.join(f'`{word}`' for word in AXIS_WORDS)};",
        f"a layout one of {', '.join(f'`{word}`' for word in LAYOUTS)}.",
        "",
    ]
    for type in types():
        layer = REGISTRY[type]
        about = cleandoc(layer.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        spec, item = example(type)
        network = convcost.load(spec).network
        shapes = " and ".join(str(list(output.shape)) for output in network.layers[-1].outputs)
        lines.append(f"**`{type}`** {about}")
        reads = " and ".join(str(list(tensor.shape)) for tensor in network.layers[-1].inputs)
        lines.append(f"`- {_written(item)}`: {f'{reads} → ' if reads else ''}{shapes}")
        lines += [
            f"- `{name}`{'' if field.required else f' ({_default(field.default)})'}: {field.about}{_words(field)}"
            for name, field in layer.fields.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _words(field: Any) -> str:
    """Return the words that a field takes, where its text does not say them; the page lists those of axes once."""
    words = [f"`{word}`" for word in field.words if f"`{word}`" not in field.about]
    if not words or set(field.words) in (set(AXIS_WORDS), set(LAYOUTS)):
        return ""
    return f" {'One of' if field.read.form.kind == WORD else 'Also'} {', '.join(words)}."


def _default(value: Any) -> str:
    return "optional" if value is None else _flow(value) if not isinstance(value, tuple) else _flow(list(value))


def _written(item: dict[str, Any]) -> str:
    entries = [f"{key}:" + ("" if value is None else f" {_flow(value)}") for key, value in item.items()]
    return (
        entries[0]
        if len(entries) == 1 and not entries[0].endswith(":")
        else (entries[0].removesuffix(":") if len(entries) == 1 else "{" + ", ".join(entries) + "}")
    )


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def written(text: str) -> str:
    """Return the README with the list as it is now."""
    return text[: text.index(START) + len(START)] + "\n" + section() + text[text.index(END) :]


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
