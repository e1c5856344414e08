"""Programs of several calls of ATen: what is prepared, shared, frozen, written into, or open."""

from __future__ import annotations

import json

import pt2_writer as w
import pytest
from test_pytorch_operators import layers

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source

MAP, TOKENS = (1, 8, 6, 6), (1, 9, 8)


def test_a_batch_norm_stays_a_norm_with_its_buffers(tmp_path):
    names = {"weight": "p_n_weight", "bias": "p_n_bias", "running_mean": "b_n_mean", "running_var": "b_n_var"}
    call = w.call("aten.batch_norm.default", "y", "n", input="x", **names, training=False, momentum=0.1, eps=1e-5)
    path = tmp_path / "net.pt2"
    learned, statistics = {"n.weight": (8,), "n.bias": (8,)}, {"n.mean": (8,), "n.var": (8,)}
    path.write_bytes(w.pt2([call], {"x": MAP, "y": MAP}, ["y"], parameters=learned, buffers=statistics))
    model = convcost.load(path)
    total = model.analyze().total
    assert (total.params, total.buffers) == (16, 16)
    assert "only a part is trainable" not in model.text


def test_a_layer_that_is_frozen_in_part_counts_as_trainable_and_says_so(tmp_path):
    call = w.call("aten.conv2d.default", "y", "c", input="x", weight="p_c_weight", bias="p_c_bias")
    path = tmp_path / "net.pt2"
    parameters = {"c.weight": (4, 8, 1, 1), "c.bias": (4,)}
    path.write_bytes(w.pt2([call], {"x": MAP, "y": (1, 4, 6, 6)}, ["y"], parameters=parameters, frozen=["c.weight"]))
    model = convcost.load(path)
    assert model.analyze().total.params == 36
    assert "# layers of which only a part is trainable count as trainable\n" in model.text


def test_attention_is_what_it_performs(tmp_path):
    # 2 heads of 4 numbers, 9 queries and keys: 2·9·9·4 products for the scores, as many for the context
    given = {"query": "x", "key": "x", "value": "x"}
    call = w.call("aten.scaled_dot_product_attention.default", "y", "a", **given)
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2([call], {"x": (1, 2, 9, 4), "y": (1, 2, 9, 4)}, ["y"]))
    total = convcost.load(path).analyze().total
    assert total.macs == 2 * 2 * 9 * 9 * 4
    assert total.ops.exp == 2 * 9 * 9
    assert total.ops.mul == total.macs + 2 * 9 * 9  # the scale


