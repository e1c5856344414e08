"""The executor computes, and counts, what a naive index-by-index definition says, on hyper-parameters drawn at random.

The definitions below loop over every index, look each value up and count each product by itself. They share nothing
with the executor.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import inf, prod

from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.executor import Array, run

small = st.integers(-9, 9)


def at(x: Array, *index):
    """The value at an index, or None outside the tensor."""
    flat = 0
    for position, size in zip(index, x.shape, strict=True):
        if not 0 <= position < size:
            return None
        flat = flat * size + position
    return x.values[flat]


@st.composite
def tensors(draw, shape):
    return Array(shape, draw(st.lists(small, min_size=prod(shape), max_size=prod(shape))))


@st.composite
def geometries(draw):
    """Fields of a window that fits, and the sizes it slides over."""
    rank = draw(st.integers(1, 3))
    axes = st.integers(1, 3)
    kernel = tuple(draw(axes) for _ in range(rank))
    stride = tuple(draw(axes) for _ in range(rank))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(rank))
    sizes = []
    for k, d, (before, after) in zip(kernel, dilation, padding, strict=True):
        smallest = max(1, d * (k - 1) + 1 - before - after)
        sizes.append(draw(st.integers(smallest, max(smallest, 5 if rank < 3 else 3))))
    return tuple(sizes), kernel, stride, padding, dilation


def output_sizes(sizes, kernel, stride, padding, dilation):
    return tuple(
        (i + b + a - d * (k - 1) - 1) // s + 1
        for i, k, s, (b, a), d in zip(sizes, kernel, stride, padding, dilation, strict=True)
    )


@settings(max_examples=120)
@given(
    st.data(),
    geometries(),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from(["plain", "lanes"]),
)
def test_a_convolution_is_its_definition(data, geometry, groups, members, fanout, engine):
    sizes, kernel, stride, padding, dilation = geometry
    x = data.draw(tensors((groups * members, *sizes)))
    weight = data.draw(tensors((groups * fanout, members, *kernel)))
    bias = data.draw(tensors((groups * fanout,)))
    products = padded = 0
    expected = []
    for n in range(groups * fanout):
        for place in product(*map(range, output_sizes(*geometry))):
            total = bias.values[n]
            for m, tap in product(range(members), product(*map(range, kernel))):
                position = [
                    p * s + t * d - b for p, s, t, d, (b, _) in zip(place, stride, tap, dilation, padding, strict=True)
                ]
                value = at(x, n // fanout * members + m, *position)
                products += 1
                padded += value is None
                total += (value or 0) * at(weight, n, m, *tap)
            expected.append(total)
    fields = {
        "out_channels": groups * fanout,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": True,
    }
    output, execution = run("conv", fields, [x], {"weight": weight, "bias": bias}, engine=engine)
    assert output.values == expected
    assert output.shape == (groups * fanout, *output_sizes(*geometry))
    assert execution.ops == {"mul": products, "add": products}
    assert execution.padding_mults == padded
    assert execution.params == len(weight.values) + len(bias.values)


@settings(max_examples=120)
@given(
    st.data(),
    geometries(),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from(["plain", "lanes"]),
)
def test_a_transposed_convolution_is_its_definition(data, geometry, groups, members, fanout, engine):
    sizes, kernel, stride, padding, dilation = geometry
    extra = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    lengths = [
        (i - 1) * s - b - a + d * (k - 1) + e + 1
        for i, k, s, (b, a), d, e in zip(sizes, kernel, stride, padding, dilation, extra, strict=True)
    ]
    if min(lengths) < 1:
        padding = ((0, 0),) * len(sizes)
        lengths = [
            (i - 1) * s + d * (k - 1) + e + 1
            for i, k, s, d, e in zip(sizes, kernel, stride, dilation, extra, strict=True)
        ]
    x = data.draw(tensors((groups * members, *sizes)))
    weight = data.draw(tensors((groups * members, fanout, *kernel)))
    bias = data.draw(tensors((groups * fanout,)))
    outputs = {(n, *place): bias.values[n] for n in range(groups * fanout) for place in product(*map(range, lengths))}
    products = cropped = 0
    for m, place, j, tap in product(
        range(groups * members), product(*map(range, sizes)), range(fanout), product(*map(range, kernel))
    ):
        target = (
            m // members * fanout + j,
            *(p * s + t * d - b for p, s, t, d, (b, _) in zip(place, stride, tap, dilation, padding, strict=True)),
        )
        products += 1
        if target in outputs:
            outputs[target] += at(x, m, *place) * at(weight, m, j, *tap)
        else:
            cropped += 1
    fields = {
        "out_channels": groups * fanout,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "output_padding": extra,
        "dilation": dilation,
        "groups": groups,
        "bias": True,
    }
    output, execution = run("transposed_conv", fields, [x], {"weight": weight, "bias": bias}, engine=engine)
    assert output == Array((groups * fanout, *lengths), list(outputs.values()))
    assert execution.ops == {"mul": products, "add": products}
    assert execution.padding_mults == cropped


@settings(max_examples=100)
@given(st.data(), geometries(), st.booleans(), st.booleans())
def test_pools_are_their_definitions(data, geometry, ceil_mode, count_include_pad):
    sizes, kernel, stride, padding, dilation = geometry
    # Both frameworks want padding of half a kernel at most, so that no window lies in the padding.
    padding = tuple((min(b, k // 2), min(a, k // 2)) for k, (b, a) in zip(kernel, padding, strict=True))
    sizes = tuple(max(i, d * (k - 1) + 1) for i, k, d in zip(sizes, kernel, dilation, strict=True))
    x = data.draw(tensors((2, *sizes)))
    for type, spread in (("max_pool", dilation), ("avg_pool", (1,) * len(sizes))):
        starts = [
            [
                s * i - b
                for i in range(size + b + a)
                if s * i - b + d * (k - 1) < size + a  # it ends in time
                or (
                    ceil_mode and s * i - b < size and s * (i - 1) - b + d * (k - 1) + 1 < size + a
                )  # or one hangs over
            ]
            for size, k, s, (b, a), d in zip(sizes, kernel, stride, padding, spread, strict=True)
        ]
        expected = []
        for channel, start in product(range(2), product(*starts)):
            window, divisor = [], 0
            for tap in product(*map(range, kernel)):
                position = [p + t * d for p, t, d in zip(start, tap, spread, strict=True)]
                window.append(at(x, channel, *position))
                in_padding = all(-b <= p < i + a for p, i, (b, a) in zip(position, sizes, padding, strict=True))
                divisor += window[-1] is not None or (count_include_pad and in_padding)
            if type == "max_pool":
                expected.append(max(-inf if value is None else value for value in window))
            else:
                expected.append(Fraction(sum(value or 0 for value in window), divisor))
        fields = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        own = {"dilation": dilation} if type == "max_pool" else {"count_include_pad": count_include_pad}
        output, execution = run(type, {**fields, **own}, [x])
        assert output == Array((2, *map(len, starts)), expected)
        taps = prod(kernel) * len(expected)
        if type == "avg_pool":
            assert execution.ops == {"add": taps, "div": len(expected)}
        else:
            assert execution.ops.get("cmp", 0) == taps - len(expected)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 3))
def test_adaptive_pools_are_their_definition(data, rank):
    sizes = tuple(data.draw(st.integers(1, 6)) for _ in range(rank))
    out = tuple(data.draw(st.integers(1, 4)) for _ in range(rank))
    x = data.draw(tensors((1, *sizes)))
    expected, terms = [], 0
    for place in product(*map(range, out)):
        # Input position p belongs to window i where [p, p + 1) meets [i · in / out, (i + 1) · in / out).
        window = [
            at(x, 0, *position)
            for position in product(*map(range, sizes))
            if all(
                p * o < (i + 1) * s and (p + 1) * o > i * s
                for p, i, s, o in zip(position, place, sizes, out, strict=True)
            )
        ]
        expected.append(Fraction(sum(window), len(window)))
        terms += len(window)
    output, execution = run("adaptive_avg_pool", {"output_size": out}, [x])
    assert output == Array((1, *out), expected)
    assert execution.ops == {"add": terms, "div": len(expected)}
