"""The schema that editors complete and check with: it takes what convcost takes, and refuses what is built wrong."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from ruamel.yaml import YAMLError

from convcost import spec
from convcost.layers import REGISTRY, Activation, FieldError, LayerType
from convcost.layers.fields import NAMES, SHAPES, WHOLES, field, whole, word
from convcost.metrics import METRICS
from convcost.spec import expressions
from convcost.spec.document import (
    BLOCK_KEYS,
    EACH_KEYS,
    INPUT_KEYS,
    ITEM_KEYS,
    KEYS,
    REPEAT_KEYS,
    RESIDUAL_KEYS,
    SYMBOL_KEYS,
)
from convcost.spec.fields import allowed
from convcost.spec.schema import spec_schema
from convcost.spec.source import Source, shipped

SCHEMA = json.loads(json.dumps(spec_schema()))
DEFINITIONS = SCHEMA["definitions"]
VALIDATOR = Draft7Validator(SCHEMA)

HEAD = "input: [3, 8, 8]\n"
BLOCK = "blocks: {b: {layers: [relu]}}\n"
DEFAULTS = "defaults: {relu: }\n"

BROKEN = Path(__file__).parent / "broken"
BEYOND = {
    "a shape": """activation_bounds attention_inputs attention_score_bias axis_of_unknown_layout axis_out_of_range
        collect_of_different_shapes correlation_channels crop_all each_inside feature_map_size
        feature_map_where_tokens_belong glu_odd groups_do_not_divide kernel_too_large
        kernel_too_large_dilated matmul_rows merge_layout_unknown merge_layouts_differ merge_shapes_add
        merge_shapes_concat merge_shapes_rank merge_shapes_residual output_padding pixel_shuffle_channels
        prelu_and_group_norm rank_conv_on_vector rank_linear_on_picture rearrange_does_not_fit
        reshape_layout residual_with_a_stride residual_without_padding
        residual_without_padding_and_projection sampler_regions shuffle_groups signal_without_channels
        size_of_a_shape slice_beyond tokens_where_a_feature_map_belongs transposed_padding upsample_mode
        upsample_nothing_left weights_of_a_block""",
    "two values beside each other": """block_inputs_count block_outputs
        from_several_for_a_layer merge_branches_and_names names_too_few
        names_too_many pool_padding several_names_for_one_input several_values_unread slice_empty
        upsample_both""",
    "an expression": """block_fault_inside collect_of_nothing expression_parentheses_in_arguments expression_syntax
        expression_values expressions_of_other_languages function_unknown in_channels_of_several
        list_elements list_used_as_a_number number_forms repeat_beyond symbol_comma
        symbol_default_needs_value symbol_without_value""",
    "which names there are": """block_sees_no_input_of_the_network block_sees_nothing_of_its_caller block_uses_itself
        block_uses_itself_through_others cycle defaults_see_no_parameters expression_unknown_name
        from_nowhere_alone from_wrong index_outside_its_repetition index_taken name_used_twice
        names_skipped symbol_sees_only_earlier_ones""",
    "what the parser of an editor has resolved": "yaml_anchor_and_alias yaml_colon_without_a_space yaml_merge_key",
}
"""What a schema does not know, and the broken specs with no error but such."""
ACCEPTED = {name for names in BEYOND.values() for name in names.split()}


def test_it_is_a_schema(check_schema):
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    check_schema(SCHEMA)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped())
def test_every_shipped_spec_is_valid(name, as_an_editor):
    VALIDATOR.validate(as_an_editor(shipped()[name].read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_broken_spec_is_refused_but_for_what_a_schema_does_not_know(path, as_an_editor):
    try:
        value = as_an_editor(path.read_bytes())
    except YAMLError:
        assert path.stem not in ACCEPTED
        return
    assert VALIDATOR.is_valid(value) == (path.stem in ACCEPTED)


# what it says


def test_it_has_the_keys_that_validation_knows_each_with_its_description():
    symbol = SCHEMA["properties"]["symbols"]["additionalProperties"]
    item = DEFINITIONS["item"]["anyOf"][-1]["properties"]
    for properties, texts in [
        (SCHEMA["properties"], KEYS),
        (symbol["properties"], SYMBOL_KEYS),
        (SCHEMA["properties"]["budget"]["properties"], {name: metric.about for name, metric in METRICS.items()}),
        (DEFINITIONS["block_with_blocks"]["properties"], BLOCK_KEYS),
        ({key: item[key] for key in ITEM_KEYS}, ITEM_KEYS),
        (item["residual"]["anyOf"][1]["properties"], RESIDUAL_KEYS),
        (item["repeat"]["properties"], REPEAT_KEYS),
        (item["each"]["properties"], EACH_KEYS),
        (SCHEMA["properties"]["input"]["anyOf"][1]["properties"], INPUT_KEYS),
    ]:
        assert {key: schema["description"] for key, schema in properties.items()} == texts
    assert list(SCHEMA["properties"]["defaults"]["properties"]) == list(REGISTRY)
    assert set(item) == {*REGISTRY, "residual", "each", *ITEM_KEYS}


@pytest.mark.parametrize("type", REGISTRY)
def test_a_type_has_the_fields_that_validation_knows_each_with_its_description(type):
    schema = DEFINITIONS[type]
    assert list(schema["properties"]) == allowed(REGISTRY[type])
    assert (schema["additionalProperties"] is False) == (not REGISTRY[type].gathers)
    assert schema["description"].startswith(" ".join(REGISTRY[type].__doc__.split("\n")[0].split()))
    for name, declared in REGISTRY[type].fields.items():
        assert schema["properties"][name]["description"] == declared.about
    assert all(field["description"] for field in schema["properties"].values())


def test_a_type_is_described_with_its_formula_and_without_the_source():
    assert DEFINITIONS["linear"]["description"] == (
        "A fully connected layer: [F] to [out_features], or [L, F] to [L, out_features] for each of L tokens. "
        "mul = add = F · out_features per vector, params = F · out_features "
        "(+ out_features with bias)."
    )


def test_words_and_defaults_can_be_completed():
    conv = DEFINITIONS["conv"]["properties"]
    norms = ["none", "batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"]
    assert conv["norm"]["anyOf"][0]["enum"] == norms
    assert conv["bias"]["anyOf"][0]["enum"] == ["true", "false"]
    assert DEFINITIONS["upsample"]["properties"]["mode"]["anyOf"][0]["enum"] == [
        "nearest",
        "linear",
        "bilinear",
        "trilinear",
        "bicubic",
    ]
    assert conv["stride"]["default"] == 1
    assert "default" not in conv["kernel_size"]
    complete, with_defaults = (DEFINITIONS[name]["anyOf"][0]["enum"] for name in ("item", "item_with_defaults"))
    assert "relu" in complete
    assert {"conv", "add"}.isdisjoint(complete)
    assert "conv" in with_defaults


def test_a_type_that_another_package_adds_is_in_it(monkeypatch, as_an_editor):
    monkeypatch.setattr(REGISTRY, "_entries", dict(REGISTRY))

    class Blur(LayerType, type="blur"):
        """A blur."""

        size: int = field(whole(1), about="How wide it is.")
        edge: str = field(word("mirror", "repeat_edge"), "mirror", "What lies beyond the edge.")

    class Wave(Activation, type="wave"):
        """An activation."""

    validator = Draft7Validator(spec_schema())
    conv = "conv: {out_channels: 1, kernel_size: 1, activation: wave}"
    assert validator.is_valid(as_an_editor(f"{HEAD}layers: [blur: {{size: 2, edge: repeat_edge}}, wave, {conv}]"))
    assert not validator.is_valid(as_an_editor(f"{HEAD}layers: [blur: {{size: 0}}]"))
    assert not validator.is_valid(as_an_editor(f"{HEAD}layers: [blur]"))


# what it refuses

WRONG_ITEMS = {
    "unknown type": ["cnov", "cnov: {kernel_size: 3}", "{relu: , b: }"],
    "unknown field": ["{relu: {x: 1}}", "conv: {out_channels: 4, kernel_size: 3, strid: 1}"],
    "missing field": [
        *("conv", "conv: {out_channels: 4}", "conv: {out_channels: , kernel_size: 3}"),
        *("pad:", "upsample", "upsample: {mode: nearest}"),
    ],
    "wrong word": [
        "conv: {out_channels: 4, kernel_size: 3, padding: sam}",
        "conv: {out_channels: 4, kernel_size: 3, bias: no}",
        "{name: rleu, conv: {out_channels: 4, kernel_size: 3, activation: rleu}}",
        "conv: {out_channels: n, kernel_size: 3}",
    ],
}
"""Mistakes that are found unless a file has blocks, defaults or symbols that may explain them."""


@pytest.mark.parametrize("item", [item for items in WRONG_ITEMS.values() for item in items])
def test_what_names_or_defaults_could_explain_is_refused_where_there_are_none(item, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(f"{HEAD}layers:\n  - {item}\n"))


@pytest.mark.parametrize(
    ("head", "kind"),
    [(BLOCK, "unknown field"), (BLOCK, "missing field"), (DEFAULTS, "unknown type"), (DEFAULTS, "unknown field")],
)
def test_blocks_explain_no_fields_and_defaults_no_types(head, kind, as_an_editor):
    for item in WRONG_ITEMS[kind]:
        assert not VALIDATOR.is_valid(as_an_editor(f"{HEAD}{head}layers:\n  - {item}\n"))


@pytest.mark.parametrize("head", ["", BLOCK, DEFAULTS, BLOCK + DEFAULTS], ids=["", "blocks", "defaults", "both"])
@pytest.mark.parametrize(
    "item",
    [
        *(  # wrong kinds of values
            f"conv: {{out_channels: 4, kernel_size: 3, {field}}}"
            for field in (
                "groups: 0",
                "groups: 2.5",
                "groups: 1e16",
                "groups: true",
                "groups: [1]",
                "stride: {a: 4}",
                "stride: []",
                "stride: [1, 1, 1, 1]",
                "stride: [3, ~]",
                "padding: [[1, 2, 3], 1]",
                "padding: [[1, -2], 1]",
                "bias: 1",
                "norm: 3",
                "norm: [batch_norm]",
                "norm: {}",
                "norm: {batch_norm: , layer_norm: }",
                "in_channels: [3, 3]",
            )
        ),
        "conv: 5",
        "relu: x",
        "upsample: {scale_factor: 0}",
        *(  # words of other fields
            f"conv: {{out_channels: 4, kernel_size: 3, {field}}}"
            for field in ("groups: relu", "padding: relu", "padding: [same, 1]", "norm: relu", "norm: {batchnorm: }")
        ),
        "transposed_conv: {out_channels: 4, kernel_size: 3, padding: same}",
        "upsample: {scale_factor: 2, mode: relu}",
        *("{}", "{name: x}", "{relu: , tanh: }", "~", "[conv]", "name"),  # not one type
        *("{relu: , name: []}", "{relu: , from: []}", "{relu: , from: [[a]]}", "{relu: , if: 1}"),
        *("{relu: , repeat: -1}", "{relu: , repeat: 1.5}", "{relu: , repeat: [2]}"),
        *("add", "{add: }", "{add: , from: x}", "{add: , from: [x]}", "{add: []}", "{add: [[]]}", "{add: [{a: }, []]}"),
        *("add: {branches: [[]]}", "add: {branch: [[], []]}", "{add: {}, from: x}"),
        *("residual", "residual: relu", "residual: {shortcut: []}", "residual: {body: [], x: []}", "residual: [[]]"),
    ],
)
def test_an_item_that_is_built_wrong_is_refused_in_every_kind_of_file(head, item, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(f"{HEAD}{head}layers:\n  - {item}\n"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "layers: [relu]", "input: [3]", "input: [3]\nlayers: []", "input: 3\nlayers: [relu]"),
        *(
            f"input: {sizes}\nlayers: [relu]"
            for sizes in ("[]", "[1, 2, 3, 4, 5]", "[0]", "[same]", "[~]", "[[3], 8, 8]")
        ),
        *(
            f"{HEAD}layers: [relu]\n{key}"
            for key in (
                *("layer: [relu]", "convcost: 3", "name: [x]", "source: {a: b}"),
                *("symbols: [a]", "symbols: {relu: 1}", "symbols: {a: [[1]]}", "symbols: {a: {valeu: 1}}"),
                "symbols: {a: {value: 8, multiple_of: 0}}",
                *("defaults: [relu]", "defaults: {cnov: {bias: false}}", "defaults: {conv: {bais: false}}"),
                *("blocks: 3", "blocks: {relu: {layers: [relu]}}", "blocks: {b: [relu]}", "blocks: {b: {}}"),
                *("blocks: {b: {layers: relu}}", "blocks: {b: {layers: [relu], layer: []}}"),
                *("blocks: {b: {layers: [conv: {x: 1}]}}", "blocks: {b: {layers: [conv: {kernel_size: 1}]}}"),
                *("blocks: {b: {layers: [], params: [x]}}", "blocks: {b: {layers: [], params: {name: 1}}}"),
                *("budget: 5", "budget: {parms: 4M}", "budget: {params: -1}", "budget: {params: [1]}"),
            )
        ),
        *(f"{HEAD}{BLOCK}layers: [{item}]" for item in ("b: 5", "b: [1]", "b: {x: {y: 1}}", "{relu: , tanh: , b: }")),
    ],
)
def test_a_file_that_is_built_wrong_is_refused(text, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(text))


# what it takes


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "convcost: '1'\nname: 18\nsource: ~\nsymbols:\ndefaults: ''\nblocks: {}\nbudget: ~\nlayers: [relu]",
        HEAD + "budget: {params: 1e6, mults: 4.3M, macs: 512Ki, flops: 2 * 3, buffers: 0}\nlayers: [relu]",
        HEAD + "layers: [relu: ~, relu: '', relu: {}, {relu: , name: 1, if: not false, repeat: '2'}]",
        HEAD + "layers: [{relu: , name: a}, {tanh: , from: a}, {tanh: , from: [a], name: b}, {add: , from: [a, b]}]",
        HEAD + "layers: [add: [[], [relu]], {concat: {branches: [[], []]}, repeat: 2}, {relu: , repeat: 0}]",
        HEAD
        + "layers: [conv: {out_channels: '4', kernel_size: [1, '(1)'], stride: '', padding: (same), bias: 'true'}]",
        HEAD + "layers: [conv: {out_channels: 0.4e1, kernel_size: .1e1, norm: (batch_norm), activation: {relu: ''}}]",
        HEAD + "layers: [conv: {out_channels: 'max ( 4 , 5 , )', kernel_size: 1 + +--1, bias: 1 < 2 and not 1 >= 2}]",
        HEAD + "layers: [upsample: {scale_factor: 2, size: ~}, upsample: {size: [4, 4]}, dropout: {p: -0.1}]",
        HEAD + "layers: [residual: [], residual: {body: []}, residual: {body: [relu], shortcut: [relu: ]}]",
        """\
