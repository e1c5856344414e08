"""Sweeps in parts: every part of a grid gives what listing its points gives, in whatever process and order."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost import arguments
from convcost.design_space import parts as module
from convcost.design_space.parts import GridPart, boxes_of, make_plan, part_outcomes
from convcost.design_space.task import analysed
from convcost.spec.origin import Origin

SPEC = {
    "symbols": {"n": 4, "g": 2, "r": 12, "d": 1},
    "input": [4, "r", "r"],
    "layers": [
        {"conv": {"out_channels": "4 * n", "kernel_size": "3", "groups": "g", "padding": "1"}, "repeat": "1"},
        {"conv": {"out_channels": "4 * n", "kernel_size": "1"}, "repeat": "d"},
        {"max_pool": {"kernel_size": "3", "stride": "2"}},
    ],
}
VALUES = {"n": "1:4", "g": "1:4", "d": "0:2", "r": "1:9"}  # three groups and rows of fewer than three are not valid


def task_of(spec, values, **options):
    return arguments.sweep_task(Origin.of(spec), values, **{"batch": 1, "fold": True, **options})


def plain(outcomes):
    return [outcome if isinstance(outcome, tuple) else str(outcome) for outcome in outcomes]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_boxes_hold_the_points_of_a_part_in_order(sizes, data):
    points = list(product(*map(range, sizes)))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(points))] * 2)))
    boxes = boxes_of(sizes, GridPart(start, end))
    found = [point for box in boxes for point in product(*[range(*ends) for ends in box])]
    assert found == points[start:end]


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_every_part_gives_the_analysis_of_each_point(size):
    task = task_of(SPEC, VALUES)
    plan = make_plan(task)
    packed = plan.packed()
    parts = list(plan.parts(size))
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    found = {part: part_outcomes(packed, part) for part in reversed(parts)}
    outcomes = [outcome for part in parts for outcome in found[part]]
    assert plain(outcomes) == plain([analysed(task, index) for index in range(len(task))])


def test_a_part_derives_its_own_formulas_where_the_plan_has_none(monkeypatch):
    """Each number of repetitions needs formulas; the points around are not analysed one by one."""
    task = task_of(SPEC, {"d": "1:40", "n": "1:40", "r": "8:16:2"})
    points = []
    monkeypatch.setattr(module, "analysed", lambda *given: points.append(given) or analysed(*given))
    found = part_outcomes(make_plan(task).packed(), GridPart(0, len(task)))
    assert all(isinstance(each, tuple) for each in found)
    assert len(points) <= 60  # one for each number, and the plan's


def test_formulas_that_are_asked_again_find_nothing_new():
    task = task_of(SPEC, {"d": "1:3", "n": "2,4", "g": "1,2", "r": "4:9"})
    plan = make_plan(task)
    boxes = list(boxes_of(task.sizes, GridPart(0, len(task))))
    outcomes = [None] * len(task)
    for region in plan.regions:
        function = module._RegionFunction(task, region)
        new = function.fill(outcomes, boxes, empty=False)
        assert new == 2 * 6  # of n and r; numbers of groups and repetitions are held
        assert function.fill(outcomes, boxes, empty=False) == 0
    assert plain(outcomes) == plain([analysed(task, index) for index in range(len(task))])
