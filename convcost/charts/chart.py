"""A chart: shapes with a title, which a notebook shows and a file holds."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from msgspec import Struct

from convcost.charts.shapes import Plot
from convcost.errors import WarningDetail


class Chart(Struct, frozen=True):
    """A chart: a notebook shows it, `save` writes it.

    Attributes:
        kind: What it shows, such as `cost`.
        title: Its first line.
        description: What it shows, in sentences, for those who do not see it.
        width: Its width in pixels.
        height: Its height in pixels.
        plots: Its shapes.
        warnings: What is valid in the specs and rarely meant.
    """

    kind: str
    title: str
    description: str
    width: float
    height: float
    plots: tuple[Plot, ...]
    warnings: tuple[WarningDetail, ...] = ()

    def svg(self, *, prefix: str = "", style: bool = True, paper: bool = True) -> str:
        """Return the chart as SVG.

        Args:
            prefix: What its ids begin with, where a page has several charts; of its content without.
            style: Whether it brings its colours along; a page of several charts needs `svg.STYLE` once.
            paper: Whether it has a background.
        """
        from convcost.charts import svg

        return svg.write(self, prefix=prefix, style=style, paper=paper)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the chart to a file: SVG, PNG or PDF, by its suffix.

        Args:
            path: The file; it is written over.

        Raises:
            OptionError: The suffix is none of these, or matplotlib is missing for a PNG or a PDF.
            OutputError: The file cannot be written.
        """
        from convcost.charts import files

        files.save(self, Path(path))

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.kind}: {self.title}>"
