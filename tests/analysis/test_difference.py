"""Two networks beside each other: what was added, removed and changed."""

from __future__ import annotations

from itertools import pairwise

import pytest

import convcost
from convcost.analysis.cost import total
from convcost.spec.source import shipped

STEM = {"conv": {"out_channels": 4, "kernel_size": 3, "bias": False}, "name": "stem"}
HEAD = {"conv": {"out_channels": 2, "kernel_size": 1, "bias": False}, "name": "head"}


def difference(before, after, **options):
    first, second = (convcost.load({"input": [3, 8, 8], "layers": layers}) for layers in (before, after))
    return first.difference(second, **options)


def told(found):
    return [(change.kind, change.layer.name, change.what) for change in found.layers]


def test_equal_networks_do_not_differ():
    assert told(difference([STEM, HEAD], [STEM, HEAD])) == [("same", "stem", ()), ("same", "head", ())]


def test_a_field_that_changed_is_told():
    wider = {"conv": {**STEM["conv"], "stride": 2}, "name": "stem"}
    assert told(difference([STEM], [wider])) == [("changed", "stem", ("stride 1 → 2", "output 4×6×6 → 4×3×3"))]


def test_added_and_removed_layers_cost_nothing_on_the_other_side():
    found = difference([STEM, "relu"], [STEM, "sigmoid", HEAD])
    assert [(change.kind, change.layer.name) for change in found.layers] == [
        ("same", "stem"),
        ("removed", "relu_1"),
        ("added", "sigmoid_1"),
        ("added", "head"),
    ]
    removed, added = found.layers[1], found.layers[3]
    assert removed.costs[0].ops.cmp == 4 * 36
    assert removed.costs[1].ops.cmp == 0
    assert (added.costs[0].mults, added.costs[1].mults) == (0, 2 * 4 * 36)


def test_a_new_name_is_no_change():
    (change,) = difference([STEM], [{**STEM, "name": "first"}]).layers
    assert (change.kind, change.before.name, change.after.name) == ("same", "stem", "first")


def test_a_type_that_changed_is_told():
    assert told(difference([{"relu": None, "name": "act"}], [{"relu6": None, "name": "act"}])) == [
        ("changed", "act", ("relu → relu6",))
    ]


def test_a_norm_that_folds_no_more_is_a_change():
    norm = {"batch_norm": None, "name": "norm"}
    found = difference([STEM, norm], [STEM, norm, {"add": None, "from": ["stem", "norm"]}])
    assert told(found)[1] == ("changed", "norm", ("folds no more",))


@pytest.mark.parametrize(("first", "second"), list(pairwise(shipped())))
def test_the_layers_of_shipped_networks_add_up_to_both_totals(first, second):
    found = convcost.load(first).difference(convcost.load(second), fold=False)
    for side, analysis in enumerate((found.before, found.after)):
        assert total([change.costs[side] for change in found.layers]) == analysis.total
    assert found.before.total == convcost.analyze(first, fold=False).total
    assert found.after.total == convcost.analyze(second, fold=False).total
