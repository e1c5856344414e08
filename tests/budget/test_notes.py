"""Notes of a check: what may mean something else than was thought."""

from __future__ import annotations

import pytest

from convcost.budget import notes
from convcost.budget.baselines import Lacking, Past
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis


class Flat:
    """A baseline at which every network cost what it costs now."""

    base = Base("before")

    def past(self, spec, network, settings, dtype=()):
        now = Analysis.of(network)
        return Past("before", now.layers, now)


def test_a_growth_that_looks_like_a_share_is_warned_of_with_both_readings(folder, check):
    found = notes.warnings(check("  - {metric: mults, growth: 2}\n  - {metric: params, growth: 3}\n", baseline=Flat()))
    # 2 % of 5,376 mults are 107.52; 3 params of 336 are 0.9 %, 3 % are 10.08
    assert [(each.message, each.note, each.help) for each in found] == [
        (
            "growth: 2 allows 2 more mults",
            "growth: 2% would allow 2 % (107) more",
            "write 2% if that is meant, 2e0 if not",
        ),
        (
            "growth: 3 allows 3 more params",
            "growth: 3% would allow 3 % (10) more",
            "write 3% if that is meant, 3e0 if not",
        ),
    ]
    assert [str(each.place) for each in found] == ["convcost.yaml:3:29", "convcost.yaml:4:30"]


@pytest.mark.parametrize("growth", ["2%", "0", "2e0", "2k", "101", "54"])  # 54 of 5,376 are more than 1 %
def test_a_growth_that_looks_like_an_amount_is_not_warned_of(growth, folder, check):
    assert notes.warnings(check(f"  - {{metric: mults, growth: {growth}}}\n", baseline=Flat())) == ()


def test_a_growth_of_what_is_new_is_warned_of_without_numbers(folder, check):
    class New(Flat):
        def past(self, spec, network, settings, dtype=()):
            return Lacking("it is new")

    (found,) = notes.warnings(check("  - {metric: mults, growth: 2}\n", baseline=New()))
    assert found.note == "growth: 2% would allow 2 % more"
