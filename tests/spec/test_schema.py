"""The schema that editors complete and check with: it takes what convcost takes, and refuses what is built wrong."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from ruamel.yaml import YAMLError

import convcost
from convcost import spec
from convcost.layers import REGISTRY, FieldFault
from convcost.metrics import METRICS
from convcost.spec import expressions, forms
from convcost.spec.arithmetic import ExpressionFault
from convcost.spec.document import BLOCK_KEYS, ITEM_KEYS, KEYS, RESIDUAL_KEYS, SYMBOL_KEYS
from convcost.spec.expressions import NAME, RESERVED
from convcost.spec.fields import allowed
from convcost.spec.reading import amount
from convcost.spec.schema import spec_schema
from convcost.spec.source import Source, shipped

SCHEMA = json.loads(json.dumps(spec_schema()))
DEFINITIONS = SCHEMA["definitions"]
VALIDATOR = Draft7Validator(SCHEMA)

BROKEN = Path(__file__).parent / "broken"
BEYOND = {
    "a shape": """crop_all groups_do_not_divide kernel_too_large kernel_too_large_dilated merge_shapes_add
        merge_shapes_concat merge_shapes_rank merge_shapes_residual output_padding pixel_shuffle_channels
        prelu_and_group_norm rank_conv_on_vector rank_linear_on_picture shuffle_groups size_of_a_shape slice_beyond
        transposed_padding upsample_mode upsample_nothing_left""",
    "two values beside each other": "pool_padding slice_empty",
    "the value of an expression": """block_fault_inside expression_values in_channels_of_several repeat_beyond
        symbol_default_needs_value symbol_without_value""",
    "which names there are": """block_sees_nothing_of_its_caller block_uses_itself block_uses_itself_through_others
        defaults_see_no_parameters expression_unknown_name from_wrong name_used_twice""",
    "what the parser of an editor has resolved": "yaml_anchor_and_alias yaml_merge_key",
}
"""What a schema cannot know, and the broken specs with no fault but such."""
ACCEPTED = {name for names in BEYOND.values() for name in names.split()}


def test_it_is_a_schema(check_schema):
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    check_schema(SCHEMA)


def test_it_is_small():
    assert len(json.dumps(SCHEMA, indent=2, ensure_ascii=False)) < 150_000


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_spec_is_valid(name, as_an_editor):
    VALIDATOR.validate(as_an_editor(shipped()[name].read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_broken_spec_is_refused_but_for_what_a_schema_cannot_know(path, as_an_editor):
    try:
        value = as_an_editor(path.read_bytes())
    except YAMLError:
        assert path.stem not in ACCEPTED
        return
    assert VALIDATOR.is_valid(value) == (path.stem in ACCEPTED)


# what it says


def test_it_has_the_keys_that_validation_knows_each_with_a_description():
    assert list(SCHEMA["properties"]) == list(KEYS)
    assert list(DEFINITIONS["symbol"]["properties"]) == list(SYMBOL_KEYS)
    assert list(SCHEMA["properties"]["budget"]["properties"]) == list(METRICS)
    assert list(SCHEMA["properties"]["defaults"]["properties"]) == list(REGISTRY)
    for name in "block", "block_with_defaults":
        assert list(DEFINITIONS[name]["properties"]) == list(BLOCK_KEYS)
    for name in "item", "item_with_blocks", "item_with_defaults", "item_with_blocks_with_defaults":
        properties = DEFINITIONS[name]["properties"]
        assert sorted(properties) == sorted([*REGISTRY, "residual", *ITEM_KEYS])
        assert list(properties["residual"]["anyOf"][1]["properties"]) == list(RESIDUAL_KEYS)
        assert all(described(schema) for schema in properties.values())


def described(schema: dict[str, Any]) -> str:
    if "description" not in schema:
        schema = DEFINITIONS[schema["$ref"].removeprefix("#/definitions/")]
    return schema["description"]


@pytest.mark.parametrize("type", REGISTRY)
def test_a_type_has_the_fields_that_validation_knows_each_with_a_description(type):
    forms = [DEFINITIONS[name] for name in (type, f"{type}_complete") if name in DEFINITIONS]
    assert forms
    for form in forms:
        assert form["description"]
        assert list(form["properties"]) == allowed(REGISTRY[type])
        assert form["additionalProperties"] is False
        for schema in form["properties"].values():
            assert re.fullmatch(r"[A-Z`].*[.]", described(schema))


def test_a_field_is_told_with_what_it_takes_and_its_default():
    fields = DEFINITIONS["conv_complete"]["properties"]
    assert described(fields["kernel_size"]) == (
        "The size of the kernel. Takes a whole number, at least 1, or a list of one per axis."
    )
    assert described(fields["padding"]) == (
        "The zeros around the input; `same`: as many as give ⌈input / stride⌉ values. Takes a whole number, at least "
        "0, same, valid, or a list of one or of a [before, after] pair per axis; 0 without it."
    )
    assert described(fields["bias"]).endswith("Takes true or false; true without it.")
    assert fields["stride"]["default"] == 1
    assert "default" not in fields["kernel_size"]


def test_a_type_is_told_with_its_formula_and_without_the_source():
    assert described(DEFINITIONS["linear"]) == (
        "A fully connected layer: [F] to [out_features]. mul = add = F · out_features, params = F · out_features "
        "(+ out_features with bias)."
    )


def test_words_can_be_completed():
    assert DEFINITIONS["norm"]["anyOf"][0]["enum"] == [
        "batch_norm",
        "group_norm",
        "layer_norm",
        "local_response_norm",
        "none",
    ]
    assert DEFINITIONS["norm_complete"]["anyOf"][0]["enum"] == ["batch_norm", "layer_norm", "none"]  # without fields
    modes = DEFINITIONS["upsample"]["properties"]["mode"]["$ref"].removeprefix("#/definitions/")
    assert DEFINITIONS[modes]["anyOf"][0]["enum"] == ["nearest", "linear", "bilinear", "trilinear"]
    assert "relu" in DEFINITIONS["type"]["enum"]
    assert "conv" not in DEFINITIONS["type"]["enum"]
    assert "conv" in DEFINITIONS["type_with_defaults"]["enum"]


# what it refuses

HEAD = "input: [3, 8, 8]\n"
BLOCK = "blocks: {b: {layers: [relu]}}\n"
DEFAULTS = "defaults: {relu: }\n"


@pytest.mark.parametrize("head", ["", BLOCK, DEFAULTS, BLOCK + DEFAULTS], ids=["", "blocks", "defaults", "both"])
@pytest.mark.parametrize(
    "item",
    [
        "conv: {out_channels: 4, kernel_size: 3, strid: 1}",
        "conv: {out_channels: 0, kernel_size: 3}",
        "conv: {out_channels: 2.5, kernel_size: 3}",
        "conv: {out_channels: 1e16, kernel_size: 3}",
        "conv: {out_channels: relu, kernel_size: 3}",
        "conv: {out_channels: true, kernel_size: 3}",
        "conv: {out_channels: [4], kernel_size: 3}",
        "conv: {out_channels: {a: 4}, kernel_size: 3}",
        "conv: {out_channels: 4, kernel_size: []}",
        "conv: {out_channels: 4, kernel_size: [1, 1, 1, 1]}",
        "conv: {out_channels: 4, kernel_size: [3, 0]}",
        "conv: {out_channels: 4, kernel_size: [3, ~]}",
        "conv: {out_channels: 4, kernel_size: [3, [3]]}",
        "conv: {out_channels: 4, kernel_size: 3, padding: -1}",
        "conv: {out_channels: 4, kernel_size: 3, padding: relu}",
        "conv: {out_channels: 4, kernel_size: 3, padding: [[1, 2, 3], 1]}",
        "conv: {out_channels: 4, kernel_size: 3, padding: [[1, -2], 1]}",
        "conv: {out_channels: 4, kernel_size: 3, padding: [same, 1]}",
        "transposed_conv: {out_channels: 4, kernel_size: 3, padding: same}",
        "conv: {out_channels: 4, kernel_size: 3, bias: 1}",
        "conv: {out_channels: 4, kernel_size: 3, bias: no}",
        "conv: {out_channels: 4, kernel_size: 3, norm: relu}",
        "conv: {out_channels: 4, kernel_size: 3, norm: 3}",
        "conv: {out_channels: 4, kernel_size: 3, norm: [batch_norm]}",
        "conv: {out_channels: 4, kernel_size: 3, norm: {}}",
        "conv: {out_channels: 4, kernel_size: 3, norm: {batch_norm: , layer_norm: }}",
        "conv: {out_channels: 4, kernel_size: 3, norm: {batchnorm: }}",
        "conv: {out_channels: 4, kernel_size: 3, activation: {gelu: {approximate: 3}}}",
        "conv: {in_channels: [3, 3], out_channels: 4, kernel_size: 1}",
        "conv: {out_channels: 4 +, kernel_size: 1}",
        "conv: {out_channels: 4 5, kernel_size: 1}",
        "conv: {out_channels: 4 ^ 2, kernel_size: 1}",
        "conv: {out_channels: foor(3), kernel_size: 1}",
        "conv: {out_channels: floor, kernel_size: 1}",
        "conv: {out_channels: 1:30, kernel_size: 1}",
        "conv: {out_channels: '1__0', kernel_size: 1}",
        "conv: {out_channels: 2k, kernel_size: 1}",
        "conv: {out_channels: 3and 4, kernel_size: 1}",
        "conv: {out_channels: '012', kernel_size: 1}",
        "conv: {out_channels: '(4', kernel_size: 1}",
        "conv: {out_channels: max(4, 5), kernel_size: 1}",  # YAML splits it at the comma
        "conv: 5",
        "relu: x",
        "relu: [1]",
        "relu: {x: 1}",
        "leaky_relu: {negative_slope: relu}",
        "upsample: {scale_factor: 0}",
        "upsample: {scale_factor: 2, size: 3}",
        "upsample: {scale_factor: 2, mode: relu}",
        "{}",
        "{name: x}",
        "{relu: , tanh: }",
        "{relu: , b: }",
        "{relu: , nmae: x}",
        "{relu: , name: }",
        "{relu: , name: [x]}",
        "{relu: , from: }",
        "{relu: , from: []}",
        "{relu: , from: [a, b]}",
        "{relu: , from: [[a]]}",
        "{relu: , repeat: -1}",
        "{relu: , repeat: 1.5}",
        "{relu: , repeat: }",
        "{relu: , repeat: [2]}",
        "{relu: , repeat: 1000001}",
        "{relu: , if: 1}",
        "{relu: , if: }",
        "{relu: , if: relu}",
        "add",
        "{add: }",
        "{add: , from: x}",
        "{add: , from: [x]}",
        "{add: []}",
        "{add: [[]]}",
        "{add: [relu, []]}",
        "{add: [[], []], from: [x, y]}",
        "{concat: , from: [x, y], repeat: 2}",
        "residual",
        "residual: relu",
        "residual: {shortcut: []}",
        "residual: {body: [], shortcutt: []}",
        "residual: {body: relu}",
        "residual: [[]]",
        "{residual: [], from: [x, y]}",
        "~",
        "[conv]",
        "name",
    ],
)
def test_an_item_that_is_built_wrong_is_refused_in_every_kind_of_file(head, item, as_an_editor):
    spec = as_an_editor(f"{HEAD}{head}layers:\n  - {item}\n")
    assert not VALIDATOR.is_valid(spec)


@pytest.mark.parametrize(
    "item",
    [
        "conv",
        "conv: {out_channels: 4}",
        "conv: {out_channels: ~, kernel_size: 3}",
        "conv: {out_channels: 'null', kernel_size: 3}",
        "conv: {out_channels: 4, kernel_size: 3, norm: group_norm}",
        "conv: {out_channels: 4, kernel_size: 3, norm: {group_norm: {affine: true}}}",
        "pad:",
        "upsample",
        "upsample: {mode: nearest}",
    ],
)
@pytest.mark.parametrize("head", ["", BLOCK], ids=["", "blocks"])
def test_what_must_be_given_may_be_left_out_where_there_are_defaults_only(head, item, as_an_editor):
    layers = f"layers:\n  - {item}\n"
    assert not VALIDATOR.is_valid(as_an_editor(HEAD + head + layers))
    assert VALIDATOR.is_valid(as_an_editor(HEAD + head + DEFAULTS + layers))


@pytest.mark.parametrize("item", ["b", "b: {x: 1}", "{b: , name: y}", "b: {x: [1, [2, n]]}"])
def test_an_unknown_type_may_be_a_block_where_there_are_blocks_only(item, as_an_editor):
    layers = f"layers:\n  - {item}\n"
    assert not VALIDATOR.is_valid(as_an_editor(HEAD + layers))
    assert VALIDATOR.is_valid(as_an_editor(HEAD + BLOCK + layers))


@pytest.mark.parametrize("item", ["b: 5", "b: [1]", "b: {x: {y: 1}}", "{b: , c: }", "{b: , from: [x, y]}"])
def test_the_use_of_a_block_is_checked_too(item, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(f"{HEAD}{BLOCK}layers:\n  - {item}\n"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "layers: [relu]",
        "input: [3]",
        "input: [3]\nlayers: []",
        "input: 3\nlayers: [relu]",
        "input: []\nlayers: [relu]",
        "input: [1, 2, 3, 4, 5]\nlayers: [relu]",
        "input: [0]\nlayers: [relu]",
        "input: [same]\nlayers: [relu]",
        "input: [in_channels]\nlayers: [relu]",
        *(
            f"input: [3]\nlayers: [relu]\n{key}"
            for key in [
                "layer: [relu]",
                "convcost: 3",
                "name: [x]",
                "source: {a: b}",
                "symbols: [a]",
                "symbols: {relu: 1}",
                "symbols: {in_channels: 1}",
                "symbols: {2x: 1}",
                "symbols: {a-b: 1}",
                "symbols: {a: [1]}",
                "symbols: {a: 2 * in_channels}",
                "symbols: {a: {valeu: 1}}",
                "symbols: {a: {value: 8, multiple_of: 0}}",
                "symbols: {a: {value: 8, multiple_of: true}}",
                "symbols: {a: no}",
                "defaults: [relu]",
                "defaults: {cnov: {bias: false}}",
                "defaults: {residual: }",
                "defaults: {conv: {bais: false}}",
                "defaults: {conv: {stride: 1 +}}",
                "defaults: {relu: 5}",
                "blocks: 3",
                "blocks: {relu: {layers: [relu]}}",
                "blocks: {repeat: {layers: [relu]}}",
                "blocks: {b: [relu]}",
                "blocks: {b: {}}",
                "blocks: {b: {layers: relu}}",
                "blocks: {b: {layers: [cnov: {x: 1}, 5: , name: x]}}",
                "blocks: {b: {layers: [relu], layer: []}}",
                "blocks: {b: {layers: [relu], params: [x]}}",
                "blocks: {b: {layers: [relu], params: {relu: 1}}}",
                "blocks: {b: {layers: [relu], params: {name: 1}}}",
                "blocks: {b: {layers: [relu], params: {x: {y: 1}}}}",
                "blocks: {b: {layers: [conv: {kernel_size: 1}]}}",
                "budget: 5",
                "budget: {parms: 4M}",
                "budget: {params: -1}",
                "budget: {params: -1M}",
                "budget: {params: 0.5}",
                "budget: {params: many}",
                "budget: {params: 1:30}",
                "budget: {params: 95%}",
                "budget: {params: 4.3MB}",
                "budget: {params: [1]}",
                "budget: {params: }",
            ]
        ),
    ],
)
def test_a_file_that_is_built_wrong_is_refused(text, as_an_editor):
    assert not VALIDATOR.is_valid(as_an_editor(text))


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "None"])
def test_a_word_that_looks_like_a_truth_value_is_refused_unless_it_is_declared(word, as_an_editor):
    layers = f"layers:\n  - conv: {{out_channels: 4, kernel_size: 1, bias: {word}}}\n"
    block = f"blocks: {{b: {{params: {{{word}: 1}}, layers: [relu]}}}}\n"
    assert not VALIDATOR.is_valid(as_an_editor(HEAD + "symbols: {a: 1}\n" + layers))
    assert not VALIDATOR.is_valid(as_an_editor(HEAD + BLOCK + layers))
    assert VALIDATOR.is_valid(as_an_editor(HEAD + f"symbols: {{{word}: true}}\n" + layers))
    assert VALIDATOR.is_valid(as_an_editor(HEAD + block + layers))


def test_an_unknown_word_is_refused_where_nothing_is_declared(as_an_editor):
    layers = (
        "layers:\n  - conv: {out_channels: 2 * n, kernel_size: 1, activation: rleu, padding: sam}\n    name: rleu\n"
    )
    (*_, last) = wrong = list(VALIDATOR.iter_errors(as_an_editor(HEAD + layers)))
    assert len(wrong) == 3
    assert last.schema["patternErrorMessage"].startswith("a word that is not declared")
    assert VALIDATOR.is_valid(as_an_editor(HEAD + "symbols: {n: 2}\n" + layers))


# what it takes


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "convcost: '2'\nname: 18\nsource: ~\nsymbols:\ndefaults: ''\nblocks: {}\nbudget: ~\nlayers: [relu]",
        HEAD + "budget: {params: 1e6, mults: 4.3M, adds: 1_000, macs: 512Ki, flops: 2 * 3, buffers: 0}\nlayers: [relu]",
        HEAD + "layers: [relu: ~, relu: '', relu: {}, {relu: , name: 1, if: not false, repeat: '2'}]",
        HEAD + "layers: [{relu: , name: a}, {tanh: , from: a}, {tanh: , from: [a], name: b}, {add: , from: [a, b]}]",
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
        """\
