"""Networks that no library builds, as PyTorch modules written from their papers and first implementations.

`record_modules.py` runs them; nothing here knows convcost.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv_bn_silu(m: int, n: int, k: int = 1, s: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(m, n, k, s, k // 2, bias=False), nn.BatchNorm2d(n), nn.SiLU())


class C2f(nn.Module):
    def __init__(self, m: int, n: int, depth: int, *, shortcut: bool) -> None:
        super().__init__()
        half, self.shortcut = n // 2, shortcut
        self.cv1, self.cv2 = conv_bn_silu(m, n), conv_bn_silu((2 + depth) * half, n)
        self.m = nn.ModuleList(
            nn.Sequential(conv_bn_silu(half, half, 3), conv_bn_silu(half, half, 3)) for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            y = block(parts[-1])
            parts.append(parts[-1] + y if self.shortcut else y)
        return self.cv2(torch.cat(parts, 1))


class SPPF(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = conv_bn_silu(n, n // 2), conv_bn_silu(2 * n, n)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class YOLOv8n(nn.Module):
    """github.com/ultralytics/ultralytics, `yolov8.yaml` at size n, and `nn/modules/head.py` up to the distances."""

    def __init__(self, classes: int = 80, bins: int = 16) -> None:
        super().__init__()
        self.classes, self.bins = classes, bins
        self.stem = nn.Sequential(conv_bn_silu(3, 16, 3, 2), conv_bn_silu(16, 32, 3, 2), C2f(32, 32, 1, shortcut=True))
        self.c3 = nn.Sequential(conv_bn_silu(32, 64, 3, 2), C2f(64, 64, 2, shortcut=True))
        self.c4 = nn.Sequential(conv_bn_silu(64, 128, 3, 2), C2f(128, 128, 2, shortcut=True))
        self.c5 = nn.Sequential(conv_bn_silu(128, 256, 3, 2), C2f(256, 256, 1, shortcut=True), SPPF(256))
        self.n4, self.n3 = C2f(384, 128, 1, shortcut=False), C2f(192, 64, 1, shortcut=False)
        self.d3, self.p4 = conv_bn_silu(64, 64, 3, 2), C2f(192, 128, 1, shortcut=False)
        self.d4, self.p5 = conv_bn_silu(128, 128, 3, 2), C2f(384, 256, 1, shortcut=False)
        widths = (64, 128, 256)
        near, far = max(16, widths[0] // 4, 4 * bins), max(widths[0], min(classes, 100))
        self.boxes = nn.ModuleList(self.head(n, near, 4 * bins) for n in widths)
        self.scores = nn.ModuleList(self.head(n, far, classes) for n in widths)
        self.dfl = nn.Conv2d(bins, 1, 1, bias=False).requires_grad_(requires_grad=False)

    @staticmethod
    def head(n: int, mid: int, out: int) -> nn.Sequential:
        return nn.Sequential(conv_bn_silu(n, mid, 3), conv_bn_silu(mid, mid, 3), nn.Conv2d(mid, out, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        c3 = self.c3(self.stem(image))
        c4 = self.c4(c3)
        c5 = self.c5(c4)
        n4 = self.n4(torch.cat([functional.interpolate(c5, scale_factor=2.0), c4], 1))
        p3 = self.n3(torch.cat([functional.interpolate(n4, scale_factor=2.0), c3], 1))
        p4 = self.p4(torch.cat([self.d3(p3), n4], 1))
        p5 = self.p5(torch.cat([self.d4(p4), c5], 1))
        levels = (p3, p4, p5)
        boxes = torch.cat([head(x).flatten(2) for head, x in zip(self.boxes, levels, strict=True)], 2)
        scores = torch.cat([head(x).flatten(2) for head, x in zip(self.scores, levels, strict=True)], 2)
        boxes = boxes.view(boxes.shape[0], 4, self.bins, -1).transpose(1, 2)
        return self.dfl(boxes.softmax(1)), scores.sigmoid()


class Attention(nn.Module):
    """Attention of several heads, unfused, each projection a layer of its own."""

    def __init__(self, d: int, heads: int, memory: int | None = None, *, qkv_bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(d, d, bias=qkv_bias)
        self.k, self.v = (nn.Linear(memory or d, d, bias=qkv_bias) for _ in range(2))
        self.out = nn.Linear(d, d)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (self.q(query), self.k(key), self.v(value))
        )
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class DetrLayer(nn.Module):
    """A layer of the encoder, or, with a memory, of the decoder: norms behind sums, positions in queries and keys."""

    def __init__(self, d: int, *, decodes: bool) -> None:
        super().__init__()
        self.attend, self.norm1 = Attention(d, 8), nn.LayerNorm(d)
        self.cross, self.norm2 = (Attention(d, 8), nn.LayerNorm(d)) if decodes else (None, None)
        self.linear1, self.linear2, self.norm3 = nn.Linear(d, 2048), nn.Linear(2048, d), nn.LayerNorm(d)

    def forward(self, x: Tensor, place: Tensor, memory: Tensor | None = None, places: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.attend(x + place, x + place, x))
        if self.cross is not None:
            x = self.norm2(x + self.cross(x + place, memory + places, memory))
        return self.norm3(x + self.linear2(self.linear1(x).relu()))


class DETR(nn.Module):
    """github.com/facebookresearch/detr, `models/detr.py` and `transformer.py`; its backbone is torchvision's."""

    def __init__(self, backbone: nn.Module, positions: int = 625, d: int = 256) -> None:
        super().__init__()
        self.backbone, self.project = backbone, nn.Conv2d(2048, d, 1)
        self.register_buffer("positions", torch.empty(1, positions, d))  # sines
        self.register_buffer("start", torch.zeros(1, 100, d))
        self.queries = nn.Embedding(100, d)
        self.encoder = nn.ModuleList(DetrLayer(d, decodes=False) for _ in range(6))
        self.decoder = nn.ModuleList(DetrLayer(d, decodes=True) for _ in range(6))
        self.norm, self.logits = nn.LayerNorm(d), nn.Linear(d, 92)
        self.box1, self.box2, self.box3 = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, 4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        memory = self.project(self.backbone(image)).flatten(2).transpose(1, 2)
        for layer in self.encoder:
            memory = layer(memory, self.positions)
        x = self.start
        for layer in self.decoder:
            x = layer(x, self.queries.weight, memory, self.positions)
        x = self.norm(x)
        return self.logits(x), self.box3(self.box2(self.box1(x).relu()).relu()).sigmoid()


