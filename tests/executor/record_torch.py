"""Record PyTorch's outputs for every layer type and a wide spread of hyper-parameters.

Run by hand, in an environment of its own with torch 2.13.0:

    python tests/executor/record_torch.py

The cases are drawn from a fixed seed in the normalised fields of the language, computed in double precision and
written to ``data/torch.json``; the tests compare the executor with them and never import torch. Where PyTorch has no
such option (padding that differs before and after an axis, `same` with a stride), its own `pad` goes before the layer.
"""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812

DATA = Path(__file__).parent / "data" / "torch.json"
RANDOM = random.Random(20)
CASES: list[dict] = []
ONES = {1: (1,), 2: (1, 1), 3: (1, 1, 1)}


def draw(*shape, values=(-3, -2, -1, 0, 1, 2, 3)):
    return torch.tensor(RANDOM.choices(values, k=torch.Size(shape).numel()), dtype=torch.float64).reshape(shape)


def plain(number):
    return int(number) if number == int(number) else number


def stored(tensor):
    return [list(tensor.shape), [plain(value) for value in tensor.flatten().tolist()]]


def record(type, fields, inputs, output, **weights):
    """Keep a case; the batch axis of one that PyTorch needs is already gone."""
    CASES.append(
        {
            "type": type,
            "fields": fields,
            "inputs": list(map(stored, inputs)),
            "weights": {name: stored(weight) for name, weight in weights.items() if weight is not None},
            "output": stored(output),
        }
    )


def axes(rank, low, high):
    return [RANDOM.randint(low, high) for _ in range(rank)]


def zeros(x, pairs, value=0.0):
    """PyTorch's pad lists the last axis first."""
    return F.pad(x, [amount for pair in reversed(pairs) for amount in pair], value=value)


