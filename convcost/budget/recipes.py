"""Files that run a check elsewhere, to be copied as they are."""

from __future__ import annotations

from pkgutil import get_data

from convcost.errors import ErrorDetail, OptionError, nearest

NAMES = {
    "github": "github.yml",
    "gitlab": "gitlab.yml",
    "pre-commit": "pre-commit.yaml",
    "pytest": "test_budgets.py",
}
"""The recipes and their files in `convcost/recipes`."""


def text(name: str) -> str:
    """Return a recipe.

    Args:
        name: Its name.

    Raises:
        OptionError: There is no such recipe.
    """
    if name not in NAMES:
        help = nearest(name, NAMES) or f"known: {', '.join(NAMES)}"
        raise OptionError(ErrorDetail(f"there is no recipe {name!r}", help=help))
    data = get_data("convcost", f"recipes/{NAMES[name]}")
    assert data is not None  # it is part of the package
    return data.decode("utf-8")
