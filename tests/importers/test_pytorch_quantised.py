"""Programs whose numbers are quantised, as PT2E and training with simulated quantisation write them."""

from __future__ import annotations

import pt2_writer as w
import pytest

import convcost

KERNEL, MAP, AFTER = (4, 8, 3, 3), (1, 8, 6, 6), (1, 4, 4, 4)
BYTE = {"scale": 0.1, "zero_point": 3, "quant_min": 0, "quant_max": 255, "dtype": {"as_scalar_type": 1}}
ROWS = {"scales": "b_s", "zero_points": "b_z", "axis": 0, "quant_min": -128, "quant_max": 127}


def load(calls, values, tmp_path, **more):
    """Return the model of a program."""
    path = tmp_path / "net.pt2"
    path.write_bytes(w.pt2(calls, values, ["y"], **more))
    return convcost.load(path)


def there_and_back(name, x, **scale):
    """Return the calls that quantise a value and turn it back to `name`."""
    return [
        w.call(f"quantized_decomposed.quantize_per_tensor.{'tensor' if scale else 'default'}", f"{name}_q",
               **({"input": x} | BYTE | scale)),
        w.call(f"quantized_decomposed.dequantize_per_tensor.{'tensor' if scale else 'default'}", name,
               **({"input": f"{name}_q"} | BYTE | scale)),
    ]  # fmt: skip


CONV = w.call("aten.conv2d.default", "c", "c", input="xd", weight="k", bias="p_c_bias")
VALUES = {"x": MAP, "xd_q": (MAP, "uint8"), "xd": MAP, "k": KERNEL, "c": AFTER, "y_q": (AFTER, "uint8"), "y": AFTER}
WEIGHTS = {"buffers": {"frozen": (KERNEL, "int8"), "s": (4,), "z": ((4,), "int64")}, "parameters": {"c.bias": (4,)}}
TURNED_BACK = w.call("quantized_decomposed.dequantize_per_channel.default", "k", input="b_frozen", **ROWS)


def widths(model):
    """Return the types of the weights, biases and values of the layers that have some."""
    return [(each.widths.weights, each.widths.biases, each.widths.activations) for each in model.network.layers]


def test_weights_and_values_have_their_widths(tmp_path):
    calls = [TURNED_BACK, *there_and_back("xd", "x"), CONV, *there_and_back("y", "c")]
    model = load(calls, VALUES, tmp_path, **WEIGHTS)
    total = model.analyze().total
    # 4 kernels of 8·9 weights, and 4 biases; 4·4 positions; a weight of a byte, a bias of four
    assert (total.params, total.buffers, total.macs) == (4 * 72 + 4, 0, 16 * 4 * 72)
    assert model.analyze().value("weight_bytes") == 4 * 72 + 4 * 4
    assert widths(model) == [("int8", "float32", "int8")]
    assert "# quantising and rescaling are not counted\n" in model.text


def test_weights_alone_have_their_widths(tmp_path):
    calls = [TURNED_BACK, w.call("aten.conv2d.default", "y", "c", input="x", weight="k", bias="p_c_bias")]
    model = load(calls, VALUES, tmp_path, **WEIGHTS)
    assert model.analyze().value("weight_bytes") == 4 * 72 + 4 * 4
    assert widths(model) == [("int8", "float32", "float32")]


def test_weights_that_are_quantised_in_the_program_are_the_parameters_that_they_were(tmp_path):
    held = {"parameters": {"c.weight": KERNEL, "c.bias": (4,)}, "buffers": {"s": (4,), "z": ((4,), "int64")}}
    calls = [
        w.call("quantized_decomposed.quantize_per_channel.default", "q", input="p_c_weight", **ROWS),
        w.call("quantized_decomposed.dequantize_per_channel.default", "k", input="q", **ROWS),
        w.call("aten.conv2d.default", "y", "c", input="x", weight="k", bias="p_c_bias"),
    ]
    model = load(calls, VALUES | {"q": (KERNEL, "int8")}, tmp_path, **held)
    assert (model.analyze().total.params, model.analyze().total.buffers) == (4 * 72 + 4, 0)
    assert model.analyze().value("weight_bytes") == 4 * 72 + 4 * 4
    frozen = load(calls, VALUES | {"q": (KERNEL, "int8")}, tmp_path, **held, frozen=("c.weight",))
    assert frozen.analyze().total.params == 4 * 72 + 4  # as one that PT2E froze