class ResidualUnit(nn.Module):
    def __init__(self, m: int, n: int, time: int = 1280) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(32, m), nn.Conv2d(m, n, 3, padding=1)
        self.time = nn.Linear(time, n)
        self.norm2, self.conv2 = nn.GroupNorm(32, n), nn.Conv2d(n, n, 3, padding=1)
        self.shortcut = nn.Conv2d(m, n, 1) if m != n else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x))) + self.time(functional.silu(time))[:, :, None, None]
        return self.shortcut(x) + self.conv2(functional.silu(self.norm2(h)))


class SpatialTransformer(nn.Module):
    def __init__(self, n: int, text: int = 768, heads: int = 8) -> None:
        super().__init__()
        self.norm, self.proj_in, self.proj_out = nn.GroupNorm(32, n), nn.Conv2d(n, n, 1), nn.Conv2d(n, n, 1)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(n), nn.LayerNorm(n), nn.LayerNorm(n)
        self.attn1 = Attention(n, heads, qkv_bias=False)
        self.attn2 = Attention(n, heads, text, qkv_bias=False)
        self.ff1, self.ff2 = nn.Linear(n, 8 * n), nn.Linear(4 * n, n)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        t = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        h = self.norm1(t)
        t = t + self.attn1(h, h, h)
        t = t + self.attn2(self.norm2(t), text, text)
        value, gate = self.ff1(self.norm3(t)).chunk(2, -1)
        t = t + self.ff2(value * functional.gelu(gate))
        return x + self.proj_out(t.transpose(1, 2).reshape(x.shape))


class Unit(nn.Module):
    def __init__(self, m: int, n: int, *, attends: bool) -> None:
        super().__init__()
        self.unit, self.transformer = ResidualUnit(m, n), SpatialTransformer(n) if attends else None

    def forward(self, x: Tensor, time: Tensor, text: Tensor) -> Tensor:
        x = self.unit(x, time)
        return x if self.transformer is None else self.transformer(x, text)


