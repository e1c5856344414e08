"""The formulas of all layer types are proved, at points that determine them."""

from __future__ import annotations

import pytest

from convcost.layers import REGISTRY, LayerError, LayerType
from convcost.layers.fields import field, whole
from convcost.verification.cases import cases_of
from convcost.verification.formulas import document, prove
from convcost.verification.positions import Window

TYPES = sorted(type for type, layer in REGISTRY.items() if not layer.composite and not layer.declared)


@pytest.fixture(scope="module")
def proofs():
    return prove()


def test_every_formula_is_proved(proofs):
    assert [proof.type for proof in proofs] == TYPES
    assert [proof.type for proof in proofs if not proof.proved] == []
    assert document(proofs).proved is True


@pytest.mark.parametrize("type", TYPES)
def test_a_type_is_executed_with_every_field_in_more_ways_than_one(type):
    """But for numbers that no count depends on."""
    seen = {name: set() for name in REGISTRY[type].fields}
    for task in cases_of(type).tasks():
        for name, value in task.fields.items():
            seen[name].add(value)
    assert seen.keys() == REGISTRY[type].fields.keys()
    values = {
        "eps",
        "momentum",
        "alpha",
        "beta",
        "k",
        "p",
        "negative_slope",
        "layout",
        "of",
        "min_val",
        "max_val",
        "spatial_scale",
    }
    assert [name for name, ways in seen.items() if len(ways) < 2 and name not in values] == []


def test_inputs_of_a_merge_are_stretched_over_positions_and_over_channels():
    shapes = {task.input_shapes for task in cases_of("multiply").tasks()}
    picture, a_channel, a_position = (3, 2, 2), (1, 2, 2), (3, 1, 1)
    assert {(picture, a_channel, a_position), (a_position, picture, a_channel)} <= shapes
    assert (picture, (2, 2, 2)) not in shapes  # which no rule stretches


def test_no_point_is_executed_twice():
    for type in ("linear", "layer_norm", "group_norm", "gelu"):
        points = [(tuple(task.fields.items()), task.input_shapes) for task in cases_of(type).tasks()]
        assert len(points) == len(set(points))


def test_sizes_go_through_every_remainder_behind_the_borders():
    """Kernel 3, dilation 2 spans 5; behind 5 + 2 · 1 there are three sizes of each remainder by 3."""
    sizes = Window(3, 3, 2, (1, 1)).sizes()
    long = [size for size in sizes if size > 7]
    assert sorted(size % 3 for size in long) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sizes[0] == 1


def test_a_type_without_an_executor_is_not_proved(monkeypatch):
    monkeypatch.setattr(REGISTRY, "_entries", dict(REGISTRY._entries))

    class Unproved(LayerType, type="unproved"):
        """Nothing performs it."""

        factor = field(whole(1))

    (proof,) = prove(["unproved"])
    assert not proof.proved
    assert proof.counterexample.error == "it cannot be executed: no executor for 'unproved'"


def test_a_formula_that_is_wrong_only_in_large_numbers_of_channels_is_found(monkeypatch):
    """Two points would determine a line; a third tells what is none."""
    definition = REGISTRY["softmax"]
    right = definition.cost

    def wrong(self, inputs, output):
        cost = right(self, inputs, output)
        n = output[0]
        return cost if n < 3 else cost + cost

    monkeypatch.setattr(definition, "cost", wrong)
    (proof,) = prove(["softmax"])
    assert proof.counterexample.input_shapes == ((3,),)


def test_a_formula_that_refuses_what_can_be_executed_is_found(monkeypatch):
    definition = REGISTRY["relu"]

    def refusing(self, *inputs):
        if inputs[0] == (2, 3):
            raise LayerError("relu takes no two channels of three", "these")
        return inputs[0]

    monkeypatch.setattr(definition, "output_shape", refusing)
    (proof,) = prove(["relu"])
    assert proof.counterexample.input_shapes == ((2, 3),)
    assert proof.counterexample.error == "its formula refuses it: relu takes no two channels of three (these)"
