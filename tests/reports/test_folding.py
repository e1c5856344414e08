"""Rows folded until a screen has room for them: no layer is lost, none stands twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.reports.folding import MORE, MOST_LINES, MOST_ROWS, fit
from convcost.reports.table import tree


class Named:
    """What has a path."""

    def __init__(self, path):
        self.path = path


def fitted(paths, cost=len):
    """Return the names of the rows and what they stand for."""
    return {"/".join(path): list(part) for path, part in fit(paths, cost)}


def test_what_fits_is_not_folded():
    paths = [("a", str(number)) for number in range(MOST_ROWS)]
    assert fitted(paths) == {f"a/{number}": [number] for number in range(MOST_ROWS)}


def test_it_is_folded_as_little_as_it_takes():
    """2 stages of 3 blocks of 6 layers are 36 rows, or 6 blocks below 2 headings."""
    paths = [(f"stage_{i}", f"block_{j}", str(k)) for i in (1, 2) for j in (1, 2, 3) for k in range(6)]
    names = [f"stage_{i}/block_{j}" for i in (1, 2) for j in (1, 2, 3)]
    assert fitted(paths) == {name: [*range(6 * n, 6 * n + 6)] for n, name in enumerate(names)}


def test_the_names_of_groups_take_lines_too():
    """20 groups of one layer are 20 rows in 40 lines; folded they are 20."""
    paths = [(f"group_{number}", "layer") for number in range(20)]
    assert fitted(paths) == {f"group_{number}": [number] for number in range(20)}
    paths = paths[:18]
    assert 2 * len(paths) == MOST_LINES
    assert fitted(paths) == {f"group_{number}/layer": [number] for number in range(18)}


def test_the_repetitions_of_an_item_become_one_row():
    names = ["stem", *(f"dense_1.{number}" for number in range(1, 25)), *(f"dense_2.{n}" for n in range(1, 13)), "head"]
    assert fitted([(name,) for name in names]) == {
        "stem": [0], "dense_1.1–24": [*range(1, 25)], "dense_2.1–12": [*range(25, 37)], "head": [37],
    }  # fmt: skip


def test_those_between_the_costliest_become_one_row():
    """Of 100 the 10th and the 60th cost much; the others cost the same, so that the first are shown."""
    costs = [9 if number in (10, 60) else 1 for number in range(100)]
    rows = fitted([(f"layer {number}",) for number in range(100)], lambda part: sum(costs[index] for index in part))
    assert len(rows) == MOST_ROWS
    assert (rows["layer 10"], rows["layer 60"]) == ([10], [60])
    assert [name for name in rows if name.startswith(MORE)] == ["… 33 more", "… 39 more"]
    # 27 of the first, then 60: 27 + 33 + 1 + 39 = 100
    assert rows["… 33 more"] == [*range(27, 60)]
    assert rows["… 39 more"] == [*range(61, 100)]


NAMES = st.lists(
    st.lists(
        st.sampled_from(["a", "b", "x.1", "x.2", "x.3", "y"]) | st.integers(0, 99).map(str), min_size=1, max_size=4
    ),
    max_size=120,
)


@given(names=NAMES, seed=st.randoms())
def test_every_layer_is_in_one_row_and_the_tree_fits(names, seed):
    paths = list(dict.fromkeys(map(tuple, names)))
    if not paths:
        return
    paths.sort(key=lambda path: path[0])  # what a group holds stands together, as in a network
    costs = [seed.randrange(1000) for _ in paths]
    groups = fit(paths, lambda part: sum(costs[index] for index in part))
    assert sorted(index for _, part in groups for index in part) == [*range(len(paths))]
    assert len(groups) <= MOST_ROWS


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("width", [5, 31, 200])
def test_the_tree_of_the_rows_takes_no_more_lines(depth, width):
    paths = [tuple(f"{level}.{number // width ** (depth - level)}" for level in range(depth)) for number in range(300)]
    groups = fit(paths, len)
    assert len([*tree([Named(path) for path, _ in groups])]) <= MOST_LINES