input: [null_, 3]
symbols: {null_: 4, notes: 1, order: 2, max_x: 3, in_channels_: 4}
layers: [conv: {out_channels: notes + order * max_x - in_channels_, kernel_size: 1}]
""",
    ],
)
def test_what_convcost_takes_the_schema_takes(text, as_an_editor):
    spec.load(Source("net.yaml", text), {})
    VALIDATOR.validate(as_an_editor(text))


def test_a_value_that_no_field_can_hold_is_refused_in_an_item_that_is_left_out(as_an_editor):
    text = HEAD + "layers:\n  - max_pool: {kernel_size: 2, stride: 0}\n    if: false\n"
    spec.load(Source("net.yaml", text), {})
    assert not VALIDATOR.is_valid(as_an_editor(text))


@pytest.mark.parametrize("text", ["0x10", "012", "True"])
def test_some_words_are_numbers_or_truth_values_before_a_schema_sees_them(text, as_an_editor):
    """YAML 1.2 has given them other values than convcost, which refuses them."""
    layers = (
        f"layers:\n  - conv: {{out_channels: 4, kernel_size: 1, {'bias' if text == 'True' else 'groups'}: {text}}}\n"
    )
    assert VALIDATOR.is_valid(as_an_editor(HEAD + layers))
    with pytest.raises(convcost.SpecError):
        spec.load(Source("net.yaml", HEAD + layers), {})


SCALARS = [0, 1, 2, 3, -1, 10**15, 10**15 + 1, 0.5, 2.0, True, False, None, *sorted(expressions.KEYWORDS)]
SCALAR = st.sampled_from([0, 1, 2, 3]) | st.sampled_from(SCALARS)
VALUES = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4), max_leaves=6)


@pytest.mark.parametrize(("type", "name"), [(type, name) for type in REGISTRY for name in REGISTRY[type].fields])
@given(value=VALUES)
def test_a_field_takes_in_the_schema_what_its_reader_takes(type, name, value):
    """A list is read with as many axes as it has; no value is left out before it is read."""
    field = REGISTRY[type].fields[name]
    schema = DEFINITIONS[type]["properties"][name]
    valid = Draft7Validator({**schema, "definitions": DEFINITIONS}).is_valid(value)
    try:
        taken = 0 < len(value) <= 3 if isinstance(value, list) else True
        field.read(exact(value), len(value) if isinstance(value, list) else 2)
    except FieldFault:
        taken = value is None
    assert valid == taken


def exact(value: Any) -> Any:
    """Return a value as convcost types it."""
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else Fraction(value)
    return value


TOKENS = ["1", "0", "2.5", "1e3", "1_0", ".5", "07", "5.", "x", "n1", "größe", "_", "and", "or", "not", "floor", "max"]
TOKENS += ["in_channels", "relu", "true", "(", ")", ",", "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", ">="]
TOKENS += [" ", "  ", "\n", "=", ".", "k", "M", "Ki", "'"]
texts = st.lists(st.sampled_from(TOKENS), max_size=7).map("".join) | st.text(max_size=5)
NUMBERS = st.sampled_from(["1", "x", "2.5", "(x)", "max(1, x)", "-x", "make_divisible(x, 8)", "floor( x )"])
CHAINS = st.lists(st.tuples(st.sampled_from(["+", " - ", " * ", "//", "**"]), NUMBERS), max_size=5)
chains = st.builds(lambda first, rest: first + "".join(sign + value for sign, value in rest), NUMBERS, CHAINS)


def fits(schema: dict[str, Any], text: str) -> bool:
    return Draft7Validator(schema).is_valid(text)


@given(texts | chains)
def test_the_pattern_of_expressions_takes_every_expression(text):
    try:
        value = expressions.read(text)
    except (ExpressionFault, expressions.Unknown):
        return
    assert fits(forms.EXPRESSION, text)
    if isinstance(value, str):
        assert fits(forms.ONE_NAME, text)
    if not isinstance(value, (str, bool)):
        assert fits(forms.NO_WORD, text)


@given(chains)
def test_half_an_expression_is_none(text):
    assert not fits(forms.EXPRESSION, text + " *")
    assert not fits(forms.EXPRESSION, "/ " + text)
    assert not fits(forms.EXPRESSION, f"{text} x")


@given(texts)
def test_the_pattern_of_new_names_takes_every_name(text):
    if NAME.fullmatch(text) and text not in RESERVED:
        assert fits(forms.NEW_NAME, text)


@given(texts | st.builds("{}{}".format, chains, st.sampled_from(["", "k", " M", "Ki", "%"])))
def test_the_pattern_of_amounts_takes_every_amount(text):
    text = text.replace("x", "3")
    if amount(text) is not None:
        assert fits(forms.amount(), text)
        assert fits(forms.amount(share=True), text)


@pytest.mark.parametrize("part", ["(", "x + ", ".5+", "1, ", "max(", "not ", "x) ", "- ", "_", "1_0", "größe　+"])
def test_no_text_is_too_long_for_a_pattern(part):
    """Were there several ways to read a part, this would not come to an end."""
    text = f"{part * 200}!"
    for schema in DEFINITIONS.values():
        re.search(schema.get("pattern", ""), text)
    assert not fits(forms.EXPRESSION, text)


# whole specs, in all spellings


def spelled(number: int) -> st.SearchStrategy[Any]:
    texts = [f"{number}", f"({number})", f"{number}.0", f"{number - 1} + one", f"one * {number}", f"max({number}, 0)"]
    return st.sampled_from([number, *texts])


def flag(value: bool) -> st.SearchStrategy[Any]:
    word = str(value).lower()
    return st.sampled_from([value, word, f"not {str(not value).lower()}", "one == 1" if value else "one > 1"])


def mapping(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


def layer(type: str, required: dict[str, Any], **optional: Any) -> st.SearchStrategy[Any]:
    return mapping(required, **optional).map(lambda fields: {type: fields})


def alone(*types: str) -> st.SearchStrategy[Any]:
    return st.builds(lambda type, how: how(type), st.sampled_from(types), st.sampled_from(WAYS))


WAYS = [lambda type: type, lambda type: {type: None}, lambda type: {type: {}}, lambda type: {type: ""}]
nothing = st.sampled_from([None, "", "~", "null"])
ones = spelled(1) | st.tuples(spelled(1), spelled(1)).map(list)
zeros = spelled(0) | st.sampled_from([[0, "0"], [[0, 0], "one - 1"], "valid", "(valid)", "same", "word", None])
bias = st.booleans().flatmap(flag) | nothing
norms = st.sampled_from(["batch_norm", "none", "(layer_norm)", {"batch_norm": None}, {"group_norm": {"num_groups": 1}}])
activations = st.sampled_from(["relu", "none", "nl", {"gelu": {"approximate": "tanh"}}, {"leaky_relu": {}}]) | nothing
weighted = {"bias": bias, "norm": norms | nothing, "activation": activations, "in_channels": st.just("in_channels")}
window = {"stride": ones | nothing, "padding": zeros}
channels = st.integers(1, 4).flatmap(spelled) | st.just("2 * in_channels")
keeping = alone("relu", "silu", "batch_norm", "scale", "identity", "softmax", "max_pool_1", "dropout").map(
    lambda item: {"max_pool": {"kernel_size": 1}} if "max_pool_1" in item else item
)
simple = (
    layer(
        "conv", {"out_channels": channels, "kernel_size": ones}, dilation=ones, groups=spelled(1), **window, **weighted
    )
    | layer("depthwise_conv", {"kernel_size": ones}, depth_multiplier=spelled(2), **window, **weighted)
    | layer("pointwise_conv", {"out_channels": channels}, stride=ones, **weighted)
    | layer(
        "separable_conv", {"out_channels": channels, "kernel_size": ones}, mid_norm=norms, mid_activation=activations
    )
    | layer("transposed_conv", {"out_channels": channels, "kernel_size": ones}, output_padding=spelled(0), bias=bias)
    | layer(
        "avg_pool", {"kernel_size": ones}, ceil_mode=bias, count_include_pad=bias, padding=st.sampled_from(["same"])
    )
    | layer("upsample", {"scale_factor": ones | st.just("1/2 + 1/2")}, mode=st.sampled_from(["nearest", "bilinear"]))
    | layer("upsample", {"size": spelled(4), "scale_factor": nothing})
    | layer("slice", {}, start=spelled(0), end=st.just("in_channels") | nothing)
    | layer("group_norm", {"num_groups": spelled(1)}, eps=st.sampled_from([0.5, "1e-5", "1/3"]), num_channels=nothing)
    | layer("prelu", {}, num_parameters=spelled(1) | st.just("in_channels"))
    | st.sampled_from([{"pad": {"padding": [[0, "one"], [1, 0]]}}, {"crop": {"cropping": "0"}}])
    | mapping({"b": mapping({"w": channels}, k=ones, n=activations.filter(lambda value: not isinstance(value, dict)))})
    | keeping
)


def lists(item: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(item, min_size=least, max_size=3)


@st.composite
def items(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    """Draw an item that works on whatever picture of 4 × 4 and more reaches it."""
    kinds = [
        inner,
        inner,
        lists(keeping).map(lambda body: {"residual": body}),
        mapping({"body": lists(keeping)}, shortcut=lists(keeping)).map(lambda parts: {"residual": parts}),
        lists(lists(keeping), 2).map(lambda branches: {draw(st.sampled_from(["add", "multiply", "concat"])): branches}),
    ]
    item = draw(st.sampled_from(kinds).flatmap(lambda kind: kind))
    if not isinstance(item, dict):
        return item
    return item | draw(mapping({}, repeat=spelled(1) | spelled(2), **{"if": flag(True)}))


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a spec that convcost takes."""
    layers = draw(st.lists(items(simple), min_size=1, max_size=4))
    layers += [{"identity": None, "name": "first"}, {"relu": "", "from": draw(st.sampled_from(["first", ["first"]]))}]
    layers += [{"tanh": {}, "name": 2}, {draw(st.sampled_from(["add", "concat"])): None, "from": ["first", 2]}]
    symbols = {"one": draw(spelled(1).filter(lambda text: "one" not in str(text))), "word": "same", "nl": "relu"}
    body = [{"conv": {"out_channels": "w", "kernel_size": "k", "activation": "n"}}]
    blocks = {"b": {"params": {"w": None, "k": draw(ones), "n": "none"}, "layers": body + draw(lists(keeping))}}
    spec = {"symbols": symbols, "input": [3, draw(spelled(4)), "4 * one"], "blocks": blocks, "layers": layers}
    if draw(st.booleans()):
        spec["defaults"] = {"group_norm": {"num_groups": draw(spelled(1))}, "conv": {"norm": "group_norm"}}
        spec["layers"].append(draw(alone("group_norm")))
    return spec | draw(
        mapping({}, convcost=st.sampled_from([1, "1", None]), name=st.sampled_from([3, "x", True, None]))
    )


@given(specs())
def test_every_spelling_of_a_spec_that_convcost_takes_the_schema_takes(drawn):
    text = json.dumps(drawn, ensure_ascii=False)
    spec.load(Source("net.yaml", text), {})
    VALIDATOR.validate(json.loads(text))
