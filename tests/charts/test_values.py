"""What is drawn of results, held to arithmetic written beside it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import log10

import pytest
from drawn import SVG, bars, markers, parsed, texts
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.charts.scales import linear_ticks, log_ticks, text_width
from convcost.charts.shapes import Caption, Marker, Stroke
from convcost.cost.chart import networks_chart
from convcost.design_space.chart import front_of
from convcost.design_space.front import Goal

NET = {
    "name": "Small",
    "input": [3, 8, 8],
    "layers": [
        {"conv": {"out_channels": 4, "kernel_size": 3, "bias": False}, "name": "first"},
        {"relu": {}, "name": "active"},
        {"conv": {"out_channels": 8, "kernel_size": 1, "bias": False}, "name": "second"},
        {"flatten": {}, "name": "flat"},
        {"linear": {"out_features": 10, "bias": False}, "name": "last"},
    ],
}
MACS = {
    "first": 4 * 6 * 6 * 3 * 9,  # 4 channels of 6 × 6, each 3 × 3 × 3
    "second": 8 * 6 * 6 * 4,
    "last": 8 * 6 * 6 * 10,
}
PARAMS = {"first": 4 * 3 * 9, "second": 8 * 4, "last": 8 * 6 * 6 * 10}


def test_bars_are_as_long_as_their_values():
    chart = convcost.analyze(NET).plot()
    for series, expected in ("macs", MACS), ("params", PARAMS):
        found = bars(chart, series)
        most = max(expected.values())
        assert {row: int(value) for row, (_, value) in found.items()} == expected
        for row, (share, _) in found.items():
            assert share == pytest.approx(max(expected[row] / most, 0.75 / 230), abs=3e-4)  # a bar is never invisible


def test_each_bar_has_its_number_beside_it_and_the_total_above():
    found = texts(convcost.analyze(NET).plot())
    assert {"3.888 k", "1.152 k", "2.88 k"} <= set(found)  # the macs
    assert f"Macs · {sum(MACS.values()) / 1000:g} k" in found  # 7.92 k
    assert sum(PARAMS.values()) == 3_020
    assert "Params · 3.02 k" in found
    assert "3,888 macs" in {
        each.text.partition(": ")[2] for each in parsed(convcost.analyze(NET).plot()).iter(f"{SVG}title")
    }


def test_a_batch_is_counted():
    assert bars(convcost.analyze(NET, batch=3).plot(), "macs")["first"][1] == str(3 * MACS["first"])


def test_other_metrics_can_be_shown():
    chart = convcost.analyze(NET).plot(metrics="activation_bytes")
    assert bars(chart, "activation_bytes")["first"] == (1.0, str(4 * (3 * 64 + 4 * 36)))  # the input and the output


def test_types_share_the_total():
    chart = convcost.analyze(NET).plot("types")
    total = sum(MACS.values())
    found = bars(chart, "macs")
    conv = MACS["first"] + MACS["second"]
    assert {row: Fraction(value) for row, (_, value) in found.items()} == {
        "conv": Fraction(conv, total),
        "linear": Fraction(MACS["last"], total),
    }
    assert found["linear"][0] / found["conv"][0] == pytest.approx(MACS["last"] / conv, abs=1e-3)
    assert "63.6 %" in texts(chart)  # 5,040 of 7,920


def test_both_forms_of_a_convolution():
    chart = convcost.compare(NET).plot()
    separable = 3 * 6 * 6 * 9 + 4 * 6 * 6 * 3  # depthwise 3 × 3, then pointwise
    assert bars(chart, "mults_standard")["first"][1] == str(MACS["first"])
    assert bars(chart, "mults_separable")["first"][1] == str(separable)
    assert bars(chart, "mults_standard")["last"][1] == bars(chart, "mults_separable")["last"][1]


def test_memory_is_what_lives_while_each_layer_runs():
    # int8: 3×32×32 → conv 16, norm, relu → max pool 2 → conv 32: 16·1024 + 16·256 = 20,480 at the pool
    spec = {
        "input": [3, 32, 32],
        "layers": [
            {"conv": {"out_channels": 16, "kernel_size": 3, "padding": 1, "norm": "batch_norm", "activation": "relu"}},
            {"max_pool": {"kernel_size": 2}},
            {"conv": {"out_channels": 32, "kernel_size": 3, "padding": 1}},
        ],
    }
    memory = convcost.memory(spec, dtype="int8")
    root = parsed(memory.plot())
    (group,) = [each for each in root.iter(f"{SVG}g") if "data-most" in each.attrib]
    assert group.attrib["data-most"] == str(20_480)
    found = {each.attrib["data-row"]: each for each in group.iter(f"{SVG}rect")}
    pool = found["max_pool_1"]
    assert pool.attrib["data-value"] == "20480"
    assert float(pool.attrib["height"]) == pytest.approx(float(group.attrib["data-length"]), abs=0.01)
    last = found["conv_2"]
    assert last.attrib["data-value"] == str(16 * 256 + 32 * 256)
    assert float(last.attrib["height"]) / float(pool.attrib["height"]) == pytest.approx(12_288 / 20_480, abs=1e-3)
    assert "peak 20 KiB at max_pool_1" in texts(memory.plot())


def test_points_of_a_roofline_stand_on_the_roof():
    spec = {"input": [3, 64, 64], "layers": [{"conv": {"out_channels": 64, "kernel_size": 5}, "name": "large"}]}
    spec["layers"].append({"conv": {"out_channels": 64, "kernel_size": 1, "groups": 64}, "name": "small"})
    roofline = convcost.roofline(spec, "raspberry-pi-4")
    peak, bandwidth = 48 * 10**9, 5_560_000_000  # of its file: 4 cores, 1.5 GHz, 8 operations; measured
    assert (roofline.device.peak["float32"], roofline.device.bandwidth) == (peak, bandwidth)
    found = {row: (Fraction(x), Fraction(y)) for row, (_, x, y) in markers(roofline.plot()).items()}
    places = 64 * 60 * 60
    flops = {"large": places * 75 * 2, "small": places * 2}  # the last addition is that of the bias
    moved = {"large": 4 * (3 * 64 * 64 + 64 * 76 + places), "small": 4 * (places + 64 * 2 + places)}
    intensity = {name: Fraction(flops[name], moved[name]) for name in flops}
    assert found == {
        "large": (intensity["large"], peak),
        "small": (intensity["small"], intensity["small"] * bandwidth),
    }


def test_axes_of_powers_of_ten_keep_ratios():
    models = [convcost.analyze(name) for name in ("mobilenet_v1", "resnet50", "vgg16", "squeezenet1_1")]
    found = [*markers(networks_chart(models)).values()]
    for axis in (0, 1):
        places = [place[axis] for place, *_ in found]
        logs = [log10(int(values[axis])) for _, *values in found]
        slopes = [(b - places[0]) / (c - logs[0]) for b, c in zip(places[1:], logs[1:], strict=True)]
        assert slopes == pytest.approx([slopes[0]] * len(slopes), rel=1e-3)
    # the parameters that torchvision counts
    assert markers(networks_chart(models))["ResNet-50"][1] == "25557032"


def test_names_without_room_are_listed_below():
    sizes = {f"Net {number}": 1000 + number for number in range(40)} | {"Large": 10**6}
    layers = {name: [{"linear": {"out_features": size}}] for name, size in sizes.items()}
    models = [convcost.analyze({"name": name, "input": [3], "layers": each}) for name, each in layers.items()]
    found = texts(networks_chart(models))
    start = next(number for number, text in enumerate(found) if text.startswith("Without room for the name: "))
    end = next(number for number, text in enumerate(found) if text.startswith("Counted for one input"))
    listed = " ".join(found[start:end]).removeprefix("Without room for the name: ").removesuffix(".").split(", ")
    assert 1 <= len(listed) < 41
    assert set(listed) == set(sizes) - set(found)


def test_close_values_stand_on_an_axis_from_zero():
    models = [convcost.analyze("mobilenet_v1", set={"alpha": alpha}) for alpha in ("3/4", "1")]
    found = markers(networks_chart(models))
    assert [*found] == ["MobileNetV1 (alpha = 3/4)", "MobileNetV1 (alpha = 1)"]
    (x1, x2) = [place[0] for place, *_ in found.values()]
    values = [model.total.params for model in models]
    end, start = 740, x1 - (x2 - x1) * values[0] / (values[1] - values[0])  # where 0 is
    assert 20 < start < 100
    assert (x2 - start) / (end - start) == pytest.approx(12 / 13, abs=1e-3)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=40), st.booleans(), st.booleans()
)
def test_the_front_is_what_no_other_point_betters(points, more, most):
    goals = (Goal("mults", more), Goal("params", most))
    best = {points[index] for index in front_of(points, goals)}

    def costs(point):
        return (-point[0] if more else point[0]), (-point[1] if most else point[1])

    def betters(other, point):
        (a, b), (c, d) = costs(other), costs(point)
        return a <= c and b <= d and other != point

    assert best == {point for point in points if not any(betters(other, point) for other in points)}
    assert len(best) == len(front_of(points, goals))


def test_a_sweep_marks_its_front():
    sweep = convcost.sweep("mobilenet_v1", set={"alpha": "1/4,1/2", "r": "128,224"})
    chart = sweep.plot()
    found = markers(chart)
    rows = {f"alpha = {float(row['alpha'])}, r = {row['r']}": row for row in sweep.rows()}
    assert {name: (int(x), int(y)) for name, (_, x, y) in found.items()} == {
        name: (row["mults"], row["params"]) for name, row in rows.items()
    }
    front = [shape for plot in chart.plots for shape in plot.shapes if isinstance(shape, Marker) and not shape.hollow]
    assert {each.data["row"] for each in front if "row" in each.data} == {
        "alpha = 0.25, r = 128",
        "alpha = 0.5, r = 128",
    }
    curve = [
        shape for plot in chart.plots for shape in plot.shapes if isinstance(shape, Stroke) and shape.color == "series1"
    ]
    assert [len(each.points) for each in curve] == [2]
    assert "4 points, 2 on the front: lower mults and higher params" in texts(chart)


def test_no_name_stands_on_the_front():
    chart = convcost.plot("mobilenet_v1", set={"alpha": "1/4:1:1/8", "r": "128:224:32"})
    shapes = [shape for plot in chart.plots for shape in plot.shapes]
    (curve,) = [each for each in shapes if isinstance(each, Stroke) and each.color == "series1"]
    places = [
        (x + (to_x - x) * part / 50, y + (to_y - y) * part / 50)
        for (x, y), (to_x, to_y) in pairwise(curve.points)
        for part in range(51)
    ]
    names = [each for each in shapes if isinstance(each, Caption) and each.text.startswith("alpha")]
    assert len(names) == 7
    for name in names:
        width = text_width(name.text, name.size)
        start = name.x - {"start": 0, "middle": width / 2, "end": width}[name.anchor]
        assert not [1 for x, y in places if start < x < start + width and name.y - 7 < y < name.y + 1]


def test_points_that_are_not_valid_are_counted():
    spec = {
        "input": [4, 8, 8],
        "symbols": {"g": 1},
        "layers": [{"conv": {"out_channels": 8, "kernel_size": 1, "groups": "g"}}],
    }
    chart = convcost.plot(spec, set={"g": "1,2,3,4"})  # 3 does not divide 4
    assert {name: x for name, (_, x, _) in markers(chart).items()} == {
        "g = 1": str(4 * 8 * 64),
        "g = 2": str(4 * 8 * 64 // 2),
        "g = 4": str(4 * 8 * 64 // 4),
    }
    assert "Not shown: 1 of 4 points, which are not valid." in texts(chart)


MEASURED = """\
alpha,r,top1
1,224,70.6
3/4,224,68.4
1/2,224,63.7
1/4,224,50.6
1,192,69.1
1/2,192,
"""
"""What Howard 2017, tables 6 and 7, measured on ImageNet."""


def test_what_was_measured_is_an_axis(tmp_path):
    (tmp_path / "top1.csv").write_text(MEASURED)
    chart = convcost.plot("mobilenet_v1", join=tmp_path / "top1.csv", pareto="macs,top1:max")
    found = markers(chart)
    macs = {
        alpha: convcost.analyze("mobilenet_v1", set={"alpha": alpha}).total.macs for alpha in ("1", "3/4", "1/2", "1/4")
    }
    assert {name: (int(x), Fraction(y)) for name, (_, x, y) in found.items() if name.endswith("224")} == {
        "alpha = 1, r = 224": (macs["1"], Fraction("70.6")),
        "alpha = 0.75, r = 224": (macs["3/4"], Fraction("68.4")),
        "alpha = 0.5, r = 224": (macs["1/2"], Fraction("63.7")),
        "alpha = 0.25, r = 224": (macs["1/4"], Fraction("50.6")),
    }
    assert len(found) == 5  # the grid of the file has 8 points: 1 of its rows has no value, and 2 have no row
    assert "5 points, 5 on the front: lower macs and higher top1" in texts(chart)
    assert "Not shown: 3 points without macs or without top1." in texts(chart)
    assert "55" in texts(chart)  # its axis does not begin at 0
    assert texts(chart).count("0") == 1  # but that of macs does
    told = " ".join(texts(chart))
    assert "top1 is as measured in " in told
    assert "at 6 points; convcost predicts no accuracy." in told


def test_a_search_shows_its_front():
    found = convcost.search("mobilenet_v1", set={"alpha": "1/4,1/2", "r": "128,224"}, pareto=["mults", "params:max"])
    sweep = convcost.sweep("mobilenet_v1", set={"alpha": "1/4,1/2", "r": "128,224"})
    assert set(markers(found.plot())) < set(markers(sweep.plot()))
    assert "Found among 4 points." in texts(found.plot())


def wide(count):
    return {"name": "Wide", "input": [4], "layers": [{"linear": {"out_features": 4}} for _ in range(count)]}


def test_ten_thousand_layers_fold():
    analysis = convcost.analyze(wide(10_000))
    chart = analysis.plot()
    found = bars(chart, "macs")
    assert len(found) <= 30
    assert sum(int(value) for _, value in found.values()) == 10_000 * 16
    assert f"Folded from 10,000 to {len(found)} rows." in texts(chart)
    assert len(chart.svg()) < 30_000
    assert len(bars(analysis.plot("types"), "macs")) == 1
    memory = convcost.memory(wide(10_000)).plot()
    assert len(memory.svg()) < 60_000
    assert max(int(each.attrib.get("data-value", 0)) for each in parsed(memory).iter(f"{SVG}rect")) == 2 * 4 * 4
    roofline = convcost.roofline(wide(10_000), "a100").plot()
    assert len(roofline.svg()) < 20_000


def test_a_network_with_one_layer_and_one_that_costs_nothing():
    one = convcost.analyze({"input": [3], "layers": [{"linear": {"out_features": 2, "bias": False}}]})
    assert bars(one.plot(), "macs") == {"linear_1": (1.0, "6")}
    nothing = convcost.load({"input": [3], "layers": ["identity"]})
    for chart in (
        nothing.analyze().plot(),
        nothing.analyze().plot("types"),
        nothing.memory().plot(),
        nothing.compare().plot(),
        nothing.roofline("a100").plot(),
        networks_chart([nothing.analyze()]),
    ):
        assert parsed(chart).attrib["role"] == "img"


@pytest.mark.parametrize("top", [1, 7, 999, 1000, 10**400, Fraction(1, 7)])
def test_ticks_begin_at_zero_and_end_below_the_top(top):
    ticks = linear_ticks(top, 5)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= top < ticks[-1] + 2 * (ticks[1] - ticks[0])
    assert {later - before for before, later in pairwise(ticks)} == {ticks[1]}


def test_no_tick_is_between_two_whole_numbers():
    assert linear_ticks(12) == [0, 5, 10]
    assert linear_ticks(12 * 1024, unit=1024) == [0, 5 * 1024, 10 * 1024]


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=10**6), st.fractions(min_value=2, max_value=10**12))
def test_ticks_of_powers_of_ten_are_within(low, ratio):
    ticks = log_ticks(low, low * ratio)
    assert ticks == sorted(set(ticks))
    assert all(low <= tick <= low * ratio for tick in ticks)
    assert len(ticks) <= 30


def test_of_ten_thousand_steps_the_largest_is_drawn():
    layers = [{"linear": {"out_features": 9 if number == 7_777 else 4}} for number in range(10_000)]
    memory = convcost.memory({"input": [4], "layers": layers}).plot()
    values = [
        int(each.attrib["data-value"]) for each in parsed(memory).iter(f"{SVG}rect") if "data-value" in each.attrib
    ]
    assert max(values) == 4 * (4 + 9)  # four values, and the nine that are made of them
    assert 100 <= len(values) <= 220


def test_very_many_points_are_those_that_stand_apart():
    spec = {"input": ["n"], "symbols": {"n": 1, "m": 1}, "layers": [{"linear": {"out_features": "m"}}]}
    few = convcost.plot(spec, set={"n": "1:30", "m": "1:30"})
    many = convcost.plot(spec, set={"n": "1:120", "m": "1:120"})
    assert len(markers(few)) == 900
    assert len(markers(many)) < 10_000
    assert any(text.startswith("14,400 points, ") for text in texts(many))


def test_what_is_not_known_is_said():
    builder = convcost.NetworkBuilder("Half known")
    value = builder.add("conv", builder.input([3, 8, 8]), out_channels=4, kernel_size=3, bias=False)
    builder.add("unknown", value, operator="Magic", output_shape=[4, 6, 6])
    analysis = convcost.Model(builder.build()).analyze()
    chart = analysis.plot()
    macs = 4 * 36 * 27
    assert bars(chart, "macs") == {"conv_1": (1.0, str(macs))}
    assert f"Macs · ≥ {macs / 1000:g} k" in texts(chart)
    assert texts(chart).count("?") == 2
    assert f"Macs · ≥ {macs / 1000:g} k" in texts(analysis.plot("types"))


def test_errors_say_what_a_chart_can_be():
    analysis = convcost.analyze(NET)
    with pytest.raises(convcost.OptionError) as error:
        analysis.plot("tpyes")
    assert error.value.text() == "error: there is no chart 'tpyes' of this result\n = help: did you mean 'types'?"
    with pytest.raises(convcost.OptionError) as error:
        convcost.verify(NET).plot()
    assert error.value.text() == (
        "error: there is no chart of Verification\n = help: its table is str(result), its numbers to_dict()"
    )
    with pytest.raises(convcost.OptionError) as error:
        analysis.plot(metrics=["params", "macs", "mults", "adds", "flops"])
    assert error.value.text() == (
        "error: a chart shows 1 to 4 metrics side by side\n = found: params, macs, mults, adds, flops"
    )
    with pytest.raises(convcost.OptionError) as error:
        convcost.analyze("mobilenet_v1", free=["alpha"]).plot()
    assert error.value.text() == (
        "error: a chart needs numbers, and symbols are free\n = found: alpha\n"
        " = help: --set gives them values; several values of one make a curve"
    )
    with pytest.raises(convcost.OptionError) as error:
        convcost.sweep("mobilenet_v1", set={"alpha": "1/4,1/2"}).plot(pareto="adds,params")
    assert error.value.text() == (
        "error: the sweep has no adds\n = help: where=['adds >= 0'] has a metric; known: params, mults"
    )
    with pytest.raises(convcost.OptionError) as error:
        convcost.search("mobilenet_v1", set={"alpha": "1/4,1/2"}, best="params:max").plot()
    assert error.value.text() == (
        "error: a trade-off is between two goals\n = found: params, the largest\n"
        " = help: such as --pareto mults,params:max"
    )
    with pytest.raises(convcost.OptionError) as error:
        convcost.compare(NET).plot(metrics="intensity")
    assert error.value.text() == (
        "error: both forms have counts, and intensity is none\n"
        " = help: known: params, buffers, mults, adds, macs, flops, useful_mults, ops_mul, …"
    )
