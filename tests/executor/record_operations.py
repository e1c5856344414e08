"""Record PyTorch's outputs of elementwise operations, further activations, padding modes, correlation and sampling.

Run by hand, in an environment of its own with torch 2.13.0:

    python tests/executor/record_operations.py

The cases are drawn from a fixed seed in the normalised fields of the language, computed in double precision and
written to ``data/operations.json``; the tests compare the executor with them and never import torch.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812

DATA = Path(__file__).parent / "data" / "operations.json"
RANDOM = random.Random(21)
CASES: list[dict] = []
HALVES = [number / 2 for number in range(-16, 17)]
SHAPES = ((12,), (4, 3), (2, 3, 3), (2, 2, 2, 2))


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


def activations():
    functions = {
        "selu": F.selu,
        "softplus": lambda x: torch.log1p(torch.exp(x)),
        "softsign": F.softsign,
        "mish": F.mish,
    }
    for shape in SHAPES:
        for type, function in functions.items():
            x = draw(*shape, values=HALVES)
            if type == "softplus":
                assert torch.allclose(F.softplus(x), function(x))
            record(type, {}, [x], function(x))
        for alpha in (1, 0.5):
            x = draw(*shape, values=HALVES)
            record("elu", {"alpha": alpha}, [x], F.elu(x, alpha))
            record("celu", {"alpha": alpha}, [x], F.celu(x, alpha))
        for low, high in ((-1, 1), (0, 6)):
            x = draw(*shape, values=HALVES)
            record("hard_tanh", {"min_val": low, "max_val": high}, [x], F.hardtanh(x, low, high))
        for axis in (0, -1):
            x = draw(*shape)
            record("log_softmax", {"axis": axis % x.ndim}, [x], F.log_softmax(x, dim=axis))
            if x.shape[axis] % 2 == 0:
                record("glu", {"axis": axis % x.ndim}, [x], F.glu(x, dim=axis))


def elementwise():
    functions = {
        "exp": torch.exp,
        "reciprocal": torch.reciprocal,
        "abs": torch.abs,
        "neg": torch.neg,
        "square": torch.square,
        "sign": torch.sign,
        "floor": torch.floor,
        "ceil": torch.ceil,
        "round": torch.round,
        "sin": torch.sin,
        "cos": torch.cos,
        "erf": torch.erf,
    }
    positive = {"log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt}
    for shape in SHAPES:
        for op, function in {**functions, **positive}.items():
            x = draw(*shape, values=[each for each in HALVES if each > 0 or (op in functions and each)])
            record("elementwise", {"op": op, "value": None}, [x], function(x))
        for op, value, function in (
            ("pow", 3, torch.pow),
            ("add", 1.5, torch.add),
            ("multiply", -0.5, torch.mul),
            ("clamp", [-1, 2.5], lambda x, bounds: torch.clamp(x, *bounds)),
        ):
            x = draw(*shape, values=HALVES)
            record("elementwise", {"op": op, "value": value}, [x], function(x, value))
        weight, x = draw(shape[-1]), draw(*shape)
        record("shift", {"axis": len(shape) - 1}, [x], x + weight, bias=weight)


def merges():
    merging = {"subtract": torch.sub, "divide": torch.div, "maximum": torch.maximum, "minimum": torch.minimum}
    for shape in ((3,), (3, 4), (3, 2, 3), (2, 2, 2, 2)):
        for stretched in (shape, (shape[0], *[1] * (len(shape) - 1)), (1, *shape[1:])):
            for type, function in merging.items():
                a, b = draw(*shape), draw(*stretched, values=(-3, -2, -1, 1, 2, 3))
                record(type, {}, [a, b], function(a, b))
                if type in ("maximum", "minimum"):
                    c = draw(*shape)
                    record(type, {}, [a, b, c], function(function(a, b), c))


def padding_modes():
    apply = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
    for rank, sizes in ((1, (5,)), (2, (4, 5)), (3, (3, 4, 3))):
        for mode in ("reflect", "replicate", "circular"):
            for groups, stride, dilation in ((1, 1, 1), (2, 2, 1), (4, 1, 2)):
                before, after = RANDOM.sample((0, 1, 2), 2)
                x, weight, bias = draw(4, *sizes), draw(4, 4 // groups, *[2] * rank), draw(4)
                padded = F.pad(x[None], [before, after] * rank, mode=mode)
                out = apply[rank](padded, weight, bias, stride, 0, dilation, groups)[0]
                fields = {
                    "kernel_size": [2] * rank,
                    "stride": [stride] * rank,
                    "padding": [[before, after]] * rank,
                    "padding_mode": mode,
                    "dilation": [dilation] * rank,
                    "bias": True,
                }
                record("conv", {"out_channels": 4, "groups": groups, **fields}, [x], out, weight=weight, bias=bias)
                if groups == 4:
                    record("depthwise_conv", {"depth_multiplier": 1, **fields}, [x], out, weight=weight, bias=bias)


def correlations():
    apply = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
    for rank, sizes in ((1, (7,)), (2, (5, 6)), (3, (3, 4, 3))):
        for pair in ((0, 0), (1, 1), (0, 2)):
            x, window = draw(3, *sizes), [2, 3, 1][:rank]
            padded = F.pad(x, [*pair] * rank)[None]
            fields = {"padding": [list(pair)] * rank}
            kernel = draw(3, *window)
            out = apply[rank](padded, kernel[:, None], groups=3)[0]
            record("cross_correlation", {"mode": "depthwise", **fields}, [x, kernel], out)
            for outputs in (1, 2):
                kernel = draw(outputs * 3, *window)
                out = apply[rank](padded, kernel.reshape(outputs, 3, *window))[0]
                record("cross_correlation", {"mode": "full", **fields}, [x, kernel], out)


def samples():
    quarters = [number / 4 for number in range(-6, 7)]
    for sizes, out_sizes in (((4, 5), (3, 4)), ((3, 3, 4), (2, 3, 2))):
        for align in (False, True):
            x, grid = draw(2, *sizes), draw(*out_sizes, len(sizes), values=quarters)
            out = F.grid_sample(x[None], grid[None], align_corners=align)[0]
            record("grid_sample", {"size": None, "align_corners": align}, [x, grid], out)
    for align in (False, True):  # on one axis as on two, the first of one value
        x, grid = draw(2, 5), draw(4, 1, values=quarters)
        places = torch.stack([grid[:, 0], torch.zeros(4, dtype=grid.dtype)], dim=-1)[None, None]
        out = F.grid_sample(x[None, :, None], places, align_corners=align)[0, :, 0]
        record("grid_sample", {"size": None, "align_corners": align}, [x, grid], out)


def at(x, places, mode="zeros"):
    """PyTorch's samples of a picture at places in pixels, one coordinate for each axis in front."""
    if x.ndim == 2:  # as two axes, of which the first has three values, the outer ones zero
        x, places = F.pad(x[:, None], (0, 0, 1, 1)), torch.stack([torch.ones_like(places[0]), places[0]])
    scaled = [2 * place / (size - 1) - 1 for place, size in zip(places, x.shape[1:], strict=True)]
    grid = torch.stack(scaled[::-1], dim=-1)
    shape = [1] * (x.ndim - 2) + [-1]
    grid = grid.reshape(1, *shape, len(places))
    return F.grid_sample(x[None], grid, padding_mode=mode, align_corners=True).reshape(x.shape[0], *places.shape[1:])