def test_rows_of_one_feature_are_no_vector(tmp_path):
    calls = [  # 9 tokens of 1 feature, the batch between the axes
        w.call("aten.permute.default", "p", self="x", dims=[1, 0, 2]),
        w.call("aten.reshape.default", "r", self="p", shape=[9, 1]),
        w.call("aten.linear.default", "y", "c", input="r", weight="p_c_weight", bias="p_c_bias"),
    ]
    values = {"x": (1, 9, 1), "p": (9, 1, 1), "r": (9, 1), "y": (9, 1)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters={"c.weight": (1, 1), "c.bias": (1,)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs) == (2, 9)


def test_heads_that_share_keys_repeat_them(tmp_path):
    # 4 heads of queries, 2 of keys and values
    given = {"query": "x", "key": "k", "value": "k", "scale": 1.0, "enable_gqa": True}
    call = w.call("aten.scaled_dot_product_attention.default", "y", "a", **given)
    path = tmp_path / "net.pt2"
    values = {"x": (1, 4, 9, 4), "k": (1, 2, 9, 4), "y": (1, 4, 9, 4)}
    path.write_bytes(w.pt2([call], values, ["y"], inputs=("x", "k")))
    total = convcost.load(path).analyze().total
    assert (total.macs, total.ops.mul) == (2 * 4 * 9 * 9 * 4, 2 * 4 * 9 * 9 * 4)


def test_writing_into_a_value_takes_its_place():
    calls = [
        w.call("aten.add_.Tensor", "a", self="x", other=1.0),
        w.call("aten.relu.default", "y", self="x"),  # what is in x by then
    ]
    assert layers(calls, {"x": MAP, "a": MAP, "y": MAP}) == [
        "  - elementwise: {op: add, value: 1}",
        "  - relu",
    ]


def test_writing_into_a_part_of_a_value_puts_it_back():
    calls = [
        w.call("aten.slice.Tensor", "part", self="x", dim=1, start=2, end=4),
        w.call("aten.relu_.default", "a", self="part"),
        w.call("aten.neg.default", "y", self="x"),
    ]
    lines = layers(calls, {"x": MAP, "part": (1, 2, 6, 6), "a": (1, 2, 6, 6), "y": MAP})
    assert [line for line in lines if line.startswith("  - ")] == [
        "  - slice: {start: 2, end: 4}",
        "  - relu:",
        "  - slice: {end: 2}",
        "  - slice: {start: 4}",
        "  - concat:",
        "  - elementwise: {op: neg}",
    ]


def test_a_part_of_itself_is_refused():
    calls = [
        w.call("aten.slice.Tensor", "a", self="b", dim=1, start=2, end=4),
        w.call("aten.slice.Tensor", "b", self="a", dim=1, start=2, end=4),
        w.call("aten.relu_.default", "c", self="a"),
        w.call("aten.neg.default", "y", self="a"),
    ]
    with pytest.raises(convcost.SpecError):
        layers(calls, dict.fromkeys("xabcy", MAP))


def test_writing_into_a_value_of_too_many_views_is_refused(monkeypatch):
    calls = [w.call("aten.relu_.default", f"a{number}", self="x") for number in range(4)]
    calls.append(w.call("aten.neg.default", "y", self="x"))
    values = dict.fromkeys(("x", "a0", "a1", "a2", "a3", "y"), MAP)
    steps = ["  - relu", *["  - relu"] * 3, "  - elementwise: {op: neg}"]
    assert [line for line in layers(calls, values) if line.startswith("  - ")] == steps
    monkeypatch.setattr("convcost.importers.pytorch.writer._MOST_VIEWS", 2)
    with pytest.raises(convcost.SpecError, match=r"aten\.writing into a part of a value has no layer type"):
        layers(calls, values)


def test_writing_into_one_of_an_axis_puts_it_back():
    calls = [
        w.call("aten.select.int", "part", self="x", dim=1, index=2),
        w.call("aten.relu_.default", "a", self="part"),
        w.call("aten.neg.default", "y", self="x"),
    ]
    lines = layers(calls, {"x": MAP, "part": (1, 6, 6), "a": (1, 6, 6), "y": MAP})
    assert [line for line in lines if line.startswith("  - ")] == [
        "  - slice: {start: 2, end: 3}",
        "  - reshape: {shape: [6, 6]}",
        "  - relu:",
        "  - slice: {end: 2}",
        "  - slice: {start: 3}",
        "  - reshape: {shape: [1, 6, 6]}",
        "  - concat:",
        "  - elementwise: {op: neg}",
    ]


def test_reading_another_part_of_what_was_written_into_is_refused():
    calls = [
        w.call("aten.slice.Tensor", "other", self="x", dim=1, start=3, end=8),
        w.call("aten.slice.Tensor", "part", self="x", dim=1, start=2, end=4),
        w.call("aten.relu_.default", "a", self="part"),
        w.call("aten.neg.default", "y", self="other"),
    ]
    values = {"x": MAP, "other": (1, 5, 6, 6), "part": (1, 2, 6, 6), "a": (1, 2, 6, 6), "y": (1, 5, 6, 6)}
    with pytest.raises(
        convcost.SpecError, match=r"the operator aten\.writing into a part of a value has no layer type"
    ):
        layers(calls, values)


def test_dropouts_copies_and_checks_leave_no_layer():
    calls = [
        w.call("aten.dropout.default", "a", input="x", p=0.5, train=False),
        w.call("aten.clone.default", "b", self="a"),
        w.call("aten._assert_tensor_metadata.default", None, a="b"),
        w.call("aten.to.dtype", "c", self="b", dtype={"as_scalar_type": 7}),
        w.call("aten.relu.default", "y", self="c"),
    ]
    calls[2]["outputs"] = []
    assert layers(calls, dict.fromkeys("xabcy", MAP)) == ["  - relu"]


def test_what_is_worked_out_of_the_programs_own_numbers_is_prepared():
    # a mask: where positions differ, minus infinity; added to the values as 36 numbers that are not learned
    calls = [
        w.call("aten.arange.default", "places", end=6),
        w.call("aten.unsqueeze.default", "row", self="places", dim=0),
        w.call("aten.unsqueeze.default", "column", self="places", dim=1),
        w.call("aten.ne.Tensor", "differ", self="row", other="column"),
        w.call("aten.zeros.default", "zero", size=[6, 6]),
        w.call("aten.masked_fill.Scalar", "mask", self="zero", mask="differ", value=-1e9),
        w.call("aten.add.Tensor", "y", self="x", other="mask"),
    ]
    whole, flag = ((6,), "int64"), ((6, 6), "bool")
    values = {"x": MAP, "places": whole, "row": ((1, 6), "int64"), "column": ((6, 1), "int64"), "differ": flag,
              "zero": (6, 6), "mask": (6, 6), "y": MAP}  # fmt: skip
    found = import_model(IMPORTERS["pytorch"], w.pt2(calls, values, ["y"]), "net.pt2")
    total = convcost.Model(load(Source("net.pt2", found.text), {})).analyze().total
    assert (total.params, total.ops.add) == (0, 8 * 36)


def test_a_number_of_a_buffer_is_prepared(tmp_path):
    calls = [
        w.call("aten.select.int", "number", self="b_scales", dim=0, index=1),
        w.call("aten.mul.Tensor", "y", self="x", other="number"),
    ]
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, {"x": MAP, "number": (), "y": MAP}, ["y"], buffers={"scales": (2,)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.ops.mul) == (0, 8 * 36)


def test_products_of_the_programs_own_numbers_are_performed(tmp_path):
    # 6×1 times 1×6: 36 products, though no input takes part
    calls = [
        w.call("aten.ones.default", "row", size=[1, 6]),
        w.call("aten.ones.default", "column", size=[6, 1]),
        w.call("aten.matmul.default", "table", self="column", other="row"),
        w.call("aten.cos.default", "waves", self="table"),
        w.call("aten.add.Tensor", "y", self="x", other="waves"),
    ]
    path = tmp_path / "net.pt2"
    values = {"x": MAP, "row": (1, 6), "column": (6, 1), "table": (6, 6), "waves": (6, 6), "y": MAP}
    path.write_bytes(w.pt2(calls, values, ["y"]))
    total = convcost.load(path).analyze().total
    assert (total.macs, total.params, total.ops.cos) == (36, 0, 36)


def test_standardised_kernels_are_prepared_and_their_factors_scale_what_they_give(tmp_path):
    # 4 kernels of 8·9 numbers with a factor each, a bias of 4: 36 positions, 4·36 products with the factors
    calls = [
        w.call("aten.view.default", "flat", "c", self="p_c_weight", size=[1, 4, 72]),
        w.call("aten.mul.Tensor", "scaled", "c", self="p_c_gain", other=0.5),
        w.call("aten.view.default", "gain", "c", self="scaled", size=[4]),
        w.call("aten.batch_norm.default", "normed", "c", input="flat", weight="gain", training=True, eps=1e-5),
        w.call("aten.view.default", "kernel", "c", self="normed", size=[4, 8, 3, 3]),
        w.call("aten.conv2d.default", "y", "c", input="x", weight="kernel", bias="p_c_bias", padding=[1, 1]),
    ]
    values = {"x": MAP, "flat": (1, 4, 72), "scaled": (4, 1, 1, 1), "gain": (4,), "normed": (1, 4, 72),
              "kernel": (4, 8, 3, 3), "y": (1, 4, 6, 6)}  # fmt: skip
    parameters = {"c.weight": (4, 8, 3, 3), "c.gain": (4, 1, 1, 1), "c.bias": (4,)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs, total.ops.mul) == (4 * 72 + 4 + 4, 36 * 4 * 72, 36 * 4 * 72 + 36 * 4)


def test_numbers_that_leave_a_weight_as_it_is_are_not_performed(tmp_path):
    calls = [
        w.call("aten.mul.Tensor", "k", self="p_c_weight", other=1),
        w.call("aten.conv2d.default", "y", "c", input="x", weight="k"),
    ]
    path = tmp_path / "net.pt2"
    values = {"x": MAP, "k": (4, 8, 1, 1), "y": (1, 4, 6, 6)}
    path.write_bytes(w.pt2(calls, values, ["y"], parameters={"c.weight": (4, 8, 1, 1)}))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs, total.ops.mul) == (32, 36 * 32, 36 * 32)