def test_weights_that_are_stored_as_buffers_are_parameters_without_a_bias_too(tmp_path):
    call = w.call("aten.conv2d.default", "y", "c", input="x", weight="k")
    model = load([TURNED_BACK, call], VALUES, tmp_path, buffers=WEIGHTS["buffers"])
    assert (model.analyze().total.params, model.analyze().total.buffers) == (4 * 72, 0)


@pytest.mark.parametrize("of_itself", [True, False])
def test_scales_that_are_measured_in_every_run_leave_the_values_floats(of_itself, tmp_path):
    measured = w.call("quantized_decomposed.choose_qparams.tensor", ["sx", "zx"], input="x", quant_min=0,
                      quant_max=255, eps=0.1, dtype={"as_scalar_type": 1})  # fmt: skip
    scale = {"scale": "sx", "zero_point": "zx"}
    first = w.call("aten.relu.default", "x", self="z")
    if not of_itself:
        measured["inputs"][0]["arg"] = w.argument("z")
    calls = [first, measured, *there_and_back("xd", "x", **scale), TURNED_BACK, CONV]
    calls.append(w.call("aten.relu.default", "y", self="c"))
    values = VALUES | {"z": MAP, "sx": (1,), "zx": ((1,), "int64")}
    model = load(calls, values, tmp_path, inputs=("z",), **WEIGHTS)
    # a relu is written with its layer
    assert widths(model)[1:] == [("int8", "float32", "float32")] * 2
    assert widths(model)[0][2] == "float32"
    assert "# quantising and rescaling are not counted\n" in model.text


def test_a_sum_of_a_byte_and_a_float_is_a_float(tmp_path):
    calls = [w.call("aten.relu.default", "r", self="z"), *there_and_back("rd", "r")]
    values = dict.fromkeys(("x", "z", "r", "rd", "y"), MAP)
    values["rd_q"] = (MAP, "uint8")
    for first, second in (("rd", "z"), ("z", "rd")):
        last = w.call("aten.add.Tensor", "y", self=first, other=second)
        model = load([*calls, last], values, tmp_path, inputs=("z",))
        assert [each[2] for each in widths(model)] == ["int8", "float32"]


SIMULATED = {"scale": 0.1, "zero_point": 0, "quant_min": -128, "quant_max": 127}


def test_simulated_quantisation_is_what_it_simulates(tmp_path):
    rows = {"scale": "b_s", "zero_point": "b_z", "axis": 0, "quant_min": -127, "quant_max": 127}
    calls = [
        w.call("aten.fake_quantize_per_channel_affine.default", "k", self="p_c_weight", **rows),
        w.call("aten.conv2d.default", "c", "c", input="x", weight="k"),
        w.call("aten.fake_quantize_per_tensor_affine.default", "y", self="c", **SIMULATED),
    ]
    held = {"parameters": {"c.weight": KERNEL}, "buffers": {"s": (4,), "z": ((4,), "int64")}}
    model = load(calls, VALUES, tmp_path, **held)
    assert (model.analyze().total.params, model.analyze().value("weight_bytes")) == (4 * 72, 4 * 72)
    assert widths(model)[0][::2] == ("int8", "int8")


@pytest.mark.parametrize("bounds", [(-128, 255), (0, 256), (-129, 127)])
def test_simulated_quantisation_to_more_than_a_byte_is_refused(bounds, tmp_path):
    more = SIMULATED | {"quant_min": bounds[0], "quant_max": bounds[1]}
    call = w.call("aten.fake_quantize_per_tensor_affine.default", "y", self="x", **more)
    with pytest.raises(convcost.SpecError, match=r"aten\.fake_quantize_per_tensor_affine has no layer type"):
        load([call], {"x": MAP, "y": MAP}, tmp_path)
