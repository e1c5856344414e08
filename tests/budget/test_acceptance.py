"""Exceeded limits are raised where they stand, to just what it takes; all else stays byte for byte."""

from __future__ import annotations

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
from convcost.budget.verdicts import Check
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis
from convcost.spec.amounts import UNITS, amount

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
        found = acceptance.accept(Check(checking.check((), read)))
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
        acceptance.accept(found)


def test_a_limit_that_another_run_has_raised_meanwhile_is_told(folder):
    Path("convcost.yaml").write_text("models: net.yaml\nbudgets: [{metric: mults, max: 5}]\n")
    found = Check(checking.check((), configuration.read("convcost.yaml")))
    raised = "models: net.yaml\nbudgets: [{metric: mults, max: 5376}]\n"
    Path("convcost.yaml").write_text(raised)  # which begins as the old one does
    for text in raised, "", "models: net.yaml\n":
        Path("convcost.yaml").write_text(text)
        with pytest.raises(convcost.ConfigError) as caught:
            acceptance.accept(found)
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

        def past(self, spec, network, settings, dtype=()):
            return Past("before", now.layers, SimpleNamespace(value=lambda metric: 5_300, values=now.values))

    found = checking.check((), configuration.read("convcost.yaml"), baseline=Before())
    assert [(each.base, each.status) for each in found] == [(5_300, "exceeded"), (5_300, "exceeded")]
    ((file, text),) = acceptance.accept(Check(found)).files
    entry = "{model: net.yaml, from: 5_300, to: 5_376}"
    expected = f"budgets: [{{metric: mults, max: 5_376, growth: 1%, accepted: [{entry}]}}]"
    assert (file, text.splitlines()[1]) == ("convcost.yaml", expected)


def test_a_limit_behind_any_text_is_rewritten(accept):
    text = 'models: net.yaml\nbudgets: [{message: "é 層 \U0001f600", max: 5k, metric: mults}]\n'
    after, _ = accept(text.encode())
    assert after.decode() == text.replace("5k", "5.376k")


def test_a_limit_from_standard_input_is_told(folder, monkeypatch):
    data = (folder / "net.yaml").read_bytes() + b"budget: {params: 1}\n"
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(data)))
    with pytest.raises(convcost.ConfigError, match="found: <stdin>"):
        acceptance.accept(Check(checking.check(["-"])))


def test_a_limit_that_stands_in_no_file_is_told(folder):
    budget = Budget("params", max=Bound(1, share=False, text="1"))
    with pytest.raises(convcost.ConfigError) as caught:
        acceptance.accept(Check(checking.check(["net.yaml"], budgets=[budget])))
    assert str(caught.value) == (
        "error: --accept changes limits in files\n = found: a limit that is in no file\n = help: change it by hand"
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


# growth: the limit stays, what was accepted stands beside it


class Before:
    """A baseline at which networks cost some number of everything, by default 300."""

    base = Base("before")

    def __init__(self, **costs):
        self.costs = costs

    def past(self, spec, network, settings, dtype=()):
        cost = self.costs.get(Path(spec).stem, 300)
        if cost is None:
            return Lacking("it is new")
        layers = Analysis.of(network).layers
        return Past("before", layers, SimpleNamespace(value=lambda metric: cost, values=lambda metric: [cost] * 9))


@pytest.fixture
def grown(folder):
    """Return a function that accepts what has grown beyond a configuration, and returns its text and what is left."""

    def grown(text, baseline, *specs):
        Path("convcost.yaml").write_bytes(text.encode())
        found = checking.check(specs, configuration.read("convcost.yaml"), baseline=baseline)
        for file, new in acceptance.accept(Check(found)).files:
            Path(file).write_bytes(new.encode())
        after = checking.check(specs, configuration.read("convcost.yaml"), baseline=baseline)
        return Path("convcost.yaml").read_bytes().decode(), [(each.accepted, each.status) for each in after]

    return grown


LINES = """\
models: net.yaml
budgets:
  - metric: params   # 336 now
    growth: '2%'     # a year
    message: "é"
"""
ENTRY = "{model: net.yaml, from: 300, to: 336}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_accepted_growth_stands_below_its_limit(end, grown):
    text = LINES.replace("\n", end)
    after, verdicts = grown(text, Before())
    added = f"    accepted:\n      - {ENTRY}\n".replace("\n", end)
    assert after == text.replace("    message", f"{added}    message")
    assert verdicts == [(336, "within")]


@pytest.mark.parametrize("growth", ["2%", "'2%'", "0"])
def test_an_accepted_growth_stands_behind_its_limit_in_braces(growth, grown):
    text = f"models: net.yaml\nbudgets: [{{metric: params, growth: {growth}, message: x}}]"
    after, verdicts = grown(text, Before())
    assert after == text.replace(", message", f", accepted: [{ENTRY}], message")
    assert verdicts == [(336, "within")]


def test_an_accepted_growth_at_the_end_of_the_file(grown):
    text = "models: net.yaml\nbudgets:\n- metric: params\n  growth: 2%"
    after, verdicts = grown(text, Before())
    assert after == text + f"\n  accepted:\n    - {ENTRY}"
    assert verdicts == [(336, "within")]


def test_growth_is_measured_from_what_was_accepted_while_the_baseline_is_the_same(grown):
    text = f"models: net.yaml\nbudgets: [{{metric: params, growth: 0, accepted: [{ENTRY.replace('336', '320')}]}}]\n"
    after, verdicts = grown(text, Before())
    assert after == text.replace("320", "336")  # the same entry, not a second one
    assert verdicts == [(336, "within")]
    verdicts = checking.check((), configuration.read("convcost.yaml"), baseline=Before(net=299))
    assert [(each.accepted, each.limit, each.status) for each in verdicts] == [(None, 299, "exceeded")]
    verdicts = checking.check((), configuration.read("convcost.yaml"), baseline=Before(net=336))  # it was merged
    assert [(each.accepted, each.limit, each.status) for each in verdicts] == [(None, 336, "within")]


def test_an_acceptance_that_has_lapsed_is_used_again(grown):
    text = f"models: net.yaml\nbudgets:\n  - metric: params\n    growth: 0\n    accepted:\n      - {ENTRY}\n"
    after, verdicts = grown(text, Before(net=310))
    assert after == text.replace("300", "310")
    assert verdicts == [(336, "within")]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("\n      - {0}\n", "\n      - {1}\n      - {0}\n"),
        (" [{0}]\n", " [{1}, {0}]\n"),
        ("\n      [\n        {0},  # first\n      ]\n", "\n      [\n        {1}, {0},  # first\n      ]\n"),
    ],
)
def test_one_more_growth_stands_beside_the_others(entries, expected, folder, grown):
    (folder / "other.yaml").write_text((folder / "net.yaml").read_text())
    other = "{model: other.yaml, from: 200, to: 336}"
    text = "models: [net.yaml, other.yaml]\nbudgets:\n  - metric: params\n    growth: 0\n    accepted:"
    after, verdicts = grown(text + entries.format(other), Before(other=200))
    assert after == text + expected.format(other, ENTRY)
    assert verdicts == [(336, "within"), (336, "within")]


