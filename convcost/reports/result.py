"""What all results have in common: a line, a table, HTML for a notebook, plain data, a data frame."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError, WarningDetail, nearest

if TYPE_CHECKING:  # imported where a result is shown
    from convcost.charts.chart import Chart
    from convcost.reports.table import Report


class Result(Struct, frozen=True):
    """The answer to a question: `str` gives its table, a notebook shows it as HTML.

    Attributes:
        shown_by: What makes the report of it, as `module:name`; imported only to show it.
        charts: What makes each chart of it, by its name, the usual one first; none where there is no chart.
    """

    shown_by: ClassVar[str]
    charts: ClassVar[Mapping[str, str]] = {}

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the specs and rarely meant."""
        return ()

    def report(self) -> Report:
        """Return the report, which every format can write."""
        module, _, name = self.shown_by.partition(":")
        return cast("Report", attrgetter(name)(import_module(module))(self))

    def plot(self, chart: str = "", **options: Any) -> Chart:
        """Return a chart of it, which a notebook shows and `save` writes as SVG, PNG or PDF.

        Args:
            chart: Which one, of `charts`; the usual one without.
            options: What that chart can be asked, such as `metrics=["mults"]`.

        Raises:
            OptionError: There is no such chart of it, or it cannot be drawn.
        """
        if chart not in self.charts and (chart or not self.charts):
            what = f"{chart!r} of this result" if chart else f"of {type(self).__name__}"
            help = nearest(chart, self.charts) if self.charts else "its table is str(result), its numbers to_dict()"
            raise OptionError(ErrorDetail(f"there is no chart {what}", help=help))
        module, _, name = self.charts[chart or next(iter(self.charts))].partition(":")
        drawn = attrgetter(name)(import_module(module))(self, **options)
        return cast("Chart", replace(drawn, warnings=self.warnings))

    def summary(self) -> str:
        """Return the result in one line, without its name."""
        return self.report().table().title

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data: what `--format json` writes."""
        from convcost.documents import as_dict

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

        return formats.render("table", [self.report()], Page(width=REDIRECT, python=True))

    def _repr_html_(self) -> str | None:
        from convcost.reports.notebook import html

        return html(self.report())
