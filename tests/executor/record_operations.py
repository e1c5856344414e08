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


for family in (activations, elementwise, merges, padding_modes):
    family()
DATA.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES) + "\n]\n")
print(f"{len(CASES)} cases of torch {torch.__version__}")  # noqa: T201 - a script that is run by hand
