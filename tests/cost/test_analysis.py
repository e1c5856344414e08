"""What a network costs in all: folding, batches, outputs, and sums that agree with their parts."""

from __future__ import annotations

import pytest

import convcost
from convcost.ops import KINDS, Ledger

CONV = {"out_channels": 8, "kernel_size": 3}


def norm_of(analysis):
    """Return the last batch norm of an analysis."""
    return [layer for layer in analysis.layers if layer.type == "batch_norm"][-1]


# a batch norm folds


@pytest.mark.parametrize(
    ("input", "layer", "name"),
    [
        ([4, 6, 6], {"conv": CONV}, "conv_1"),
        ([4, 6, 6], {"conv": {**CONV, "groups": 2}}, "conv_1"),
        ([4, 6, 6], {"depthwise_conv": {"kernel_size": 3}}, "depthwise_conv_1"),
        ([4, 6, 6], {"pointwise_conv": {"out_channels": 8}}, "pointwise_conv_1"),
        ([4, 6, 6], {"separable_conv": CONV}, "separable_conv_1/pointwise"),
        ([4, 6, 6], {"transposed_conv": CONV}, "transposed_conv_1"),
        ([4, 6], {"conv": CONV}, "conv_1"),
        ([4], {"linear": {"out_features": 8}}, "linear_1"),
    ],
)
def test_a_batch_norm_folds_into_the_layer_with_weights_before_it(input, layer, name, analyze):
    """Written as the next item or as a field, it costs nothing and keeps its parameters and buffers."""
    ((type, fields),) = layer.items()
    for layers in [layer, "batch_norm"], [{type: {**fields, "norm": "batch_norm"}}]:
        analysis = analyze(input, *layers)
        norm = norm_of(analysis)
        assert norm.notes == (f"folded into {name}", "output")
        assert norm.cost.ops == Ledger()
        channels = norm.output_shape[0]
        assert (norm.cost.params, norm.cost.buffers) == (2 * channels, 2 * channels)
        assert (norm.cost.useful_mults, norm.cost.macs) == (0, 0)


def test_both_stages_of_a_separable_convolution_fold_their_norms(analyze):
    analysis = analyze([4, 6, 6], {"separable_conv": {**CONV, "norm": "batch_norm"}})
    notes = {layer.name: layer.notes for layer in analysis.layers}
    assert notes == {
        "separable_conv_1/depthwise": (),
        "separable_conv_1/depthwise/batch_norm": ("folded into separable_conv_1/depthwise",),
        "separable_conv_1/pointwise": (),
        "separable_conv_1/pointwise/batch_norm": ("folded into separable_conv_1/pointwise", "output"),
    }


def test_a_named_convolution_means_its_output_after_the_norm_which_still_folds(analyze):
    analysis = analyze(
        [4, 6, 6],
        {"conv": {**CONV, "norm": "batch_norm"}, "name": "a"},
        "relu",
        {"add": None, "from": ["a", "a"]},
    )
    assert norm_of(analysis).notes == ("folded into a",)


# a batch norm does not fold


def unfolded(analysis):
    """Say that the last batch norm multiplies and adds once for each value."""
    norm = norm_of(analysis)
    values = 1
    for size in norm.output_shape:
        values *= size
    assert norm.cost.ops == Ledger(mul=values, add=values)
    assert not any(note.startswith("folded") for note in norm.notes)


def test_a_second_reader_keeps_the_norm_apart(analyze):
    unfolded(analyze([4, 6, 6], {"conv": CONV, "name": "a"}, "batch_norm", {"add": None, "from": ["a", "a"]}))
    unfolded(analyze([4, 6, 6], {"conv": CONV}, {"add": [["batch_norm"], []]}))
    unfolded(analyze([4, 6, 6], {"conv": CONV}, {"residual": ["batch_norm"]}))
    unfolded(analyze([4, 6, 6], {"conv": CONV, "name": "a"}, "batch_norm", {"batch_norm": None, "from": "a"}))


