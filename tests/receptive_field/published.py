"""The networks of the published table of receptive fields, as TensorFlow's slim has them, with few channels.

Channels change no receptive field, so every layer gives two. Padding is `same` unless it is said otherwise.

Source: github.com/tensorflow/models, research/slim/nets.
"""

from __future__ import annotations

VALID = 0


def conv(kernel, stride=1, padding="same", name=None):
    item = {"conv": {"out_channels": 2, "kernel_size": kernel, "stride": stride, "padding": padding}}
    return {**item, "name": name} if name else item


def pool(kernel, stride, padding="same", name=None, type="max_pool"):
    size = [kernel, kernel] if isinstance(kernel, int) else kernel
    item = {type: {"kernel_size": size, "stride": stride, "padding": padding}}
    return {**item, "name": name} if name else item


def mixed(name, *branches):
    return {"concat": [list(branch) for branch in branches], "name": name}


AVERAGE = pool(3, 1, type="avg_pool")
ONE = conv(1)


def alexnet_v2():
    return [
        conv(11, 4, VALID, "conv1"),
        pool(3, 2, VALID, "pool1"),
        conv(5, name="conv2"),
        pool(3, 2, VALID, "pool2"),
        conv(3, name="conv3"),
        conv(3, name="conv4"),
        conv(3, name="conv5"),
        pool(3, 2, VALID, "pool5"),
    ]


def vgg(*counts):
    layers = []
    for number, count in enumerate(counts, 1):
        layers += [conv(3, name=f"conv{number}/conv{number}_{each}") for each in range(1, count + 1)]
        layers.append(pool(2, 2, VALID, f"pool{number}"))
    return layers


def mobilenet_v1():
    layers = [conv(3, 2, name="Conv2d_0")]
    for number, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1):
        layers += [{"depthwise_conv": {"kernel_size": 3, "stride": stride, "padding": "same"}}]
        layers += [conv(1, name=f"Conv2d_{number}_pointwise")]
    return layers


def resnet(*units):
    """Return a residual network whose blocks step in their last unit, as slim's do."""
    layers = [conv(7, 2, 3), pool(3, 2)]
    for number, count in enumerate(units, 1):
        for unit in range(1, count + 1):
            stride = 2 if unit == count and number < 4 else 1
            body = [ONE, conv(3, stride, 1), ONE]
            last = {"name": f"block{number}"} if unit == count else {}
            shortcut = [conv(1, stride)] if unit == 1 else [pool(1, stride, VALID)] if stride > 1 else []
            layers.append({"add": [body, shortcut], **last})
    return layers


def _v2(name, average=AVERAGE):
    return mixed(name, [ONE], [ONE, conv(3)], [ONE, conv(3), conv(3)], [average, ONE])


def _v2_step(name):
    return mixed(name, [ONE, conv(3, 2)], [ONE, conv(3), conv(3, 2)], [pool(3, 2)])


def inception_v2(*, separable=True):
    first = {"separable_conv": {"out_channels": 2, "kernel_size": 7, "stride": 2, "padding": "same"}}
    return [
        {**first, "name": "Conv2d_1a_7x7"} if separable else conv(7, 2, name="Conv2d_1a_7x7"),
        pool(3, 2, name="MaxPool_2a_3x3"),
        conv(1, name="Conv2d_2b_1x1"),
        conv(3, name="Conv2d_2c_3x3"),
        pool(3, 2, name="MaxPool_3a_3x3"),
        _v2("Mixed_3b"),
        _v2("Mixed_3c"),
        _v2_step("Mixed_4a"),
        *[_v2(f"Mixed_4{letter}") for letter in "bcde"],
        _v2_step("Mixed_5a"),
        _v2("Mixed_5b"),
        _v2("Mixed_5c", pool(3, 1)),
    ]


def _stem(padding=VALID):
    return [
        conv(3, 2, padding, "Conv2d_1a_3x3"),
        conv(3, 1, padding, "Conv2d_2a_3x3"),
        conv(3, name="Conv2d_2b_3x3"),
    ]


def _stem_to_5a(padding=VALID):
    return [
        *_stem(padding),
        pool(3, 2, padding, "MaxPool_3a_3x3"),
        conv(1, name="Conv2d_3b_1x1"),
        conv(3, 1, padding, "Conv2d_4a_3x3"),
        pool(3, 2, padding, "MaxPool_5a_3x3"),
    ]


def _five(name):
    return mixed(name, [ONE], [ONE, conv(5)], [ONE, conv(3), conv(3)], [AVERAGE, ONE])


