"""A format is a file, found by its name."""

from __future__ import annotations

import pytest

from convcost.errors import OptionError
from convcost.reports import formats


def test_the_formats_are_the_files():
    assert formats.names() == ["csv", "html", "json", "markdown", "table", "text"]
    assert formats.names(ci=True) == [
        "csv",
        "github",
        "gitlab",
        "html",
        "json",
        "junit",
        "markdown",
        "sarif",
        "table",
        "text",
    ]


@pytest.mark.parametrize("name", ["github", "gitlab", "junit", "sarif"])
def test_a_format_for_findings_needs_findings(name):
    formats.check(name, ci=True)
    with pytest.raises(OptionError) as error:
        formats.check(name)
    assert str(error.value) == (
        f"error: {name} is a format for findings, which only `convcost check` has\n"
        f" = help: convcost check SPEC -o {name}; here the formats are csv, html, json, markdown, table, text"
    )


def test_a_name_is_in_one_folder_only():
    """Else one of the two formats could never be asked for."""
    assert len(set(formats.names(ci=True))) == len(formats.names(ci=True))


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("jsn", "did you mean 'json'?"),
        ("tabel", "did you mean 'table'?"),
        ("md", f"known: {', '.join(formats.names())}"),
    ],
)
def test_a_format_that_is_not_there(name, help):
    with pytest.raises(OptionError) as error:
        formats.check(name)
    assert str(error.value) == f"error: there is no format {name!r}\n = help: {help}"


@pytest.mark.parametrize(
    ("name", "help"),
    [("sarf", "did you mean 'sarif'?"), ("md", f"known: {', '.join(formats.names(ci=True))}")],
)
def test_a_format_that_is_not_there_for_findings_either(name, help):
    with pytest.raises(OptionError) as error:
        formats.check(name, ci=True)
    assert str(error.value) == f"error: there is no format {name!r}\n = help: {help}"


@pytest.mark.parametrize("name", ["", "__init__", "../json", "json.py", "formats", "contents"])
def test_a_module_or_a_path_is_no_format(name):
    with pytest.raises(OptionError, match="there is no format"):
        formats.check(name)