@pytest.mark.parametrize(
    "before",
    [
        {"residual": [{"conv": {**CONV, "padding": 1}}]},
        {"concat": [[], [{"conv": {**CONV, "padding": 1}}]]},
        {"max_pool": {"kernel_size": 2}},
        "relu",
        "scale",
        "identity",
        "dropout",
        "batch_norm",
        "layer_norm",
    ],
)
def test_only_a_layer_with_weights_takes_a_norm_in(before, analyze):
    unfolded(analyze([8, 6, 6], {"conv": {**CONV, "padding": 1}}, before, "batch_norm"))


def test_the_networks_input_takes_no_norm_in(analyze):
    unfolded(analyze([8, 6, 6], "batch_norm"))


def test_of_two_norms_in_a_row_only_the_first_folds(analyze):
    analysis = analyze([4, 6, 6], {"conv": CONV}, "batch_norm", "batch_norm")
    assert [layer.cost.mults for layer in analysis.layers] == [4_608, 0, 128]  # 16 · 288; folded; 8 · 16
    assert analysis.total.mults == 4_736


@pytest.mark.parametrize(
    "norm", ["layer_norm", {"group_norm": {"num_groups": 2}}, {"local_response_norm": {"size": 3}}]
)
def test_norms_that_depend_on_the_data_never_fold(norm, analyze):
    analysis = analyze([4, 6, 6], {"conv": {**CONV, "norm": norm}})
    assert analysis.layers[1].cost.mults > 0
    assert analysis.layers[1].notes == ("output",)


def test_without_folding_every_batch_norm_counts(analyze):
    layers = [{"separable_conv": {**CONV, "norm": "batch_norm"}}, "batch_norm"]
    folded, whole = analyze([4, 6, 6], *layers), analyze([4, 6, 6], *layers, fold=False)
    # depthwise 4 · 16 = 64 values, pointwise 8 · 16 = 128, the last one 128 both times
    assert whole.total.mults - folded.total.mults == 192
    assert whole.total.adds - folded.total.adds == 192
    assert (whole.total.params, whole.total.buffers) == (folded.total.params, folded.total.buffers)
    assert whole.total.macs == folded.total.macs
    assert [layer.notes for layer in whole.layers] == [(), (), (), (), ("output",)]
    assert (folded.fold, whole.fold) == (True, False)


# batches


def test_a_batch_multiplies_the_work_and_not_the_parameters():
    model = convcost.load("mobilenet_v1")
    one, many = model.analyze(), model.analyze(batch=32)
    assert many.batch == 32
    for single, batched in zip([*one.layers, one], [*many.layers, many], strict=True):
        a, b = (x.cost if hasattr(x, "cost") else x.total for x in (single, batched))
        assert (b.params, b.buffers) == (a.params, a.buffers)
        assert (b.macs, b.useful_mults) == (32 * a.macs, 32 * a.useful_mults)
        assert b.ops == a.ops * 32
    assert [layer.output_values for layer in many.layers] == [32 * layer.output_values for layer in one.layers]
    assert [layer.activations for layer in many.layers] == [32 * layer.activations for layer in one.layers]
    assert [layer.output_shape for layer in many.layers] == [layer.output_shape for layer in one.layers]
    assert [layer.ratio for layer in many.layers] == [layer.ratio for layer in one.layers]


@pytest.mark.parametrize("batch", [0, -1, 1.0, "2", True, None])
def test_a_batch_is_a_whole_number_of_at_least_1(batch):
    with pytest.raises(convcost.OptionError) as error:
        convcost.load("examples/one_5x5").analyze(batch=batch)
    assert str(error.value) == f"error: batch is a whole number, at least 1\n = found: {batch!r}"


# outputs, and layers that do nothing


