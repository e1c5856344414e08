"""The example notebook, executed as Jupyter does; and how results show themselves there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import convcost

NOTEBOOK = Path(convcost.__file__).parent / "charts" / "tour.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Return the folder in which the notebook was executed, and its cells; skipped where Jupyter is missing."""
    try:
        import ipykernel  # noqa: F401
        import nbformat
        import pandas  # noqa: F401
        from nbclient import NotebookClient
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("Jupyter is not installed: pip install -e '.[notebook]'")
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    with pytest.MonkeyPatch.context() as patch:
        roots = [str(Path(convcost.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, roots)))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        client = NotebookClient(
            notebook, timeout=180, startup_timeout=180, resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    return folder, notebook.cells


def shown(cells, start):
    """Return what the cell whose code begins so shows."""
    (cell,) = [cell for cell in cells if cell.cell_type == "code" and cell.source.startswith(start)]
    (output,) = cell.outputs
    return output.data


def title(data):
    return ElementTree.fromstring(data["image/svg+xml"]).find("{http://www.w3.org/2000/svg}title").text


def test_a_result_is_a_table_that_folds(executed):
    html = shown(executed[1], "import convcost")["text/html"]
    seen, _, folded = html.partition("<details><summary>All 84 rows</summary>")
    assert seen.count("<tr>") == 1 + 17 + 1  # the items of the spec, its five repetitions apart
    assert folded.count("<tr>") == 1 + 84 + 13 + 1  # and the names of 13 separable convolutions
    assert "568,740,352" in seen  # the macs of Howard 2017: 569 million


def test_charts_show_themselves(executed):
    _, cells = executed
    assert title(shown(cells, "model.analyze().plot()")) == "MobileNetV1: cost per layer"
    assert title(shown(cells, "model.memory")) == "MobileNetV1: memory of activations over time"
    assert title(shown(cells, "sweep = ")) == "MobileNetV1: params against mults"
    assert title(shown(cells, "model.search")) == "MobileNetV1: params against mults"


def test_rows_are_a_data_frame(executed):
    html = shown(executed[1], "rows = ")["text/html"]
    # the pointwise layer with 128 → 128 channels at 56 × 56, and the like: 51,380,224 macs each
    assert html.count("<td>51380224</td>") == 5


def test_a_formula_is_set(executed):
    data = shown(executed[1], "free = ")
    assert data["text/latex"] == (
        r"$10752 \, \alpha^{2} \, r^{2} + \frac{1125 \, \alpha \, r^{2}}{2} + 1024000 \, \alpha$"
    )
    assert data["text/plain"] == "10752·alpha²·r² + 1125·alpha·r²/2 + 1024000·alpha"


def test_formulas_of_a_type_are_set(executed):
    data = shown(executed[1], "convcost.formulas")
    assert "text/html" not in data
    assert r"| `separable_conv` | output channels | $N$ |" in data["text/markdown"]
    assert r"$\frac{1}{N} + \frac{1}{D_{k}^{2}}$" in data["text/markdown"]


def test_a_picture_is_saved(executed):
    folder, cells = executed
    svg = (folder / "trade-off.svg").read_text(encoding="utf-8")
    assert svg == shown(cells, "sweep = ")["image/svg+xml"]


def test_only_the_installation_is_not_executed(executed):
    idle = [cell.source for cell in executed[1] if cell.cell_type == "code" and cell.execution_count is None]
    assert idle == ["%pip install 'convcost[notebook]'"]


def test_the_notebook_is_kept_without_outputs():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 10_000
    assert '"output_type"' not in text


def test_many_formulas_fold():
    text = convcost.formulas()._repr_markdown_()
    assert re.search(r"<details><summary>\d+ formulas of \d+ layer types</summary>\n\n\| Layer type \|", text)
    few = convcost.formulas("conv")._repr_markdown_()
    assert "<details>" not in few
    assert r"| | params | $\frac{D_{k}^{2} \, M \, N}{g}$ |" in few.replace("|  |", "| |")


@pytest.fixture
def parse():
    """Return matplotlib's parser of TeX, which knows nothing of convcost; skipped where it is missing."""
    try:
        from matplotlib.mathtext import MathTextParser
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("matplotlib is not installed: pip install -e '.[plot]'")
    return MathTextParser("path").parse


def test_every_formula_of_a_type_is_tex(parse):
    found = set(re.findall(r"\$[^$]+\$", convcost.formulas()._repr_markdown_()))
    assert len(found) > 100
    for formula in found:
        parse(formula)


def test_formulas_of_networks_are_tex(parse):
    rounded = convcost.analyze("efficientnet_b0", free=["width"]).total.params._repr_latex_()
    assert r"\operatorname{make\_divisible}\left(112 \, \mathrm{width}, 8\right)" in rounded
    spec = {"input": [3, "r", "r"], "symbols": {"r": None}, "layers": [{"max_pool": {"kernel_size": 2}}]}
    floored = convcost.analyze(spec, free=["r"]).output_values._repr_latex_()
    assert floored == r"$3 \, \left\lfloor \frac{r}{2} \right\rfloor^{2}$"
    for formula in (rounded, floored):
        parse(formula)
