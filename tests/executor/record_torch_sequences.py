"""Record PyTorch's outputs of products, attention, recurrent layers, reductions and norms, and what it counts of them.

Run by hand, in an environment of its own with torch 2.13.0:

    python tests/executor/record_torch_sequences.py

The cases are drawn from a fixed seed in the normalised fields of the language, computed in double precision and
written to ``data/torch_sequences.json``, those of whole attention layers to ``data/torch_attention.json``. Where
PyTorch has a counter, `torch.utils.flop_counter`, a case holds its flops too: two for each product.
"""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

DATA = Path(__file__).parent / "data"
RANDOM = random.Random(15)
CASES: list[dict] = []
ATTENTION: list[dict] = []


def draw(*shape, values=(-3, -2, -1, 0, 1, 2, 3)):
    return torch.tensor(RANDOM.choices(values, k=torch.Size(shape).numel()), dtype=torch.float64).reshape(shape)


def halves(*shape):
    """Small numbers, so that no sigmoid or softmax is at its end."""
    return draw(*shape, values=[number / 4 for number in range(-4, 5)])


def plain(number):
    return int(number) if number == int(number) else number


def stored(tensor):
    return [list(tensor.shape), [plain(value) for value in tensor.flatten().tolist()]]


def record(type, fields, inputs, output, flops=None, **weights):
    case = {
        "type": type,
        "fields": fields,
        "inputs": list(map(stored, inputs)),
        "weights": {name: stored(weight) for name, weight in weights.items() if weight is not None},
        "output": stored(output),
    }
    CASES.append(case if flops is None else {**case, "flops": flops})


