"""`defaults`, `norm` and `activation`: whom they reach and what goes before what."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convcost.network import Network
from convcost.ops import Cost

Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]
Total = Callable[..., Cost]


def types(network: Network) -> list[tuple[str, str]]:
    return [(layer.name, layer.type) for layer in network.layers]


def test_a_default_stands_where_the_item_gives_nothing(load: Load) -> None:
    text = """
        input: [4, 8, 8]
        defaults:
          conv: {kernel_size: 3, padding: same, bias: false}
          max_pool: {kernel_size: 2}
        layers:
          - conv: {out_channels: 4}
          - conv: {out_channels: 4, kernel_size: 1, bias: true}
          - conv: {out_channels: 4, padding: ~}
          - max_pool
        """
    fields = [layer.fields for layer in load(text).layers]
    assert [(f["kernel_size"], f["padding"], f["bias"]) for f in fields[:3]] == [
        ((3, 3), "same", False),
        ((1, 1), "same", True),
        ((3, 3), "same", False),  # no value is not given
    ]
    assert (fields[3]["kernel_size"], fields[3]["stride"]) == ((2, 2), (2, 2))


def test_defaults_of_conv_serve_its_kin_in_the_fields_they_have(load: Load) -> None:
    text = """
        input: [4, 16, 16]
        defaults:
          conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1, dilation: 2, groups: 2, bias: false}
        layers:
          - depthwise_conv
          - pointwise_conv
          - separable_conv: {padding: 2}
          - transposed_conv: {out_channels: 4, kernel_size: 2}
          - linear: {out_features: 3}
            from: flat
        """.replace("- linear", "- {flatten: , name: flat}\n          - linear")
    depthwise, pointwise, stage, second, transposed, _, linear = [layer.fields for layer in load(text).layers]
    assert depthwise == {
        "kernel_size": (3, 3),
        "depth_multiplier": 1,
        "stride": (2, 2),
        "padding": ((1, 1), (1, 1)),
        "padding_mode": "zeros",
        "dilation": (2, 2),
        "bias": False,
    }
    assert pointwise == {"out_channels": 8, "stride": (2, 2), "groups": 2, "bias": False}
    assert (stage["stride"], stage["padding"], stage["dilation"], stage["bias"]) == (
        (2, 2),
        ((2, 2),) * 2,
        (2, 2),
        False,
    )
    assert second == {"out_channels": 8, "stride": (1, 1), "groups": 1, "bias": False}
    assert (transposed["stride"], transposed["bias"]) == ((1, 1), True)  # no kin
    assert linear["bias"] is True


def test_the_type_s_own_default_goes_before_that_of_conv_and_the_item_before_both(load: Load) -> None:
    text = """
        input: [4, 16, 16]
        defaults:
          depthwise_conv: {stride: 2, norm: none}
          conv: {kernel_size: 3, padding: 1, stride: 4, norm: batch_norm, activation: relu}
        layers:
          - depthwise_conv
          - depthwise_conv: {stride: 1, norm: layer_norm, activation: none}
        """
    layers = load(text).layers
    assert [(layer.name, layer.fields.get("stride")) for layer in layers] == [
        ("depthwise_conv_1", (2, 2)),
        ("depthwise_conv_1/relu", None),
        ("depthwise_conv_2", (1, 1)),
        ("depthwise_conv_2/layer_norm", None),
    ]


def test_defaults_reach_into_blocks_and_branches(load: Load) -> None:
    text = """
        input: [4, 8, 8]
        defaults: {conv: {kernel_size: 1, norm: batch_norm}}
        blocks:
          b: {layers: [{residual: [{conv: {out_channels: 4}}]}]}
        layers: [b, {concat: [[], [{conv: {out_channels: 2}}]]}]
        """
    assert [type for _, type in types(load(text))] == ["conv", "batch_norm", "add", "conv", "batch_norm", "concat"]


def test_defaults_see_symbols_and_in_channels_but_no_parameters(load: Load) -> None:
    text = """
        symbols: {n: 2}
        input: [4, 8, 8]
        defaults: {conv: {out_channels: n * in_channels, kernel_size: 1, groups: n}}
        blocks:
          b: {params: {n: 4}, layers: [conv, {conv: {groups: n}}]}
        layers: [b, conv]
        """
    fields = [layer.fields for layer in load(text).layers]
    assert [(f["out_channels"], f["groups"]) for f in fields] == [(8, 2), (16, 4), (32, 2)]


def test_the_fields_of_a_default_norm_see_no_parameters_either(load: Load) -> None:
    text = """
        symbols: {G: 4}
        input: [4, 8, 8]
        defaults: {conv: {kernel_size: 1, out_channels: 8, norm: {group_norm: {num_groups: G}}}}
        blocks:
          b: {params: {G: 2}, layers: [conv, {conv: {norm: {group_norm: {num_groups: G}}}}]}
        layers: [b]
        """
    assert [layer.fields.get("num_groups") for layer in load(text).layers] == [None, 4, None, 2]


@pytest.mark.parametrize("order", [1, -1])
def test_defaults_reach_the_layers_that_norm_and_activation_write(order: int, load: Load) -> None:
    entries = [
        "conv: {kernel_size: 1, norm: {group_norm: {eps: 1e-3}}, activation: leaky_relu}",
        "group_norm: {num_groups: 2, affine: false}",
        "leaky_relu: {negative_slope: 0.2}",
        "batch_norm: {affine: false}",
    ]
    text = f"input: [4, 8, 8]\ndefaults: {{{', '.join(entries[::order])}}}\nlayers:\n"
    text += "  - conv: {out_channels: 4}\n  - conv: {out_channels: 4, norm: batch_norm, activation: none}\n"
    text += "  - conv: {out_channels: 4, norm: {group_norm: {affine: true}}, activation: none}\n"
    layers = load(text).layers
    assert [layer.type for layer in layers] == [
        "conv",
        "group_norm",
        "leaky_relu",
        "conv",
        "batch_norm",
        "conv",
        "group_norm",
    ]
    assert (layers[1].fields["num_groups"], layers[1].fields["affine"]) == (2, False)
    assert layers[2].fields["negative_slope"] * 5 == 1
    assert layers[4].fields["affine"] is False
    assert (layers[6].fields["num_groups"], layers[6].fields["affine"]) == (2, True)


def test_a_default_for_a_required_field_serves_a_norm_given_by_name(load: Load) -> None:
    text = """
        input: [4, 8, 8]
        defaults: {conv: {kernel_size: 1, norm: group_norm}, group_norm: {num_groups: 2}}
        layers: [{conv: {out_channels: 4}}]
        """
    assert load(text).layers[1].fields["num_groups"] == 2


# norm and activation


def test_norm_and_activation_write_the_layers_that_follow(load: Load, total: Total) -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - conv: {out_channels: 6, kernel_size: 1, bias: false, activation: relu, norm: batch_norm}
          - conv: {out_channels: 6, kernel_size: 1, bias: false, norm: {group_norm: {num_groups: 3, affine: false}}}
          - transposed_conv:
              {out_channels: 2, kernel_size: 2, bias: false, activation: {leaky_relu: {negative_slope: 0.1}}}
          - flatten
          - linear: {out_features: 3, activation: softmax, norm: {layer_norm: }}
        """
    assert types(load(text)) == [
        ("conv_1", "conv"),
        ("conv_1/batch_norm", "batch_norm"),  # the norm first, whatever the order of the fields
        ("conv_1/relu", "relu"),
        ("conv_2", "conv"),
        ("conv_2/group_norm", "group_norm"),
        ("transposed_conv_1", "transposed_conv"),
        ("transposed_conv_1/leaky_relu", "leaky_relu"),
        ("flatten_1", "flatten"),
        ("linear_1", "linear"),
        ("linear_1/layer_norm", "layer_norm"),
        ("linear_1/softmax", "softmax"),
    ]
    # transposed: 9 × 9 × 2 = 162 values reach the linear layer
    assert total(text).params == 4 * 6 + 2 * 6 + 6 * 6 + 6 * 2 * 4 + (162 * 3 + 3) + 2 * 3


