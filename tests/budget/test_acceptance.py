"""Exceeded limits are raised where they stand, to just what it takes; all else stays byte for byte."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.budget import acceptance, checking, configuration
from convcost.budget.baselines import Lacking, Past
from convcost.budget.budgets import Bound, Budget
from convcost.budget.verdicts import EXCEEDED, GROWTH, Check, Verdict
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis
from convcost.spec.reading import UNITS, amount

TEXT = """\
# limits\r
models: [net.yaml]   # one

budgets:
  - metric: mults              # all of them
    max: 5k                    # a phone
    message: "5k is plenty: é"
  - {max: '300', metric: params, layers: first, scope: each}
  - metric: params
    max:   0.1_0_0k # odd
  - metric: mults
    max: 1M
"""


@pytest.fixture
def accept(folder):
    """Return a function that accepts what is exceeded of a configuration, and returns its new text and the notes."""

    def accept(data):
        Path("convcost.yaml").write_bytes(data)
        read = configuration.read("convcost.yaml")
        found = acceptance.accepted(Check(checking.check((), read)))
        for file, text in found.files:
            Path(file).write_bytes(text.encode())
        return Path("convcost.yaml").read_bytes(), found.notes

    return accept


def test_only_the_limits_that_are_exceeded_are_rewritten(accept):
    after, notes = accept(TEXT.encode())
    # 5,376 mults and 336 params; `first` alone has 288 params
    assert after.decode() == TEXT.replace("max: 5k", "max: 5.376k").replace("max:   0.1_0_0k", "max:   0.336k")
    assert notes == (
        "Accepted: mults max: 5k is now 5.376k, in convcost.yaml:6:10.",
        "Accepted: params max: 0.1_0_0k is now 0.336k, in convcost.yaml:10:12.",
    )
    assert accept(after) == (after, ("Nothing is exceeded: no limit was changed.",))


def test_a_file_keeps_its_mark_and_line_ends(accept):
    data = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").replace("\r\r", "\r").encode()
    after, _ = accept(data)
    assert after == data.replace(b"max: 5k", b"max: 5.376k").replace(b"0.1_0_0k", b"0.336k")


def test_quotes_stay(accept):
    after, _ = accept(b"models: net.yaml\nbudgets: [{metric: params, max: '300'}, {metric: mults, max: \"1k\"}]\n")
    assert after == b"models: net.yaml\nbudgets: [{metric: params, max: '336'}, {metric: mults, max: \"5.376k\"}]\n"


def test_a_limit_that_several_networks_exceed_serves_all(folder, accept):
    Path("big.yaml").write_text("input: [1000]\nlayers: [{linear: {out_features: 1, bias: false}}]\n")
    after, _ = accept(b"models: '*.yaml'\nbudgets: [{metric: params, max: 10}]\n")
    assert after == b"models: '*.yaml'\nbudgets: [{metric: params, max: 1000}]\n"


def test_a_limit_in_a_spec_is_rewritten_in_the_spec(folder, accept):
    text = Path("net.yaml").read_text() + "budget:\n  params: 2 ** 8   # a page\n"
    Path("net.yaml").write_text(text)
    accept(b"models: net.yaml\nbudgets: [{metric: mults, max: 1M}]\n")
    assert Path("net.yaml").read_text() == text.replace("2 ** 8", "336")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[{metric: params, max: '2\n ** 2'}]", "the limit 2 ** 2 cannot be changed where it stands"),
        ('[{metric: params, max: "\\x35"}]', "the limit 5 cannot be changed where it stands"),
    ],
)
def test_a_limit_in_a_form_that_cannot_be_edited_is_told(written, message, accept):
    data = f"models: net.yaml\nbudgets: {written}\n".encode()
    with pytest.raises(convcost.ConfigError) as caught:
        accept(data)
    assert caught.value.details[0].message == message
    assert Path("convcost.yaml").read_bytes() == data


def test_a_file_that_has_changed_meanwhile_is_told(folder):
    Path("convcost.yaml").write_text(TEXT)
    found = Check(checking.check((), configuration.read("convcost.yaml")))
    Path("convcost.yaml").write_text("# another line\n" + TEXT)
    with pytest.raises(convcost.ConfigError, match="the limit 5k cannot be changed where it stands"):
        acceptance.accepted(found)


def test_a_limit_that_another_run_has_raised_meanwhile_is_told(folder):
    Path("convcost.yaml").write_text("models: net.yaml\nbudgets: [{metric: mults, max: 5}]\n")
    found = Check(checking.check((), configuration.read("convcost.yaml")))
    raised = "models: net.yaml\nbudgets: [{metric: mults, max: 5376}]\n"
    Path("convcost.yaml").write_text(raised)  # which begins as the old one does
    for text in raised, "", "models: net.yaml\n":
        Path("convcost.yaml").write_text(text)
        with pytest.raises(convcost.ConfigError) as caught:
            acceptance.accepted(found)
        assert str(caught.value) == (
            "error: the limit 5 cannot be changed where it stands\n"
            " --> convcost.yaml:2:32\n"
            "  |\n"
            "2 | budgets: [{metric: mults, max: 5}]\n"
            "  |                                ^ the text is not found\n"
            "  = help: write it on one line; if something else has changed the file meanwhile, run this again"
        )


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_limit_in_the_first_line_is_rewritten(mark, accept):
    text = mark + "{budgets: [{metric: mults, max: 5k}], models: net.yaml}\n"
    after, _ = accept(text.encode())
    assert after.decode() == text.replace("5k", "5.376k")


def test_a_max_is_raised_to_what_it_takes_whatever_was_before(folder):
    Path("convcost.yaml").write_text("models: net.yaml\nbudgets: [{metric: mults, max: 5_000, growth: 1%}]\n")
    now = Analysis.of(convcost.load("net.yaml").network)

    class Before:
        base = Base("before")

        def past(self, spec, network, settings):
            return Past("before", now.layers, SimpleNamespace(value=lambda metric: 5_300, values=now.values))

    found = checking.check((), configuration.read("convcost.yaml"), baseline=Before())
    assert [(each.base, each.status) for each in found] == [(5_300, "exceeded"), (5_300, "exceeded")]
    ((file, text),) = acceptance.accepted(Check(found)).files
    # 76 / 5,300 = 1.434 %
    assert (file, text.splitlines()[1]) == ("convcost.yaml", "budgets: [{metric: mults, max: 5_376, growth: 1.44%}]")


def test_a_limit_behind_any_text_is_rewritten(accept):
    text = 'models: net.yaml\nbudgets: [{message: "é 層 \U0001f600", max: 5k, metric: mults}]\n'
    after, _ = accept(text.encode())
    assert after.decode() == text.replace("5k", "5.376k")


def test_a_limit_from_standard_input_is_told(folder, monkeypatch):
    data = (folder / "net.yaml").read_bytes() + b"budget: {params: 1}\n"
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(data)))
    with pytest.raises(convcost.ConfigError, match="found: <stdin>"):
        acceptance.accepted(Check(checking.check(["-"])))


def test_a_limit_that_stands_in_no_file_is_told(folder):
    budget = Budget("params", max=Bound(1, share=False, text="1"))
    with pytest.raises(convcost.ConfigError) as caught:
        acceptance.accepted(Check(checking.check(["net.yaml"], budgets=[budget])))
    assert str(caught.value) == (
        "error: --accept changes limits in files\n"
        " = found: the limit was given by a program\n"
        " = help: change it by hand"
    )


@pytest.mark.parametrize(
    ("number", "like", "text"),
    [
        (4_231_976, "4M", "4.231976M"),
        (4_000_000, "3.9M", "4M"),
        (1, "0.5k", "0.001k"),
        (3 * 1024, "2Ki", "3Ki"),
        (1, "0Gi", "1"),  # 2⁻³⁰ has thirty decimals
        (2**8, "1Mi", "0.000244140625Mi"),  # 2⁻¹² has twelve
        (2**7, "1Mi", "128"),
        (12, "9", "12"),
        (1_234_567, "1234566", "1234567"),
        (1_234_567, "1_234_566", "1_234_567"),
        (1_234_567, "1e6", "1_234_567"),
    ],
)
def test_a_number_is_written_in_the_unit_that_was_used(number, like, text):
    assert acceptance.written(number, like) == text


@given(number=st.integers(0, 10**24), unit=st.sampled_from(["", *UNITS]))
def test_what_is_written_means_the_number(number, unit):
    assert amount(acceptance.written(number, f"1{unit}")) == number


@given(
    pairs=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), min_size=1, max_size=4),
    share=st.booleans(),
)
def test_a_raised_growth_is_enough_for_all_and_not_much_more(pairs, share):
    """By the definition of growth: actual ≤ base + growth."""
    network = convcost.load({"input": [1], "layers": ["relu"]}).network
    bound = Bound(Fraction(0), share=share, text="0%" if share else "0")
    verdicts = [
        Verdict(
            Budget("mults", growth=bound),
            GROWTH,
            Analysis.of(network),
            "",
            {},
            None,
            base,
            None,
            base + more,
            base,
            EXCEEDED,
        )
        for base, more in pairs
    ]
    text = acceptance._raised(verdicts)
    value = configuration.share(text) if text.endswith("%") else amount(text)
    assert value is not None
    assert text.endswith("%") == (share and all(base for base, _ in pairs))
    if text.endswith("%"):
        assert all(more <= value * base for base, more in pairs)
        assert any(more > (value - Fraction(1, 10_000)) * base for base, more in pairs)
    else:
        assert value == max(more for _, more in pairs)


def test_growth_that_one_layer_exceeds_leaves_room_for_the_others(folder):
    """An amount that is enough for what was nothing before must be enough for all that a share allowed."""
    before = {"first": 0, "second": 2_800}
    after = {"first": 39, "second": 2_912}  # 4 % more
    network = convcost.load({"input": [1], "layers": ["relu"]}).network
    place = convcost.Place("convcost.yaml", 2, 43)
    bound = Bound(Fraction(5, 100), share=True, text="5%", place=place, source=f"{'':42}5%")
    Path("convcost.yaml").write_text(f"models: net.yaml\n{'':42}5%")
    verdicts = []
    for name, base in before.items():
        limit = base * 105 // 100
        status = "exceeded" if after[name] > limit else "within"
        budget = Budget("params", growth=bound, scope="each")
        verdicts.append(
            Verdict(budget, "growth", Analysis.of(network), "net", {}, None, limit, None, after[name], base, status)
        )
    ((_, text),) = acceptance.accepted(Check(tuple(verdicts))).files
    assert text.split()[-1] == "112"  # 2,912 - 2,800, more than 39


def test_a_share_that_something_of_no_cost_keeps_stays_a_share(folder):
    Path("a.yaml").write_text("input: [2]\nlayers: [{linear: {out_features: 50, bias: false}}]\n")  # 100 params
    Path("b.yaml").write_text("input: [2]\nlayers: [relu]\n")
    Path("new.yaml").write_text(Path("a.yaml").read_text())
    Path("convcost.yaml").write_text("models: [a.yaml, b.yaml, new.yaml]\nbudgets: [{metric: params, growth: 2%}]\n")

    class Before:
        base = Base("before")

        def past(self, spec, network, settings):
            past = Past(
                "before", (), SimpleNamespace(value=lambda metric: 80 * (spec == "a.yaml"), values=lambda metric: ())
            )
            return Lacking("it is new") if spec == "new.yaml" else past

    found = checking.check((), configuration.read("convcost.yaml"), baseline=Before())
    assert [(each.base, each.actual, each.status) for each in found] == [
        (80, 100, "exceeded"),
        (0, 0, "within"),
        (None, 100, "skipped"),
    ]
    ((_, text),) = acceptance.accepted(Check(found)).files
    assert "growth: 25%" in text  # 20 / 80
