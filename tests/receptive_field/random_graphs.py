"""Random small networks of every layer type that passes positions on, as specs.

    python tests/receptive_field/random_graphs.py [FIRST [COUNT]]

perturbs each position of the inputs of so many of them, 1,000 without, from a seed on.
"""

from __future__ import annotations

import random

import convcost
from convcost.errors import ConvcostError

MOST_VALUES = 700


def graph(seed):
    """Return the model of a random network; the same seed gives the same one."""
    source = random.Random(seed)
    maps = source.random() < 0.75
    if maps:
        rank = source.choice((1, 1, 2))
        shape = [source.choice((1, 2, 4)), *(source.randint(3, 12 if rank == 1 else 6) for _ in range(rank))]
        spec = {"input": shape, "layers": []}
    else:
        spec = {"input": {"shape": [source.randint(3, 9), source.choice((2, 4))], "layout": "tokens"}, "layers": []}
    model = None
    for _ in range(source.randint(2, 9)):
        for _ in range(20):
            last = model.network.layers[-1].outputs[0] if model else None
            layout = last.layout if last else ("feature map" if maps else "tokens")
            shape = last.shape if last else (spec["input"] if maps else spec["input"]["shape"])
            item = _item(source, layout, tuple(shape), 2)
            trial = {**spec, "layers": [*spec["layers"], *item]}
            try:
                found = convcost.load(trial)
            except ConvcostError:
                continue
            if max(layer.values for layer in found.network.layers) <= MOST_VALUES:
                spec, model = trial, found
                break
    return model or graph(seed + 1_000_003)


def _item(source, layout, shape, depth):
    """Return items that may follow a value, as a list."""
    rank = len(shape) - 1
    pick = source.choice
    common = [
        lambda: [pick(("relu", "sigmoid", "silu", "gelu", "tanh", "relu6", "hard_swish", "hard_tanh", "identity"))],
        lambda: [pick(("batch_norm", "layer_norm", "rms_norm", "l2_normalize", "scale", "shift", "dropout"))],
        lambda: [{"softmax": {"axis": source.randrange(rank + 1)}}],
        lambda: [{"layer_norm": {"axis": source.randrange(rank + 1)}}],
        lambda: [{"elementwise": {"op": pick(("exp", "abs", "square", "neg", "floor", "sign"))}}],
        lambda: [{"roll": {"shift": source.randint(-2, 2), "axis": source.randrange(rank + 1)}}],
        lambda: [{"flip": {"axis": source.randrange(rank + 1)}}],
        lambda: [_slice(source, shape)],
        lambda: [{"permute": {"axes": source.sample(range(rank + 1), rank + 1), "layout": layout.replace(" ", "_")}}],
        lambda: [
            {
                "reduce": {
                    "op": pick(("sum", "max", "mean", "norm")),
                    "axis": source.randrange(rank + 1),
                    "keepdim": True,
                }
            }
        ],
        lambda: [{"glu": {"axis": source.randrange(rank + 1)}}],
        lambda: [_reshape(source, shape, layout)],
    ]
    if depth:
        branches = lambda: [_branch(source, layout, shape, depth - 1) for _ in range(pick((2, 2, 3)))]  # noqa: E731
        common += [lambda: [{pick(("add", "multiply", "maximum", "minimum")): branches()}]] * 2
        common += [lambda: [{pick(("subtract", "divide")): branches()[:2]}]]
        common += [lambda: [{"concat": branches()}]] * 2
        common += [lambda: [{"concat": {"branches": branches(), "axis": source.randrange(rank + 1)}}]]
        common += [
            lambda: [{"each": {"axis": source.randrange(rank + 1), "layers": [pick(("relu", "sigmoid", "softmax"))]}}]
        ]
    own = _on_a_map(source, shape, depth) if layout == "feature map" else _on_tokens(source, shape, depth)
    return pick([*common, *own * 2])()


