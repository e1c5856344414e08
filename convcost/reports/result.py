"""What all results have in common: a line, a table, HTML for a notebook, plain data, a data frame."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec import Struct

from convcost.documents import as_dict
from convcost.errors import ErrorDetail, OptionError, WarningDetail

if TYPE_CHECKING:  # imported where a result is shown
    from convcost.reports.table import Report


class Result(Struct, frozen=True):
    """The answer to a question: `str` gives its table, a notebook shows it as HTML.

    Attributes:
        shown_by: What makes the report of it, as `module:name`; imported only to show it.
    """

    shown_by: ClassVar[str]

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the specs and rarely meant."""
        return ()

    def report(self) -> Report:
        """Return the report, which every format can write."""
        module, _, name = self.shown_by.partition(":")
        return cast("Report", attrgetter(name)(import_module(module))(self))

    def summary(self) -> str:
        """Return the result in one line, without its name."""
        return self.report().table().title

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data: what `--format json` writes."""
        return as_dict(self.report().data())

    def to_dataframe(self) -> Any:
        """Return the rows that `--format csv` writes as a data frame of pandas.

        Raises:
            OptionError: pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            help = "pip install pandas; to_dict gives the same without it"
            raise OptionError(ErrorDetail("a data frame needs pandas, which is not installed", help=help)) from None
        return pandas.DataFrame([*self.report().records()])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary()}>"

    def __str__(self) -> str:
        from convcost.reports import formats
        from convcost.reports.table import REDIRECT, Page

        return formats.render("table", [self.report()], Page(width=REDIRECT))

    def _repr_html_(self) -> str:
        from convcost.reports.notebook import html

        return html(self.report())