def test_what_nothing_reads_is_an_output_and_is_counted(analyze):
    analysis = analyze(
        [3, 6, 6],
        {"conv": CONV, "name": "stem"},
        {"max_pool": {"kernel_size": 2}, "name": "side"},
        {"conv": CONV, "from": "stem"},
        "relu",
    )
    assert [layer.name for layer in analysis.layers if "output" in layer.notes] == ["side", "relu_1"]
    assert analysis.total.ops.cmp == 8 * 2 * 2 * 3 + 8 * 2 * 2  # the pool's 2 · 2 windows; relu on 8 · 2 · 2


def test_a_layer_that_does_nothing_says_so(analyze):
    analysis = analyze(
        [4, 6, 6], "identity", "dropout", {"pad": {"padding": 1}}, {"channel_shuffle": {"groups": 2}}, "flatten"
    )
    assert [layer.notes for layer in analysis.layers] == [
        ("nothing at inference",),
        ("nothing at inference",),
        ("moves values",),
        ("moves values",),
        ("moves values", "output"),
    ]


def test_upsampling_says_that_it_moves_values_only_where_it_does(analyze):
    analysis = analyze(
        [4, 6, 6], {"upsample": {"scale_factor": 2}}, {"upsample": {"scale_factor": 2, "mode": "bilinear"}}, "relu"
    )
    assert [layer.notes for layer in analysis.layers] == [("moves values",), (), ("output",)]


# sums


@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "alexnet", "resnet18", "densenet121", "unet", "convnext_tiny", "xception"]
)
@pytest.mark.parametrize("fold", [True, False])
def test_the_rows_add_up_to_the_totals(name, fold):
    data = convcost.load(name).analyze(fold=fold).to_dict()
    rows, total = data["layers"], data["total"]
    for column in total:
        if column != "ops":
            assert sum(row[column] for row in rows) == total[column], column
    for kind in KINDS:
        assert sum(row["ops"].get(kind, 0) for row in rows) == total["ops"].get(kind, 0), kind
    assert total["mults"] == total["ops"]["mul"]
    assert total["adds"] == total["ops"]["add"]
    assert total["flops"] == total["mults"] + total["adds"]
    assert total["macs"] <= total["mults"]
    assert total["useful_mults"] <= total["mults"]
    for row in rows:
        values = 1
        for size in row["output_shape"]:
            values *= size
        assert row["output_values"] == values


def test_a_layer_reads_what_another_gives():
    analysis = convcost.analyze("googlenet")
    for layer, source in zip(analysis.layers, analysis.network.layers, strict=True):
        given = [analysis.layers[i].output_shape if i >= 0 else analysis.network.input_shape for i in source.sources]
        assert list(layer.input_shapes) == given


# the whole as plain data


