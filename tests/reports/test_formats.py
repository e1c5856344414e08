"""A format is a file, found by its name."""

from __future__ import annotations

import pytest

from convcost.errors import OptionError
from convcost.reports import formats


def test_the_formats_are_the_files():
    assert {"csv", "json", "markdown", "table"} <= set(formats.names())


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


@pytest.mark.parametrize("name", ["", "__init__", "../json", "json.py", "formats", "contents"])
def test_a_module_or_a_path_is_no_format(name):
    with pytest.raises(OptionError, match="there is no format"):
        formats.check(name)
