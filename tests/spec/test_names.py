"""How layers are named, and that the names of earlier versions still mean the same layers."""

from __future__ import annotations

from textwrap import dedent

import pytest

import convcost
from convcost.rewriting.selection import matches

NET = """
    input: [4, 8, 8]
    blocks:
      basic:
        layers:
          - residual:
              body: [relu, {conv: {out_channels: 4, kernel_size: 1, norm: batch_norm}}]
              shortcut: [{conv: {out_channels: 4, kernel_size: 1}}]
          - residual: [relu, tanh]
          - relu
    layers:
      - conv: {out_channels: 4, kernel_size: 1}
      - {basic: , name: stage, repeat: 2}
      - concat: [[relu], [], [relu, relu]]
      - add: [[], [tanh]]
      - residual: [relu]
        name: last
      - {residual: [relu], repeat: 1}
      - relu
    """


def layers(text):
    import yaml

    return convcost.load(yaml.safe_load(dedent(text))).network.layers


STAGE = [
    ("stage.{0}/relu_1", "stage.{0}/residual_1/body/relu_1"),
    ("stage.{0}/conv_1", "stage.{0}/residual_1/body/conv_1"),
    ("stage.{0}/conv_1/batch_norm", "stage.{0}/residual_1/body/conv_1/batch_norm"),
    ("stage.{0}/shortcut/conv_1", "stage.{0}/residual_1/shortcut/conv_1"),
    ("stage.{0}/residual_1", "stage.{0}/residual_1"),
    ("stage.{0}/relu_2", "stage.{0}/residual_2/relu_1"),
    ("stage.{0}/tanh_1", "stage.{0}/residual_2/tanh_1"),
    ("stage.{0}/residual_2", "stage.{0}/residual_2"),
    ("stage.{0}/relu_3", "stage.{0}/relu_1"),
]
NAMES = [
    ("conv_1", "conv_1"),
    *[(name.format(1), former.format(1)) for name, former in STAGE],
    *[(name.format(2), former.format(2)) for name, former in STAGE],
    ("branch_1/relu_1", "concat_1/branch_1/relu_1"),
    ("branch_3/relu_1", "concat_1/branch_3/relu_1"),
    ("branch_3/relu_2", "concat_1/branch_3/relu_2"),
    ("concat_1", "concat_1"),
    ("branch_5/tanh_1", "add_1/branch_2/tanh_1"),
    ("add_1", "add_1"),
    ("last/relu_1", "last/relu_1"),
    ("last", "last"),
    ("residual_2.1/relu_1", "residual_2.1/relu_1"),
    ("residual_2.1", "residual_2.1"),
    ("relu_1", "relu_1"),
]


def test_merges_without_a_name_add_no_level():
    found = layers(NET)
    assert [layer.name for layer in found] == [name for name, _ in NAMES]
    assert ["/".join(layer.former or layer.path) for layer in found] == [former for _, former in NAMES]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("stage.2/residual_1/body/conv_1", ["stage.2/conv_1", "stage.2/conv_1/batch_norm"]),
        ("stage/residual_1/shortcut", ["stage.1/shortcut/conv_1", "stage.2/shortcut/conv_1"]),
        ("concat_1/branch_3", ["branch_3/relu_1", "branch_3/relu_2"]),
        ("*/residual_2/*", ["stage.1/relu_2", "stage.1/tanh_1", "stage.2/relu_2", "stage.2/tanh_1"]),
    ],
)
def test_patterns_of_former_names_match(pattern, names):
    assert [layer.name for layer in layers(NET) if matches(pattern, layer)] == names


@pytest.mark.parametrize("new", ["tanh", "conv: {out_channels: 4, kernel_size: 1}", "concat: [[sigmoid], []]"])
def test_a_layer_of_another_type_put_in_front_changes_no_name_behind(new):
    before = [layer.name for layer in layers(NET) if layer.type == "relu"]
    changed = NET.replace("layers:\n          - residual:\n", f"layers:\n          - {new}\n          - residual:\n")
    assert [layer.name for layer in layers(changed) if layer.type == "relu"] == before


def test_a_name_may_carry_the_path_of_a_module():
    (layer,) = layers("input: [4, 8, 8]\nlayers: [{relu: , name: layer1.0.relu}]")
    assert (layer.name, layer.path) == ("layer1.0.relu", ("layer1.0.relu",))


def test_a_label_of_a_branch_never_is_the_name_of_another_layer():
    text = """
        input: [4, 8, 8]
        blocks: {branch: {layers: [relu]}, shortcut: {layers: [relu]}}
        layers:
          - branch
          - concat: [[relu], [relu]]
          - branch
          - residual: {body: [], shortcut: [relu]}
          - shortcut
        """
    names = [layer.name for layer in layers(text)]
    assert len(set(names)) == len(names)
    assert not any("'" in name for name in names)


# the input


def test_from_reads_the_input_by_its_name():
    found = layers(
        "input: [4, 8, 8]\nlayers: [relu, {concat: , from: [relu_in, input]}]".replace(
            "relu,", "{relu: , name: relu_in},"
        )
    )
    assert found[1].sources == (0, -1)
    assert found[1].output_shape == (8, 8, 8)


def test_an_item_that_is_called_input_wins():
    found = layers("input: [4, 8, 8]\nlayers: [{relu: , name: input}, tanh, {sigmoid: , from: input}]")
    assert found[2].sources == (0,)


def test_a_block_does_not_see_the_input_of_the_network():
    with pytest.raises(convcost.SpecError, match="there is no item named 'input' before this one"):
        layers("input: [4, 8, 8]\nblocks: {b: {layers: [{relu: , from: input}]}}\nlayers: [b]")


@pytest.mark.parametrize("written", ["{add: , from: [a, b]}", "{add: {}, from: [a, b]}", "{add: ~, from: [a, b]}"])
def test_a_merge_of_names_may_be_an_empty_mapping(written):
    found = layers(f"input: [4, 8, 8]\nlayers: [{{relu: , name: a}}, {{tanh: , name: b}}, {written}]")
    assert (found[2].type, found[2].sources) == ("add", (0, 1))


def test_a_merge_may_give_its_branches_as_a_key():
    found = layers("input: [4, 8, 8]\nlayers: [{concat: {branches: [[relu], []]}}]")
    assert [(layer.name, layer.output_shape) for layer in found] == [
        ("branch_1/relu_1", (4, 8, 8)),
        ("concat_1", (8, 8, 8)),
    ]
