"""Views of tensors and einops' notation, against arrays that are moved value by value."""

from __future__ import annotations

import random
from math import prod

import onnx_writer as w
import pytest
from arrays import Array
from test_operators import ints

import convcost
from convcost.importers.einops import pattern
from convcost.importers.views import flat, reshaped, row_major
from convcost.layers.patterns import parse


def moved(array, steps):
    """Return an array behind reshapes and permutations."""
    for kind, how in steps:
        array = array.reshape(how) if kind == "reshape" else array.transpose(how)
    return array


def places(axes):
    """Return where the values of axes lie, row by row."""
    found = [0]
    for size, stride in (factor for axis in axes for factor in axis):
        found = [place + at * stride for place in found for at in range(size)]
    return found


def factors(number, chance):
    """Return numbers whose product is a number."""
    found = []
    while number > 1:
        part = chance.choice([each for each in range(2, number + 1) if number % each == 0])
        found.append(part)
        number //= part
    return found


def test_axes_behind_reshapes_and_permutations_lie_where_the_values_are():
    chance = random.Random(0)
    tried = 0
    for _ in range(400):
        shape = [chance.choice([1, 2, 3, 4, 6, 8]) for _ in range(chance.randrange(1, 4))]
        array, axes = Array(shape), row_major(shape)
        for _ in range(4):
            if chance.random() < 0.5:
                order = chance.sample(range(len(array.shape)), len(array.shape))
                array, axes = array.transpose(order), tuple(axes[axis] for axis in order)
            else:
                wanted = factors(prod(array.shape), chance) + [1] * chance.randrange(2)
                chance.shuffle(wanted)
                after = reshaped(axes, wanted)
                if after is None:
                    continue
                array, axes = array.reshape(wanted), after
            assert places(axes) == array.values
            tried += 1
    assert tried > 800


def test_joined_axes_are_compact():
    assert flat(row_major((2, 3, 4))) == ((24, 1),)
    assert flat((((3, 4),), ((4, 1),), ((1, 99),))) == ((12, 1),)


@pytest.mark.parametrize(
    ("shape", "steps", "channels", "text"),
    [
        (
            (28, 28, 96),
            [("reshape", (4, 7, 4, 7, 96)), ("permute", (0, 2, 1, 3, 4)), ("reshape", (16, 49, 96))],
            2,
            "(h p) (w q) c -> (h w) (p q) c",
        ),
        (  # windows become a map again, which is square
            (16, 49, 96),
            [("reshape", (4, 4, 7, 7, 96)), ("permute", (0, 2, 1, 3, 4)), ("reshape", (28, 28, 96))],
            2,
            "(h w) (p q) c -> (h p) (w q) c",
        ),
        (  # places in patches of 2 × 2, and the patches of 3 × 5, become a map
            (4, 15, 8),
            [("reshape", (2, 2, 3, 5, 8)), ("permute", (4, 2, 0, 3, 1)), ("reshape", (8, 6, 10))],
            2,
            "(p q) (h w) c -> c (h p) (w q)",
        ),
        ((8, 6, 4), [("permute", (1, 2, 0)), ("reshape", (24, 8))], 0, "c h w -> (h w) c"),
        ((24, 8), [("reshape", (4, 6, 8)), ("permute", (2, 1, 0))], 1, "(l n) c -> c n l"),
        ((5, 12), [("reshape", (5, 3, 4)), ("permute", (1, 0, 2))], 1, "l (c a) -> c l a"),
    ],
)
def test_steps_as_a_pattern(shape, steps, channels, text):
    fields = pattern(shape, steps, channels)
    assert fields is not None
    assert fields.pop("pattern") == text
    assert moved(Array(shape), steps).values == rearranged(Array(shape), text, fields)


def rearranged(array, text, sizes):
    """Return the values of an array behind a pattern."""
    found, names = parse(text), []
    atoms = []
    for group, size in zip(found.before, array.shape, strict=True):
        known = prod(sizes[name] for name in group if name in sizes)
        atoms += [sizes.get(name, size // known) for name in group]
        names += group
    order = [names.index(name) for group in found.after for name in group]
    return array.reshape(atoms).transpose(order).values


def test_random_steps_as_patterns():
    chance = random.Random(1)
    named = 0
    for _ in range(300):
        shape = tuple(chance.choice([2, 3, 4, 6]) for _ in range(chance.choice([2, 3])))
        array, steps = Array(shape), []
        for _ in range(3):
            if chance.random() < 0.5:
                step = ("permute", tuple(chance.sample(range(len(array.shape)), len(array.shape))))
            else:
                step = ("reshape", tuple(chance.sample(wanted := factors(prod(array.shape), chance), len(wanted))))
            steps.append(step)
            array = moved(array, [step])
        channels = chance.choice([0, len(shape) - 1])
        fields = pattern(shape, steps, channels)
        if fields is None:
            continue
        text = fields.pop("pattern")
        assert rearranged(Array(shape), text, fields) == array.values
        named += 1
    assert named > 100


def test_what_is_no_pattern():
    assert pattern((6, 4), [("permute", (1, 0)), ("reshape", (3, 8))], 1) is None  # 8 is a part of both axes
    assert pattern((6, 4), [("permute", (1, 0))], None) is None
    assert pattern((2, 3, 4, 5, 6), [("permute", (4, 3, 2, 1, 0))], 0) is None


def test_patches_that_become_a_map_again_depend_on_the_resolution(tmp_path):
    # as in MobileViT: the 2 × 2 places of a patch go where the batch is, all patches are a sequence
    nodes = [
        w.node("Conv", "x k", "m", pads=[1] * 4, name="/stem/Conv"),
        w.node("Reshape", "m s1", "a"),
        w.node("Transpose", "a", "b", perm=[0, 3, 5, 2, 4, 1]),
        w.node("Reshape", "b s2", "c"),
        w.node("MatMul", "c p", "d"),
        w.node("Reshape", "d s3", "e"),
        w.node("Transpose", "e", "f", perm=[0, 5, 3, 1, 4, 2]),
        w.node("Reshape", "f s4", "g"),
        w.node("Conv", "g q", "y", pads=[1] * 4),
    ]
    shapes = {"s1": [1, 8, 16, 2, 12, 2], "s2": [4, 192, 8], "s3": [1, 2, 2, 16, 12, 8], "s4": [1, 8, 32, 24]}
    tensors = [ints(name, *sizes) for name, sizes in shapes.items()]
    tensors += [w.tensor("k", [8, 3, 3, 3]), w.tensor("p", [8, 8]), w.tensor("q", [5, 8, 3, 3])]
    path = tmp_path / "net.onnx"
    path.write_bytes(w.model(nodes, {"x": [1, 3, 32, 24]}, "y", tensors))
    of_a_place = 8 * 3 * 9 + 8 * 8 + 5 * 8 * 9
    assert convcost.analyze(path).total.macs == 32 * 24 * of_a_place
    assert convcost.analyze(path, set={"h": 64, "w": 40}).total.macs == 64 * 40 * of_a_place
    text = convcost.load(path).text
    assert "rearrange: {pattern: c (h p) (w q) -> (p q) (h w) c, p: 2, q: 2}" in text
    assert "rearrange: {pattern: (p q) (h w) c -> c (h p) (w q), q: 2, w: w / 2}" in text
