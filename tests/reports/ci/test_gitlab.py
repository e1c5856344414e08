"""GitLab's Code Quality report: valid by its documentation, each finding told once."""

from __future__ import annotations

import json
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from convcost.errors import Place, visible

# https://docs.gitlab.com/ci/testing/code_quality/, "Code Quality report format": the table of properties. The path is
# relative, without `./`; each fingerprint is unique.
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1, "pattern": r"^(?!\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                        "additionalProperties": False,
                    },
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    },
}


def test_a_report(worked, render):
    assert render("gitlab", worked) == dedent(
        """\
        [
          {
            "description": "nets/small.yaml: 1,600 mults above the limit of 8,000 (120 %). Most of it: wide 9,216.",
            "check_name": "mults-max",
            "fingerprint": "0a1b",
            "severity": "major",
            "location": {
              "path": "nets/small.yaml",
              "lines": {
                "begin": 5
              }
            }
          },
          {
            "description": "my nets/b[1].yaml: 580 params, 96.7 % of the limit of 600.",
            "check_name": "params-max",
            "fingerprint": "2c3d",
            "severity": "minor",
            "location": {
              "path": "my nets/b[1].yaml",
              "lines": {
                "begin": 2
              }
            }
          }
        ]
        """
    )


def read(text):
    """Return the entries of a valid report."""
    assert text.startswith("[")  # and not with a byte order mark, at which GitLab gives up
    entries = json.loads(text)
    Draft202012Validator(SCHEMA).validate(entries)
    fingerprints = [entry["fingerprint"] for entry in entries]
    assert len(set(fingerprints)) == len(fingerprints)
    return entries


def test_a_report_is_valid(worked, render):
    assert len(read(render("gitlab", worked[:2], worked[2:]))) == 2


def test_nothing_found_is_an_empty_report(worked, render):
    assert render("gitlab", worked[1:2]) == render("gitlab", []) == render("gitlab") == "[]\n"


def test_no_two_findings_share_a_fingerprint(worked, render):
    """GitLab would show one of them only."""
    error, _, warning, _ = worked
    taken = replace(error, fingerprint="0a1b-2")
    entries = read(render("gitlab", [error, taken, error], [error, warning]))
    assert [entry["fingerprint"] for entry in entries] == ["0a1b", "0a1b-2", "0a1b-3", "0a1b-4", "2c3d"]


def test_where_a_finding_is_shown(worked, render):
    """At its place, else at the first that is related; what was read from no file at the path `-`."""
    error = worked[0]
    entries = read(
        render(
            "gitlab",
            [
                replace(error, place=Place("./nets/../a.yaml", 7, 1)),
                replace(error, place=Place("a.yaml")),
                replace(error, place=None),
                replace(error, place=None, related=()),
                replace(error, place=Place("\udcff.yaml", 1, 1)),  # a byte that is not UTF-8
            ],
        )
    )
    assert [(entry["location"]["path"], entry["location"]["lines"]["begin"]) for entry in entries] == [
        ("a.yaml", 7),
        ("a.yaml", 1),
        ("convcost.yaml", 4),
        ("-", 1),
        ("\\udcff.yaml", 1),
    ]


def test_hostile_texts_make_a_valid_report(hostile, render):
    assert_valid(hostile, render("gitlab", hostile))


@given(data=st.data())
def test_any_texts_make_a_valid_report(data, findings, render):
    found = [each for each in data.draw(findings) if each.message]
    assert_valid(found, render("gitlab", found))


def assert_valid(found, text):
    problems = [each for each in found if each.level in ("error", "warning")]
    entries = read(text)
    assert [(entry["description"], entry["check_name"]) for entry in entries] == [
        (visible(each.message), visible(each.rule)) for each in problems
    ]