def _step(name, padding=VALID):
    return mixed(name, [conv(3, 2, padding)], [ONE, conv(3), conv(3, 2, padding)], [pool(3, 2, padding)])


ROW, COLUMN = conv([1, 7]), conv([7, 1])


def _seven(name):
    double = [ONE, COLUMN, ROW, COLUMN, ROW]
    return mixed(name, [ONE], [ONE, ROW, COLUMN], double, [AVERAGE, ONE])


def _seven_step(name):
    return mixed(name, [ONE, conv(3, 2, VALID)], [ONE, ROW, COLUMN, conv(3, 2, VALID)], [pool(3, 2, VALID)])


FORK = {"concat": [[conv([1, 3])], [conv([3, 1])]]}


def inception_v3():
    return [
        *_stem_to_5a(),
        *[_five(f"Mixed_5{letter}") for letter in "bcd"],
        _step("Mixed_6a"),
        *[_seven(f"Mixed_6{letter}") for letter in "bcde"],
        _seven_step("Mixed_7a"),
        *[mixed(f"Mixed_7{letter}", [ONE], [ONE, FORK], [ONE, conv(3), FORK], [AVERAGE, ONE]) for letter in "bc"],
    ]


def inception_v4():
    return [
        *_stem(),
        mixed("Mixed_3a", [pool(3, 2, VALID)], [conv(3, 2, VALID)]),
        mixed("Mixed_4a", [ONE, conv(3, 1, VALID)], [ONE, ROW, COLUMN, conv(3, 1, VALID)]),
        mixed("Mixed_5a", [conv(3, 2, VALID)], [pool(3, 2, VALID)]),
        *[_v2(f"Mixed_5{letter}") for letter in "bcde"],
        _step("Mixed_6a"),
        *[_seven(f"Mixed_6{letter}") for letter in "bcdefgh"],
        _seven_step("Mixed_7a"),
        *[
            mixed(f"Mixed_7{letter}", [ONE], [ONE, FORK], [ONE, conv([3, 1]), conv([1, 3]), FORK], [AVERAGE, ONE])
            for letter in "bcd"
        ],
    ]


# The residuals below read two channels, which a 1×1 convolution that slim has not makes of the concatenations.


def _residuals(count, *branches, last=None):
    block = {"add": [[{"concat": [list(branch) for branch in branches]}, ONE], []]}
    return [{**block, **({"name": last} if last and number == count - 1 else {})} for number in range(count)]


def inception_resnet_v2(padding=VALID):
    thirds = [ONE, conv(3, 2, padding)]
    return [
        *_stem_to_5a(padding),
        _five("Mixed_5b"),
        ONE,
        *_residuals(10, [ONE], [ONE, conv(3)], [ONE, conv(3), conv(3)]),
        _step("Mixed_6a", padding),
        ONE,
        *_residuals(20, [ONE], [ONE, ROW, COLUMN], last="PreAuxLogits"),
        mixed("Mixed_7a", thirds, thirds, [ONE, conv(3), conv(3, 2, padding)], [pool(3, 2, padding)]),
        ONE,
        *_residuals(10, [ONE], [ONE, conv([1, 3]), conv([3, 1])]),
        conv(1, name="Conv2d_7b_1x1"),
    ]


NETWORKS = {
    "alexnet_v2": alexnet_v2,
    "vgg_a": lambda: vgg(1, 1, 2, 2, 2),
    "vgg_16": lambda: vgg(2, 2, 3, 3, 3),
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v1_075": mobilenet_v1,
    **{
        f"resnet_{version}_{depth}": lambda units=units: resnet(*units)
        for version in ("v1", "v2")
        for depth, units in ((50, (3, 4, 6, 3)), (101, (3, 4, 23, 3)), (152, (3, 8, 36, 3)), (200, (3, 24, 36, 3)))
    },
    "inception_v2": inception_v2,
    "inception_v2-no-separable-conv": lambda: inception_v2(separable=False),
    "inception_v3": inception_v3,
    "inception_v4": inception_v4,
    "inception_resnet_v2": inception_resnet_v2,
    "inception_resnet_v2-same": lambda: inception_resnet_v2("same"),
}


def spec(network, resolution):
    """Return a network as a mapping."""
    layers = NETWORKS[network]()
    taken = set()

    def named(items):
        for item in items:
            if isinstance(item, dict) and "name" in item:
                name = item["name"].replace("/", "-")
                item["name"] = name if name not in taken else f"{name}-{len(taken)}"
                taken.add(item["name"])
        return items

    return {"name": network, "input": [3, resolution, resolution], "layers": named([dict(item) for item in layers])}