def test_tensors_of_the_meta_device_are_not_one(tmp_path):
    # all of these have one storage, so that which are the same is not known: what is read counts
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.conv2d.default", "y", "d", input="a", weight="p_d_weight"),
    ]
    parameters = dict.fromkeys(("c.weight", "d.weight", "e.weight"), (8, 8, 1, 1))
    config = {
        path: {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": w.meta((8, 8, 1, 1))}
        for path in parameters
    }
    for each in config.values():
        each["tensor_meta"]["device"] = {"type": "meta", "index": None}
    program = w.program(calls, {"x": MAP, "a": MAP, "y": MAP}, ["y"], parameters=parameters)
    path = tmp_path / "net.pt2"
    path.write_bytes(
        w.archive(
            {
                "net/data/weights/model_weights_config.json": json.dumps({"config": config}),
                "net/models/model.json": json.dumps(program),
            }
        )
    )
    model = convcost.load(path)
    assert model.analyze().total.params == 2 * 64
    assert "not used" not in model.text


def test_frozen_parameters_count_as_buffers(tmp_path):
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.conv2d.default", "y", "d", input="a", weight="p_d_weight"),
    ]
    path = tmp_path / "net.pt2"
    parameters = {"c.weight": (4, 8, 1, 1), "d.weight": (3, 4, 1, 1)}
    values = {"x": MAP, "a": (1, 4, 6, 6), "y": (1, 3, 6, 6)}
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters, frozen=["c.weight"]))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers) == (12, 32)


