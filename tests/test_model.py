"""Every question as a method of `Model` and as a function of the same name, and what their results have in common."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from fractions import Fraction
from types import ModuleType, SimpleNamespace

import pytest

import convcost
from convcost.rewriting.analysis import Rewriting
from convcost.rewriting.rewrites import named
from convcost.rewriting.selection import select

NET = {
    "name": "net",
    "symbols": {"n": 2, "m": 1},
    "input": [3],
    "layers": [{"linear": {"out_features": "n * m"}}],
}  # 3·n·m mults, as many params and n·m biases
CONV = {"name": "conv", "input": [3, 8, 8], "layers": [{"conv": {"out_channels": 64, "kernel_size": 3, "padding": 1}}]}
# 64 · 27 · 64 = 110,592 mults; separable: 27 · 64 + 64 · 3 · 64 = 14,016
QUESTIONS = [
    name
    for name in convcost.__all__
    if inspect.isfunction(getattr(convcost, name)) and name not in ("cluster", "from_torch", "load")
]


class Scalar:
    """Stands for a number of NumPy: neither an int nor a float, and printed with as few digits as it has."""

    def __init__(self, value, kind="f", text=""):
        self.value, self.text = value, text or str(value)
        self.dtype, self.shape = SimpleNamespace(kind=kind), ()

    def item(self):
        return self.value

    def __str__(self):
        return self.text


class Array:
    """Stands for an array of NumPy."""

    def __init__(self, *values):
        self.values = values
        self.dtype, self.shape = values[0].dtype, (len(values),)

    def __iter__(self):
        return iter(self.values)

    def __str__(self):
        return f"[{' '.join(map(str, self.values))}]"


def built():
    """Return a model that no spec describes: the one convolution of `CONV`."""
    builder = convcost.NetworkBuilder("conv")
    builder.add("conv", builder.input([3, 8, 8]), out_channels=64, kernel_size=3, padding=1)
    return convcost.Model(builder.build())


# one shape of API


def test_every_question_is_a_method_too_with_the_same_arguments():
    first = ("analyze", "check", "compare", "compress", "diff", "expect", "formulas", "memory", "peak_formula", "plot")
    rest = ("receptive_field", "reconcile", "rewrite", "roofline", "search", "solve", "suggest", "sweep", "verify")
    assert sorted([*first, *rest, "verify_receptive_field"]) == QUESTIONS
    of_specs = {"spec", "specs", "types", "set", "set_other", "free", "max_layers"}
    for name in QUESTIONS:
        function, method = (
            set(inspect.signature(getattr(each, name)).parameters) for each in (convcost, convcost.Model)
        )
        assert function - of_specs == method - {"self", "set"}, name


def test_functions_take_a_model():
    model = convcost.load(NET, set={"n": 5})
    assert convcost.load(model) is model
    assert convcost.analyze(model).total.mults == 15
    assert convcost.analyze(model, set={"m": 2}).total.mults == 30  # n is 5 still
    assert convcost.compare(model).written.total.mults == 15
    assert convcost.verify(model).ok
    assert convcost.diff(model, NET).after.total.mults == 6
    assert [sheet.type for sheet in convcost.formulas(model).sheets] == ["linear"]
    assert [row["mults"] for row in convcost.sweep(model, set={"m": [1, 2]}).rows()] == [15, 30]
    assert convcost.solve(model, "m", max={"mults": 44}).best.value == Fraction(14, 5)  # 3 · 5 · 14/5 = 42
    assert convcost.check(model, max={"mults": 15}).ok
    assert not convcost.check(model, max={"mults": 14}).ok


def test_methods_keep_the_values_of_the_symbols():
    model = convcost.load(NET, set={"n": 5})
    assert [row["mults"] for row in model.sweep(set={"m": [1, 2]}).rows()] == [15, 30]
    assert [row["mults"] for row in model.sweep(set={"m": [1, 2], "n": 1}).rows()] == [3, 6]
    assert model.solve("m", max={"mults": 44}).best.value == Fraction(14, 5)  # 3 · 14 = 42, and 3 · 15 = 45
    assert model.solve("m", max={"mults": 44}, set={"n": 2}).best.value == 7  # 42, for 8 it is 48
    assert model.solve("n", max={"mults": 44}).best.value == 14  # 42
    assert model.check(max={"params": 20}).ok  # 15 + 5
    assert model.formulas(set={"M": 3}).sheets[0].cost.mults.evaluate({"N": 5}) == 15


def test_a_model_with_another_value_leaves_free_what_is():
    model = convcost.load(NET, free=["n"])
    assert convcost.analyze(model, set={"m": 2}).total.mults.evaluate({"n": 7}) == 42
    assert convcost.analyze(model, set={"n": 7}).total.mults == 21
    for call in (lambda: model.sweep(set={"m": [1, 2]}), lambda: model.solve("m", max={"mults": 9}), model.check):
        with pytest.raises(convcost.OptionError) as caught:
            call()
        assert str(caught.value) == "error: this needs a value for every symbol\n = found: n stayed free"
    assert [row["mults"] for row in model.sweep(set={"n": [1, 2]}).rows()] == [3, 6]
    assert model.solve("n", max={"mults": 9}).best.value == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.sweep(set={"n": [1, 2]}),
        lambda model: model.solve("n", max={"mults": 9}),
        lambda model: convcost.load(model, set={"n": 2}),
        lambda model: convcost.analyze(model, free=["n"]),
    ],
)
@pytest.mark.parametrize("model", [built(), convcost.load(CONV).rewrite("separable")], ids=["built", "rewritten"])
def test_a_network_that_was_built_has_no_symbols(model, call):
    with pytest.raises(convcost.OptionError) as caught:
        call(model)
    assert str(caught.value) == (
        "error: this needs the symbols of a spec\n = found: a network that was built or rewritten, not read\n"
        " = help: load a spec that declares them"
    )


def test_a_network_that_was_built_answers_everything_else():
    model = built()
    assert model.analyze().total.mults == 110_592
    assert model.compare().separable.total.mults == 14_016
    assert model.verify().ok
    assert model.diff(model.rewrite("separable")).after.total.mults == 14_016
    assert model.suggest(max={"mults": 20_000}, ends=True).after.total.mults == 14_016
    assert model.formulas().sheets[0].type == "conv"
    check = model.check(max={"mults": 20_000})
    assert repr(check).startswith("<Check: Exceeded: 1 of 1 limit; <network>: mults: 110,592, which is 90,592 above")
    remedy = check.verdicts[0].remedy  # the only convolution is the first and the last: these are spared
    assert (remedy.rewrites, remedy.reached, remedy.value) == ((), False, 110_592)
    assert (remedy.reached_with_ends, remedy.command) == (True, "")


def test_values_for_a_network_without_symbols_are_refused():
    with pytest.raises(convcost.OptionError) as caught:
        convcost.check(built(), max={"mults": 1}, set={"n": 1})
    assert str(caught.value) == (
        "error: only the symbols of a spec can be set\n = found: n of a network that was built or rewritten, not read"
    )


def test_a_rewritten_network_keeps_its_own_budget():
    model = convcost.load({**CONV, "budget": {"mults": 100_000}})
    assert not model.check().ok
    assert model.rewrite("separable").check().ok


def test_a_rewritten_network_has_the_text_of_its_spec(tmp_path):
    layers = "layers:\n  - conv: {out_channels: 64, kernel_size: 3, padding: 1}   # wide\n"
    before = f"# mine\nname: Mine\ninput: [3, 8, 8]\n{layers}"
    path = tmp_path / "net.yaml"
    path.write_text(before)
    rewritten = convcost.rewrite(path, "separable")
    head = "# rewritten: separable (Howard et al. 2017, arXiv:1704.04861, section 3.1)\n"
    assert rewritten.text == head + before.replace("- conv:", "- separable_conv:")
    assert path.read_text() == before
    path.write_text(rewritten.text)
    assert convcost.load(path).analyze().total == rewritten.analyze().total
    assert repr(rewritten) == "<RewrittenModel: Mine: 2 layers>"


def test_a_rewritten_network_shows_what_changed():
    model = convcost.load(CONV, set=None)
    rewritten = model.rewrite("separable", batch=2)
    old, new = 9 * 3 * 64 * 8 * 8, (9 * 3 + 3 * 64) * 8 * 8
    (place,) = rewritten.rewriting.places
    assert (place.before.mults, place.after.mults) == (2 * old, 2 * new)
    totals = rewritten.to_dict()["totals"]
    assert (totals["before"]["mults"], totals["after"]["mults"]) == (2 * old, 2 * new)
    assert str(rewritten) == str(rewritten.rewriting)
    assert f"{2 * old:,}" in str(rewritten)
    assert f"{2 * new:,}" in rewritten._repr_html_()
    unfolded = convcost.load({**CONV, "layers": [*CONV["layers"], "batch_norm"]}).rewrite("separable", fold=False)
    assert unfolded.rewriting.after.total.mults > new


def test_only_a_spec_that_was_read_has_a_text_to_rewrite():
    for model in (built().rewrite("separable"), convcost.load(CONV).rewrite("separable").rewrite("standard")):
        with pytest.raises(convcost.OptionError) as caught:
            model.text  # noqa: B018
        assert str(caught.value) == (
            "error: only the text of a spec can be rewritten\n = found: a network that was built or rewritten, not read"
        )


def test_a_check_names_models_by_their_specs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "convcost.yaml").write_text("budgets: [{metric: mults, max: 9, models: net.yaml}]\n")
    (tmp_path / "net.yaml").write_text("symbols: {n: 2}\ninput: [3]\nlayers: [{linear: {out_features: n}}]\n")
    assert convcost.load("net.yaml", set={"n": 3}).check().ok
    assert not convcost.load("net.yaml", set={"n": 4}).check().ok


def test_values_for_one_network_or_both():
    for values, mults in [
        ({"set": {"n": 5}}, (15, 15)),
        ({"set_other": {"n": 3}}, (6, 9)),
        ({"set": {"n": 5}, "set_other": {"n": 3}}, (15, 9)),
    ]:
        found = convcost.diff(NET, NET, **values)
        assert (found.before.total.mults, found.after.total.mults) == mults


def test_the_faults_of_both_networks_are_told():
    with pytest.raises(convcost.SpecError) as caught:
        convcost.diff("nowhere.yaml", "neither.yaml")
    assert [detail.message for detail in caught.value.details] == [
        "there is no file and no shipped spec 'nowhere.yaml'",
        "there is no file and no shipped spec 'neither.yaml'",
    ]


def test_the_old_name_of_diff():
    model = convcost.load(NET)
    with pytest.warns(DeprecationWarning, match=r"^Model.difference is Model.diff now$"):
        old = model.difference(model)
    assert old == model.diff(model)


def test_suggestions_from_python():
    found = convcost.suggest(CONV, max={"mults": "20k"}, ends=True)
    assert (found.reached, found.after.total.mults) == (True, 14_016)
    grouped = {"input": [4, 8, 8], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3, "padding": 1}}]}
    found = convcost.suggest(grouped, max={"mults": 1}, allow=["grouped"], options={"groups": 2}, ends=True)
    assert (found.reached, found.after.total.mults) == (False, 4_608)  # 4 · (4/2) · 9 · 64
    with pytest.raises(convcost.OptionError, match="suggest needs a limit"):
        convcost.suggest("nowhere.yaml", max={})


def test_a_suggestion_for_a_batch():
    found = convcost.suggest(CONV, max={"mults": 3 * 14_016}, ends=True, batch=3)
    assert (found.reached, found.before.total.mults, found.after.total.mults) == (True, 3 * 110_592, 3 * 14_016)
    assert found.steps[0].candidate.saved == {"mults": 3 * (110_592 - 14_016)}
    assert not convcost.suggest(CONV, max={"mults": 3 * 14_016 - 1}, ends=True, batch=3).reached
    assert convcost.suggest(CONV, max={"params": 1_000}, ends=True, batch=3).reached  # 27 + 64 · 3 weights, some biases


@pytest.mark.parametrize("check", [convcost.check, lambda spec, **options: convcost.load(spec).check(**options)])
def test_a_check_of_a_batch_and_of_norms_that_are_not_folded(check):
    assert check(CONV, max={"mults": 3 * 110_592, "params": 27 * 64 + 64}, batch=3).ok
    assert not check(CONV, max={"mults": 3 * 110_592 - 1}, batch=3).ok
    normed = CONV | {"layers": [*CONV["layers"], "batch_norm"]}
    assert check(normed, max={"mults": 110_592}).ok
    assert check(normed, max={"mults": 110_592 + 64 * 64}, fold=False).ok  # a multiplication for each of 64 · 8 · 8
    assert not check(normed, max={"mults": 110_592 + 64 * 64 - 1}, fold=False).ok
    with pytest.raises(convcost.OptionError) as caught:
        check(CONV, max={"mults": 1}, batch=0)
    assert str(caught.value) == "error: batch is a whole number, at least 1\n = found: 0"


def test_formulas_of_types():
    found = convcost.formulas("pointwise_conv", "linear", set={"M": Scalar(3, "i")})
    assert [str(sheet.cost.mults) for sheet in found.sheets] == ["3·Dp²·N/g", "3·N"]
    assert len(convcost.formulas("linear").quotients) == 0
    for wrong in (1.5, -1, True, Scalar(0.5), "x"):
        with pytest.raises(convcost.OptionError) as caught:
            convcost.formulas("linear", set={"M": wrong})
        assert caught.value.details[0].message == "M is a whole number"


def test_a_model_is_a_value():
    model = convcost.load(NET)
    assert model == convcost.load(NET) == pickle.loads(pickle.dumps(model))
    assert model != convcost.load(NET, set={"n": 3})
    assert repr(model) == "<Model: net: 1 layer>"


# results

MODEL = convcost.load(NET)
CONVOLUTION = convcost.load(CONV)
RESULTS = {
    "<Analysis: net: 8 params, 6 mults, 6 macs>": MODEL.analyze(),
    "<Analysis: net: formulas in n>": convcost.analyze(NET, free=["n"]),
    "<Formulas: linear>": MODEL.formulas(),
    "<Sweep: net: 2 points of n>": MODEL.sweep(set={"n": [1, 2]}),
    "<Sweep: net: 1 of 2 points of n>": MODEL.sweep(set={"n": [1, 2]}, where=["mults <= 3"]),
    "<Solution: net: n = 3 with mults ≤ 9>": MODEL.solve("n", max={"mults": 9}),
    "<Solution: net: no n with mults ≤ 2>": MODEL.solve("n", max={"mults": 2}),
    "<Comparison: conv: 110,592 mults as written, 110,592 mults all standard, 14,016 mults all separable>": (
        CONVOLUTION.compare()
    ),
    "<Difference: conv → conv: 3 of 3 layers differ, 110,592 → 14,016 mults>": (
        CONVOLUTION.diff(CONVOLUTION.rewrite("separable"))
    ),
    "<Suggestion: conv: the limits are kept with 1 step>": CONVOLUTION.suggest(max={"mults": "20k"}, ends=True),
    "<Suggestion: conv: out of reach with 0 steps, --ends keeps them>": CONVOLUTION.suggest(max={"mults": "20k"}),
    "<Rewriting: conv: 1 place rewritten, 110,592 → 14,016 mults>": Rewriting.of(
        CONVOLUTION.network, [(named("separable"), select(CONVOLUTION.network, named("separable")))]
    ),
    "<Verification: net: 1 of 1 layer agree>": MODEL.verify(),
    "<Check: Within budget: 1 limit>": MODEL.check(max={"mults": 6}),
}


@pytest.mark.parametrize("line", RESULTS)
def test_every_result_shows_itself(line):
    result = RESULTS[line]
    title = result.report().table().title
    assert repr(result) == line
    assert re.match(rf"{re.escape(title)}( · .*)?\n", str(result))
    html = result._repr_html_()
    assert (
        f"<strong>{title.replace('<', '&lt;')}</strong>" in html if html else f"**{title}**" in result._repr_markdown_()
    )
    assert isinstance(result.to_dict(), dict)


@pytest.mark.parametrize("line", RESULTS)
def test_every_result_is_a_data_frame(line, monkeypatch):
    pandas = ModuleType("pandas")
    pandas.DataFrame = lambda rows: ("frame", rows)
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert RESULTS[line].to_dataframe() == ("frame", list(RESULTS[line].report().records()))


def test_a_data_frame_needs_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    with pytest.raises(convcost.OptionError) as caught:
        MODEL.analyze().to_dataframe()
    assert str(caught.value) == (
        "error: a data frame needs pandas, which is not installed\n"
        " = help: pip install pandas; to_dict gives the same without it"
    )


@pytest.mark.parametrize(("layers", "folded"), [(30, False), (31, True)])
def test_a_long_table_is_folded(layers, folded):
    html = convcost.analyze({"input": [2], "layers": [{"linear": {"out_features": 2}}] * layers})._repr_html_()
    assert (f"<details><summary>All {layers} rows</summary>" in html) == folded
    assert html.count(f"{6 * layers}</th>") == 1 + folded  # 2 · 2 + 2 parameters each
    assert html.count("<details>") == html.count("</details>") == int(folded)


def test_a_layer_has_its_numbers():
    layer = convcost.analyze(CONV, batch=2).layers[0]
    assert (layer.params, layer.mults, layer.macs) == (64 * 27 + 64, 2 * 110_592, 2 * 110_592)


# numbers of NumPy

SINGLE = Scalar(0.10000000149011612, text="0.1")  # as numpy.float32(0.1) is as a float, and prints
RATIOS = {"symbols": {"a": 1}, "input": [3], "layers": [{"linear": {"out_features": "floor(10 * a)"}}]}


def test_symbols_are_set_to_numbers_of_numpy():
    assert convcost.load(RATIOS, set={"a": SINGLE}).network.symbols == {"a": Fraction(1, 10)}
    assert convcost.load(NET, set={"n": Scalar(7, "i")}).network.symbols == {"n": 7, "m": 1}
    large = {"symbols": {"a": 1}, "input": [3], "layers": [{"linear": {"out_features": "a / 10**16"}}]}
    assert convcost.load(large, set={"a": Scalar(2e16)}).network.layers[0].output_shape == (2,)  # "2e+16"
    with pytest.raises(convcost.OptionError):
        convcost.load(NET, set={"n": Array(Scalar(1, "i"), Scalar(2, "i"))})
    with pytest.raises(convcost.OptionError):
        convcost.load(NET, set={"n": Scalar(float("nan"))})


def test_sweeps_take_arrays():
    found = convcost.sweep(RATIOS, set={"a": Array(SINGLE, Scalar(0.5))})
    assert [(row["a"], row["mults"]) for row in found.rows()] == [(Fraction(1, 10), 3), (Fraction(1, 2), 15)]
    assert [row["n"] for row in MODEL.sweep(set={"n": [Scalar(1, "i"), 2]}).rows()] == [1, 2]


def test_mappings_hold_numbers_and_arrays_of_numpy():
    spec = {
        "input": Array(Scalar(3, "i"), Scalar(8, "i"), Scalar(8, "i")),
        "layers": [{"conv": {"out_channels": Scalar(4, "u"), "kernel_size": 1, "bias": Scalar(False, "b")}}],
    }
    assert convcost.analyze(spec).total.params == 12


def test_limits_and_counts_are_numbers_of_numpy():
    assert MODEL.analyze(batch=Scalar(2, "i")).total.mults == 12
    assert MODEL.check(max={"mults": Scalar(6, "i")}).ok
    assert not MODEL.check(max={"mults": Scalar(5.0)}).ok
    assert MODEL.solve("n", max={"mults": Scalar(9, "i")}).best.value == 3
    assert CONVOLUTION.suggest(max={"mults": Scalar(20_000, "i")}, ends=True).reached
    assert MODEL.verify(seed=Scalar(1, "i"), max_products=Scalar(100, "i")).ok
    for wrong in (0, 1.5, True, Scalar(2.5), "2"):
        with pytest.raises(convcost.OptionError, match="batch is a whole number, at least 1"):
            MODEL.analyze(batch=wrong)
