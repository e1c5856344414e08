"""`convcost init`: a first configuration."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost as api
from convcost.budget import configuration
from convcost.budget.initial import initial
from convcost.spec.source import Source

# net.yaml: 19,200 params, 1,228,800 mults; a tenth more is 21,120 and 1,351,680
CONFIG = """\
# What the networks may cost. `convcost check` holds them to it.
# Each limit is what the network cost when this was written, given behind it, and 10%.
convcost: 2
models:
  - net.yaml

budgets:
  - metric: params
    max: 21_120   # 19_200
  - metric: mults
    max: 1_351_680   # 1_228_800
"""


def test_it_writes_todays_numbers_and_headroom(folder, convcost):
    status, out, err = convcost("init", "net.yaml")
    assert (status, err) == (0, "")
    assert (folder / "convcost.yaml").read_text(encoding="utf-8") == CONFIG
    assert out.startswith("Within budget: 2 limits\n")
    assert out.endswith("Written to convcost.yaml.\n")
    assert convcost("check").status == 0


def test_several_specs_have_budgets_of_their_own(folder, convcost):
    (folder / "nets").mkdir()
    (folder / "nets" / "odd: name #[1].yaml").write_text((folder / "net.yaml").read_text().replace("256", "1"))
    status, out, _ = convcost("init", "net.yaml", "nets/odd: name #[1].yaml", "mobilenet_v1", "--headroom", "0%")
    assert status == 0
    read = configuration.read("convcost.yaml")
    assert [(budget.metric, budget.models, budget.max.value) for budget in read.budgets if budget.max] == [
        ("params", ("net.yaml",), 19_200),
        ("mults", ("net.yaml",), 1_228_800),
        ("params", ("nets/odd: name #[[]1].yaml",), 75),
        ("mults", ("nets/odd: name #[[]1].yaml",), 4_800),  # 75 · 64
        ("params", ("mobilenet_v1",), 4_231_976),
        ("mults", ("mobilenet_v1",), 568_740_352),
    ]
    assert "nets/odd: name #[1].yaml\n" in out
    assert convcost("check").status == 0


def test_a_spec_that_is_named_twice_stands_once(folder, convcost):
    (folder / "nets").mkdir()
    assert convcost("init", "net.yaml", "./net.yaml", str(folder / "nets" / ".." / "net.yaml")).status == 0
    assert (folder / "convcost.yaml").read_text(encoding="utf-8") == CONFIG


def test_values_of_symbols_stand_in_the_budgets(folder, convcost):
    text = "symbols: {n: 1, m: relu}\ninput: [3]\nlayers: [{linear: {out_features: n, bias: false, activation: m}}]\n"
    (folder / "net.yaml").write_text(text)
    (folder / "other.yaml").write_text(text)
    assert convcost("init", "net.yaml", "other.yaml", "--set", "n=7", "--set", "m = none").status == 0
    read = configuration.read("convcost.yaml")
    assert [(budget.set, budget.max.value) for budget in read.budgets if budget.max] == [
        ({"n": (7,), "m": ("none",)}, 24)  # 3 · 7 = 21 and a tenth
    ] * 4
    assert [budget.models for budget in read.budgets] == [("net.yaml",)] * 2 + [("other.yaml",)] * 2
    assert convcost("check", "--strict").status == 0


def test_a_specs_own_budget_is_held_to_at_once(folder, convcost):
    (folder / "net.yaml").write_text((folder / "net.yaml").read_text() + "budget: {params: 1}\n")
    status, out, _ = convcost("init", "net.yaml")
    assert status == 0
    assert out.startswith("Exceeded: 1 of 3 limits\n")


def test_the_faults_of_all_specs_are_told(folder, convcost):
    for name in "a.yaml", "b.yaml":
        (folder / name).write_text("input: [1]\nlayers: [lineal]\n")
    _, _, err = convcost("init", "a.yaml", "net.yaml", "b.yaml", "a.yaml")
    assert [line for line in err.splitlines() if "-->" in line] == [
        " --> a.yaml:2:10, layers[0]",
        " --> b.yaml:2:10, layers[0]",
    ]


def test_a_configuration_that_exists_stays_unless_forced(folder, convcost):
    (folder / "convcost.yaml").write_text("mine")
    status, out, err = convcost("init", "net.yaml")
    assert (status, out) == (2, "")
    assert err == "error: 'convcost.yaml' exists\n = help: --force writes over it\n"
    assert (folder / "convcost.yaml").read_text() == "mine"
    assert convcost("init", "net.yaml", "--force").status == 0
    assert (folder / "convcost.yaml").read_text() == CONFIG


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["net.yaml", "--headroom", "ten"],
            "error: --headroom is a share\n = found: --headroom ten\n = help: such as --headroom 10%\n",
        ),
        (["net.yaml", "--headroom", "10"], "--headroom is a share"),
        (["net.yaml", "--headroom", "-5%"], "--headroom is a share"),
        (["none.yaml"], "there is no file and no shipped spec 'none.yaml'"),
        (["-"], "convcost.yaml cannot name this spec\n = found: standard input\n"),
        (["../out.yaml"], "convcost.yaml cannot name this spec\n = found: '../out.yaml' is outside\n"),
        (["link.yaml"], "convcost.yaml cannot name this spec\n = found: 'link.yaml' is outside\n"),
        (["null"], "models names specs"),
        (["net.yaml", "--headroom", "1 +\n9%"], "--headroom is a share"),
        (["net.yaml", "--set", "alpha=1"], "--set: net.yaml has no symbol 'alpha'"),
    ],
)
def test_wrong_input_writes_nothing(arguments, message, folder, convcost):
    net = (folder / "net.yaml").read_text()
    (folder.parent / "out.yaml").write_text(net)
    (folder / "link.yaml").symlink_to(folder.parent / "out.yaml")
    (folder / "null").write_text(net)
    stdin = (folder / "net.yaml").read_bytes() if "-" in arguments else None
    status, out, err = convcost("init", *arguments, stdin=stdin)
    assert (status, out) == (2, "")
    assert message in err
    assert not (folder / "convcost.yaml").exists()


@given(params=st.integers(0, 10**15), headroom=st.fractions(0, 10))
def test_a_limit_is_the_smallest_whole_number_with_the_headroom(params, headroom):
    spec = {"input": [max(1, params)], "layers": [{"linear": {"out_features": 1, "bias": False}}]}
    text = initial({"mobilenet_v1": api.analyze(spec)}, headroom, "some", {})
    (limit, _) = [budget.max.value for budget in configuration.parse(Source("c", text), Path()).budgets if budget.max]
    assert limit - 1 < max(1, params) * (1 + headroom) <= limit


def test_a_name_that_is_not_unicode_cannot_be_written(folder):
    with pytest.raises(api.OptionError) as caught:
        initial({"\udcff.yaml": api.analyze("net.yaml")}, Fraction(0), "0%", {})
    assert str(caught.value) == (
        "error: convcost.yaml cannot name this spec\n"
        " = found: '\\udcff.yaml' is not Unicode\n"
        " = help: convcost.yaml names files in its folder and below"
    )