def test_programs_that_say_no_gradient_have_trainable_parameters(tmp_path):
    call = w.call("aten.conv2d.default", "y", "c", input="x", weight="p_c_weight")
    path = tmp_path / "net.pt2"
    given = ([call], {"x": MAP, "y": (1, 4, 6, 6)}, ["y"])
    for payloads, params in ((None, 32), ({"c.weight": "weight_0"}, 0)):  # files of torch 2.4, and newer ones
        parameters = {"c.weight": (4, 8, 1, 1)}
        path.write_bytes(w.pt2(*given, parameters=parameters, frozen=["c.weight"], payloads=payloads))
        assert convcost.load(path).analyze().total.params == params


@pytest.mark.parametrize(
    ("name", "learned", "written"),
    [
        ("relu", {}, ["conv: {out_channels: 4, kernel_size: 1, bias: false, activation: relu}"]),
        (
            "prelu",
            {"m.s": (4,)},
            ["conv: {out_channels: 4, kernel_size: 1, bias: false}", "prelu: {num_parameters: 4}"],
        ),
    ],
)
def test_what_learns_is_not_written_with_a_frozen_layer(name, learned, written, tmp_path):
    weight = {"weight": "p_m_s"} if learned else {}
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call(f"aten.{name}.default", "b", "m", self="a", **weight),
        w.call("aten.conv2d.default", "y", "d", input="b", weight="p_d_weight"),
    ]
    parameters = {"c.weight": (4, 8, 1, 1), "d.weight": (2, 4, 1, 1), **learned}
    values = {"x": MAP, "a": (1, 4, 6, 6), "b": (1, 4, 6, 6), "y": (1, 2, 6, 6)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters, frozen=["c.weight"]))
    model = convcost.load(path)
    assert all(each in model.text for each in written)
    total = model.analyze().total
    assert (total.params, total.buffers) == (8 + 4 * len(learned), 32)