def counted(function, *inputs):
    """Return what a function gives, and its flops by PyTorch's counter; attention by its plain formula."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        output = function(*inputs)
    return output, counter.get_total_flops()


def norms():
    for shape in ((4,), (4, 5), (4, 3, 2), (2, 2, 3, 2)):
        for axis in dict.fromkeys([(0,), (len(shape) - 1,), tuple(range(len(shape)))[-2:]]):
            x, order = draw(*shape), [each for each in range(len(shape)) if each not in axis] + list(axis)
            sizes = [shape[each] for each in axis]
            moved, back = x.permute(order), [order.index(each) for each in range(len(shape))]
            weight, shift = draw(*sizes), draw(*sizes)
            flat, bias = weight.flatten(), shift.flatten()
            out = F.layer_norm(moved, sizes, weight, shift, eps=1e-5).permute(back)
            fields = {"axis": axis, "affine": True, "bias": True, "eps": 1e-5}
            record("layer_norm", fields, [x], out, weight=flat, bias=bias)
            out = F.layer_norm(moved, sizes, weight, None, eps=1e-5).permute(back)
            record("layer_norm", fields | {"bias": False}, [x], out, weight=flat)
            out = F.rms_norm(moved, sizes, weight, eps=1e-6).permute(back)
            record("rms_norm", {"axis": axis, "affine": True, "eps": 1e-6}, [x], out, weight=flat)
            out = F.rms_norm(moved, sizes, eps=1e-6).permute(back)
            record("rms_norm", {"axis": axis, "affine": False, "eps": 1e-6}, [x], out)
            for eps in (1e-12, 2.5):
                record("l2_normalize", {"axis": axis, "eps": eps}, [x], F.normalize(x, dim=axis, eps=eps))
    for shape in ((4, 5), (4, 3, 2), (2, 2, 3, 2)):
        weight, bias = draw(shape[0]), draw(shape[0])
        for affine in (False, True):
            x, learned = draw(*shape), {"weight": weight, "bias": bias} if affine else {}
            out = F.instance_norm(x[None], **learned, eps=1e-5)[0]
            record("instance_norm", {"axis": 0, "affine": affine, "eps": 1e-5}, [x], out, **learned)
            fields = {"axis": len(shape) - 1, "affine": affine, "eps": 1e-5}
            record("instance_norm", fields, [x.movedim(0, -1)], out.movedim(0, -1), **learned)
        x, fields = draw(*shape), {"size": 3, "alpha": 0.1, "beta": 0.5, "k": 1}
        out = F.local_response_norm(x[None], 3, 0.1, 0.5, 1)[0]
        record("local_response_norm", {"axis": len(shape) - 1, **fields}, [x.movedim(0, -1)], out.movedim(0, -1))
        x = draw(*shape)
        weight = draw(shape[0])
        out = F.group_norm(x[None], 2, weight, None, eps=1e-5)[0]
        fields = {"axis": 0, "num_groups": 2, "affine": True, "bias": False, "eps": 1e-5}
        record("group_norm", fields, [x], out, weight=weight)


def products():
    for a, b in (
        ((3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 2)), ((3, 4), (2, 1, 4, 2)),
        ((2, 1, 2, 3), (4, 3, 2)), ((1, 1), (1, 1)), ((1, 40), (40, 1)), ((2, 3, 1, 2), (2, 3, 2, 1)),
    ):  # fmt: skip
        x, y = draw(*a), draw(*b)
        out, flops = counted(torch.matmul, x, y)
        record("matmul", {"layout": None}, [x, y], out, flops)
    for leading in ((2,), (2, 3), (2, 2, 2)):
        x, weight, bias = draw(*leading, 4), draw(3, 4), draw(3)
        out, flops = counted(F.linear, x, weight, bias)
        record("linear", {"out_features": 3, "bias": True}, [x], out, flops, weight=weight, bias=bias)


def inner_products():
    """The parts of attention, by einsum, and together by `scaled_dot_product_attention`."""
    for batch, lq, lk, heads, kv_heads, dk, dv in (
        ((), 3, 4, 2, 2, 2, 3), ((2,), 3, 3, 4, 2, 2, 2), ((2, 2), 2, 3, 3, 1, 1, 2), ((), 1, 1, 1, 1, 1, 1),
    ):  # fmt: skip
        q, k, v = halves(*batch, lq, heads * dk), halves(*batch, lk, kv_heads * dk), halves(*batch, lk, kv_heads * dv)
        by_head = [x.unflatten(-1, (-1, size)).transpose(-2, -3) for x, size in ((q, dk), (k, dk), (v, dv))]
        shared = heads // kv_heads
        query, key, value = by_head[0], *[x.repeat_interleave(shared, -3) for x in by_head[1:]]
        scores, flops = counted(torch.matmul, query, key.transpose(-1, -2))
        record("attention_scores", {"num_heads": heads, "num_kv_heads": kv_heads}, [q, k], scores, flops)
        record("attention_scale", {"head_dim": dk}, [scores], scores / dk**0.5)
        for bias in (halves(heads, lq, lk), halves(1, lq, lk), halves(lk), halves(*batch, 1, lq, 1)):
            record("attention_bias", {}, [scores, bias], scores + bias)
            record("attention_bias", {}, [scores, bias, scores], scores + bias + scores)
        weights = F.softmax(scores / dk**0.5, -1)
        context, flops = counted(torch.matmul, weights, value)
        context = context.transpose(-2, -3).flatten(-2)
        record("attention_context", {"num_kv_heads": kv_heads}, [weights, v], context, flops)
        if by_head[0].dim() == 4:
            whole = F.scaled_dot_product_attention(*by_head, enable_gqa=True)
            assert torch.allclose(whole.transpose(-2, -3).flatten(-2), context)


def attentions():
    """Whole layers: `MultiheadAttention`, alone, with a memory and with a mask."""
    for channels, heads, lq, lk, bias, masked in (
        (8, 2, 5, None, True, False), (8, 2, 5, None, False, False), (6, 3, 2, 4, True, False),
        (6, 3, 2, 4, True, True), (4, 1, 3, None, False, True),
    ):  # fmt: skip
        layer = nn.MultiheadAttention(channels, heads, bias=bias, batch_first=True).double()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(halves(*parameter.shape))
            x = halves(lq, channels)
            memory = halves(lk, channels) if lk else x
            mask = halves(lq, lk or lq) if masked else None
            apply = partial(layer, need_weights=False, attn_mask=mask)
            (out, _), flops = counted(apply, x, memory, memory)
        names = ("query", "key", "value")
        weights = {f"{name}.weight": part for name, part in zip(names, layer.in_proj_weight.chunk(3), strict=True)}
        weights["projection.weight"] = layer.out_proj.weight
        if bias:
            weights |= {f"{name}.bias": part for name, part in zip(names, layer.in_proj_bias.chunk(3), strict=True)}
            weights["projection.bias"] = layer.out_proj.bias
        ATTENTION.append(
            {
                "fields": {"num_heads": heads, "qkv_bias": bias, "out_bias": bias},
                "inputs": list(map(stored, [x] if lk is None else [x, memory])),
                "score_bias": stored(mask) if masked else None,
                "weights": {name: stored(weight) for name, weight in weights.items()},
                "output": stored(out),
                "flops": flops,
                "params": sum(parameter.numel() for parameter in layer.parameters()),
            }
        )


def recurrents():
    kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    for type, kind in kinds.items():
        for index, (features, hidden, layers, two, bias) in enumerate(
            ((3, 4, 1, False, True), (3, 2, 2, True, True), (1, 3, 3, False, False), (2, 3, 2, True, "single"),
             (4, 1, 1, True, False), (3, 5, 1, False, "single")),
        ):  # fmt: skip
            own = {}
            if type == "rnn":
                own = {"nonlinearity": "relu" if index % 2 else "tanh"}
            elif type == "lstm":
                own = {"proj_size": 2 if index in (1, 3, 5) and hidden > 2 else 0}
            layer = kind(features, hidden, layers, bias=bool(bias), bidirectional=two, batch_first=True, **own).double()
            with torch.no_grad():
                for name, parameter in layer.named_parameters():
                    none = bias == "single" and name.startswith("bias_hh")  # zeros, where there is a single bias
                    parameter.copy_(parameter * 0 if none else halves(*parameter.shape))
                for shape in ((6, features), (1, features), (2, 3, features)):
                    x = halves(*shape)
                    out, last = layer(x)
                    last = last[0] if type == "lstm" else last
                    last = last[-(2 if two else 1) :]  # the last layer, one for each direction
                    last = last.movedim(0, -2).flatten(-2)
                    weights = {
                        name: parameter
                        for name, parameter in layer.named_parameters()
                        if "weight" in name or (name.startswith("bias_ih") and bias) or bias is True
                    }
                    fields = {
                        "hidden_size": hidden, "num_layers": layers, "bidirectional": two, "bias": bias, **own
                    }  # fmt: skip
                    record(type, {**fields, "return": "sequence"}, [x], out, **weights)
                    record(type, {**fields, "return": "last"}, [x], last, **weights)


def reductions():
    for shape in ((5,), (3, 4), (2, 3, 4), (2, 2, 3, 2)):
        for axis in dict.fromkeys([(0,), (len(shape) - 1,), (len(shape) - 1, 0), tuple(range(1, len(shape)))]):
            if not axis or len(set(axis)) < len(axis):
                continue
            for op, function in (
                ("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax), ("min", torch.amin),
                ("norm", torch.linalg.vector_norm),
            ):  # fmt: skip
                for keepdim in (False, True):
                    if len(axis) < len(shape) or keepdim:
                        x = draw(*shape)
                        fields = {"op": op, "axis": axis, "keepdim": keepdim, "layout": None}
                        record("reduce", fields, [x], function(x, dim=axis, keepdim=keepdim))
        for axis in range(len(shape)):
            x = draw(*shape)
            record("softmax", {"axis": axis}, [x], F.softmax(x, axis))


def statistics():
    """Norms by running statistics, with and without what they learn."""
    for shape in ((4, 5), (4, 3, 2), (2, 2, 3, 2)):
        channels = shape[0]
        along = (channels, *[1] * (len(shape) - 1))
        for scale, bias in ((True, False), (False, True)):
            x, mean, var = draw(*shape), draw(channels), draw(channels, values=(1, 2, 3))
            weight, shift = draw(channels) if scale else None, draw(channels) if bias else None
            out = F.batch_norm(x[None], mean, var, weight, shift, eps=1e-5)[0]
            fields = {"axis": 0, "affine": True, "scale": scale, "bias": bias, "eps": 1e-5, "momentum": 0.1}
            record("batch_norm", fields, [x], out, running_mean=mean, running_var=var, weight=weight, bias=shift)
        x, mean, var = draw(*shape), draw(channels), draw(channels, values=(0, 1, 2, 3))
        out = (x - mean.reshape(along)) / var.sqrt().clamp(min=1e-7).reshape(along)
        weights = {"running_mean": mean, "running_var": var, "count": draw(1)}
        record("standardize", {"axis": 0, "stored": True}, [x], out, **weights)
        fields = {"axis": len(shape) - 1, "stored": True}
        record("standardize", fields, [x.movedim(0, -1)], out.movedim(0, -1), **weights)
        record("standardize", {"axis": 0, "stored": False}, [x], x)


def begun():
    """Record recurrent layers with a state before the first step, which PyTorch has at `[rows, batch, numbers]`."""
    for kind, layers, two, projected in (
        (nn.LSTM, 1, False, 0), (nn.LSTM, 2, True, 2), (nn.GRU, 2, True, 0), (nn.RNN, 1, True, 0)
    ):  # fmt: skip
        own = {"proj_size": projected} if kind is nn.LSTM else {}
        layer = kind(2, 3, layers, bidirectional=two, batch_first=True, **own).double()
        type, rows = kind.__name__.lower(), layers * (1 + two)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(halves(*parameter.shape))
            for batch in ((), (2,)):
                sizes = (projected or 3, 3)[: 2 if kind is nn.LSTM else 1]
                x, states = halves(*batch, 4, 2), [halves(*batch, rows, size) for size in sizes]
                given = [state.movedim(-2, 0).contiguous() for state in states]
                out, _ = layer(x, tuple(given) if len(given) > 1 else given[0])
                own = {"nonlinearity": "tanh"} if kind is nn.RNN else own
                fields = {"hidden_size": 3, "num_layers": layers, "bidirectional": two, "bias": True, **own}
                fields |= {"return": "sequence", "initial_state": len(states)}
                record(type, fields, [x, *states], out, **dict(layer.named_parameters()))


for family in (norms, products, inner_products, attentions, recurrents, reductions, statistics, begun):
    family()
for name, cases in (("sequences", CASES), ("attention", ATTENTION)):
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (DATA / f"torch_{name}.json").write_text(f"[\n{text}\n]\n")
print(f"{len(CASES)} and {len(ATTENTION)} cases of torch {torch.__version__}")  # noqa: T201 - a script run by hand
