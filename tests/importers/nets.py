"""Networks as ONNX files, written by hand: a call for each module, named as an exporter names it."""

from __future__ import annotations

import onnx_writer as w


class Net:
    """Gathers the nodes of a model; each method adds one and returns the value that it gives, with its channels.

    Args:
        shape: The shape of the input, without the batch.
        scoped: Whether nodes have the names of their modules.
    """

    def __init__(self, *shape, scoped=True):
        self.shape = shape
        self.scoped = scoped
        self.nodes, self.tensors = [], []
        self.channels = {"input": shape[0]}

    def add(self, operator, inputs, channels, scope="", tensors=(), outputs=None, **attributes):
        """Add a node with the tensors that it learns: their shapes."""
        number = len(self.nodes)
        names = [f"w{number}_{at}" for at in range(len(tensors))]
        self.tensors += [w.tensor(name, shape) for name, shape in zip(names, tensors, strict=True)]
        name = f"/{scope.replace('.', '/')}/{operator}" if scope and self.scoped else f"{operator}_{number}"
        given = outputs or [f"v{number}"]
        self.nodes.append(w.node(operator, " ".join([*inputs, *names]), " ".join(given), name, **attributes))
        self.channels |= dict.fromkeys(given, channels)
        return given[0] if outputs is None else given

    def conv(self, x, out, k=1, scope="", *, stride=1, groups=1, bias=True):
        """Add a convolution whose padding keeps the size, but for the stride."""
        kernel = [out, self.channels[x] // groups, k, k]
        more = {"strides": [stride] * 2} if stride != 1 else {}
        more |= {"pads": [k // 2] * 4} if k > 1 else {}
        more |= {"group": groups} if groups != 1 else {}
        return self.add("Conv", [x], out, scope, [kernel, [out]] if bias else [kernel], **more)

    def act(self, x, operator="Relu", scope=""):
        """Add an activation."""
        return self.add(operator, [x], self.channels[x], scope)

    def relu(self, x, scope=""):
        """Add a ReLU."""
        return self.act(x, "Relu", scope)

    def norm(self, x, scope=""):
        """Add a batch norm."""
        return self.add("BatchNormalization", [x], self.channels[x], scope, [[self.channels[x]]] * 4)

    def sum(self, a, b, scope=""):
        """Add a sum."""
        return self.add("Add", [a, b], self.channels[a], scope)

    def concat(self, values, scope=""):
        """Join channels."""
        return self.add("Concat", values, sum(self.channels[each] for each in values), scope, axis=1)

    def pool(self, x, k=2, scope="", *, stride=None, operator="MaxPool"):
        """Add a pool; of stride 1 it keeps the size."""
        stride = stride or k
        more = {"pads": [k // 2] * 4} if stride == 1 and k > 1 else {}
        return self.add(operator, [x], self.channels[x], scope, kernel_shape=[k] * 2, strides=[stride] * 2, **more)

    def up(self, x, out, scope=""):
        """Double the size by a transposed convolution."""
        kernel = [[self.channels[x], out, 2, 2], [out]]
        return self.add("ConvTranspose", [x], out, scope, kernel, strides=[2, 2])

    def head(self, x, classes, scope="fc"):
        """Add a global pool and a classifier."""
        x = self.add("GlobalAveragePool", [x], self.channels[x], "avgpool")
        flat = self.add("Flatten", [x], self.channels[x])
        return self.add("Gemm", [flat], classes, scope, [[classes, self.channels[x]], [classes]], transB=1)

    def file(self, *outputs):
        """Return the file."""
        return w.model(self.nodes, {"input": [1, *self.shape]}, " ".join(outputs), self.tensors)


def resnet(*, scoped=True, depths=(2, 2, 3), extra=False, without=""):
    """Return a residual network of three stages; the channels double with each, which halves the size.

    Args:
        scoped: Whether nodes have the names of their modules.
        depths: The blocks of each stage.
        extra: Whether there is one convolution more in the second stage.
        without: The module of a block that is left out.
    """
    net = Net(3, 64, 64, scoped=scoped)
    x = net.pool(net.relu(net.conv("input", 16, 7, "conv1", stride=2), "relu"), scope="maxpool")
    for stage, (out, depth) in enumerate(zip((16, 32, 64), depths, strict=True), 1):
        for block in range(depth):
            at = f"layer{stage}.{block}"
            if at == without:
                continue
            stride = 2 if stage > 1 and not block else 1
            y = net.relu(net.conv(x, out, 3, f"{at}.conv1", stride=stride), f"{at}.relu")
            y = net.conv(y, out, 3, f"{at}.conv2")
            y = net.conv(y, out, 3, f"{at}.extra") if extra and at == "layer2.1" else y
            short = net.conv(x, out, 1, f"{at}.downsample.0", stride=2) if stride == 2 else x
            x = net.relu(net.sum(y, short, at), f"{at}.relu_1")
    return net.file(net.head(x, 10))


def mobilenet(*, scoped=True):
    """Return inverted residuals with expansions of 6 in four stages."""
    net = Net(3, 64, 64, scoped=scoped)
    x = net.act(net.conv("input", 8, 3, "features.0.0", stride=2), "HardSwish", "features.0.1")
    number = 1
    for out, depth, stride in ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 2, 2)):
        for turn in range(depth):
            at, wide = f"features.{number}", 6 * net.channels[x]
            y = net.act(net.conv(x, wide, 1, f"{at}.conv.0.0"), "HardSwish", f"{at}.conv.0.1")
            y = net.conv(y, wide, 3, f"{at}.conv.1.0", stride=1 if turn else stride, groups=wide)
            y = net.conv(net.act(y, "HardSwish", f"{at}.conv.1.1"), out, 1, f"{at}.conv.2")
            x = net.sum(x, y, at) if turn else y
            number += 1
    return net.file(net.head(x, 10, "classifier"))


def googlenet(*, scoped=True):
    """Return four inception modules, the last two behind a pool."""
    net = Net(3, 64, 64, scoped=scoped)
    x = net.relu(net.conv("input", 16, 7, "conv1.conv", stride=2), "conv1")
    names = ("3a", "3b", "4a", "4b")
    sizes = ((8, 12, 16, 2, 4, 4), (16, 16, 24, 4, 12, 8), (24, 12, 26, 2, 6, 8), (20, 14, 28, 3, 8, 8))
    for name, (c1, r3, c3, r5, c5, pooled) in zip(names, sizes, strict=True):
        at = f"inception{name}"
        if name == "4a":
            x = net.pool(x, scope="maxpool3")
        one = net.relu(net.conv(x, c1, 1, f"{at}.branch1.conv"))
        three = net.relu(net.conv(x, r3, 1, f"{at}.branch2.0.conv"))
        three = net.relu(net.conv(three, c3, 3, f"{at}.branch2.1.conv"))
        five = net.relu(net.conv(x, r5, 1, f"{at}.branch3.0.conv"))
        five = net.relu(net.conv(five, c5, 3, f"{at}.branch3.1.conv"))
        last = net.pool(x, 3, f"{at}.branch4.0", stride=1)
        last = net.relu(net.conv(last, pooled, 1, f"{at}.branch4.1.conv"))
        x = net.concat([one, three, five, last], at)
    return net.file(net.head(x, 10))


def unet(*, scoped=True):
    """Return an encoder of four sizes, and a decoder that joins what each of them gave."""
    net = Net(1, 32, 32, scoped=scoped)

    def double(x, out, at):
        for number in (0, 3):
            x = net.relu(net.norm(net.conv(x, out, 3, f"{at}.{number}", bias=False), f"{at}.{number + 1}"))
        return x

    x = double("input", 8, "inc.double_conv")
    skips = []
    for number, out in enumerate((16, 32, 64), 1):
        skips.append(x)
        x = double(net.pool(x, scope=f"down{number}.0"), out, f"down{number}.1.double_conv")
    for number, out in enumerate((32, 16, 8), 1):
        y = net.up(x, out, f"up{number}.up")
        x = double(net.concat([skips.pop(), y], f"up{number}"), out, f"up{number}.conv.double_conv")
    return net.file(net.conv(x, 2, 1, "outc.conv"))
