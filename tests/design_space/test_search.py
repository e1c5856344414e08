"""Searches: the front and the best points are those that a list of all points gives."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.design_space import joins, regions
from convcost.design_space.elimination import Elimination
from convcost.design_space.intervals import UnboundedError, bounds
from convcost.design_space.joins import SumColumn, SumTable
from convcost.errors import ConvcostError, OptionError
from convcost.symbolic import symbol


def conv(**fields):
    return {"conv": {key: str(value) for key, value in fields.items()}}


def listed(spec, values, goals, limits):
    """Return the goals of the front by a plain double loop over the analysis of each point, largest ones negative."""
    found = set()
    for point in product(*values.values()):
        try:
            analysis = convcost.analyze(spec, set=dict(zip(values, point, strict=True)), free=None)
        except ConvcostError:
            continue
        if all(sign * analysis.value(metric) <= sign * limit for metric, sign, limit in limits):
            found.add(tuple(sign * analysis.value(metric) for metric, sign in goals))
    return sorted(p for p in found if not any(q != p and all(map(int.__le__, q, p)) for q in found))


def searched(spec, values, goals, limits, **more):
    result = convcost.search(
        spec,
        set=values,
        pareto=[f"{metric}:{'max' if sign < 0 else 'min'}" for metric, sign in goals],
        max={metric: limit for metric, sign, limit in limits if sign > 0},
        min={metric: limit for metric, sign, limit in limits if sign < 0},
        **more,
    )
    return sorted(tuple(sign * point.totals[metric] for metric, sign in goals) for point in result.points), result


def network(*layers, **symbols):
    return {"symbols": symbols, "input": [3, "r", "r"], "layers": layers}


NETS = {
    "a chain of widths": (
        network(
            conv(out_channels="a", kernel_size=3, stride=2, padding=1),
            conv(out_channels="b", kernel_size=3, padding=1),
            conv(out_channels="c", kernel_size=1),
            a=4, b=4, c=4, r=8,
        ),
        {"a": [2, 5, 9], "b": [1, 4, 8], "c": [3, 6, 7], "r": [4, 7, 8]},
    ),
    "depths": (
        network(
            conv(out_channels="a", kernel_size=1),
            {**conv(out_channels="a", kernel_size=3, padding=1), "repeat": "n - 1"},
            conv(out_channels="b", kernel_size=1),
            {**conv(out_channels="b", kernel_size=3, padding=1), "repeat": "2 * m"},
            a=4, b=4, n=2, m=2, r=6,
        ),
        {"a": [2, 4, 5], "b": [3, 8], "n": [1, 2, 5], "m": [0, 1, 3], "r": [3, 6]},
    ),
    "a depth that shrinks the map": (
        network(
            {**conv(out_channels="a", kernel_size=3), "repeat": "n"},
            conv(out_channels=2, kernel_size=1), a=4, n=1, r=9,
        ),
        {"a": [2, 3, 7], "n": [1, 2, 3, 4], "r": [5, 8, 9]},
    ),
    "depths in depths": (
        network(
            {"residual": [{**conv(out_channels=3, kernel_size=1), "repeat": "n"}], "repeat": "m"},
            conv(out_channels="a", kernel_size=1), a=4, n=1, m=1, r=4,
        ),
        {"a": [2, 3], "n": [1, 2, 4], "m": [1, 3, 4], "r": [2, 3]},
    ),
    "a norm that folds where nothing stands before it": (
        network(
            conv(out_channels="a", kernel_size=1),
            {"relu": None, "repeat": "n"},
            {"hard_swish": None, "repeat": "m"},
            "batch_norm", a=4, n=1, m=1, r=4,
        ),
        {"a": [2, 3, 4], "n": [0, 1, 2], "m": [0, 1, 2], "r": [2, 3]},
    ),
    "groups that must divide": (
        network(
            conv(out_channels="a", kernel_size=1),
            conv(out_channels=12, kernel_size=3, groups="g", padding=1), a=4, g=1, r=4,
        ),
        {"a": list(range(1, 13)), "g": [1, 2, 3, 5], "r": [2, 4]},
    ),
    "truth values and rounded widths": (
        network(
            {"conv": {"out_channels": "make_divisible(a * 3, 8)", "kernel_size": "3", "bias": "w"}},
            {**conv(out_channels="max(a, b)", kernel_size=1), "if": "w or b > 5"},
            a=4, b=4, w=True, r=8,
        ),
        {"a": [1, 3, 4, 7], "b": [2, 5, 6], "w": [True, False], "r": [2, 3, 8]},
    ),
    "a layer where one width is above another": (
        network(
            conv(out_channels="a", kernel_size=1),
            {**conv(out_channels="b", kernel_size=3, padding=1), "if": "a > b"}, a=4, b=4, r=4,
        ),
        {"a": [1, 2, 3, 5, 8], "b": [1, 2, 4, 6], "r": [2, 4]},
    ),
    "a number of repetitions that is a width too": (
        network({**conv(out_channels="n", kernel_size=3), "repeat": "n"}, n=1, r=9),
        {"n": [1, 2, 3], "r": [9, 3, 7]},
    ),
    "an error of what is above 0 only": (
        network({"conv": {"out_channels": "a", "kernel_size": "3", "padding": "-n"}}, a=2, n=0, r=4),
        {"a": [2, 3, 4], "n": [-2, -1, 0, 1, 2, 3], "r": [3, 4]},
    ),
    "two depths that shrink the map": (
        network(
            {**conv(out_channels=3, kernel_size=3), "repeat": "n"},
            {**conv(out_channels=3, kernel_size=3), "repeat": "m"}, n=1, m=1, r=20,
        ),
        {"n": [1, 2, 4], "m": [1, 3, 4], "r": [18, 19, 24]},
    ),
}  # fmt: skip
GOALS = [
    [("mults", 1), ("params", -1)],
    [("mults", 1), ("params", 1)],
    [("params", -1), ("activations", 1), ("mults", 1)],
    [("mults", -1)],
]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("goals", GOALS, ids=str)
def test_the_front_is_that_of_all_points(name, goals):
    spec, values = NETS[name]
    for limits in ([], [("params", -1, 60), ("mults", 1, 3_000)]):
        assert searched(spec, values, goals, limits)[0] == listed(spec, values, goals, limits)


LISTS = {
    "symbols": {"widths": [4, 6], "depths": [1, 2], "r": 6},
    "input": [3, "r", "r"],
    "blocks": {
        "stage": {
            "params": {"width": None, "depth": None, "s": None},
            "layers": [
                {**conv(out_channels="width", kernel_size=3, padding=1, stride="s")},
                {**conv(out_channels="width", kernel_size=3, padding=1), "repeat": {"times": "depth", "index": "j"}},
            ],
        }
    },
    "layers": [
        {
            "stage": {"width": "widths(i)", "depth": "depths(i)", "s": "1 + min(i, 1)"},
            "repeat": {"times": "len(depths)", "index": "i"},
        }
    ],
}
ELEMENTS = {
    "widths(0)": [2, 3, 8],
    "widths[1]": [1, 4, 6],
    "depths(0)": [1, 2, 4],
    " depths( 1 ) ": [0, 1, 3],
    "r": [5, 6],
}


@pytest.mark.parametrize("goals", GOALS, ids=str)
def test_elements_of_lists_have_values_of_their_own(goals):
    for limits in ([], [("params", -1, 600), ("mults", 1, 20_000)]):
        points = []
        for a, b, c, d, r in product(*ELEMENTS.values()):
            analysis = convcost.analyze(LISTS, set={"widths": [a, b], "depths": [c, d], "r": r})
            if all(sign * analysis.value(name) <= sign * limit for name, sign, limit in limits):
                points.append(tuple(sign * analysis.value(name) for name, sign in goals))
        front = {p for p in points if not any(q != p and all(map(int.__le__, q, p)) for q in points)}
        found, result = searched(LISTS, ELEMENTS, goals, limits)
        assert found == sorted(front)
        assert result.effort.formulas <= 2  # 81 combinations of widths and depths have formulas in common


def test_a_depth_that_does_more_than_to_repeat_is_held():
    item = {**conv(out_channels="depths(0) + 1", kernel_size=1), "repeat": "depths(1)"}
    spec = {"symbols": {"depths": [1, 2]}, "input": [2, 4, 4], "layers": [item, conv(out_channels=2, kernel_size=1)]}
    values = {"depths(0)": [1, 3, 4], "depths(1)": [1, 2, 5]}
    totals = [convcost.analyze(spec, set={"depths": [*each]}).total for each in product(*values.values())]
    found = convcost.search(spec, set=values, best="mults:max", top=9)
    assert [point.totals["mults"] for point in found.points] == sorted([each.mults for each in totals], reverse=True)


def test_whole_lists_are_values_too():
    values = {"widths": "[2, 3], [8, 1]", "depths": [[1, 1], [2, 1]], "r": [5]}
    found = convcost.sweep(LISTS, set=values)
    points = list(product([[2, 3], [8, 1]], [[1, 1], [2, 1]]))
    totals = [convcost.analyze(LISTS, set={"widths": w, "depths": d, "r": 5}).total for w, d in points]
    assert found.outcomes == [(each.params, each.mults) for each in totals]
    assert [row["widths"] for row in found.document().points] == ["[2, 3]", "[2, 3]", "[8, 1]", "[8, 1]"]


def test_a_list_of_a_model_stays_one_value():
    model = convcost.load(LISTS, set={"widths": [2, 3]})
    found = model.sweep(set={"depths(0)": [1, 2]})
    totals = [convcost.analyze(LISTS, set={"widths": [2, 3], "depths": [each, 2]}).total for each in (1, 2)]
    assert found.outcomes == [(each.params, each.mults) for each in totals]


@pytest.mark.parametrize(
    ("set", "message"),
    [
        ({"width(0)": "1,2"}, "--set: there is no list 'width'\n = help: did you mean 'widths'?"),
        ({"r(0)": "1,2"}, "r is no list\n = found: --set r(0)=…\n = help: --set r=…"),
        (
            {"widths(2)": "1,2"},
            "widths has 2 elements\n = found: --set widths(2)=…\n = help: widths(0) to widths(1); indices start at 0",
        ),
        (
            {"widths(1)": "1,2", "widths": "[3,4]"},
            "widths and its element widths(1) are both set\n = help: leave one of them out",
        ),
    ],
)
def test_an_element_that_cannot_be_set_is_an_error(set, message):
    with pytest.raises(OptionError) as caught:
        convcost.search(LISTS, set=set, pareto=["mults"])
    assert caught.value.text() == f"error: {message}"


@given(st.data())
@settings(max_examples=25)
def test_the_sum_of_tables_has_the_front_of_all_sums(data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    variables = range(len(sizes))
    width = data.draw(st.integers(1, 3))
    tables = []
    for _ in range(data.draw(st.integers(1, 4))):
        scope = tuple(sorted(data.draw(st.sets(st.sampled_from(variables), max_size=2))))
        states = list(product(*[range(sizes[each]) for each in scope]))
        rows = [data.draw(st.tuples(*[st.integers(-6, 6)] * width)) for _ in states]
        tables.append(SumTable(scope, {state: [(*row, 0)] for state, row in zip(states, rows, strict=True)}))
    columns = []
    for place in range(width):
        goal = place == 0 or data.draw(st.booleans())
        columns.append(SumColumn(goal, data.draw(st.integers(-8, 8) | st.none() if goal else st.integers(-8, 8))))
    goals = [place for place, column in enumerate(columns) if column.goal]
    most = data.draw(st.integers(1, 3)) if len(goals) == 1 else 1
    sums = []
    for point in product(*[range(size) for size in sizes]):
        parts = [table.entries[tuple([point[each] for each in table.scope])][0] for table in tables]
        total = [sum(part[place] for part in parts) for place in range(width)]
        if all(column.limit is None or total[place] <= column.limit for place, column in enumerate(columns)):
            sums.append(tuple([total[place] for place in goals]))
    unary = [SumTable((each,), {(at,): [(0,) * (width + 1)] for at in range(sizes[each])}) for each in variables]
    found = Elimination(columns, sizes, most).best([*tables, *unary])
    mine = sorted(tuple([entry[place] for place in goals]) for entry in found)
    if len(goals) == 1 and most > 1:
        assert mine == sorted(sums)[:most]
    else:
        front = {p for p in sums if not any(q != p and all(map(int.__le__, q, p)) for q in sums)}
        assert mine == sorted(front)


@pytest.mark.parametrize("name", ["depths in depths", "two depths that shrink the map"])
def test_depths_that_do_more_than_to_leave_layers_out_are_seen_from_the_layers(name, monkeypatch):
    """Without the totals at the corners of the grid, which are compared as well."""
    monkeypatch.setattr(regions, "_corners_add_up", lambda *given: True)
    spec, values = NETS[name]
    assert searched(spec, values, GOALS[0], [])[0] == listed(spec, values, GOALS[0], [])


def test_points_that_are_not_valid_are_counted_by_their_reasons():
    spec = network(conv(out_channels="a", kernel_size=9), a=1, r=9)
    values = {"a": [1, 2, 3, Fraction(7, 2)], "r": [2, Fraction(5, 2), 3, 4, 9, 11]}
    reasons = Counter()
    for point in product(*values.values()):
        try:
            convcost.analyze(spec, set=dict(zip(values, point, strict=True)))
        except ConvcostError as error:
            reasons[error.details[0].message] += 1
    assert searched(spec, values, GOALS[0], [])[1].effort.invalid == reasons


def test_the_best_few_are_those_of_a_sorted_list():
    spec, values = NETS["a chain of widths"]
    found = convcost.search(spec, set=values, best="params:max", max={"mults": 3_000}, top=5)
    points = [
        convcost.analyze(spec, set=dict(zip(values, each, strict=True))).total for each in product(*values.values())
    ]
    within = sorted([each.params for each in points if each.mults <= 3_000], reverse=True)
    assert [point.totals["params"] for point in found.points] == within[:5]
    assert found.miss is None


def test_repetitions_are_parts_of_one_sum():
    """Two depths and two widths are one set of formulas: their combinations are not derived one by one."""
    spec, values = NETS["depths"]
    found = searched(spec, values, GOALS[0], [])[1]
    assert found.effort.points == 3 * 2 * 3 * 3 * 2
    assert found.effort.formulas == 1


def test_a_design_space_that_nobody_could_list():
    """Twelve widths of 1 to 16 are 16¹² points; the least that is enough follows by arithmetic."""
    widths = [f"w{number}" for number in range(12)]
    layers = [conv(out_channels=width, kernel_size=1, bias="false") for width in widths]
    spec = {"symbols": dict.fromkeys(widths, 4), "input": [1, 1, 1], "layers": layers}
    found = convcost.search(spec, set=dict.fromkeys(widths, "1:16"), best="mults", min={"params": 20})
    assert found.effort.points == 16**12
    (point,) = found.points
    # w0 + w0·w1 + … + w10·w11 are the mults and the params: all widths of 1 give 12, the last of 9 gives 20
    assert point.totals == {"params": 20, "mults": 20}


def test_where_nothing_is_within_the_limits_the_nearest_miss_is_shown():
    spec = {"symbols": {"a": 1}, "input": [1, 1, 1], "layers": [conv(out_channels="a", kernel_size=1, bias="false")]}
    found = convcost.search(spec, set={"a": "1:20"}, pareto=["mults"], max={"mults": 8}, min={"params": 12})
    # a mults and a params: a = 9 exceeds 8 by 1/8 and misses 12 by 3/12; 10 by 2/8 and 2/12; 8 and 11 by more
    assert found.points == ()
    assert found.miss.values in ({"a": 9}, {"a": 10})


def test_a_peak_is_compared_point_by_point():
    spec, values = NETS["a chain of widths"]
    found = convcost.search(spec, set=values, pareto=["peak_memory", "params:max"])
    rows = []
    for point in product(*values.values()):
        analysis = convcost.analyze(spec, set=dict(zip(values, point, strict=True)))
        rows.append((analysis.value("peak_memory"), -analysis.value("params")))
    front = sorted(p for p in set(rows) if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in rows))
    assert [(each.totals["peak_memory"], -each.totals["params"]) for each in found.points] == front
    assert (found.effort.formulas, found.effort.analysed) == (0, 81 + len(front))
    with pytest.raises(OptionError) as caught:
        convcost.search(spec, set=values, pareto=["peak_memory"], max_points=80)
    assert caught.value.text() == (
        "error: a search by peak_memory, the largest of the layers, has at most 80 points\n"
        " = found: 81 points\n"
        " = help: fewer values, or only metrics that are sums; --max-points N allows more, in Python max_points=N"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pareto": []}, "a search is for a front or for the best points\n = found: neither"),
        ({"pareto": ["mults"], "best": "mults"}, "a search is for a front or for the best points\n = found: both"),
        ({"pareto": ["mults"], "top": 3}, "only the best points by one metric are counted"),
        ({"pareto": ["mults:most"]}, "a goal is METRIC, METRIC:min or METRIC:max\n = found: mults:most"),
        ({"pareto": ["mults", "mults:max"]}, "a metric is a goal once\n = found: mults twice"),
        ({"pareto": ["multz"]}, "there is no total 'multz'"),
        ({"pareto": ["mults"], "max": {"multz": 3}}, "there is no total 'multz'"),
        ({"pareto": ["mults"], "set": {"alpha": 1}}, "a search needs several values of a symbol"),
        ({"pareto": ["mults"], "set": {"alfa": "1,2"}}, "no symbol 'alfa'"),
        ({"pareto": ["mults"], "set": {"alpha": "0.7,0.8"}}, "none of 2 points is a valid network"),
    ],
)
def test_what_cannot_be_searched_is_an_error(arguments, message):
    with pytest.raises(OptionError) as caught:
        convcost.search("mobilenet_v1", **{"set": {"alpha": "0.5,1"}, **arguments})
    assert message in caught.value.text()


def test_a_grid_whose_every_point_is_invalid_is_an_error_with_the_reasons_counted():
    spec = {"symbols": {"a": 1, "r": 9}, "input": [1, "r", "r"], "layers": [conv(out_channels="a", kernel_size=9)]}
    with pytest.raises(OptionError) as caught:
        convcost.search(spec, set={"a": "1:50", "r": "1:8"}, pareto=["mults"])
    assert caught.value.text().startswith("error: none of 400 points is a valid network\n = found: 400: ")


def test_points_that_no_formula_covers_are_limited():
    spec, values = NETS["a depth that shrinks the map"]
    with pytest.raises(OptionError, match="more than 3 points must be analysed one by one, as no formula holds there"):
        convcost.search(spec, set=values, pareto=["mults"], max_points=3)


def test_bounds_hold_at_all_points():
    a, b = symbol("a", whole=True), symbol("b", whole=True)
    values = {"a": [1, 4, 7], "b": [2, 3, 9]}
    for formula in (a * b - 3 * a, (a * 5 + b) // 4 - b, a / b, (a - b) ** 2, (a + 1) / (a + b)):
        low, high = bounds(formula, values)
        found = [formula.evaluate({"a": x, "b": y}) for x in values["a"] for y in values["b"]]
        assert low <= min(found)
        assert max(found) <= high
    with pytest.raises(UnboundedError):
        bounds(1 / (a - b), values)


def test_equal_values_are_one_and_true_is_no_1():
    layer = {"conv": {"out_channels": "n", "kernel_size": "1", "bias": "w"}}
    spec = {"symbols": {"w": True, "n": 2}, "input": [3, 4, 4], "layers": [layer]}
    found = convcost.search(spec, set={"w": "1,true,true", "n": "2,3"}, pareto=["mults"])
    assert found.effort.points == 4
    assert found.effort.invalid == {"bias must be true or false": 2}
    assert [point.values for point in found.points] == [{"w": True, "n": 2}]


def test_a_search_that_keeps_too_many_sums_is_an_error(monkeypatch):
    monkeypatch.setattr(joins, "MOST_KEPT", 5)
    spec, values = NETS["a chain of widths"]
    with pytest.raises(OptionError) as caught:
        convcost.search(spec, set=values, pareto=["mults:max"], max={"mults": 3_000})
    assert caught.value.text() == (
        "error: the search is too large to be exact in memory\n"
        " = found: more than 5 partial sums of which none is better than another\n"
        " = help: fewer goals and limits, or fewer values; "
        "a metric that is both a goal and limited the other way needs most"
    )
