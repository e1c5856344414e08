"""Norms, activations and weights in parts: one layer each, with the ledger of its parts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import onnx_writer as w
import pytest
from test_mapper import load
from test_operators import chain, ints, types

from convcost.importers import patterns

MAP = (1, 8, 6, 4)
VALUES = 8 * 6 * 4
NUMBERS = [
    w.tensor(name, [], [number])
    for name, number in {
        "eps": 1e-6,
        "half": 0.5,
        "one": 1.0,
        "two": 2.0,
        "three": 3.0,
        "cubic": 0.044715,
        "root": (2 / 3.141592653589793) ** 0.5,
    }.items()
]
MAP_WEIGHTS = [w.tensor("n.weight", [8, 1, 1]), w.tensor("n.bias", [8, 1, 1])]


def standardised(value="x", square="Pow"):
    """Return the nodes of a norm over the channels of a picture, as far as what it learns."""
    squared = ("Pow", "less two", "p", {}) if square == "Pow" else ("Mul", "less less", "p", {})
    return [
        ("ReduceMean", value, "u", {"axes": [1]}),
        ("Sub", f"{value} u", "less", {}),
        squared,
        ("ReduceMean", "p", "v", {"axes": [1]}),
        ("Add", "v eps", "v1", {}),
        ("Sqrt", "v1", "s", {}),
        ("Div", "less s", "d", {}),
    ]


@pytest.mark.parametrize("square", ["Pow", "Mul"])
def test_a_layer_norm_of_channels(square, items):
    nodes = [*standardised(square=square), ("Mul", "n.weight d", "e", {}), ("Add", "e n.bias", "y", {})]
    model = chain(nodes, [*NUMBERS, *MAP_WEIGHTS], MAP)
    assert types(items(model)) == [("layer_norm", {})]
    ops = load(model).analyze().total.ops
    # of 8 values at each of 24 places: two means (8 add, 1 div each), differences 8 add, squares 8 mul, eps 1 add,
    # a root, 8 div; the factor 8 mul and the summand 8 add
    assert (ops.add, ops.mul, ops.div, ops.sqrt) == (24 * (8 + 8 + 8 + 1 + 8), 24 * 16, 24 * 10, 24)


def test_a_layer_norm_without_a_summand(items):
    model = chain([*standardised(), ("Mul", "d n.weight", "y", {})], [*NUMBERS, *MAP_WEIGHTS], MAP)
    assert types(items(model)) == [("layer_norm", {"bias": False})]


def test_a_norm_whose_parts_are_read_elsewhere_stays_in_parts(items):
    nodes = [*standardised(), ("Mul", "d n.weight", "e", {}), ("Add", "e n.bias", "y", {}), ("Relu", "s", "z", {})]
    kinds = [type for type, _ in types(items(chain(nodes, [*NUMBERS, *MAP_WEIGHTS], MAP, "y z")))]
    assert "layer_norm" not in kinds
    assert kinds.count("reduce") == 2


@pytest.mark.parametrize("inverse", [False, True])
def test_a_root_mean_square_norm(inverse, items, text):
    nodes = [
        ("Mul", "x x", "p", {}),
        ("ReduceMean", "p", "v", {"axes": [1]}),
        ("Add", "v eps", "v1", {}),
        ("Sqrt", "v1", "s", {}),
        *([("Reciprocal", "s", "r", {}), ("Mul", "x r", "d", {})] if inverse else [("Div", "x s", "d", {})]),
        ("Mul", "d n.weight", "y", {}),
    ]
    model = chain(nodes, [*NUMBERS, *MAP_WEIGHTS], MAP)
    assert types(items(model)) == [("rms_norm", {})]
    assert load(model).analyze().total.params == 8


def test_a_norm_over_rows_has_its_weights_behind():
    nodes = [
        ("ReduceMean", "x", "u", {"axes": [-1]}),
        ("Sub", "x u", "less", {}),
        *standardised()[2:3],
        ("ReduceMean", "p", "v", {"axes": [-1]}),
        *standardised()[4:],
        ("Mul", "d w4", "e", {}),
        ("Add", "e b4", "y", {}),
    ]
    layers = load(chain(nodes, [*NUMBERS, w.tensor("w4", [4]), w.tensor("b4", [4])], MAP)).network.layers
    assert [layer.type for layer in layers] == ["layer_norm"]
    assert layers[0].definition.axis == (2,)


ONES = [w.tensor("ones", [2], [1.0, 1.0]), w.tensor("zeros", [2], [0.0, 0.0])]


def test_a_group_norm_in_parts(items):
    nodes = [
        ("Reshape", "x groups", "a", {}),
        ("InstanceNormalization", "a ones zeros", "b", {}),
        ("Reshape", "b whole", "c", {}),
        ("Mul", "c n.weight", "d", {}),
        ("Add", "d n.bias", "y", {}),
    ]
    tensors = [*ONES, *MAP_WEIGHTS, ints("groups", 0, 2, -1), ints("whole", *MAP)]
    model = chain(nodes, tensors, MAP)
    assert types(items(model)) == [("group_norm", {"num_groups": 2})]
    assert load(model).analyze().total.params == 16
    wide = [w.tensor(name, [1, 8, 1, 1]) for name in ("n.weight", "n.bias")]  # with the batch axis
    model = chain(nodes, [*ONES, *wide, ints("groups", 0, 2, -1), ints("whole", *MAP)], MAP)
    assert types(items(model)) == [("group_norm", {"num_groups": 2})]
    other = [w.tensor("ones", [2], [1.0, 2.0]), *tensors[1:]]  # it learns something: it is as it is
    assert [type for type, _ in types(items(chain(nodes, other, MAP)))].count("group_norm") == 0


def test_a_batch_norm_with_a_factor_and_a_summand_behind_it(items):
    eight = [w.tensor(name, [8], [value] * 8) for name, value in (("one8", 1.0), ("zero8", 0.0))]
    nodes = [
        ("BatchNormalization", "x one8 zero8 mean var", "a", {}),
        ("Unsqueeze", "s.weight axes", "f", {}),
        ("Mul", "a f", "b", {}),
        ("Unsqueeze", "s.bias axes", "g", {}),
        ("Add", "b g", "y", {}),
    ]
    tensors = [*(w.tensor(name, [8]) for name in ("mean", "var", "s.weight", "s.bias")), ints("axes", 1, 2)]
    model = chain(nodes, [*eight, *tensors], MAP)
    assert types(items(model)) == [("batch_norm", {})]
    total = load(model).analyze().total
    assert (total.params, total.buffers) == (16, 16)
    learned = [w.tensor("one8", [8], [2.0] * 8), eight[1]]  # a norm that learns something has its own parameters
    assert load(chain(nodes, [*learned, *tensors], MAP)).analyze().total.params == 32


def test_a_division_by_the_length(items):
    nodes = [
        ("ReduceL2", "x", "n", {"axes": [1]}),
        ("Clip", "n eps", "m", {}),
        ("Expand", "m whole", "e", {}),
        ("Div", "x e", "y", {}),
    ]
    model = chain(nodes, [*NUMBERS, ints("whole", *MAP)], MAP)
    assert types(items(model)) == [("l2_normalize", {})]
    ops = load(model).analyze().total.ops
    # of 8 values at 24 places: their squares, the sum of these, the root, the larger of it and eps, the quotients
    assert (ops.mul, ops.add, ops.sqrt, ops.cmp, ops.div) == (24 * 8, 24 * 8, 24, 24, 24 * 8)


def test_a_softmax_in_parts(items):
    nodes = [
        ("ReduceMax", "x", "m", {"axes": [-1]}),
        ("Sub", "x m", "l", {}),
        ("Exp", "l", "e", {}),
        ("ReduceSum", "e last", "s", {}),
        ("Div", "e s", "y", {}),
    ]
    model = chain(nodes, [ints("last", -1)], MAP)
    assert types(items(model)) == [("softmax", {"axis": 2})]
    ops = load(model).analyze().total.ops
    # rows of 4: 3 cmp, 4 add for the differences and 4 for the sum, 4 exp, 4 div
    assert (ops.cmp, ops.add, ops.exp, ops.div) == (48 * 3, 48 * 8, 48 * 4, 48 * 4)


INNER = [
    ("Pow", "x three", "c", {}),
    ("Mul", "c cubic", "c1", {}),
    ("Add", "x c1", "c2", {}),
    ("Mul", "c2 root", "c3", {}),
    ("Tanh", "c3", "t", {}),
    ("Add", "t one", "g", {}),
]


@pytest.mark.parametrize(
    "end",
    [
        [("Mul", "x half", "h", {}), ("Mul", "h g", "y", {})],
        [("Mul", "x half", "h", {}), ("Mul", "g h", "y", {})],
        [("Mul", "x g", "h", {}), ("Mul", "half h", "y", {})],
    ],
)
def test_a_gelu_by_tanh(end, items):
    assert types(items(chain([*INNER, *end], NUMBERS, MAP))) == [("gelu", {"approximate": "tanh"})]


def test_another_polynomial_is_no_gelu(items):
    nodes = [INNER[0], ("Mul", "c half", "c1", {}), *INNER[2:], ("Mul", "x half", "h", {}), ("Mul", "h g", "y", {})]
    assert "gelu" not in [type for type, _ in types(items(chain(nodes, NUMBERS, MAP)))]


def rows(square_axes, sum_axes, **more):
    """Return a softmax in parts, whose largest and whose sum are over these axes."""
    return [
        ("ReduceMax", "x", "m", {"axes": square_axes}),
        ("Sub", "x m", "l", {}),
        ("Exp", "l", "e", {}),
        ("ReduceSum", f"e {sum_axes}", "s", more),
        ("Div", "e s", "y", {}),
    ]


HARD = [("Clip", "a zero six", "b", {}), ("Mul", "x b", "c", {}), ("Div", "c six", "y", {})]
ERF = [("Erf", "a", "b", {}), ("Add", "b one", "c", {})]
GROUPS = [("Reshape", "x groups", "a", {}), ("InstanceNormalization", "a ones zeros", "b", {})]
GROUPS += [("Reshape", "b whole", "c", {})]
NEARLY = {  # what comes near to one layer and is something else
    "x · clip(x + 2, 0, 6) / 6": ("hard_swish", [("Add", "x two", "a", {}), *HARD]),
    "y · clip(x + 3, 0, 6) / 6": ("hard_swish", [("Add", "x three", "a", {}), ("Relu", "x", "r", {}), HARD[0],
                                                  ("Mul", "r b", "c", {}), HARD[2]]),
    "y · (1 + erf(x / √2)) / 2": ("gelu", [("Div", "x root2", "a", {}), *ERF, ("Relu", "x", "r", {}),
                                           ("Mul", "r c", "d", {}), ("Mul", "d half", "y", {})]),
    "x · (1 + erf(x / 2)) / 2": ("gelu", [("Div", "x two", "a", {}), *ERF, ("Mul", "x c", "d", {}),
                                          ("Mul", "d half", "y", {})]),
    "x + 0.044715 · x²": ("gelu", [("Pow", "x two", "c", {}), *INNER[1:], ("Mul", "x half", "h", {}),
                                   ("Mul", "h g", "y", {})]),
    "a softmax by another largest": ("softmax", rows([-2], "last")),
    "a softmax by the sum of two axes": ("softmax", rows([-2, -1], "lasts")),
    "a softmax of squares": ("softmax", [*rows([-1], "last")[:3], ("Mul", "e e", "f", {}),
                                         ("ReduceSum", "f last", "s", {}), ("Div", "e s", "y", {})]),
    "a norm of two axes": ("layer_norm", [each if each[0] != "ReduceMean" else (*each[:3], {"axes": [1, 2]})
                                          for each in standardised()] + [("Mul", "d n.weight", "e", {}),
                                                                         ("Add", "e n.bias", "y", {})]),
    "a norm along other axes than its factor": ("layer_norm", [*standardised(), ("Mul", "d f4", "e", {}),
                                                               ("Add", "e g4", "y", {})]),
    "a root mean square norm of what is another root": (
        "rms_norm", [("Mul", "x x", "p", {}), ("ReduceMean", "p", "v", {"axes": [1]}), ("Add", "v eps", "v1", {}),
                     ("Sqrt", "v1", "s", {}), ("Relu", "x", "r", {}), ("Div", "r s", "d", {}),
                     ("Mul", "d n.weight", "y", {})]),
    "a group norm whose factor is of the rows": ("group_norm", [*GROUPS, ("Mul", "c f4", "d", {}),
                                                                ("Add", "d g4", "y", {})]),
    "a division by a length with an upper bound": (
        "l2_normalize", [("ReduceL2", "x", "n", {"axes": [1]}), ("Clip", "n eps two", "m", {}),
                         ("Div", "x m", "y", {})]),
    "a division by the length of two axes": (
        "l2_normalize", [("ReduceL2", "x", "n", {"axes": [1, 2]}), ("Clip", "n eps", "m", {}),
                         ("Div", "x m", "y", {})]),
}  # fmt: skip


@pytest.mark.parametrize(("type", "nodes"), NEARLY.values(), ids=NEARLY)
def test_what_is_nearly_one_layer_stays_in_parts(type, nodes, items):
    numbers = {"zero": 0.0, "six": 6.0, "root2": 2**0.5}
    tensors = [*NUMBERS, *MAP_WEIGHTS, *ONES, *(w.tensor(name, [], [value]) for name, value in numbers.items())]
    tensors += [ints("last", -1), ints("lasts", -2, -1), ints("groups", 0, 2, -1), ints("whole", *MAP)]
    tensors += [w.tensor("f4", [4]), w.tensor("g4", [4])]
    model = chain(nodes, tensors, MAP)
    assert type not in [each for each, _ in types(items(model))]
    assert load(model).network.outputs[0].shape == MAP[1:]


def test_a_batch_norm_that_learns_nothing_and_has_no_factor_behind_it(items):
    eight = [w.tensor(name, [8], [value] * 8) for name, value in (("one8", 1.0), ("zero8", 0.0))]
    nodes = [("BatchNormalization", "x one8 zero8 mean var", "a", {}), ("Relu", "a", "y", {})]
    model = chain(nodes, [*eight, w.tensor("mean", [8]), w.tensor("var", [8])], MAP)
    assert [type for type, _ in types(items(model))] == ["batch_norm", "relu"]


def test_mish(items):
    nodes = [("Softplus", "x", "a", {}), ("Tanh", "a", "b", {}), ("Mul", "x b", "y", {})]
    assert types(items(chain(nodes, (), MAP))) == [("mish", {})]


def test_kernels_that_are_standardised_are_prepared_with_the_model():
    # a gain for each output, which is the same on the output: 4 · 6 values for each of 5 channels
    nodes = [
        ("ReduceMean", "c.weight", "u", {"axes": [1, 2, 3]}),
        ("Sub", "c.weight u", "l", {}),
        ("Mul", "l c.gain", "k", {}),
        ("Conv", "x k c.bias", "y", {}),
    ]
    tensors = [w.tensor("c.weight", [5, 8, 1, 1]), w.tensor("c.gain", [5, 1, 1, 1]), w.tensor("c.bias", [5])]
    total = load(chain(nodes, tensors, MAP)).analyze().total
    assert total.params == 5 * 8 + 5 + 5
    assert total.macs == 24 * 8 * 5
    assert total.ops.mul == 24 * 8 * 5 + 24 * 5
    assert total.ops.div == 0


def test_kernels_that_are_divided_by_their_spectral_norm_are_prepared_with_the_model():
    # σ = uᵀ · W · v, u and v being kept from training: neither weights nor factors of the outputs
    nodes = [
        ("Reshape", "c.weight flat", "m", {}),
        ("MatMul", "m c.v", "a", {}),
        ("MatMul", "c.u a", "s", {}),
        ("Div", "c.weight s", "k", {}),
        ("Conv", "x k", "y", {}),
    ]
    tensors = [w.tensor("c.weight", [5, 8, 3, 3]), w.tensor("c.u", [5]), w.tensor("c.v", [72]), ints("flat", 5, 72)]
    total = load(chain(nodes, tensors, MAP)).analyze().total
    assert (total.params, total.buffers) == (5 * 8 * 9, 0)
    assert total.macs == total.ops.mul == 4 * 2 * 5 * 8 * 9  # 6×4 positions without a border


def test_recurrent_weights_that_are_put_together(items):
    parts = [
        ("Slice", f"w.{at} n{begin} n{end}", f"p{at}{begin}", {}) for at in "ih" for begin, end in ((0, 5), (5, 20))
    ]
    nodes = [
        ("Transpose", "x", "a", {"perm": [1, 0, 2]}),
        *parts,
        *[("Concat", f"p{at}5 p{at}0", f"q{at}", {"axis": 0}) for at in "ih"],
        *[("Unsqueeze", f"q{at} n0", f"r{at}", {}) for at in "ih"],
        ("LSTM", "a ri rh", "y", {"hidden_size": 5}),
    ]
    tensors = [
        w.tensor("w.i", [20, 8]),
        w.tensor("w.h", [20, 5]),
        *(ints(f"n{number}", number) for number in (0, 5, 20)),
    ]
    total = load(chain(nodes, tensors, (1, 6, 8))).analyze().total
    assert total.params == 20 * 8 + 20 * 5


def test_a_kernel_of_numbers_of_the_program_is_not_learned():
    blur = [w.node("Expand", "filter all", "k"), w.node("Conv", "x k", "y", group=8)]
    tensors = [
        ints("all", 8, 1, 3, 3),
        ints("nine", 9),
        ints("square", 1, 1, 3, 3),
        w.tensor("sixteenth", [1], [0.0625]),
    ]
    first = [w.node("Range", "r0 r9 r1", "r"), w.node("Cast", "r", "f", to=1), w.node("Reshape", "f square", "filter")]
    scalars = [w.tensor(f"r{number}", [], [number], w.INT64) for number in (0, 9, 1)]
    total = load(w.model([*first, *blur], {"x": list(MAP)}, "y", [*tensors, *scalars])).analyze().total
    assert (total.params, total.buffers) == (0, 8 * 9)


def test_every_pattern_is_found_where_it_is():
    """A module of patterns is imported by the operators that `_MODULES` has of it."""
    found: dict[str, set[str]] = {}
    for path in Path(patterns.__path__[0]).glob("*.py"):
        for operator in getattr(import_module(f"convcost.importers.patterns.{path.stem}"), "PATTERNS", ()):
            found.setdefault(operator, set()).add(path.stem)
    assert {operator: set(modules) for operator, modules in patterns._MODULES.items()} == found