def test_a_norm_is_not_written_with_a_frozen_layer(tmp_path):
    names = {"weight": "p_n_weight", "bias": "p_n_bias", "running_mean": "b_n_mean", "running_var": "b_n_var"}
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.batch_norm.default", "y", "n", input="a", **names, training=False, momentum=0.1, eps=1e-5),
    ]
    path = tmp_path / "net.pt2"
    parameters = {"c.weight": (8, 8, 1, 1), "n.weight": (8,), "n.bias": (8,)}
    more = {"parameters": parameters, "buffers": {"n.mean": (8,), "n.var": (8,)}, "frozen": ["c.weight"]}
    path.write_bytes(w.pt2(calls, {"x": MAP, "a": MAP, "y": MAP}, ["y"], **more))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers) == (16, 64 + 16)


def test_one_tensor_under_two_names_counts_once(tmp_path):
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.conv2d.default", "y", "d", input="a", weight="p_d_weight"),
    ]
    path = tmp_path / "net.pt2"
    parameters = dict.fromkeys(("c.weight", "d.weight"), (8, 8, 1, 1))
    values = {"x": MAP, "a": MAP, "y": MAP}
    payloads = {"c.weight": "weight_0", "d.weight": "weight_0"}
    path.write_bytes(w.pt2(calls, values, ["y"], parameters=parameters, payloads=payloads))
    model = convcost.load(path)
    assert model.analyze().total.params == 64
    assert model.text.partition("layers:\n")[2] == (
        "  - {conv: {out_channels: 8, kernel_size: 1, bias: false}, name: c}\n"
        "  - {conv: {out_channels: 8, kernel_size: 1, bias: false}, weights: c, name: d}\n"
    )


def test_a_tensor_of_two_modules_has_the_path_in_the_one_that_reads_it(tmp_path):
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.conv2d.default", "y", "d", input="a", weight="p_c_weight"),
    ]
    path = tmp_path / "net.pt2"
    parameters = dict.fromkeys(("c.weight", "d.weight"), (8, 8, 1, 1))
    payloads = {"c.weight": "weight_0", "d.weight": "weight_0"}
    path.write_bytes(w.pt2(calls, dict.fromkeys("xay", MAP), ["y"], parameters=parameters, payloads=payloads))
    model = convcost.load(path)
    assert ", weights: c, name: d}\n" in model.text
    assert "not used" not in model.text


def test_parameters_that_nothing_reads_are_said(tmp_path):
    path = tmp_path / "net.pt2"
    call = w.call("aten.relu.default", "y", self="x")
    path.write_bytes(w.pt2([call], {"x": MAP, "y": MAP}, ["y"], parameters={"aux.weight": (5, 8)}))
    comment = "# 40 parameters are not used, and not counted: aux.weight.\n"
    assert comment in convcost.load(path).text


def test_open_axes_are_symbols_named_by_their_place(tmp_path):
    height, width = ("s7", 32), ("s9", 48)
    calls = [
        w.call("aten.conv2d.default", "a", "c", input="x", weight="p_c_weight"),
        w.call("aten.mean.dim", "y", self="a", dim=[2, 3]),
    ]
    values = {"x": (1, 8, height, width), "a": (1, 4, height, width), "y": (1, 4)}
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], parameters={"c.weight": (4, 8, 1, 1)}))
    model = convcost.load(path, set={"h": 10, "w": 20})
    assert model.analyze().total.macs == 10 * 20 * 32


