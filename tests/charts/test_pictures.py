"""The pictures in the documentation are those that are drawn now."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures import FOLDER, PICTURES

README = (Path(__file__).parents[2] / "convcost" / "charts" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_fresh(name):
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert PICTURES[name]().svg() == kept, "python tests/charts/pictures.py draws them"
    assert f"(../../tests/charts/pictures/{name}.svg)" in README


def test_no_other_picture_is_kept():
    assert {file.stem for file in FOLDER.iterdir()} == set(PICTURES)
