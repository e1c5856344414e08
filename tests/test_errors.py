"""Errors in one shape: what is wrong, where, what was found, the remedy; all of it harmless on a terminal."""

from __future__ import annotations

import unicodedata
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.errors import (
    ConvcostError,
    ErrorDetail,
    OptionError,
    OutputError,
    Place,
    SpecError,
    cells,
    nearest,
    visible,
)

LINE = "  - conv: {out_channels: 64, kernel_size: 3, groups: 3}"


def test_a_fault_in_a_file_is_told_whole():
    detail = ErrorDetail(
        "groups must divide in_channels",
        Place("net.yaml", 12, 54),
        path='layers[3] "conv3"',
        found="3 does not divide 64",
        help="the divisors of 64 near 3 are 2 and 4",
        source=LINE,
    )
    assert str(detail) == dedent(
        """\
        error: groups must divide in_channels
          --> net.yaml:12:54, layers[3] "conv3"
           |
        12 |   - conv: {out_channels: 64, kernel_size: 3, groups: 3}
           |                                                      ^ 3 does not divide 64
           = help: the divisors of 64 near 3 are 2 and 4"""
    )


def test_a_note_stands_before_the_help():
    detail = ErrorDetail("wrong", Place("a.yaml", 3, 1), note="in the use of 'b'", help="right", source="x")
    assert str(detail) == dedent(
        """\
        error: wrong
         --> a.yaml:3:1
          |
        3 | x
          | ^
          = note: in the use of 'b'
          = help: right"""
    )


def test_a_fault_without_a_file():
    assert str(ErrorDetail("wrong")) == "error: wrong"
    assert str(ErrorDetail("wrong", found="this", help="that")) == "error: wrong\n = found: this\n = help: that"
    assert str(ErrorDetail("wrong", Place("a.yaml"), found="this")) == "error: wrong\n --> a.yaml\n  = found: this"


def test_several_faults_are_parted_by_an_empty_line():
    error = SpecError([ErrorDetail("one"), ErrorDetail("two")])
    assert str(error) == "error: one\n\nerror: two"
    assert [detail.message for detail in error.details] == ["one", "two"]
    assert str(ConvcostError(ErrorDetail("one"))) == "error: one"


@pytest.mark.parametrize("kind", [SpecError, OptionError, OutputError])
def test_every_error_of_ours_is_a_convcost_error(kind):
    with pytest.raises(ConvcostError):
        raise kind(ErrorDetail("wrong"))


@pytest.mark.parametrize(
    ("source", "column", "shown", "caret"),
    [
        ("ab\tcd", 4, "ab cd", 3),  # a tab is one space, so that the caret stands where it should
        ("層一 x", 4, "層一 x", 5),  # wide characters take two columns
        ("e\u0301 x", 4, "e\u0301 x", 2),  # combining ones none
        ("a\x1b[31m x", 8, "a\\x1b[31m x", 10),
        ("x\r\n", 1, "x", 0),
    ],
)
def test_the_caret_stands_below_its_column(source, column, shown, caret):
    lines = str(ErrorDetail("wrong", Place("a", 1, column), found="this", source=source)).splitlines()
    assert lines[3:] == [f"1 | {shown}", f"  | {' ' * caret}^ this"]


@given(column=st.integers(1, 5_000), length=st.integers(1, 5_000))
def test_a_long_line_is_shown_around_its_fault(column, length):
    """At most 162 characters, and the caret below the right one."""
    source = "".join(chr(0x4E00 + index) if index == column - 1 else "x" for index in range(max(length, column)))
    _, _, _, text, caret = str(ErrorDetail("wrong", Place("a", 1, column), found="", source=source)).splitlines()
    shown = text.removeprefix("1 | ")
    assert len(shown) <= 162
    assert shown[caret.removeprefix("  | ").index("^")] == chr(0x4E00 + column - 1)
    assert shown.startswith("…") == (shown.strip("…") != source[: len(shown.strip("…"))])


@given(texts=st.lists(st.text(max_size=300), min_size=7, max_size=7))
def test_no_text_moves_a_terminal(texts):
    """Control characters, line ends and invisible characters are escapes wherever they come from."""
    file, path, message, found, help, note, source = texts
    detail = ErrorDetail(message, Place(file, 1, 1), path, found, help, note, source)
    lines = str(detail).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) <= 7


@given(st.text())
def test_visible_text_is_printable_and_printable_text_stays(text):
    assert visible(text).isprintable()
    if text.isprintable():
        assert visible(text) == text


def test_a_finding_longer_than_anyone_reads_is_cut():
    told = str(ErrorDetail("wrong", found="9" * 5_000))
    assert told == f"error: wrong\n = found: {'9' * 199}…"


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("層一", 4), ("é", 1), ("e\u0301", 1), ("❤\ufe0f", 1), ("a\u20dd", 1), ("Ａ", 2), ("…", 1), ("", 0)],
)
def test_cells_a_text_takes(text, width):
    assert cells(text) == width


def test_every_character_takes_the_cells_that_unicode_gives_it():
    for char in map(chr, range(0x3000)):
        wide = unicodedata.east_asian_width(char) in "WF"
        marked = unicodedata.category(char) in ("Mn", "Me")
        assert cells(char) == (0 if marked else 2 if wide else 1), hex(ord(char))


@pytest.mark.parametrize(
    ("word", "known", "help"),
    [
        ("relux", ["relu", "relu6"], "did you mean 'relu'?"),
        ("kernel", ["kernel_size", "stride"], "did you mean 'kernel_size'?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("zzz", [f"name{index}" for index in range(13)], ""),
        ("zzz", [], ""),
    ],
)
def test_the_nearest_known_name_or_all_of_few(word, known, help):
    assert nearest(word, known) == help


def test_a_fault_is_frozen():
    with pytest.raises(AttributeError):
        ErrorDetail("wrong").message = "right"
