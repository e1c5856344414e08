"""The ledger and the counting conventions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.ops import (
    KINDS,
    NOTHING,
    Cost,
    Ledger,
    accumulate,
    average_of,
    maximum_of,
    product,
    standardise,
    total_of,
)

counts = st.integers(0, 10**30)
ledgers = st.builds(Ledger, *[counts] * len(KINDS))
costs = st.builds(Cost, counts, counts, ledgers, counts, counts)


def test_the_kinds_of_scalar_operations():
    assert KINDS == (
        "mul",
        "add",
        "div",
        "cmp",
        "exp",
        "sqrt",
        "tanh",
        "erf",
        "pow",
        "log",
        "abs",
        "floor",
        "sin",
        "cos",
    )


@given(ledgers, ledgers)
def test_ledgers_add_kind_by_kind(a, b):
    for kind in KINDS:
        assert getattr(a + b, kind) == getattr(a, kind) + getattr(b, kind)
    assert a + b == b + a
    assert a + NOTHING == a


@given(ledgers, st.integers(0, 5))
def test_a_ledger_times_a_number_is_that_many_of_it(ledger, times):
    assert ledger * times == sum([ledger] * times, NOTHING)


def test_a_ledger_shows_the_kinds_that_occur_in_order():
    assert list(Ledger(pow=1, add=2, mul=3).to_dict().items()) == [("mul", 3), ("add", 2), ("pow", 1)]
    assert NOTHING.to_dict() == {}


@given(costs, costs)
def test_costs_add_figure_by_figure(a, b):
    both = a + b
    for figure in ("params", "buffers", "macs", "useful_mults", "mults", "adds", "flops"):
        assert getattr(both, figure) == getattr(a, figure) + getattr(b, figure)
    assert both.ops == a.ops + b.ops


@given(costs)
def test_flops_are_multiplications_and_additions(cost):
    assert (cost.mults, cost.adds, cost.flops) == (cost.ops.mul, cost.ops.add, cost.ops.mul + cost.ops.add)


@given(costs, st.integers(1, 64))
def test_a_batch_scales_the_work_only(cost, batch):
    many = cost.for_batch(batch)
    assert (many.params, many.buffers) == (cost.params, cost.buffers)
    assert (many.ops, many.macs, many.useful_mults) == (
        cost.ops * batch,
        cost.macs * batch,
        cost.useful_mults * batch,
    )


@given(costs)
def test_at_rest_parameters_remain(cost):
    assert cost.at_rest() == Cost(params=cost.params, buffers=cost.buffers)


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        NOTHING.mul = 1
    with pytest.raises(AttributeError):
        Cost().params = 1


def test_the_conventions():
    assert accumulate(5) == Ledger(mul=5, add=5)  # the accumulator starts at the bias or at zero
    assert total_of(5) == Ledger(add=5)
    assert average_of(5) == Ledger(add=5, div=1)
    assert maximum_of(5) == Ledger(cmp=4)
    # sum 5, mean 1 div, centre 5, squares 5 mul and 5 add, variance 1 div, eps 1 add, root, 5 div
    assert standardise(5) == Ledger(mul=5, add=16, div=7, sqrt=1)


def test_a_product_of_nothing_is_1():
    assert product(()) == 1
    assert product(iter((2, 3, 4))) == 24


class Symbol:
    """Stands for a number of which nothing is known; remembers what was done to it."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text

    def __add__(self, other):
        return Symbol(f"({self}+{other})")

    def __sub__(self, other):
        return Symbol(f"({self}-{other})")

    def __mul__(self, other):
        return Symbol(f"({self}*{other})")

    def __rmul__(self, other):
        return Symbol(f"({other}*{self})")


def test_symbolic_numbers_pass_through():
    n = Symbol("n")
    assert maximum_of(n).cmp.text == "(n-1)"
    assert (accumulate(n) * 2).mul.text == "(n*2)"
    assert (total_of(n) + total_of(1)).add.text == "(n+1)"
    assert product([n, 3]).text == "((1*n)*3)"