symbols: {größe: 8, ja: true, w: same, n: (relu), N: , M: {}, x: {value: ~, multiple_of: 1/2}}
input: [größe, größe]
layers: [conv: {out_channels: größe / 2, kernel_size: 1, padding: w, activation: n}]
""",
        """\
input: [3, 8]
blocks: {3x: {params: , layers: []}, b: {params: {k: [1], a: in_channels}, layers: [3x]}}
layers: [3x, 3x: , b, b: {k: [1], a: '~'}, {b: {}, repeat: 0}]
""",
        """\
input: [3, 8]
defaults: {conv: {kernel_size: 1, norm: group_norm}, group_norm: {num_groups: 1}, add: {}}
layers: [conv: {out_channels: 4}, group_norm, conv: {out_channels: 4, norm: {group_norm: }}]
""",
        "input: [3]\nsymbols: {no: true, yes: 3}\nlayers: [linear: {out_features: yes, bias: no}]",
    ],
)
def test_what_convcost_takes_the_schema_takes(text, as_an_editor):
    spec.load(Source("net.yaml", text), {})
    VALIDATOR.validate(as_an_editor(text))


SCALARS = [0, 1, 2, 3, -1, 10**15, 10**15 + 1, 0.5, 2.0, True, False, *sorted(expressions.KEYWORDS)]
SCALAR = st.sampled_from([0, 1, 2, 3]) | st.sampled_from(SCALARS)
VALUES = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4), max_leaves=6)


def _kinds():
    """Return the fields by what they take; the first of a kind is tried at many values, the others at some."""
    kinds = {}
    for type in REGISTRY:
        for name, each in REGISTRY[type].fields.items():
            schema = {key: part for key, part in DEFINITIONS[type]["properties"][name].items() if key in CHECKED}
            kinds.setdefault((json.dumps(schema), each.read.form), []).append((type, name))
    return kinds.values()


CHECKED = ("anyOf", "allOf", "type", "enum", "items", "additionalProperties")


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("type", "name", "examples"), [(*each, 10 if at else 100) for kind in _kinds() for at, each in enumerate(kind)]
)
def test_a_field_takes_in_the_schema_what_its_reader_takes(type, name, examples):
    """Numbers, truth values, words and lists, no other texts; a list is read with as many axes as it has."""
    schema = DEFINITIONS[type]["properties"][name]
    assert schema.keys() <= {*CHECKED, "description", "default"}
    validator = Draft7Validator({**schema, "definitions": DEFINITIONS})
    read, kind = REGISTRY[type].fields[name].read, REGISTRY[type].fields[name].read.form.kind
    any_length = kind in (NAMES, SHAPES, WHOLES)

    @settings(max_examples=examples)
    @given(value=VALUES)
    def check(value):
        taken = (any_length or 0 < len(value) <= 3) if isinstance(value, list) else True
        try:
            read(exact(value), len(value) if isinstance(value, list) else 2)
        except FieldError:
            taken = False
        assert validator.is_valid(value) == taken

    check()


def exact(value: Any) -> Any:
    """Return a value as convcost types it."""
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else Fraction(value)
    return value