def test_a_field_and_the_next_item_are_the_same(load: Load, total: Total) -> None:
    head = "input: [4, 8, 8]\nlayers:\n  - conv: {out_channels: 6, kernel_size: 3"
    field = head + ", norm: batch_norm, activation: relu}\n"
    items = head + "}\n  - batch_norm\n  - relu\n"
    assert [layer.type for layer in load(field).layers] == [layer.type for layer in load(items).layers]
    assert total(field) == total(items)


@pytest.mark.parametrize("off", ["none", "~", "''", "null", ""])
def test_none_or_no_value_turns_a_default_off(off: str, load: Load) -> None:
    text = f"""
        input: [4, 8, 8]
        defaults: {{conv: {{norm: batch_norm, activation: relu}}}}
        layers: [{{conv: {{out_channels: 4, kernel_size: 1, norm: {off}, activation: none}}}}]
        """
    kept = [] if off == "none" else ["batch_norm"]  # no value is not given, as in every other field
    assert [layer.type for layer in load(text).layers] in (["conv"], ["conv", *kept])


def test_norm_and_activation_may_be_symbols_and_parameters(load: Load) -> None:
    text = """
        symbols: {nl: relu}
        input: [4, 8, 8]
        blocks:
          b:
            params: {nm: batch_norm, act: nl}
            layers: [{conv: {out_channels: 4, kernel_size: 1, norm: nm, activation: act}}]
        layers: [b, {b: {nm: none, act: silu}}]
        """
    assert [layer.type for layer in load(text).layers] == ["conv", "batch_norm", "relu", "conv", "silu"]
    assert [layer.type for layer in load(text, nl="gelu").layers][2] == "gelu"