def test_growths_of_layers_values_and_folders_are_told_apart(folder, grown, monkeypatch):
    (folder / "nets").mkdir()
    (folder / "net.yaml").rename(folder / "nets" / "a b.yaml")
    text = (
        "models: nets/*.yaml\nbudgets:\n"
        "  - {metric: params, growth: 0, set: {n: [2, 1/2]}}\n"
        "  - {metric: params, growth: 0, scope: each, layers: first}\n"
    )
    after, verdicts = grown(text, Before(**{"a b": 280}))
    # at n = 2: 336; at n = 1/2: 288 + 8 + 1 = 297
    model = '{model: "nets/a b.yaml", '
    assert after == text.replace(
        "growth: 0, set",
        f"growth: 0, accepted: [{model}set: {{n: 2}}, from: 280, to: 336}}, "
        f"{model}set: {{n: 1/2}}, from: 280, to: 297}}], set",
    ).replace("growth: 0, scope", f"growth: 0, accepted: [{model}layer: first, from: 280, to: 288}}], scope")
    assert verdicts == [(336, "within"), (297, "within"), (288, "within")]
    monkeypatch.chdir(folder / "nets")
    found = checking.check((), configuration.read("../convcost.yaml"), baseline=Before(**{"a b": 280}))
    assert [each.accepted for each in found] == [336, 297, 288]


def test_growth_that_nothing_was_compared_with_is_not_accepted(grown):
    text = "models: net.yaml\nbudgets: [{metric: params, growth: 0}]\n"
    assert grown(text, Before(net=None)) == (text, [(None, "skipped")])


def test_the_notes_say_what_is_accepted(folder):
    Path("convcost.yaml").write_text("models: net.yaml\nbudgets: [{metric: params, growth: 2%}]\n")
    read = configuration.read("convcost.yaml")
    found = acceptance.accept(Check(checking.check((), read, baseline=Before())))
    assert found.notes == ("Accepted: params of net.yaml, 300 to 336; growth: 2% stays, in convcost.yaml:2:36.",)
    Path("convcost.yaml").write_text(found.files[0][1])
    check = checking.run(("net.yaml",), configuration.read("convcost.yaml"), Before())
    assert check.notes == (
        "Params of net.yaml are measured from 336, which was accepted, instead of 300 at the baseline.",
    )


def test_a_growth_limit_that_has_moved_is_told(folder):
    text = "models: net.yaml\nbudgets: [{metric: params, growth: 2%}]\n"
    Path("convcost.yaml").write_text(text)
    found = Check(checking.check((), configuration.read("convcost.yaml"), baseline=Before()))
    for other in "# a line\n" + text, text.replace("2%", "3%"), "":
        Path("convcost.yaml").write_text(other)
        with pytest.raises(convcost.ConfigError, match="the limit on growth cannot be changed where it stands"):
            acceptance.accept(found)


def test_a_min_is_lowered_to_what_it_takes(accept):
    text = "models: net.yaml\nbudgets: [{metric: params, min: 1k}, {metric: mults, min: 5_376}]\n"
    after, notes = accept(text.encode())
    assert after.decode() == text.replace("1k", "0.336k")
    assert notes == ("Accepted: params min: 1k is now 0.336k, in convcost.yaml:2:33.",)