def same(sizes, kernel, stride, dilation):
    """TensorFlow's amounts."""
    pairs = []
    for i, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max(0, (-(-i // s) - 1) * s + d * (k - 1) + 1 - i)
        pairs.append((total // 2, total - total // 2))
    return pairs


def convolutions():
    apply = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
    for rank, count, longest in ((1, 25, 9), (2, 40, 7), (3, 12, 4)):
        for index in range(count):
            groups = RANDOM.choice((1, 1, 2, 3))
            members, fanout = RANDOM.randint(1, 2), RANDOM.randint(1, 2)
            kernel, stride, dilation = axes(rank, 1, 3), axes(rank, 1, 3), axes(rank, 1, 2)
            padding = [axes(2, 0, 2) for _ in range(rank)]
            sizes = [
                max(RANDOM.randint(2, longest), d * (k - 1) + 1 - b - a)
                for k, d, (b, a) in zip(kernel, dilation, padding, strict=True)
            ]
            x = draw(members * groups, *sizes)
            weight = draw(fanout * groups, members, *kernel)
            bias = draw(fanout * groups) if index % 2 else None
            pairs = padding
            if index % 5 == 0:
                padding, pairs = "same", same(sizes, kernel, stride, dilation)
            out = apply[rank](zeros(x, pairs)[None], weight, bias, stride, 0, dilation, groups)[0]
            if padding == "same" and set(stride) == {1}:
                assert torch.equal(out, apply[rank](x[None], weight, bias, stride, "same", dilation, groups)[0])
            fields = {
                "kernel_size": kernel,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "bias": bias is not None,
            }
            if members == 1 and groups > 1:
                record("depthwise_conv", {"depth_multiplier": fanout, **fields}, [x], out, weight=weight, bias=bias)
            else:
                record(
                    "conv",
                    {"out_channels": fanout * groups, "groups": groups, **fields},
                    [x],
                    out,
                    weight=weight,
                    bias=bias,
                )
        for groups, bias, stride in ((1, True, 1), (2, False, 2), (3, True, 2)):
            x, weight = draw(6, *axes(rank, 2, 4)), draw(12, 6 // groups, *ONES[rank])
            shift = draw(12) if bias else None
            out = apply[rank](x[None], weight, shift, stride, 0, 1, groups)[0]
            fields = {"out_channels": 12, "stride": [stride] * rank, "groups": groups, "bias": bias}
            record("pointwise_conv", fields, [x], out, weight=weight, bias=shift)


def transposed_convolutions():
    apply = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
    for rank, count, longest in ((1, 15, 6), (2, 25, 4), (3, 8, 3)):
        for index in range(count):
            groups, members, fanout = RANDOM.choice((1, 1, 2)), RANDOM.randint(1, 3), RANDOM.randint(1, 2)
            kernel, stride, dilation = axes(rank, 1, 3), axes(rank, 1, 3), axes(rank, 1, 2)
            padding = [RANDOM.randint(0, min(2, d * (k - 1))) for k, d in zip(kernel, dilation, strict=True)]
            extra = [RANDOM.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True)]
            sizes = axes(rank, 2, longest)
            lengths = [
                (i - 1) * s - 2 * p + d * (k - 1) + e + 1
                for i, s, p, d, k, e in zip(sizes, stride, padding, dilation, kernel, extra, strict=True)
            ]
            if min(lengths) < 1:
                padding = [0] * rank
            x, weight = draw(members * groups, *sizes), draw(members * groups, fanout, *kernel)
            bias = draw(fanout * groups) if index % 2 else None
            out = apply[rank](x[None], weight, bias, stride, padding, extra, groups, dilation)[0]
            fields = {
                "out_channels": fanout * groups,
                "kernel_size": kernel,
                "stride": stride,
                "padding": [[p, p] for p in padding],
                "output_padding": extra,
                "dilation": dilation,
                "groups": groups,
                "bias": bias is not None,
            }
            record("transposed_conv", fields, [x], out, weight=weight, bias=bias)


def pools():
    largest = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
    mean = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
    adaptive = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
    for rank, count, longest in ((1, 15, 9), (2, 20, 7), (3, 8, 5)):
        for index in range(count):
            kernel, stride, dilation = axes(rank, 1, 3), axes(rank, 1, 3), axes(rank, 1, 2)
            padding = [RANDOM.randint(0, k // 2) for k in kernel]
            x = draw(2, *[RANDOM.randint(d * (k - 1) + 1, longest) for k, d in zip(kernel, dilation, strict=True)])
            ceil, include = bool(index % 2), bool(index // 2 % 2)
            fields = {"kernel_size": kernel, "stride": stride, "padding": [[p, p] for p in padding], "ceil_mode": ceil}
            out = largest[rank](x[None], kernel, stride, padding, dilation, ceil)[0]
            record("max_pool", {**fields, "dilation": dilation}, [x], out)
            out = mean[rank](x[None], kernel, stride, padding, ceil, include)[0]
            record("avg_pool", {**fields, "count_include_pad": include}, [x], out)
            x = draw(2, *axes(rank, 3, 6))
            pairs = same(x.shape[1:], kernel, stride, ONES[rank])
            fields = {"kernel_size": kernel, "stride": stride, "padding": "same", "ceil_mode": False}
            out = largest[rank](zeros(x, pairs, -torch.inf)[None], kernel, stride)[0]
            record("max_pool", {**fields, "dilation": ONES[rank]}, [x], out)
            out = mean[rank](zeros(x, pairs)[None], kernel, stride)[0]
            record("avg_pool", {**fields, "count_include_pad": True}, [x], out)
        for _ in range(4):
            x, size = draw(2, *axes(rank, 3, 7)), axes(rank, 1, 5)
            record("adaptive_avg_pool", {"output_size": size}, [x], adaptive[rank](x[None], size)[0])
        x = draw(3, *axes(rank, 2, 5))
        record("global_avg_pool", {}, [x], adaptive[rank](x[None], ONES[rank])[0])


def norms():
    for shape in ((4,), (4, 5), (4, 3, 2), (4, 2, 3, 2)):
        for affine in (True, False):
            x = draw(*shape)
            weight, bias = (draw(4), draw(4)) if affine else (None, None)
            mean, var = draw(4), draw(4, values=(1, 2, 3))
            out = F.batch_norm(x[None], mean, var, weight, bias, eps=1e-5)[0]
            fields = {"affine": affine, "eps": 1e-5, "momentum": 0.1}
            record("batch_norm", fields, [x], out, running_mean=mean, running_var=var, weight=weight, bias=bias)
            out = F.layer_norm(x.movedim(0, -1), (4,), weight, bias, eps=1e-6).movedim(-1, 0)
            record("layer_norm", {"affine": affine, "eps": 1e-6}, [x], out, weight=weight, bias=bias)
            for groups in (1, 2, 4):
                if len(shape) > 1 or groups < 4:
                    out = F.group_norm(x[None], groups, weight, bias, eps=1e-5)[0]
                    fields = {"num_groups": groups, "affine": affine, "eps": 1e-5}
                    record("group_norm", fields, [x], out, weight=weight, bias=bias)
        weight, x = draw(4), draw(*shape)
        record("scale", {}, [x], x * weight.reshape(4, *[1] * (len(shape) - 1)), weight=weight)
    for shape in ((6, 5), (6, 3, 2), (6, 2, 2, 2)):
        for size, alpha, beta, k in ((5, 1e-4, 0.75, 1), (4, 0.5, 0.75, 2), (3, 0.1, 0.5, 1), (1, 1, 1, 1)):
            x = draw(*shape)
            fields = {"size": size, "alpha": alpha, "beta": beta, "k": k}
            record("local_response_norm", fields, [x], F.local_response_norm(x[None], size, alpha, beta, k)[0])


def activations():
    values = [number / 2 for number in range(-16, 17)]
    functions = {
        "relu": F.relu,
        "relu6": F.relu6,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "hard_sigmoid": F.hardsigmoid,
        "hard_swish": F.hardswish,
        "silu": F.silu,
    }
    for shape in ((12,), (3, 4), (2, 3, 3), (2, 2, 2, 2)):
        for type, function in functions.items():
            x = draw(*shape, values=values)
            record(type, {}, [x], function(x))
        for slope in (0.01, 0.3):
            x = draw(*shape, values=values)
            record("leaky_relu", {"negative_slope": slope}, [x], F.leaky_relu(x, slope))
        for approximate in ("none", "tanh"):
            x = draw(*shape, values=values)
            record("gelu", {"approximate": approximate}, [x], F.gelu(x, approximate=approximate))
        for count in (1, shape[0]):
            x, weight = draw(*shape, values=values), draw(count, values=(0.25, 0.5, -0.5))
            record("prelu", {"num_parameters": count}, [x], F.prelu(x[None], weight)[0], weight=weight)
        x = draw(*shape)
        record("softmax", {}, [x], F.softmax(x, dim=0))


def merges():
    for shape in ((3,), (3, 4), (3, 2, 3), (2, 2, 2, 2)):
        others = [shape, (shape[0], *[1] * (len(shape) - 1)), (1, *shape[1:])]
        for stretched in others:
            a, b, c = draw(*shape), draw(*stretched), draw(*shape)
            record("add", {}, [a, b], a + b)
            record("add", {}, [a, b, c], a + b + c)
            record("multiply", {}, [b, a], b * a)
            record("multiply", {}, [b, a, c], b * a * c)
        a, b, c = draw(*shape), draw(1, *shape[1:]), draw(2, *shape[1:])
        record("concat", {}, [a, b, c], torch.cat([a, b, c]))


def movements():
    for rank, sizes in ((1, (4,)), (2, (3, 4)), (3, (2, 3, 2))):
        x = draw(6, *sizes)
        record("slice", {"start": 1, "end": 4}, [x], x[1:4])
        for groups in (1, 2, 3):
            record("channel_shuffle", {"groups": groups}, [x], F.channel_shuffle(x[None], groups)[0])
        pairs = [axes(2, 0, 2) for _ in range(rank)]
        record("pad", {"padding": pairs}, [x], zeros(x, pairs))
        padded = zeros(x, [(1, 2)] * rank)
        record("crop", {"cropping": [[1, 2]] * rank}, [padded], x)
        record("flatten", {}, [x], x.flatten())
        record("dropout", {"p": 0.5}, [x], F.dropout(x, 0.5, training=False))
        record("identity", {}, [x], x)
        for factor in (2, 3):
            x = draw(2 * factor**rank, *sizes[:2], *sizes[2:])
            # PyTorch shuffles pixels of images only; this is its definition in any rank, checked where it has one.
            split = x.reshape(2, *[factor] * rank, *sizes)
            order = [0, *(axis for i in range(rank) for axis in (1 + rank + i, 1 + i))]
            out = split.permute(order).reshape(2, *(size * factor for size in sizes))
            if rank == 2:
                assert torch.equal(out, F.pixel_shuffle(x, factor))
            record("pixel_shuffle", {"upscale_factor": factor}, [x], out)
        upsamples(rank, sizes)


def upsamples(rank, sizes):
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]
    factors = ["2", "3", "4"] if rank < 3 else ["2", "3"]
    for factor in (*factors, "3/2", "5/4", "5/2"):
        numbers = [float(Fraction(factor))] * rank
        # Long enough to change size: PyTorch copies an axis that does not, in some modes, whatever its formula says.
        x = draw(2, *(size + 2 if "/" in factor else size for size in sizes))
        fields = {"scale_factor": [factor] * rank, "size": None, "mode": "nearest", "align_corners": False}
        record("upsample", fields, [x], F.interpolate(x[None], scale_factor=numbers, mode="nearest")[0])
        for align in (False, True):
            out = F.interpolate(x[None], scale_factor=numbers, mode=linear, align_corners=align)[0]
            record("upsample", {**fields, "mode": linear, "align_corners": align}, [x], out)
    for _ in range(4):
        size, x = axes(rank, 1, 7 if rank < 3 else 4), draw(2, *sizes)
        fields = {"scale_factor": None, "size": size, "mode": "nearest", "align_corners": False}
        record("upsample", fields, [x], F.interpolate(x[None], size=size, mode="nearest")[0])
        for align in (False, True):
            out = F.interpolate(x[None], size=size, mode=linear, align_corners=align)[0]
            record("upsample", {**fields, "mode": linear, "align_corners": align}, [x], out)


def linears():
    for features, out_features, bias in ((1, 1, True), (5, 3, True), (7, 4, False), (40, 2, True)):
        x, weight, shift = draw(features), draw(out_features, features), draw(out_features) if bias else None
        fields = {"out_features": out_features, "bias": bias}
        record("linear", fields, [x], F.linear(x, weight, shift), weight=weight, bias=shift)


for family in (convolutions, transposed_convolutions, linears, pools, norms, activations, merges, movements):
    family()
DATA.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES) + "\n]\n")
print(f"{len(CASES)} cases of torch {torch.__version__}")  # noqa: T201 - a script that is run by hand
