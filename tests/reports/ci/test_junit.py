"""JUnit XML: read by a parser that others wrote, and held to what Jenkins accepts."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from msgspec.structs import replace

from convcost.errors import Place, visible


def test_a_report(worked, render):
    assert (
        render("junit", worked)
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="convcost" tests="4" failures="1" errors="0">
  <testsuite name="convcost" tests="4" failures="1" errors="0" skipped="1">
    <testcase classname="nets/small.yaml" name="mults-max">
      <failure message="mults: 9,600, 1,600 above the limit of 8,000 (120 %)" type="mults-max">\
nets/small.yaml: 1,600 mults above the limit of 8,000 (120 %). Most of it: wide 9,216.
nets/small.yaml:5:7
convcost.yaml:4:10: max: 8k
nets/small.yaml:3: stem: 384</failure>
    </testcase>
    <testcase classname="nets/tiny.yaml" name="mults-max" />
    <testcase classname="my nets/b[1].yaml, alpha = 1/2" name="params-max">
      <system-out>warning: params: 580, 96.7 % of the limit of 600
my nets/b[1].yaml: 580 params, 96.7 % of the limit of 600.
my nets/b[1].yaml:2:1</system-out>
    </testcase>
    <testcase classname="nets/tiny.yaml" name="params-growth">
      <skipped message="params, growth 2%: nets/tiny.yaml is new" />
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def read(text):
    """Return the test cases as junitparser reads them: class, name, result, and what it says."""
    cases = []
    for suite in JUnitXml.fromstring(text.encode()):
        for case in suite:
            results = [(type(result).__name__, result.message, result.text) for result in case.result]
            cases.append((case.classname, case.name, results, case.system_out))
    return cases


def test_another_parser_reads_what_was_found(worked, render):
    error, passed, warning, skipped = worked
    cases = read(render("junit", [error, passed], [warning, skipped]))
    assert [(kind, name) for kind, name, _, _ in cases] == [(each.subject, each.rule) for each in worked]
    failure, nothing, printed, skip = [(results, out) for _, _, results, out in cases]
    places = "nets/small.yaml:5:7\nconvcost.yaml:4:10: max: 8k\nnets/small.yaml:3: stem: 384"
    assert failure == ([("Failure", error.title, f"{error.message}\n{places}")], None)
    assert nothing == ([], None)
    assert printed == ([], f"warning: {warning.title}\n{warning.message}\nmy nets/b[1].yaml:2:1")
    assert skip == ([("Skipped", skipped.title, None)], None)


def test_the_counts_are_those_of_the_cases(worked, render):
    """junitparser counts anew what the attributes say."""
    suites = JUnitXml.fromstring(render("junit", [worked[0]] * 3, worked).encode())
    said = [(each.tests, each.failures, each.errors) for each in (suites, *suites)]
    assert said == [(7, 4, 0)] * 2
    (suite,) = suites
    assert suite.skipped == 1
    suites.update_statistics()
    assert [(each.tests, each.failures, each.errors) for each in (suites, *suites)] == said
    assert suite.skipped == 1


def test_no_finding_is_a_suite_without_tests(render):
    suites = JUnitXml.fromstring(render("junit").encode())
    assert (suites.tests, [list(suite) for suite in suites]) == (0, [[]])


def test_two_findings_alike_are_two_tests(worked, render):
    """Jenkins and GitLab tell tests by class and name."""
    error, passed, _, _ = worked
    cases = read(render("junit", [error, passed, error, replace(error, rule="params-max"), error]))
    assert [name for _, name, _, _ in cases] == [
        "mults-max",
        "mults-max",
        "mults-max (2)",
        "params-max",
        "mults-max (3)",
    ]


def test_no_time_is_told_as_none_was_measured(worked, render):
    root = ElementTree.fromstring(render("junit", worked))
    assert not [element for element in root.iter() if "time" in element.attrib]


ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped"}, {"testcase"}),
    "testcase": ({"name", "classname"}, {"failure", "skipped", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def test_there_is_nothing_that_jenkins_does_not_know(worked, render):
    """What the plugin xunit's junit-10.xsd allows, as far as it is used here; it refuses anything else."""
    for element in ElementTree.fromstring(render("junit", worked)).iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children


def test_hostile_texts_come_back_as_they_are_shown(hostile, render):
    assert_comes_back(hostile, render("junit", hostile))


@given(data=st.data())
def test_every_text_comes_back_as_it_is_shown(data, findings, render):
    found = data.draw(findings)
    assert_comes_back(found, render("junit", found))


def assert_comes_back(found, text):
    cases = read(text)
    assert len(cases) == len(found)
    for finding, (kind, _, results, out) in zip(found, cases, strict=True):
        title, message = visible(finding.title), visible(finding.message)
        assert kind == visible(finding.subject)
        if finding.level == "error":
            ((_, head, body),) = results
            assert (head, body.split("\n")[0]) == (title, message)
        elif finding.level == "warning":
            assert out.split("\n")[:2] == [f"warning: {title}", message]
        else:
            assert [head for _, head, _ in results] == [title] * (finding.level == "skipped")


@pytest.mark.parametrize("character", ["\0", "\x08", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_a_character_that_xml_cannot_hold_is_an_escape(character, worked, render):
    """XML 1.0, production 2, `Char`."""
    ((_, _, _, out),) = read(render("junit", [replace(worked[2], message=f"a{character}b", place=None)]))
    assert out.split("\n")[1] == f"a{character.encode('unicode_escape').decode()}b"


def test_a_file_without_a_line(worked, render):
    ((_, _, ((_, _, text),), _),) = read(render("junit", [replace(worked[0], place=Place("a.yaml"), related=())]))
    assert text.split("\n")[1:] == ["a.yaml"]
