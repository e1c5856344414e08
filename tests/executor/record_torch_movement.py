"""Record PyTorch's outputs of layers that move values, learn them, or pool and merge values of any layout.

Run by hand, in an environment of its own with torch 2.13.0:

    python tests/executor/record_torch_movement.py

The cases are drawn from a fixed seed in the normalised fields of the language, computed in double precision and
written to ``data/torch_movement.json``. Patterns of `rearrange` are written out as PyTorch's reshapes and
permutations.
"""

from __future__ import annotations

import json
import random
from math import prod
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812

DATA = Path(__file__).parent / "data"
RANDOM = random.Random(4)
CASES: list[dict] = []
SHAPES = ((5,), (4, 3), (2, 3, 4), (2, 3, 2, 2))


def draw(*shape, values=(-3, -2, -1, 0, 1, 2, 3)):
    return torch.tensor(RANDOM.choices(values, k=torch.Size(shape).numel()), dtype=torch.float64).reshape(shape)


def plain(number):
    return int(number) if number == int(number) else number


def stored(tensor):
    return [list(tensor.shape), [plain(value) for value in tensor.flatten().tolist()]]


def record(type, fields, inputs, output, **weights):
    several = isinstance(output, (tuple, list))
    CASES.append(
        {
            "type": type,
            "fields": fields,
            "inputs": list(map(stored, inputs)),
            "weights": {name: stored(weight) for name, weight in weights.items()},
            **({"outputs": list(map(stored, output))} if several else {"output": stored(output)}),
        }
    )


def reshapings():
    for shape in SHAPES[1:]:
        x = draw(*shape)
        record("tokens", {}, [x], x.flatten(1).T)
        record("feature_map", {"size": shape[1:]}, [x.flatten(1).T], x)
        record("feature_map", {"size": shape[1:]}, [x.movedim(0, -1)], x)
    for shape in SHAPES:
        x = draw(*shape)
        for _ in range(3):
            axes = RANDOM.sample(range(len(shape)), len(shape))
            record("permute", {"axes": axes, "layout": None}, [x], x.permute(axes))
        for sizes in ([-1], [1, -1], [shape[-1], -1], [*shape[::-1]]):
            record("reshape", {"shape": sizes, "layout": None}, [x], x.reshape(sizes))
        for sizes in ([2, *shape], [3, 1, *shape], [-1] * len(shape)):
            record("expand", {"shape": sizes, "layout": None}, [x], x.expand(sizes))
        narrow = draw(1, *shape[1:])
        sizes = [4, *[-1] * (len(shape) - 1)]
        record("expand", {"shape": sizes, "layout": None}, [narrow], narrow.expand(sizes))


def rearrangements():
    c, h, w, p, q = 2, 3, 2, 2, 3

    def rearrange(pattern, x, output, **sizes):
        record("rearrange", {"pattern": pattern, "sizes": sorted(sizes.items())}, [x], output)

    x = draw(c, h * p, w * q)
    parts = x.reshape(c, h, p, w, q)
    rearrange("c h w -> (h w) c", x, x.flatten(1).T)
    rearrange("c (h p) (w q) -> (p q) (h w) c", x, parts.permute(2, 4, 1, 3, 0).reshape(p * q, h * w, c), p=p, q=q)
    rearrange("c (h p) (w q) -> (h w) (p q c)", x, parts.permute(1, 3, 2, 4, 0).reshape(h * w, -1), p=p, q=q)
    rearrange("c (h p) (w q) -> h w c p q", x, parts.permute(1, 3, 0, 2, 4), h=h, w=w)
    heads = draw(5, 3 * 2 * 4)
    rearrange("l (three n d) -> three n l d", heads, heads.reshape(5, 3, 2, 4).permute(1, 2, 0, 3), three=3, n=2)
    rearrange("l d -> 1 d l", heads, heads.T[None])
    y = draw(2, 3, 2, 4)
    rearrange("... c -> c ...", y, y.movedim(-1, 0))
    z = draw(6, 2, 1)
    rearrange("(f b) c 1 -> b (c f)", z, z.reshape(2, 3, 2).permute(1, 2, 0).reshape(3, 4), f=2)