def test_the_fields_of_a_norm_see_its_own_channels(load: Load) -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - conv: {out_channels: 12, kernel_size: 1, norm: {group_norm: {num_groups: in_channels // 3}}}
          - conv: {out_channels: 6, kernel_size: 1, activation: {prelu: {num_parameters: in_channels}}}
        """
    layers = load(text).layers
    assert layers[1].fields["num_groups"] == 4  # 12 // 3: what reaches the norm
    assert layers[3].fields["num_parameters"] == 6


@pytest.mark.parametrize("field", ["norm", "activation"])
@pytest.mark.parametrize("type", ["max_pool: {kernel_size: 1", "relu: {", "batch_norm: {", "flatten: {"])
def test_only_layers_with_weights_take_norm_and_activation(field: str, type: str, errors: ErrorCollector) -> None:
    text = f"input: [4, 8, 8]\nlayers:\n  - {type.rstrip('{')}" + ("{" if type.endswith("{") else ", ")
    text += f"{field}: none}}\n"
    assert [message for message, _, _ in errors(text)] == [f"{type.split(':')[0]} has no field {field!r}"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("norm: relu", "there is no norm 'relu'"),
        ("norm: 5", "there is no norm '5'"),
        ("norm: true", "there is no norm 'true'"),
        ("norm: [batch_norm]", "norm is a name or one type with fields"),
        ("norm: {}", "norm is a name or one type with fields"),
        ("norm: {batch_norm: , layer_norm: }", "norm is a name or one type with fields"),
        ("norm: {relu: }", "there is no norm 'relu'"),
        ("norm: {none: }", "there is no norm 'none'"),
        ("norm: group_norm", "group_norm needs num_groups"),
        ("norm: {group_norm: }", "group_norm needs num_groups"),
        ("norm: {batch_norm: {x: 1}}", "batch_norm has no field 'x'"),
        ("norm: {batch_norm: 5}", "the fields of batch_norm are a mapping"),
        ("activation: batch_norm", "there is no activation 'batch_norm'"),
        ("activation: same", "there is no activation 'same'"),
        ("activation: {gelu: {approximate: relu}}", "approximate must be none or tanh"),
        ("activation: dropout", "there is no 'dropout' here"),
    ],
)
def test_what_is_no_norm_or_activation_is_told(fields: str, message: str, errors: ErrorCollector) -> None:
    text = f"input: [4, 8, 8]\nlayers:\n  - conv: {{out_channels: 4, kernel_size: 1, {fields}}}\n"
    assert [told for told, _, _ in errors(text)] == [message]


# separable_conv


def test_a_separable_conv_is_a_depthwise_and_a_pointwise_stage(load: Load, total: Total) -> None:
    text = """
        input: [3, 12, 12]
        layers:
          - separable_conv: {out_channels: 256, kernel_size: 5, bias: false}
        """
    assert [(layer.name, layer.type, layer.output_shape) for layer in load(text).layers] == [
        ("separable_conv_1/depthwise", "depthwise_conv", (3, 8, 8)),
        ("separable_conv_1/pointwise", "pointwise_conv", (256, 8, 8)),
    ]
    assert total(text).params == 3 * 25 + 3 * 256
    assert total(text).mults == 64 * 3 * 25 + 64 * 3 * 256 == 53_952


def test_the_fields_of_a_separable_conv_belong_to_their_stages(load: Load, total: Total) -> None:
    text = """
        input: [4, 9, 9]
        layers:
          - separable_conv:
              {in_channels: 4, out_channels: 10, kernel_size: [3, 1], stride: [2, 1], padding: [1, 0],
               dilation: [2, 1], depth_multiplier: 3}
        """
    depthwise, pointwise = load(text).layers
    # height: ⌊(9 + 2 − 2 · 2 − 1) / 2⌋ + 1 = 4
    assert (depthwise.output_shape, pointwise.output_shape) == ((12, 4, 9), (10, 4, 9))
    assert depthwise.fields == {
        "kernel_size": (3, 1),
        "depth_multiplier": 3,
        "stride": (2, 1),
        "padding": ((1, 1), (0, 0)),
        "padding_mode": "zeros",
        "dilation": (2, 1),
        "bias": True,
    }
    assert pointwise.fields == {"out_channels": 10, "stride": (1, 1), "groups": 1, "bias": True}
    assert total(text).params == (12 * 3 + 12) + (12 * 10 + 10)


@pytest.mark.parametrize(
    ("fields", "followers"),
    [
        ("", []),
        ("norm: batch_norm, activation: relu", ["d/batch_norm", "d/relu", "p/batch_norm", "p/relu"]),
        ("norm: batch_norm, mid_norm: none", ["p/batch_norm"]),
        ("mid_norm: batch_norm", ["d/batch_norm"]),
        ("activation: relu, mid_activation: silu", ["d/silu", "p/relu"]),
        ("activation: relu, mid_activation: none, norm: layer_norm", ["d/layer_norm", "p/layer_norm", "p/relu"]),
        ("mid_norm: {group_norm: {num_groups: in_channels}}", ["d/group_norm"]),
        ("activation: none, mid_activation: {leaky_relu: {negative_slope: 0.1}}", ["d/leaky_relu"]),
    ],
)
def test_norm_and_activation_follow_both_stages_unless_mid_says_otherwise(
    fields: str, followers: list[str], load: Load
) -> None:
    text = f"""
        input: [4, 9, 9]
        layers:
          - {{name: x, separable_conv: {{out_channels: 6, kernel_size: 3, {fields}}}}}
        """
    names = [layer.name for layer in load(text).layers]
    short = [name.replace("x/depthwise/", "d/").replace("x/pointwise/", "p/") for name in names]
    assert [name for name in short if not name.startswith("x/")] == followers
    assert short.index("x/depthwise") == 0


def test_defaults_of_a_separable_conv_may_give_its_mid_fields(load: Load) -> None:
    text = """
        input: [4, 9, 9]
        defaults:
          conv: {norm: batch_norm, activation: relu}
          separable_conv: {mid_norm: none, mid_activation: none}
        layers:
          - separable_conv: {out_channels: 6, kernel_size: 3}
          - separable_conv: {out_channels: 6, kernel_size: 3, mid_activation: gelu}
        """
    assert [layer.type for layer in load(text).layers] == [
        *("depthwise_conv", "pointwise_conv", "batch_norm", "relu"),
        *("depthwise_conv", "gelu", "pointwise_conv", "batch_norm", "relu"),
    ]
