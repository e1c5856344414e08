"""The outputs that options ask for."""

from __future__ import annotations

import pytest

from convcost.cli import output
from convcost.errors import OptionError


@pytest.mark.parametrize(("ci", "format"), [(False, "table"), (True, "text")])
def test_the_format_where_none_is_asked_for(ci, format):
    assert output.outputs(None, [], ci=ci) == [output.Output(format)]


def test_a_format_for_findings_is_for_commands_that_have_some():
    asked = ["sarif:a.sarif", "junit:b.xml"]
    assert output.outputs("github", asked, ci=True) == [
        output.Output("github"),
        output.Output("sarif", "a.sarif"),
        output.Output("junit", "b.xml"),
    ]
    with pytest.raises(OptionError, match="sarif is a format for findings"):
        output.outputs(None, asked)


def test_analyze_has_no_findings(convcost):
    status, out, err = convcost("analyze", "net.yaml", "-o", "sarif:a.sarif")
    assert (status, out) == (2, "")
    assert err == (
        "error: sarif is a format for findings, which only `convcost check` has\n"
        " = help: convcost check SPEC -o sarif; here the formats are csv, html, json, markdown, table, text\n"
    )