class StableDiffusionUNet(nn.Module):
    """github.com/huggingface/diffusers, `UNet2DConditionModel` as version 1 configures it."""

    def __init__(self, widths: tuple[int, ...] = (320, 640, 1280, 1280)) -> None:
        super().__init__()
        first, last = widths[0], len(widths) - 1
        self.time1, self.time2 = nn.Linear(first, 4 * first), nn.Linear(4 * first, 4 * first)
        self.conv_in = nn.Conv2d(4, first, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, m = [first], first
        for level, n in enumerate(widths):
            for _ in range(2):
                self.down.append(Unit(m, n, attends=level < last))
                skips.append(n)
                m = n
            if level < last:
                self.down.append(nn.Conv2d(n, n, 3, 2, 1))
                skips.append(n)
        self.mid = nn.ModuleList([Unit(m, m, attends=True), Unit(m, m, attends=False)])
        for level, n in reversed(list(enumerate(widths))):
            for _ in range(3):
                self.up.append(Unit(m + skips.pop(), n, attends=level < last))
                m = n
            if level:
                self.up.append(nn.Conv2d(n, n, 3, padding=1))
        self.norm_out, self.conv_out = nn.GroupNorm(32, first), nn.Conv2d(first, 4, 3, padding=1)

    def forward(self, latent: Tensor, time: Tensor, text: Tensor) -> Tensor:
        time = self.time2(functional.silu(self.time1(time)))
        x = self.conv_in(latent)
        skips = [x]
        for down in self.down:
            x = down(x, time, text) if isinstance(down, Unit) else down(x)
            skips.append(x)
        for unit in self.mid:
            x = unit(x, time, text)
        for up in self.up:
            if isinstance(up, Unit):
                x = up(torch.cat([x, skips.pop()], 1), time, text)
            else:
                x = up(functional.interpolate(x, scale_factor=2.0))
        return self.conv_out(functional.silu(self.norm_out(x)))


class CRNN(nn.Module):
    """github.com/meijieru/crnn.pytorch, `CRNN(32, 1, 37, 256)`."""

    def __init__(self, classes: int = 37, hidden: int = 256) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        m = 1
        for i, n in enumerate((64, 128, 256, 256, 512, 512, 512)):
            layers.append(nn.Conv2d(m, n, 2 if i == 6 else 3, padding=0 if i == 6 else 1))
            layers += [nn.BatchNorm2d(n)] if i in (2, 4, 6) else []
            layers.append(nn.ReLU())
            layers += [nn.MaxPool2d(2)] if i in (0, 1) else [nn.MaxPool2d(2, (2, 1), (0, 1))] if i in (3, 5) else []
            m = n
        self.cnn = nn.Sequential(*layers)
        self.lstm1 = nn.LSTM(512, hidden, bidirectional=True, batch_first=True)
        self.linear1 = nn.Linear(2 * hidden, hidden)
        self.lstm2 = nn.LSTM(hidden, hidden, bidirectional=True, batch_first=True)
        self.linear2 = nn.Linear(2 * hidden, classes)

    def forward(self, image: Tensor) -> Tensor:
        steps = self.cnn(image).squeeze(2).transpose(1, 2)
        return self.linear2(self.lstm2(self.linear1(self.lstm1(steps)[0]))[0])


class DSCNN(nn.Module):
    """github.com/mlcommons/tiny, `keyword_spotting/keras_model.py`, `ds_cnn`."""

    def __init__(self, n: int = 64, classes: int = 12) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(1, n, (10, 4), 2)]  # as TensorFlow pads
        layers += [nn.BatchNorm2d(n), nn.ReLU(), nn.Dropout(0.2)]
        for _ in range(4):
            layers += [nn.Conv2d(n, n, 3, padding=1, groups=n), nn.BatchNorm2d(n), nn.ReLU()]
            layers += [nn.Conv2d(n, n, 1), nn.BatchNorm2d(n), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Dropout(0.4), nn.AvgPool2d((25, 5)), nn.Flatten())
        self.linear = nn.Linear(n, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layers(x)).softmax(-1)


class LastState(nn.GRU):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[1][-1]


class KeywordGRU(nn.Module):
    """Zhang et al. 2017, arXiv:1711.07128: a recurrent layer and a linear one for its last state."""

    def __init__(self, features: int = 10, hidden: int = 154, classes: int = 12) -> None:
        super().__init__()
        self.gru, self.linear = LastState(features, hidden, batch_first=True), nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.gru(x)).softmax(-1)


class UNet3D(nn.Module):
    """Çiçek et al. 2016, arXiv:1606.06650, Figure 2."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()

        def double(m: int, mid: int, n: int) -> nn.Sequential:
            def stage(m: int, n: int) -> list[nn.Module]:
                return [nn.Conv3d(m, n, 3), nn.BatchNorm3d(n, affine=False), nn.ReLU()]

            return nn.Sequential(*stage(m, mid), *stage(mid, n))

        self.down = nn.ModuleList(
            double(m, mid, n) for m, mid, n in [(3, 32, 64), (64, 64, 128), (128, 128, 256), (256, 256, 512)]
        )
        self.up = nn.ModuleList(nn.ConvTranspose3d(n, n, 2, stride=2, bias=False) for n in (512, 256, 128))
        self.join = nn.ModuleList(double(3 * n, n, n) for n in (256, 128, 64))
        self.out = nn.Conv3d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            x = down(x if not skips else functional.max_pool3d(x, 2))
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x, skip = up(x), skips.pop()
            for axis in (2, 3, 4):
                skip = skip.narrow(axis, (skip.shape[axis] - x.shape[axis]) // 2, x.shape[axis])
            x = join(torch.cat([skip, x], 1))
        return self.out(x)