def _branch(source, layout, shape, depth):
    if source.random() < 0.25:
        return []
    return [item for _ in range(source.choice((1, 1, 2))) for item in _item(source, layout, shape, depth)]


def _window(source, rank):
    kernel = source.choice((1, 2, 3, 3, 5))
    return {
        "kernel_size": kernel if source.random() < 0.8 or rank < 2 else [kernel, 1],
        "stride": source.choice((1, 1, 1, 2, 3)),
    }


def _pad(source):
    return source.choice((0, 0, 1, 2, "same", [[0, 1]]))


def _on_a_map(source, shape, depth):
    rank, channels = len(shape) - 1, shape[0]
    pick = source.choice
    dilated = lambda: {"dilation": pick((1, 1, 2, 3))}  # noqa: E731
    mode = lambda: {"padding_mode": pick(("zeros", "zeros", "reflect", "replicate", "circular"))}  # noqa: E731
    pair = lambda: pick((0, 1, 2, [[0, 1]] * rank, "same"))  # noqa: E731
    groups = [each for each in (1, 2, 4) if channels % each == 0]
    found = [
        lambda: [
            {
                "conv": {
                    "out_channels": pick((2, 4)),
                    **_window(source, rank),
                    "padding": pair(),
                    **dilated(),
                    **mode(),
                    "groups": pick([each for each in groups if each < 4]),
                }
            }
        ],
        lambda: [{"conv": {"out_channels": pick((1, 2)), "kernel_size": 3, "padding": pair(), **dilated()}}],
        lambda: [
            {
                "depthwise_conv": {
                    **_window(source, rank),
                    "padding": pair(),
                    **dilated(),
                    "depth_multiplier": pick((1, 2)),
                }
            }
        ],
        lambda: [{"pointwise_conv": {"out_channels": pick((1, 2, 4)), "stride": pick((1, 1, 2))}}],
        lambda: [{"separable_conv": {"out_channels": 2, "kernel_size": 3, "padding": pair()}}],
        lambda: [
            {
                "transposed_conv": {
                    "out_channels": 2,
                    **_window(source, rank),
                    "padding": pick((0, 0, 1)),
                    **dilated(),
                    "groups": pick(groups[:2]),
                }
            }
        ],
        lambda: [
            {"transposed_conv": {"out_channels": 2, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}}
        ],
        lambda: [
            {
                pick(("max_pool", "avg_pool")): {
                    **_window(source, rank),
                    "padding": pick((0, 0, 1)),
                    "ceil_mode": pick((False, True)),
                }
            }
        ],
        lambda: [{"max_pool": {"kernel_size": 2, "dilation": 2}}],
        lambda: [{"lp_pool": {"kernel_size": 2, "norm_type": pick((1, 2))}}],
        lambda: [
            {
                pick(("adaptive_avg_pool", "adaptive_max_pool")): {
                    "output_size": [source.randint(1, 5) for _ in range(rank)]
                }
            }
        ],
        lambda: [
            {
                "upsample": {
                    "scale_factor": pick((2, 3, "3/2", "1/2")),
                    "mode": pick(("nearest", "linear" if rank == 1 else "bilinear")),
                }
            }
        ],
        lambda: [
            {
                "upsample": {
                    "size": [source.randint(1, 9) for _ in range(rank)],
                    "mode": pick(("nearest", "linear" if rank == 1 else "bicubic")),
                    "align_corners": pick((False, True)),
                }
            }
        ],
        lambda: [
            {
                "pad": {
                    "padding": pick((1, 2, [[1, 0]] * rank)),
                    "mode": pick(("zeros", "reflect", "replicate", "circular")),
                }
            }
        ],
        lambda: [{"crop": {"cropping": pick((1, [[0, 1]] * rank, [[2, 0]] * rank))}}],
        lambda: [{"channel_shuffle": {"groups": pick(groups)}}],
        lambda: [{"pixel_shuffle": {"upscale_factor": 2}}],
        lambda: [{"pixel_unshuffle": {"downscale_factor": 2}}],
        lambda: [{"group_norm": {"num_groups": pick(groups)}}],
        lambda: ["instance_norm"],
        lambda: [{"local_response_norm": {"size": pick((2, 3)), "alpha": 1}}],
        lambda: ["tokens"],
        lambda: [{"unfold": {**_window(source, rank), "padding": pick((0, 1)), **dilated()}}],
        lambda: [{"conv": {"out_channels": 2, "kernel_size": 3, "padding": "same"}}, "relu"],
    ]
    if depth:
        squeeze = ["global_avg_pool", {"pointwise_conv": {"out_channels": channels}}, "sigmoid"]
        found += [lambda: [{"multiply": [_branch(source, "feature map", shape, 0), squeeze]}]]
        found += [lambda: [{"residual": {"body": _branch(source, "feature map", shape, depth - 1) or ["relu"]}}]]
    if rank == 2 and shape[1] % 2 == 0 and shape[2] % 2 == 0:
        parts = {"p": 2, "q": 2}
        found += [
            lambda: [
                {"rearrange": {"pattern": "c (h p) (w q) -> (h w) (p q) c", **parts}},
                {"attention": {"num_heads": 1}},
                {"rearrange": {"pattern": "(h w) (p q) c -> c (h p) (w q)", **parts, "h": shape[1] // 2}},
            ]
        ]
        found += [
            lambda: [{"rearrange": {"pattern": "c (h p) (w q) -> (c p q) h w", **parts, "layout": "feature_map"}}]
        ]
    return found


def _on_tokens(source, shape, depth):
    pick = source.choice
    length = shape[-2] if len(shape) > 1 else 1
    found = [
        lambda: [{"linear": {"out_features": pick((2, 4))}}],
        lambda: [{"attention": {"num_heads": pick((1, 2))}}],
        lambda: [{"feature_map": {"size": [length]}}],
        lambda: [{"pad": {"padding": 1}}],
        lambda: ["global_avg_pool"],
    ]
    if length < 10:  # the state of a longer one forgets more than floats hold
        recurrent = ("lstm", "gru", "rnn")
        found += [lambda: [{pick(recurrent): {"hidden_size": 2, "bidirectional": pick((False, True))}}]]
    if length % 2 == 0:
        found += [lambda: [{"feature_map": {"size": [2, length // 2]}}]]
    if depth:
        found += [lambda: [{"residual": {"body": [{"attention": {"num_heads": 1}}]}}]]
    return found


def _slice(source, shape):
    axis = source.randrange(len(shape))
    start = source.randrange(shape[axis])
    return {
        "slice": {
            "axis": axis,
            "start": start,
            "end": source.randint(start + 1, shape[axis]),
            "step": source.choice((1, 1, 2)),
        }
    }


def _reshape(source, shape, layout):
    sizes = list(shape)
    axis = source.randrange(len(sizes))
    if sizes[axis] % 2 == 0 and len(sizes) < 3:
        sizes[axis : axis + 1] = source.choice(([2, sizes[axis] // 2], [sizes[axis] // 2, 2]))
    elif len(sizes) > 1:
        axis = min(axis, len(sizes) - 2)
        sizes[axis : axis + 2] = [sizes[axis] * sizes[axis + 1]]
        if len(sizes) == 1:
            sizes = [sizes[0], 1]
    return {"reshape": {"shape": sizes, "layout": layout.replace(" ", "_")}}


if __name__ == "__main__":
    import sys

    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    wrong = [
        seed for seed in range(first, first + count) if not graph(seed).verify_receptive_field(max_products=10**9).ok
    ]
    sys.stdout.write(f"{count} graphs from seed {first} on: {len(wrong)} do not agree {wrong}\n")
    sys.exit(bool(wrong))
