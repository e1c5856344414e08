"""GitHub's annotations: the worst ten, and no text starts a command."""

from __future__ import annotations

import re
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from convcost.errors import Place, visible

COMMANDS = {"error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "set-env", "stop-commands", "echo"}


def commands(text):
    """Return the commands that GitHub's runner finds: the name of each, its properties and its message.

    Written from what the runner does (github.com/actions/runner, ActionCommand.cs): a line ends at any of \\n, \\r and
    \\r\\n; a command starts with `::` after white space, names are told apart without case, properties without a value
    are dropped. `##[name ...]` is a command too, anywhere in a line that is none of the other kind.
    """
    found = []
    for line in re.split("\r\n|\r|\n", text):
        start = line.lstrip()
        end = start.find("::", 2)
        name, _, properties = start[2:end].partition(" ")
        if start.startswith("::") and end > 0 and name.lower() in COMMANDS:
            pairs = [each.split("=", 1) for each in properties.strip().split(",") if "=" in each]
            values = {key: unescaped(value, ("\r", "\n", ":", ",", "%")) for key, value in pairs if value}
            found.append((name.lower(), values, unescaped(start[end + 2 :], ("\r", "\n", "%"))))
        elif "##[" in line:
            found.append(("##[", {}, line))
    return found


def unescaped(text, characters):
    for character in characters:
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def test_a_report(worked, render):
    assert render("github", worked) == (
        "::error file=nets/small.yaml,line=5,col=7,title=mults%3A 9%2C600%2C 1%2C600 above the limit of 8%2C000 "
        "(120 %25)::nets/small.yaml: 1,600 mults above the limit of 8,000 (120 %25). Most of it: wide 9,216.\n"
        "::warning file=my nets/b[1].yaml,line=2,col=1,title=params%3A 580%2C 96.7 %25 of the limit of 600::"
        "my nets/b[1].yaml: 580 params, 96.7 %25 of the limit of 600.\n"
    )


def test_the_runner_reads_what_was_found(worked, render):
    error, _, warning, _ = worked
    place = {"file": "nets/small.yaml", "line": "5", "col": "7"}
    at = {"file": "my nets/b[1].yaml", "line": "2", "col": "1"}
    assert commands(render("github", worked)) == [
        ("error", {**place, "title": error.title}, error.message),
        ("warning", {**at, "title": warning.title}, warning.message),
    ]


def test_nothing_to_annotate(worked, render):
    _, passed, _, skipped = worked
    assert render("github", [passed, skipped], [passed]) == "All is well: 2 passed, 1 skipped.\n"
    assert render("github", [passed]) == "All is well: 1 passed.\n"
    assert render("github", []) == "All is well: nothing was asked.\n"


def test_the_worst_come_first_and_ten_are_enough(worked, render):
    """Of 8 errors and 6 warnings all errors are shown and the two worst warnings; 6 − 2 = 4 are left."""
    error, passed, warning, _ = worked
    errors = [replace(error, title=f"e{number}", weight=Fraction(number)) for number in (3, 8, 1, 5, 2, 7, 4, 6)]
    warnings = [replace(warning, title=f"w{number}", weight=Fraction(number, 7)) for number in (2, 6, 1, 5, 3, 4)]
    text = render("github", [*warnings, passed], errors)
    titles = [properties["title"] for _, properties, _ in commands(text)]
    assert titles == ["e8", "e7", "e6", "e5", "e4", "e3", "e2", "e1", "w6", "w5"]
    assert text.splitlines()[10:] == [
        "Not annotated: 4 warnings, as GitHub shows 10; the job summary and `-o text` tell all."
    ]


def test_what_is_left_out_is_counted_by_level(worked, render):
    error, _, warning, _ = worked
    text = render("github", [error] * 11 + [warning] * 2)
    assert text.splitlines()[10:] == [
        "Not annotated: 1 error and 2 warnings, as GitHub shows 10; the job summary and `-o text` tell all."
    ]


def test_ten_leave_nothing_out(worked, render):
    assert len(render("github", [worked[0]] * 10).splitlines()) == 10


def test_where_a_finding_is_shown(worked, render):
    """At its place, else at the first that is related; without a line where there is none; nowhere."""
    error = worked[0]
    here = [
        replace(error, place=Place("a.yaml")),
        replace(error, place=None),
        replace(error, place=None, related=()),
    ]
    told = [properties for _, properties, _ in commands(render("github", here))]
    assert told == [
        {"file": "a.yaml", "title": error.title},
        {"file": "convcost.yaml", "line": "4", "col": "10", "title": error.title},
        {"title": error.title},
    ]


def test_a_path_starts_from_the_current_folder(worked, render, tmp_path, monkeypatch):
    """From the root where the file is not below it; what a folder is called says nothing about what is in it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    above = tmp_path.as_posix()
    for file, path in {
        f"{above}/here/nets/a.yaml": "nets/a.yaml",
        "nets/../a.yaml": "a.yaml",
        "../a.yaml": f"{above}/a.yaml",
        f"{above}/here2/a.yaml": f"{above}/here2/a.yaml",
    }.items():
        found = commands(render("github", [replace(worked[0], place=Place(file, 1, 1))]))
        assert found[0][1]["file"] == path


def test_no_hostile_text_starts_a_command(hostile, render):
    for finding in hostile:
        assert_only_ours([finding], render("github", [finding]))


@given(data=st.data())
def test_no_text_starts_a_command(data, findings, render):
    found = data.draw(findings)
    assert_only_ours(found, render("github", found))


def assert_only_ours(found, text):
    assert text.replace("\n", "").isprintable()
    problems = [each for each in found if each.level in ("error", "warning")]
    problems.sort(key=lambda each: each.level)  # "error" < "warning", and all weigh the same
    told = commands(text)
    assert len(told) == min(10, len(problems))
    assert len(text.splitlines()) == len(told) + (not told) + (len(problems) > 10)
    for finding, (name, properties, message) in zip(problems, told, strict=False):
        assert name == finding.level
        assert message == visible(finding.message).replace("##[", r"##\x5b")
        assert set(properties) <= {"file", "line", "col", "title"}
        assert properties.get("title", "") == visible(finding.title).replace("##[", r"##\x5b").rstrip()
