"""The registry: entries of its own, and those of packages installed beside convcost."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from convcost import registry
from convcost.errors import PluginError
from convcost.registry import DuplicateError, PluginWarning, Registry


class Point(SimpleNamespace):
    """An entry point of the package `others`, as importlib.metadata has it."""

    def __init__(self, name, entry=None, value="others.sizes:Size", package="others"):
        module, _, attr = value.partition(":")
        dist = SimpleNamespace(name=package) if package else None
        super().__init__(name=name, value=value, module=module, attr=attr, dist=dist, entry=entry)

    def load(self):
        if isinstance(self.entry, Exception):
            raise self.entry
        return self.entry


@pytest.fixture
def sizes(monkeypatch):
    """Return a function that makes a registry beside which packages with these entry points are installed."""

    def sizes(*points, check=None):
        monkeypatch.setattr(registry, "_installed", lambda group: points if group == "convcost.sizes" else ())
        return Registry("size", "convcost.sizes", {"byte": "struct:calcsize"}, check)

    return sizes


def test_an_entry_of_another_package(sizes, recwarn):
    found = sizes(Point("word", 2))
    assert ("word" in found, "byte" in found, "bit" in found) == (True, True, False)
    assert (list(found), len(found), found["word"], found["byte"]("b")) == (["byte", "word"], 2, 2, 1)
    assert found.built_in() == ["byte", "word"]  # once it was loaded
    assert [*recwarn] == []
    with pytest.raises(KeyError):
        found["bit"]


@pytest.mark.parametrize(
    ("entry", "found"),
    [(ImportError("no module named x"), "ImportError: no module named x"), (0, "a size is above 0")],
)
def test_an_entry_that_cannot_be_used(sizes, entry, found):
    names = sizes(Point("word", entry), Point("long", 4), check=lambda name, size: "" if size else "a size is above 0")
    message = "the size 'word' of the package others cannot be loaded"
    with pytest.warns(PluginWarning) as warned:
        assert list(names) == ["byte", "long"]
    assert [str(each.message) for each in warned] == [f"{message}: {found}"]
    for _ in range(2):  # it is looked for once, and refused again
        with pytest.raises(PluginError) as caught:
            names["word"]
        help = "repair others, install what it needs, or uninstall it"
        assert str(caught.value) == f"error: {message}\n = found: {found}\n = help: {help}"
    assert list(names) == ["byte", "long"]  # without another warning


@pytest.mark.parametrize(
    ("points", "both"),
    [
        (
            [Point("word", 2), Point("word", 3, "more:Word", "more")],
            "in the package others, others.sizes:Size, and in the package more, more:Word",
        ),
        (
            [Point("word", 2), Point("word", 3, "more:Word", None)],
            "in the package others, others.sizes:Size, and in the package more:Word, more:Word",
        ),
        ([Point("byte", 2)], "in struct:calcsize, and in the package others, others.sizes:Size"),
    ],
)
def test_an_entry_whose_name_is_taken(sizes, points, both):
    with pytest.warns(PluginWarning) as warned:
        names = list(sizes(*points))
    name = points[0].name
    assert [str(each.message) for each in warned] == [f"size {name!r} is defined twice: {both}; the first is used"]
    assert names == list(dict.fromkeys(["byte", name]))


def test_an_entry_point_of_what_an_import_has_added_is_no_second_one(sizes, recwarn):
    found = sizes(Point("case", value=f"{Case.__module__}:Case"), Point("other", Case, value="elsewhere:Case"))
    found.add("case", Case)
    assert (list(found), found["case"]) == (["byte", "case", "other"], Case)
    assert [*recwarn] == []


def test_an_entry_that_was_added_and_is_another(sizes):
    found = sizes(Point("case", value="elsewhere:Case"))
    found.add("case", Case)
    with pytest.warns(PluginWarning) as warned:
        assert "none" not in found
    assert found["case"] is Case
    assert str(warned[0].message) == (
        f"size 'case' is defined twice: in {Case.__module__}:Case, and in the package others, elsewhere:Case; "
        "the first is used"
    )


def test_two_entries_of_one_name_are_an_error_with_both_places(sizes):
    found = sizes()
    found.add("case", Case)
    with pytest.raises(DuplicateError) as caught:
        found.add("case", here)
    line = here.__code__.co_firstlineno
    file = sys.modules[Case.__module__].__file__
    assert str(caught.value) == f"size 'case' is defined twice: in {file} and {here.__code__.co_filename}:{line}"
    with pytest.raises(DuplicateError, match="size 'byte' is defined twice: in struct:calcsize and "):
        found.add("byte", here)


class Case:
    """An entry."""


def here():
    """Return nothing: another entry."""


def test_packages_in_the_working_directory_are_not_asked(monkeypatch, tmp_path):
    """Where `python -m` has put it on the path; who puts it there has its packages."""
    package = tmp_path / "mine-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[convcost.sizes]\nword = mine:Word\n")
    monkeypatch.chdir(tmp_path)
    elsewhere = [each for each in sys.path if each not in ("", str(tmp_path))]
    word = [EntryPoint("word", "mine:Word", "convcost.sizes")]
    for path, found in (
        ([str(tmp_path), *elsewhere], []),
        (["", *elsewhere], []),
        ([*elsewhere, str(tmp_path)], word),
        ([str(tmp_path), *elsewhere, str(tmp_path)], word),
    ):
        monkeypatch.setattr(sys, "path", path)
        assert list(registry._installed("convcost.sizes")) == found