def selections():
    for shape in SHAPES:
        x = draw(*shape)
        rank = len(shape)
        for axes in ([0], [rank - 1], list(range(rank))):
            shift = [RANDOM.randint(-7, 7) for _ in axes]
            record("roll", {"shift": shift, "axis": axes}, [x], x.roll(shift, axes))
            record("flip", {"axis": axes}, [x], x.flip(axes))
        for sizes in ([3], [2, 5], [2, 2, 3]):
            indices = torch.arange(prod(sizes)) % x.numel()
            fields = {"shape": sizes, "layout": None}
            record("gather", fields, [x], x.flatten().index_select(0, indices).reshape(sizes))
        for axis in range(rank):
            y = draw(*shape[:axis], shape[axis] * 3, *shape[axis + 1 :])
            fields = {"sizes": None, "chunks": 3, "axis": axis}
            record("split", fields, [y], torch.chunk(y, 3, axis))
            sizes = [1, shape[axis], 2 * shape[axis] - 1]
            record("split", {"sizes": sizes, "chunks": None, "axis": axis}, [y], torch.split(y, sizes, axis))
            for start, end, step in ((0, 3, 2), (1, 3 * shape[axis], 3), (2, 6, 1)):
                taken = y.movedim(axis, 0)[start:end:step].movedim(0, axis)
                record("slice", {"axis": axis, "start": start, "end": end, "step": step}, [y], taken)


def margins():
    modes = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "replicate"}
    modes["circular"] = "circular"
    for rank in (1, 2, 3):
        x = draw(2, *[4, 3, 3][:rank])
        for mode, name in modes.items():
            pairs = [[RANDOM.randint(0, 2), RANDOM.randint(0, 2)] for _ in range(rank)]
            value = 2 if mode == "constant" else 0
            amounts = [amount for pair in reversed(pairs) for amount in pair]
            out = F.pad(x[None], amounts, mode=name, **({"value": value} if name == "constant" else {}))[0]
            axis = list(range(1, rank + 1))
            record("pad", {"padding": pairs, "axis": axis, "mode": mode, "value": value}, [x], out)
            # the same on tokens: channels last
            tokens = x.movedim(0, -1)
            fields = {"padding": pairs, "axis": [place - 1 for place in axis], "mode": mode, "value": value}
            record("pad", fields, [tokens], out.movedim(0, -1))
            record(
                "crop", {"cropping": pairs, "axis": fields["axis"]}, [F.pad(x[None], amounts)[0].movedim(0, -1)], tokens
            )
    x = draw(3, 4)
    record("pad", {"padding": [[1, 2]], "axis": [0], "mode": "zeros", "value": 0}, [x], F.pad(x, (0, 0, 1, 2)))


def windows():
    for _ in range(12):
        kernel, stride, dilation = ([RANDOM.randint(1, high) for _ in range(2)] for high in (3, 2, 2))
        padding = [RANDOM.randint(0, 1) for _ in range(2)]
        sizes = [RANDOM.randint(d * (k - 1) + 1, 6) for k, d in zip(kernel, dilation, strict=True)]
        x = draw(2, *sizes)
        fields = {"kernel_size": kernel, "stride": stride, "padding": [[p, p] for p in padding], "dilation": dilation}
        columns = F.unfold(x[None], kernel, dilation, padding, stride)[0]
        record("unfold", fields, [x], columns)
        y = draw(*columns.shape)
        record(
            "fold", {"output_size": sizes, **fields}, [y], F.fold(y[None], sizes, kernel, dilation, padding, stride)[0]
        )
    # PyTorch has pictures only: one axis is a picture of one row, and three are a picture at each depth.
    x = draw(2, 7)
    fields = {"kernel_size": [3], "stride": [2], "padding": [[1, 1]], "dilation": [1]}
    columns = F.unfold(x[None, :, None], (1, 3), 1, (0, 1), (1, 2))[0]
    record("unfold", fields, [x], columns)
    back = F.fold(columns[None], (1, 7), (1, 3), 1, (0, 1), (1, 2))[0, :, 0]
    record("fold", {"output_size": [7], **fields}, [columns], back)
    x = draw(2, 3, 4, 4)
    fields = {"kernel_size": [1, 2, 2], "stride": [1, 2, 2], "padding": [[0, 0]] * 3, "dilation": [1, 1, 1]}
    columns = torch.cat([F.unfold(x[None, :, depth], 2, stride=2)[0] for depth in range(3)], dim=1)
    record("unfold", fields, [x], columns)
    record("fold", {"output_size": [3, 4, 4], **fields}, [columns], x)  # windows that share nothing


def learned():
    for shape in SHAPES:
        weight = draw(*shape)
        record("parameter", {"shape": shape, "layout": None}, [], weight, weight=weight)
    for rows, columns, length in ((7, 3, 5), (1, 1, 1), (4, 2, 9)):
        weight, x = draw(rows, columns), draw(length, values=range(rows))
        fields = {"num_embeddings": rows, "embedding_dim": columns}
        record("embedding", fields, [x], F.embedding(x.long(), weight), weight=weight)