def test_an_axis_that_is_an_expression_is_a_symbol(tmp_path):
    even = ("Mul(Integer(2), s6)", 32)
    values = {"x": (1, 8, even, 6), "y": (1, 4, even, 6)}
    path = tmp_path / "net.pt2"
    conv = w.call("aten.conv2d.default", "y", "c", input="x", weight="p_c_weight")
    path.write_bytes(w.pt2([conv], values, ["y"], parameters={"c.weight": (4, 8, 1, 1)}))
    assert convcost.load(path, set={"h": 10}).analyze().total.macs == 10 * 6 * 32


def test_sizes_of_an_open_batch_are_worked_out(tmp_path):
    batch = ("s7", 2)
    calls = [
        w.call("aten.sym_size.int", w.Symbol("n"), self="x", dim=0),
        w.call("_operator.mul", w.Symbol("k"), a=w.Symbol("n"), b=3),
        w.call("_operator.floordiv", w.Symbol("m"), a=w.Symbol("k"), b=3),
        w.call("aten.view.default", "y", self="x", size=[w.Symbol("m"), 4, 72]),
    ]
    values = {"x": (batch, 8, 6, 6), "y": (batch, 4, 72)}
    assert layers(calls, values) == ["  - reshape: {shape: [4, 72]}"]


def test_complex_numbers_are_refused():
    product = w.call("aten.mul.Tensor", "y", self="z", other="z")
    values = {"x": MAP, "z": (MAP, "complex64"), "y": (MAP, "complex64")}
    with pytest.raises(convcost.SpecError) as caught:
        layers([w.call("aten.add.Tensor", "z", self="x", other="x"), product], values)
    assert [detail.message for detail in caught.value.details] == [
        "the operator aten.add cannot be mapped: its numbers are complex",
        "the operator aten.mul cannot be mapped: its numbers are complex",
    ]


def test_the_norm_of_a_spectrum_is_prepared(tmp_path):
    calls = [  # W / (uᵀ W v), with W as a matrix
        w.call("aten.flatten.using_ints", "m", self="p_c_weight", start_dim=1),
        w.call("aten.mv.default", "wv", self="m", vec="b_c_v"),
        w.call("aten.vdot.default", "s", self="b_c_u", other="wv"),
        w.call("aten.div.Tensor", "k", self="p_c_weight", other="s"),
        w.call("aten.conv2d.default", "y", "c", input="x", weight="k", bias="p_c_bias"),
    ]
    kernel = (4, 8, 3, 3)
    values = {"x": MAP, "m": (4, 72), "wv": (4,), "s": (), "k": kernel, "y": (1, 4, 4, 4)}
    path = tmp_path / "net.pt2"
    more = {"parameters": {"c.weight": kernel, "c.bias": (4,)}, "buffers": {"c.u": (4,), "c.v": (72,)}}
    path.write_bytes(w.pt2(calls, values, ["y"], **more))
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers, total.macs) == (4 * 72 + 4, 0, 16 * 4 * 72)


def test_a_vector_of_a_spectrum_with_as_many_numbers_as_the_kernel_is_none(tmp_path):
    calls = [  # a kernel of one output has as many numbers as v
        w.call("aten.flatten.using_ints", "m", self="p_c_weight", start_dim=1),
        w.call("aten.mv.default", "s", self="m", vec="b_c_v"),
        w.call("aten.div.Tensor", "k", self="p_c_weight", other="s"),
        w.call("aten.conv2d.default", "y", "c", input="x", weight="k"),
    ]
    values = {"x": MAP, "m": (1, 72), "s": (1,), "k": (1, 8, 3, 3), "y": (1, 1, 4, 4)}
    path = tmp_path / "net.pt2"
    more = {"parameters": {"c.weight": (1, 8, 3, 3)}, "buffers": {"c.v": (72,)}}
    path.write_bytes(w.pt2(calls, values, ["y"], **more))
    model = convcost.load(path)
    assert (model.analyze().total.params, model.analyze().total.buffers) == (72, 0)
    assert "not used" not in model.text