def deformable():
    apply = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
    for rank, sizes in ((1, (6,)), (2, (4, 5)), (3, (3, 3, 2))):
        for offset_groups, groups, modulated, stride, dilation in (
            (1, 1, True, 1, 1),
            (2, 1, False, 2, 1),
            (2, 2, True, 1, 2),
            (1, 2, False, 1, 1),
        ):
            kernel = [2, 3][:rank] if rank < 3 else [2, 1, 2]
            taps = torch.Size(kernel).numel()
            x, weight = draw(4, *sizes), draw(6, 4 // groups, *kernel)
            bias = draw(6) if modulated else None
            moving = offset_groups * taps * (rank + modulated)
            offset_weight = draw(moving, 4, *kernel) / 8
            offset_bias = draw(moving) / 4
            moved = apply[rank](x[None], offset_weight, offset_bias, stride, 1, dilation)[0]
            out_sizes = moved.shape[1:]
            offsets = moved[: offset_groups * taps * rank].reshape(offset_groups, taps, rank, *out_sizes)
            mask = torch.ones(offset_groups, taps, *out_sizes, dtype=x.dtype)
            if modulated:
                mask = torch.sigmoid(moved[offset_groups * taps * rank :]).reshape(mask.shape)
            columns = []
            starts = torch.meshgrid(*[torch.arange(size) * stride - 1 for size in out_sizes], indexing="ij")
            steps = torch.cartesian_prod(*[torch.arange(k) * dilation for k in kernel]).reshape(taps, rank)
            for channel in range(4):
                group = channel * offset_groups // 4
                for tap in range(taps):
                    places = torch.stack(
                        [starts[axis] + steps[tap, axis] + offsets[group, tap, axis] for axis in range(rank)]
                    )
                    columns.append(at(x[channel : channel + 1], places)[0] * mask[group, tap])
            columns = torch.stack(columns).reshape(groups, 4 // groups * taps, -1)
            rows = weight.reshape(groups, 6 // groups, -1)
            out = torch.einsum("gnk,gkp->gnp", rows, columns).reshape(6, *out_sizes)
            if bias is not None:
                out = out + bias.reshape(6, *[1] * rank)
            fields = {
                "out_channels": 6,
                "kernel_size": kernel,
                "stride": [stride] * rank,
                "padding": [[1, 1]] * rank,
                "dilation": [dilation] * rank,
                "groups": groups,
                "offset_groups": offset_groups,
                "modulated": modulated,
                "bias": bias is not None,
            }
            weights = {"weight": weight, "bias": bias, "offset_weight": offset_weight, "offset_bias": offset_bias}
            record("deform_conv", fields, [x], out, **weights)


def regions():
    for (height, width), ratio, scale, aligned in (
        ((2, 2), 2, 1, False),
        ((3, 2), 1, 0.5, True),
        ((1, 3), 3, 0.25, False),
        ((2, 2), 2, 0.5, True),
    ):
        x = draw(3, 5, 6)
        boxes = torch.tensor([[0.5, 1, 7, 5], [-9, -9, 20, 30], [2, 2, 2.25, 2.25]], dtype=x.dtype)
        outputs = []
        for box in boxes:
            left, top, right, bottom = (box * scale - (0.5 if aligned else 0)).tolist()
            sizes = [bottom - top, right - left]
            if not aligned:
                sizes = [max(size, 1) for size in sizes]
            axes = []
            for start, size, cells in zip((top, left), sizes, (height, width), strict=True):
                step = size / cells
                axes.append(torch.arange(cells * ratio, dtype=x.dtype) * step / ratio + start + step / ratio / 2)
            places = torch.stack(torch.meshgrid(*axes, indexing="ij"))
            limits = torch.tensor(x.shape[1:]).reshape(2, 1, 1)
            inside = ((places >= -1) & (places <= limits)).all(dim=0)
            values = at(x, places, "border") * inside
            outputs.append(F.avg_pool2d(values[None], ratio)[0])
        fields = {
            "num_regions": 3,
            "output_size": [height, width],
            "sampling_ratio": ratio,
            "spatial_scale": scale,
            "aligned": aligned,
        }
        record("roi_align", fields, [x, boxes], torch.stack(outputs))


for family in (activations, elementwise, merges, padding_modes, correlations, samples, deformable, regions):
    family()
DATA.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES) + "\n]\n")
print(f"{len(CASES)} cases of torch {torch.__version__}")  # noqa: T201 - a script that is run by hand