def pools():
    largest = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
    norm = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
    unpool = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
    for rank in (1, 2, 3):
        for _ in range(5):
            x = draw(2, *[RANDOM.randint(3, 6) for _ in range(rank)])
            size = [RANDOM.randint(1, 5) for _ in range(rank)]
            record("adaptive_max_pool", {"output_size": size}, [x], largest[rank](x[None], size)[0])
            kernel, stride = ([RANDOM.randint(1, 3) for _ in range(rank)] for _ in range(2))
            for p, ceil in ((1, False), (2, False), (2, True), (3, False), (0.5, True)):
                y = draw(*x.shape, values=(1, 2, 3, 4) if p != 2 else (-2, -1, 0, 1, 3))
                fields = {"kernel_size": kernel, "stride": stride, "padding": [[0, 0]] * rank, "ceil_mode": ceil}
                if ceil:  # PyTorch makes up for what hangs over; its formula does not: windows that fit
                    y = y[(slice(None), *[slice(0, k) for k in kernel])]
                    fields["stride"] = kernel
                if min(y.shape) and all(i >= k for i, k in zip(y.shape[1:], kernel, strict=True)):
                    out = norm[rank](
                        y[None],
                        float(p),
                        kernel[0] if rank == 1 else kernel,
                        fields["stride"][0] if rank == 1 else fields["stride"],
                        ceil,
                    )[0]
                    record("lp_pool", {**fields, "norm_type": p}, [y], out)
        x = draw(3, *[4, 2, 3][:rank])
        record("global_max_pool", {"axis": 0}, [x], x.amax(list(range(1, rank + 1)), keepdim=True))
        tokens = x.movedim(0, -1)
        record("global_max_pool", {"axis": rank}, [tokens], x.flatten(1).amax(1))
        record("global_avg_pool", {"axis": rank}, [tokens], x.flatten(1).mean(1))
        # Distinct values, so that it is clear which is the largest.
        order = RANDOM.sample(range(2 * 6**rank), 2 * 6**rank)
        for factor in (2, 3):
            whole = torch.tensor(order, dtype=torch.float64).reshape(2, *[6] * rank)
            _, indices = pool[rank](whole[None], factor, return_indices=True)
            values = draw(*indices.shape[1:])
            out = unpool[rank](values[None], indices, factor, output_size=whole.shape[1:])[0]
            record("max_unpool", {"of": 1}, [values, whole], out)


def merges():
    for function, type in ((torch.add, "add"), (torch.mul, "multiply")):
        for shape in SHAPES[1:]:
            x, rank = draw(*shape), len(shape)
            first, last = draw(shape[0]), draw(shape[-1])
            record(type, {"axis": 0}, [x, first], function(x, first.reshape(-1, *[1] * (rank - 1))))
            record(type, {"axis": rank - 1}, [last, x], function(last, x))
            lower = draw(*shape[1:])
            record(type, {"axis": rank - 1}, [x, lower, x], function(function(x, lower), x))


def upsamples():
    for factor, align in ((2, False), (3, True), (2, True), (4, False)):
        x = draw(2, 3, 4)
        fields = {"scale_factor": [str(factor)] * 2, "size": None, "mode": "bicubic", "align_corners": align}
        out = F.interpolate(x[None], scale_factor=float(factor), mode="bicubic", align_corners=align)[0]
        record("upsample", fields, [x], out)
    for size, align in (([7, 5], False), ([2, 9], True), ([5, 3], False), ([1, 6], True)):
        x = draw(2, 4, 4)
        fields = {"scale_factor": None, "size": size, "mode": "bicubic", "align_corners": align}
        record("upsample", fields, [x], F.interpolate(x[None], size=size, mode="bicubic", align_corners=align)[0])


def unshuffles():
    for rank in (1, 2, 3):
        for factor in (1, 2, 3):
            sizes = [2, 1, 2][:rank]
            x = draw(2, *[size * factor for size in sizes])
            # PyTorch unshuffles pixels of images only; this is its definition in any rank, checked where it has one.
            split = x.reshape(2, *[number for size in sizes for number in (size, factor)])
            order = [0, *range(2, 2 * rank + 1, 2), *range(1, 2 * rank + 1, 2)]
            out = split.permute(order).reshape(2 * factor**rank, *sizes)
            if rank == 2:
                assert torch.equal(out, F.pixel_unshuffle(x, factor))
            record("pixel_unshuffle", {"downscale_factor": factor}, [x], out)


for family in (
    reshapings,
    rearrangements,
    selections,
    margins,
    windows,
    learned,
    pools,
    merges,
    upsamples,
    unshuffles,
):
    family()
text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES)
(DATA / "torch_movement.json").write_text(f"[\n{text}\n]\n")
print(f"{len(CASES)} cases of torch {torch.__version__}")  # noqa: T201 - a script that is run by hand