MATRIX = {"parameters": {"c.weight": (5, 8), "c.bias": (5,)}, "buffers": {"c.factor": (5, 1)}}


def product_of(calls, tmp_path, **more):
    """Return the model of a linear layer on tokens whose matrix `k` the calls work out."""
    values = {"x": TOKENS, "k": (5, 8), "t": (8, 5), "f": (5, 1), "y": (1, 9, 5)}
    path = tmp_path / "net.pt2"
    last = w.call("aten.linear.default", "y", "c", input="x", weight="k", bias="p_c_bias")
    path.write_bytes(w.pt2([*calls, last], values, ["y"], **(MATRIX | more)))
    return convcost.load(path)


def test_a_matrix_that_is_worked_out_of_one_weight_is_prepared(tmp_path):
    model = product_of([w.call("aten.mul.Tensor", "k", self="p_c_weight", other="b_c_factor")], tmp_path)
    total = model.analyze().total
    assert (total.params, total.macs, total.ops.mul) == (5 * 8 + 5, 9 * 40, 9 * 40)
    assert [layer.type for layer in model.network.layers] == ["reshape", "linear"]
    assert "# Weights are worked out before they are used: counted as prepared with the model.\n" in model.text


def test_a_matrix_that_is_only_turned_is_no_other(tmp_path):
    turned = [w.call("aten.t.default", "t", self="p_c_weight"), w.call("aten.t.default", "k", self="t")]
    model = product_of(turned, tmp_path)
    assert (model.analyze().total.params, model.analyze().total.macs) == (5 * 8 + 5, 9 * 40)
    assert "worked out" not in model.text


def test_a_matrix_with_a_learned_factor_is_worked_out_in_every_run(tmp_path):
    scaled = [w.call("aten.mul.Tensor", "k", self="p_c_weight", other="p_c_factor")]
    learned = {"parameters": MATRIX["parameters"] | {"c.factor": (5, 1)}, "buffers": {}}
    total = product_of(scaled, tmp_path, **learned).analyze().total
    assert (total.params, total.macs, total.ops.mul) == (5 * 8 + 5 + 5, 9 * 40, 9 * 40 + 40)


def test_what_has_no_layer_type_is_named_as_pytorch_does():
    call = w.call("aten.fft_fft2.default", "y", "spectral", self="x")
    with pytest.raises(convcost.SpecError) as caught:
        layers([call], {"x": MAP, "y": MAP})
    assert "the operator aten.fft_fft2 has no layer type" in str(caught.value)
    assert "net.pt2, spectral" in str(caught.value)


def test_a_graph_that_an_operator_runs_as_it_is_belongs_to_the_graph_around_it():
    inner = w.program(
        [w.call("aten.relu.default", "r", "inner", self="g")], {"g": MAP, "r": MAP}, ["r"], inputs=()
    )["graph_module"]["graph"]  # fmt: skip
    inner["inputs"] = [{"as_tensor": {"name": "g"}}]
    run = w.call("higher_order.wrap_with_set_grad_enabled", ["z"])
    run["inputs"] = [
        {"name": "", "arg": {"as_bool": False}, "kind": 1},
        {"name": "", "arg": {"as_graph": {"name": "submod_1", "graph": inner}}, "kind": 1},
        {"name": "", "arg": {"as_tensor": {"name": "x"}}, "kind": 1},
    ]
    calls = [run, w.call("aten.neg.default", "y", self="z")]
    lines = layers(calls, {"x": MAP, "z": MAP, "y": MAP})
    assert [line for line in lines if line.startswith("  - ")] == ["  - relu", "  - elementwise: {op: neg}"]