def test_an_analysis_as_plain_data(analyze):
    analysis = analyze(
        ["c", 6, 6],
        {"separable_conv": {"out_channels": 8, "kernel_size": 3, "bias": False, "norm": "batch_norm"}, "name": "a"},
        {"multiply": [[], ["global_avg_pool"]]},
        name="small",
        source="by hand",
        symbols={"c": 4, "third": "1/3"},
    )
    nothing = {"mults": 0, "adds": 0, "macs": 0, "flops": 0, "useful_mults": 0, "ops": {}}
    ratio = {
        "kind": "separable",
        "formula": "1/N + 1/Dk²",
        "numbers": "1/8 + 1/9",
        "exact": "17/72",
        "value": 17 / 72,
    }

    def row(name, type, shapes, values, activations, params, deployed, buffers, counts, ratio, *notes):
        return {
            "name": name,
            "type": type,
            "file": "<mapping>",
            "input_shape": shapes[0],
            "output_shape": shapes[1],
            "output_values": values,
            "activations": activations,
            "params": params,
            "deployed_params": deployed,
            "buffers": buffers,
            **counts,
            "ratio": ratio,
            "notes": list(notes),
        }

    def products(n):
        return {"mults": n, "adds": n, "macs": n, "flops": 2 * n, "useful_mults": n, "ops": {"mul": n, "add": n}}

    data = analysis.to_dict()
    assert all(layer.pop("line") > 0 for layer in data["layers"])
    assert [layer.pop("formula") for layer in data["layers"]] == [
        {"params": "Dk²·M", "mults": "Dk²·Dp²·M", "adds": "Dk²·Dp²·M"},
        {"params": "2·M", "mults": "0", "adds": "0"},
        {"params": "M·N", "mults": "Dp²·M·N", "adds": "Dp²·M·N"},
        {"params": "2·M", "mults": "0", "adds": "0"},
        {"params": "0", "mults": "0", "adds": "Di²·M", "div": "M"},
        {"params": "0", "mults": "Dp²·M", "adds": "0"},
    ]
    norm = {"affine": True, "eps": "1/100000", "momentum": "1/10"}
    window = {"stride": [1, 1], "padding": [[0, 0], [0, 0]], "dilation": [1, 1], "bias": False}
    fields = [
        {"kernel_size": [3, 3], "depth_multiplier": 1, **window},
        norm,
        {"out_channels": 8, "stride": [1, 1], "groups": 1, "bias": False},
        norm,
        {},
        {},
    ]
    for layer, known in zip(data["layers"], fields, strict=True):  # types may have more than what is asked of here
        assert known.items() <= layer.pop("fields").items()
    first, second = {**ratio, "term": "1/N"}, {**ratio, "term": "1/Dk²"}
    average = {**nothing, "adds": 128, "flops": 128, "ops": {"add": 128, "div": 8}}
    scaled = {**nothing, "mults": 128, "flops": 128, "useful_mults": 128, "ops": {"mul": 128}}
    x, y, z, one = [4, 6, 6], [4, 4, 4], [8, 4, 4], [8, 1, 1]
    expected = [
        row("a/depthwise", "depthwise_conv", [x, y], 64, 64, 36, 40, 0, products(576), first),  # 4 · 9, 16 places
        row("a/depthwise/batch_norm", "batch_norm", [y, y], 64, 0, 8, 0, 8, nothing, None, "folded into a/depthwise"),
        row("a/pointwise", "pointwise_conv", [y, z], 128, 128, 32, 40, 0, products(512), second),  # 8 · 4 weights
        row(
            "a/pointwise/batch_norm", "batch_norm", [z, z], 128, 0, 16, 0, 16, nothing, None, "folded into a/pointwise"
        ),
        row("branch_2/global_avg_pool_1", "global_avg_pool", [z, one], 8, 0, 0, 0, 0, average, None),
        row("multiply_1", "multiply", [[z, one], z], 128, 0, 0, 0, 0, scaled, None, "output"),
    ]
    convention = data.pop("convention")
    assert data == {
        "schema_version": 2,
        "network": {
            "name": "small",
            "file": "<mapping>",
            "source": "by hand",
            "symbols": {"c": 4, "third": "1/3"},
            "input_shape": [4, 6, 6],
        },
        "layers": expected,
        "total": {
            "output_values": 520,  # 64 + 64 + 128 + 128 + 8 + 128
            "activations": 192,  # 64 + 128 by the convolutions
            "params": 92,  # 36 + 8 + 32 + 16
            "deployed_params": 80,  # 36 + 4 biases + 32 + 8 biases
            "buffers": 24,
            "mults": 1_216,  # 576 + 512 + 128
            "adds": 1_216,  # 576 + 512 + 128
            "macs": 1_088,  # 576 + 512
            "flops": 2_432,
            "useful_mults": 1_216,
            "ops": {"mul": 1_216, "add": 1_216, "div": 8},
        },
        "warnings": [
            {
                "message": "nothing reads the symbol 'third'",
                "file": "<mapping>",
                "line": 5,
                "column": 3,
                "path": "symbols.third",
                "found": None,
                "help": "remove it, or read it",
                "note": None,
            }
        ],
    }
    assert {"batch": 1, "fold": True}.items() <= convention.items()
    assert set(convention) == {"batch", "fold", *data["total"]} - {"ops"}
