"""What the page computes, sorts, folds and refuses in a real browser."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_formulas import ALL_TREES, FORMULA_OPERATIONS, FORMULAS, NUMBER_OPERATIONS, POINTS, SYMBOLS, read

import convcost
from convcost.cli import output
from convcost.cli.analyze import reports
from convcost.cli.output import Output
from convcost.comparison.compare_report import ComparisonReport
from convcost.cost.report import AnalysisReport
from convcost.errors import ConvcostError, FormulaError
from convcost.html import render
from convcost.html.program import ProgramBuilder
from convcost.memory.report import MemoryReport
from convcost.memory.roofline.report import RooflineReport
from convcost.memory.roofline.units import seconds_text
from convcost.reports import titles
from convcost.reports.table import Page, bytes_text, short
from convcost.symbolic import Formula, NeedsValueError

# Each total, and of each metric the sum of the layers' values times 1, 2, 3, …, so that no layer takes another's value.
COMPUTED = """
const { live } = document.querySelector("section.report");
return arguments[0].map(([point, choices]) => {
  const found = live.network.at(point.map(([n, d]) => [BigInt(n), BigInt(d)]), choices);
  if (found.error) return found.error;
  const rows = found.rows.filter((row) => row.metrics);
  const weighted = (place) => rows.reduce((sum, row, index) => sum + BigInt(index + 1) * row.metrics[place][0], 0n);
  const sums = live.data.metrics.map((_, place) => `${weighted(place)}`);
  return [found.totals.map((total) => `${total[0]}`), sums, found.line];
});
"""
PAGES = (Output("html"),)
NETWORKS = ("mobilenet_v2", "resnet50", "vit_b_16", "efficientnet_b0", "unet", "shufflenet_v1", "gru_keywords")
TABLE = """
const { live } = document.querySelector("section.report");
const [values, choices] = arguments;
live.fields.forEach((field, place) => field.set(values[place]));
live.choices.forEach(({ select }, place) => { select.value = choices[place]; });
live.update();
const { table, rows } = live.grids.layers;
return {
  rows: rows.filter((row) => !row.heading).map((row) => [row.label, ...row.cells.map((cell) => cell.text)]),
  foot: [...table.tFoot.rows[0].cells].map((cell) => cell.textContent),
  figures: [...document.querySelectorAll(".figures dd")].map((node) => node.textContent),
  message: document.querySelector(".message").textContent,
};
"""


def points(data, draw, count):
    """Yield random points: mostly where sliders stop, else any numbers, also such as no network has."""
    for _ in range(count):
        point = []
        for symbol in data["symbols"]:
            stops = [Fraction(stop) for stop in symbol["stops"]]
            near = Fraction(symbol["value"])
            kind = draw.random()
            if kind < 0.7:
                point.append(draw.choice(stops))
            elif kind < 0.9:
                point.append(Fraction(draw.randint(1, 2 * int(near) + 2)))
            else:
                point.append(Fraction(draw.randint(1, 300), draw.choice([1, 2, 3, 32, 64])))
        yield point, draw.choice([key.split("|") if key else [] for key in data["variants"]])


def settings_of(data, point, choices):
    """Return the values of the symbols as `load` takes them."""
    named = {symbol["name"]: value for symbol, value in zip(data["symbols"], point, strict=True)}
    texts = {choice["name"]: text for choice, text in zip(data["choices"], choices, strict=True)}
    return named | {name: text == "true" if text in ("true", "false") else int(text) for name, text in texts.items()}


def compare(browser, spec, data, count, seed):
    """Compare what the page computes at random points with the engine; return how many points have no numbers."""
    drawn = [*points(data, random.Random(seed), count)]
    sent = [[[[str(value.numerator), str(value.denominator)] for value in point], choices] for point, choices in drawn]
    outside = 0
    model = convcost.load(spec)
    for (point, choices), computed in zip(drawn, browser.execute_script(COMPUTED, sent), strict=True):
        given = settings_of(data, point, choices)
        if isinstance(computed, str):
            outside += 1
            check_outside(spec, data, given)
            continue
        analysis = convcost.load(model, set=given).analyze()
        names = [metric[0] for metric in data["metrics"]]
        totals = [str(analysis.value(name)) for name in names]
        weighted = [str(sum(place * value for place, value in enumerate(analysis.values(name), 1))) for name in names]
        assert computed == [totals, weighted, titles.facts(analysis.network)], given
    return outside


def check_outside(spec, data, given):
    """Check that a point without numbers is outside of what the engine's own formulas hold for."""
    names = [symbol["name"] for symbol in data["symbols"]]
    rest = {name: value for name, value in given.items() if name not in names}
    conditions = held(spec, tuple(names), tuple(rest.items()))
    assert not all(each.holds(given) for each in conditions), given


@cache
def held(spec, names, rest):
    """Return what must hold of the symbols `names` where the others have values, by an analysis of its own."""
    free = convcost.load(spec, set=dict(rest), free=names).analyze()
    free.values("peak_memory"), free.values("weight_bytes")  # they add conditions
    symbols = free.network.free.symbols.values()
    return [*(fact for symbol in symbols for fact in symbol.facts), *free.network.free.conditions]


RELATIONS = {
    "positive": lambda x: x > 0,
    "nonnegative": lambda x: x >= 0,
    "zero": lambda x: x == 0,
    "nonzero": lambda x: x != 0,
    "whole": lambda x: x.denominator == 1,
    "fractional": lambda x: x.denominator != 1,
}
EVALUATED = """
const { Program, TESTS } = document.querySelector("section.report").live.parts;
const [data, points] = arguments;
const program = new Program(data);
return points.map((point, number) => {
  const found = program.at(point.map(([n, d]) => [BigInt(n), BigInt(d)]))(number);
  return found && [`${found[0]}`, `${found[1]}`, Object.keys(TESTS).filter((name) => TESTS[name](found))];
});
"""


@given(cases=st.lists(st.tuples(ALL_TREES, POINTS), min_size=50, max_size=50))
@settings(
    max_examples=12, suppress_health_check=[*HealthCheck], phases=[Phase.generate]
)  # a page call is slow to shrink
def test_a_formula_has_the_value_that_its_operations_give(cases, computing_page):
    """The page evaluates the formula; expected is what Python's own numbers give, operation by operation."""
    names = sorted(SYMBOLS)
    program = ProgramBuilder(names)
    expected, points = [], []
    for tree, point in cases:
        try:
            formula = read(tree, FORMULAS, FORMULA_OPERATIONS)
            value = Fraction(read(tree, point, NUMBER_OPERATIONS))
        except (ZeroDivisionError, NeedsValueError, FormulaError):  # no value, or a question that stays open
            continue
        if not isinstance(formula, Formula):
            continue
        program.formula(formula)
        if len(program.data()["formulas"]) == len(points):  # it is the same as an earlier one
            continue
        expected.append(value)
        points.append([[str(point[name].numerator), str(point[name].denominator)] for name in names])
    found = computing_page.execute_script(EVALUATED, program.data(), points)
    assert found == [
        [str(value.numerator), str(value.denominator), [name for name, holds in RELATIONS.items() if holds(value)]]
        for value in expected
    ]


@pytest.mark.parametrize("spec", NETWORKS)
def test_the_page_computes_what_the_engine_does(opened, spec):
    (report,) = reports([spec], {}, batch=1, fold=True, pages=PAGES)
    data = report.section().live
    outside = compare(opened(render([report], Page())), spec, data, 40, 1)
    assert 0 < outside < 40


@pytest.mark.exhaustive
@pytest.mark.parametrize("spec", NETWORKS)
def test_the_page_computes_what_the_engine_does_at_many_points(opened, spec):
    (report,) = reports([spec], {}, batch=1, fold=True, pages=PAGES)
    outside = compare(opened(render([report], Page())), spec, report.section().live, 2_000, 2)
    assert 0 < outside < 2_000


@pytest.mark.parametrize(
    ("spec", "given"),
    [
        ("mobilenet_v2", {"alpha": "1/2", "r": "160", "classes": "10"}),
        ("resnet50", {"n4": "5", "r": "224", "classes": "1000"}),
        ("mobilenet_v1", {"deep": "4", "alpha": "3/4", "r": "128", "classes": "1000"}),
        ("shufflenet_v1", {"g": "4", "c": "272"}),
    ],
)
def test_the_page_shows_what_the_command_does(opened, page_of, spec, given):
    """Every cell of the table at other values is that of `analyze --set`."""
    (report,) = reports([spec], {}, batch=1, fold=True, pages=PAGES)
    data = report.section().live
    values = [given.get(symbol["name"], symbol["value"]) for symbol in data["symbols"]]
    choices = [given.get(choice["name"], choice["value"]) for choice in data["choices"]]
    shown = opened(page_of(spec)).execute_script(TABLE, values, choices)
    table = AnalysisReport.of(convcost.analyze(spec, set=given)).telling_table()
    titles_of = [column.title for column in table.columns]
    bar = titles_of.index("Share")
    expected = [
        [row.cells[0].strip(), *("" if place == bar else cell for place, cell in enumerate(row.cells[1:], 1))]
        for row in table.rows
        if row.weight != "heading"
    ]
    assert shown["rows"] == expected
    assert shown["message"] == ""
    numbers = [titles_of.index(title) for title in ("Params", "Macs")]
    assert [shown["foot"][place] for place in numbers] == [table.total[place] for place in numbers]


def test_the_page_computes_the_types_that_were_given(opened, page_of):
    shown = opened(page_of("mobilenet_v2", dtype="int8")).execute_script(TABLE, ["1/2", "224", "1000"], [])
    analysis = convcost.load("mobilenet_v2", set={"alpha": "1/2"}).analyze(dtype="int8")
    assert shown["figures"][3].endswith(f"{analysis.value('weight_bytes'):,} bytes")
    assert shown["figures"][4].endswith(f"{analysis.value('peak_memory'):,} bytes")


def test_memory_is_computed_too(opened):
    """Every cell at other values is that of `memory --set`."""
    model = convcost.load("mobilenet_v2")
    source = output.source("mobilenet_v2", model, PAGES)
    browser = opened(render([MemoryReport(model.memory(), source=source)], Page()))
    shown = browser.execute_script(TABLE, ["3/4", "160", "10"], [])
    table = convcost.memory("mobilenet_v2", set={"alpha": "3/4", "r": 160, "classes": 10}).report().table()
    bar = [column.role for column in table.columns].index("bar")
    expected = [
        [row.cells[0].strip(), *("" if place == bar else cell for place, cell in enumerate(row.cells[1:], 1))]
        for row in table.rows
        if row.weight != "heading"
    ]
    assert shown["rows"] == expected
    assert shown["foot"][2:5] == list(table.total[2:5])
    said = browser.execute_script("""
      const shown = (node) => node.getBoundingClientRect().height > 0;
      return [
        document.querySelector("figure[data-chart=memory] text[font-weight='600']").textContent,
        [...document.querySelectorAll(".fixed")].some(shown),
        shown(document.querySelector(".fixed-note")),
      ];
    """)
    memory = convcost.memory("mobilenet_v2", set={"alpha": "3/4", "r": 160, "classes": 10})
    peak = memory.layers[memory.peak_index].layer.name
    assert said == [f"peak {bytes_text(memory.peak_memory)} at {peak}", False, True]


@pytest.mark.parametrize(
    ("device", "given"), [("raspberry-pi-4", ["1", "224", "1000"]), ("stm32f746", ["1/4", "96", "10"])]
)
def test_a_roofline_is_computed_too(opened, device, given):
    """Every cell at other values is that of `roofline --set`."""
    model = convcost.load("mobilenet_v2")
    dtype = "float32"
    source = output.source("mobilenet_v2", model, PAGES)
    report = RooflineReport(model.roofline(device, dtype=dtype, energy=True), source=source)
    browser = opened(render([report], Page()))
    shown = browser.execute_script(TABLE, given, [])
    settings = dict(zip(("alpha", "r", "classes"), given, strict=True))
    found = convcost.roofline("mobilenet_v2", device, set=settings, dtype=dtype, energy=True).report()
    table = found.section().grids[0].table
    bar = [column.role for column in table.columns].index("bar")
    expected = [
        [row.cells[0].strip(), *("" if place == bar else cell for place, cell in enumerate(row.cells[1:], 1))]
        for row in table.rows
    ]
    assert [row[:7] + row[7:] for row in shown["rows"]] == [
        row for row, each in zip(expected, table.rows, strict=True) if each.weight != "heading"
    ]
    assert shown["foot"][2:6] == list(table.total[2:6])
    assert shown["foot"][7:9] == list(table.total[7:9])
    assert shown["figures"] == [f"{each.short}{each.exact}" for each in found.section().figures]
    tips, is_other = browser.execute_script("""
      const chart = document.querySelector("figure[data-chart=roofline]");
      const marks = chart.querySelectorAll("g[data-panel] title");
      return [[...marks].map((each) => each.textContent), chart.classList.contains("other")];
    """)
    svg = found.roofline.plot().svg()
    drawn = re.findall(r"<title>(.*?)</title></(?:circle|path)>", svg)
    assert not is_other
    round_marks = browser.execute_script("return document.querySelectorAll('g[data-panel] circle').length")
    assert round_marks == svg.count('data-x="') - len(re.findall(r'<path [^>]*data-x="', svg))  # bound by compute
    assert sorted(tips) == sorted(each.replace("&lt;", "<") for each in drawn)
    blocks = browser.execute_script("""
      const { rows } = document.querySelector("section.report").live.grids.layers;
      return rows.filter((row) => row.heading).map((row) => [row.label, ...row.cells.map((cell) => cell.text)]);
    """)
    kept = [place for place in range(len(table.columns)) if place not in (1, bar)]  # but for the output and the bar
    assert [[row[place] for place in kept] for row in blocks] == [
        [row[place] for place in kept]
        for row, each in zip(expected, table.rows, strict=True)
        if each.weight == "heading"
    ]


def test_both_forms_are_computed_too(opened):
    """Every cell at other values is that of `compare --set`."""
    model = convcost.load("mobilenet_v1")
    source = output.source("mobilenet_v1", model, PAGES)
    browser = opened(render([ComparisonReport(model.compare(), source=source)], Page()))
    shown = browser.execute_script(TABLE, ["3/4", "160", "10"], ["4"])
    compared = convcost.compare("mobilenet_v1", set={"alpha": "3/4", "r": 160, "classes": 10, "deep": 4})
    table = compared.report().table()
    bar = [column.role for column in table.columns].index("bar")
    expected = [
        [row.cells[0].strip(), *("" if place == bar else cell for place, cell in enumerate(row.cells[1:], 1))]
        for row in table.rows
        if row.weight != "heading"
    ]
    assert shown["rows"] == expected
    assert shown["foot"][:7] == list(table.total[:7])
    assert shown["foot"][8] == table.total[8]
    assert shown["figures"] == [f"{short(each.total.mults)}{each.total.mults:,}" for each in compared.totals().values()]
    tips = browser.execute_script("""
      const bars = [...document.querySelectorAll("figure[data-chart=separable] rect title")];
      return bars.map((title) => title.textContent).filter((text) => text.startsWith("separable_conv_2: "));
    """)
    row = next(layer for layer in compared.layers if layer.name == "separable_conv_2")
    forms = {"standard": row.standard, "separable": row.separable}
    assert tips == [
        f"separable_conv_2: {getattr(cost, count):,} {count}, {form}"
        for count in ("mults", "params")
        for form, cost in forms.items()
    ]


def test_outside_of_the_conditions_no_number_is_shown(opened, page_of):
    shown = opened(page_of("mobilenet_v2")).execute_script(TABLE, ["1", "100", "1000"], [])
    assert shown["message"] == (
        "Outside the formulas' conditions: they need r to be a positive multiple of 32. "
        "convcost analyze mobilenet_v2 --set r=100 says what holds there."
    )
    assert set(shown["figures"]) == {"––"}
    assert {cell for row in shown["rows"] for cell in row[1:]} == {"–"}


def test_what_is_no_number_is_no_value(opened, page_of):
    shown = opened(page_of("mobilenet_v2")).execute_script(TABLE, ["x", "224", "1000"], [])
    assert shown["message"] == "alpha is a number, such as 224, 3/4 or 0.75."


def test_a_budget_says_what_fits(opened, page_of):
    browser = opened(page_of("mobilenet_v2"))
    said = browser.execute_script("""
      const { live } = document.querySelector("section.report");
      live.budget.limit.value = "200M";
      live.update();
      return [live.budget.result.textContent, live.fields[1].about.textContent];
    """)
    fits = [r for r in range(32, 449, 32) if convcost.analyze("mobilenet_v2", set={"r": r}).total.macs <= 200_000_000]
    assert said == [
        f"exceeds it by {300_774_272 - 200_000_000:,}",
        f"a positive multiple of 32 · fits up to {max(fits)}",
    ]


def test_the_texts_of_numbers_are_those_of_tables(opened, page_of):
    from convcost.reports.table import figure, percent

    draw = random.Random(3)
    wholes = [draw.randrange(10 ** draw.randint(1, 22)) for _ in range(400)] + [999_950, 1023, 1024, 1_048_575]
    ratios = [Fraction(draw.randrange(1, 10**6), draw.randrange(1, 10**6)) for _ in range(400)]
    ratios += [Fraction(numerator, 2 * 10**6) for numerator in range(1, 40)]  # halves of the last decimal
    ratios += [Fraction(numerator, 8) for numerator in range(1, 2000, 7)]  # halves of the last digit, of times
    browser = opened(page_of("mobilenet_v2"))
    written = browser.execute_script(
        """
        const { parts: texts } = document.querySelector("section.report").live;
        const [wholes, ratios] = arguments;
        const exact = ratios.map(([n, d]) => [BigInt(n), BigInt(d)]);
        return [
          wholes.map((n) => [texts.short(BigInt(n)), texts.bytesText(BigInt(n))]),
          exact.map((x) => [texts.figure(x), texts.percent(x), texts.secondsText(x)]),
        ];
        """,
        [str(number) for number in wholes],
        [[str(number.numerator), str(number.denominator)] for number in ratios],
    )
    assert written[0] == [[short(number), bytes_text(number)] for number in wholes]
    assert written[1] == [[figure(number), percent(number), seconds_text(number)] for number in ratios]


def test_sorting_is_announced(opened, page_of):
    browser = opened(page_of("mobilenet_v2"))
    seen = browser.execute_script("""
      const table = document.querySelector("table.grid");
      const head = [...table.tHead.rows[0].cells].find((cell) => cell.textContent === "Macs");
      const place = head.cellIndex;
      const states = [];
      for (let turn = 0; turn < 3; turn += 1) {
        head.firstChild.click();
        const cells = [...table.tBodies[0].rows].map((row) => row.cells[place].textContent);
        states.push([head.getAttribute("aria-sort"), cells[0], cells.length]);
      }
      return states;
    """)
    most = max(layer.macs for layer in convcost.analyze("mobilenet_v2").layers)
    assert seen[:2] == [["descending", f"{most:,}", 153], ["ascending", "0", 153]]
    assert seen[2][0] is None


def test_blocks_fold_and_say_so(opened, page_of):
    browser = opened(page_of("mobilenet_v2"))
    seen = browser.execute_script("""
      const body = document.querySelector("table.grid tbody");
      const toggle = () => [...body.querySelectorAll("button")].find((button) => button.textContent === "stage_2");
      const states = [];
      for (let turn = 0; turn < 2; turn += 1) {
        states.push([toggle().getAttribute("aria-expanded"), body.rows.length]);
        toggle().click();
      }
      states.push(toggle().closest("tr").cells[4].textContent);
      return states;
    """)
    layers = convcost.analyze("mobilenet_v2").layers
    assert (seen[0][0], seen[1][0]) == ("true", "false")
    assert seen[1][1] < seen[0][1]
    assert seen[2] == f"{sum(layer.macs for layer in layers if layer.path[0] == 'stage_2'):,}"


def test_a_filter_says_how_many_rows_match(opened, page_of):
    browser = opened(page_of("mobilenet_v2"))
    said = browser.execute_script("""
      const field = document.querySelector("input[type=search]");
      field.value = "depthwise relu6";
      field.dispatchEvent(new Event("input"));
      return [document.querySelector(".status").textContent, document.querySelector("table.grid tbody").rows.length];
    """)
    layers = convcost.analyze("mobilenet_v2").layers
    matching = [layer.name for layer in layers if "depthwise" in layer.name and layer.type == "relu6"]
    assert said == [f"{len(matching)} of 153 rows", len(matching)]


def test_rows_of_a_long_table_are_drawn_as_needed(opened, tmp_path):
    spec = tmp_path / "long.yaml"
    spec.write_text("input: [4, 8, 8]\nlayers:\n- {conv: {out_channels: 4, kernel_size: 1}, repeat: 3000}\n")
    browser = opened(render(reports([str(spec)], {}, batch=1, fold=True, pages=PAGES), Page()))
    drawn, count, last = browser.execute_script("""
      const box = document.querySelector(".scroll");
      const table = box.querySelector("table");
      const drawn = table.tBodies[0].rows.length;
      box.scrollTop = box.scrollHeight;
      document.querySelector("section.report");
      box.dispatchEvent(new Event("scroll"));
      const rows = [...table.tBodies[0].rows].filter((row) => row.className !== "room");
      return [drawn, table.getAttribute("aria-rowcount"), rows.at(-1).cells[0].textContent];
    """)
    assert drawn < 150
    assert count == "3001"
    assert last == "conv_1.3000"


AXE = (
    "const done = arguments[0]; axe.run().then((found) => done(found.violations.map((each) => "
    "[each.id, each.nodes.slice(0, 5).map((node) => node.html.slice(0, 200))])));"
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_axe_finds_nothing(opened, page_of, axe, width, dark):
    browser = opened(page_of("mobilenet_v2"), width=width, dark=dark)
    browser.execute_script(axe)
    browser.execute_script("for (const each of document.querySelectorAll('details')) each.open = true;")
    browser.execute_script(TABLE, ["1", "100", "1000"], [])  # with an error
    assert browser.execute_async_script(AXE) == []
    browser.execute_script(TABLE, ["1/2", "224", "1000"], [])
    assert browser.execute_async_script(AXE) == []


@pytest.mark.parametrize(
    "result",
    [
        lambda: convcost.load("mobilenet_v1").memory(place=True),
        lambda: convcost.load("mobilenet_v1").receptive_field(),
        lambda: convcost.load("mobilenet_v1").roofline("raspberry-pi-4", energy=True),
        lambda: convcost.load("mobilenet_v1").reconcile(),
        lambda: convcost.load("mobilenet_v1").compare(),
        lambda: convcost.diff("mobilenet_v1", "mobilenet_v2"),
        lambda: convcost.check("mobilenet_v1", max={"macs": "1M"}),
    ],
    ids=["memory", "receptive-field", "roofline", "reconcile", "compare", "diff", "check"],
)
def test_axe_finds_nothing_in_other_pages(opened, axe, result):
    browser = opened(render([result().report()], Page()))
    browser.execute_script(axe)
    assert browser.execute_async_script(AXE) == []


def test_charts_are_drawn_anew(opened, page_of):
    """What is shown under the pointer at each bar is the sum of its layers at the other values."""
    browser = opened(page_of("mobilenet_v2"))
    browser.execute_script(TABLE, ["1/2", "160", "10"], [])
    tips = browser.execute_script("""
      return ["cost", "types", "memory"].map((chart) =>
        [...document.querySelectorAll(`figure[data-chart=${chart}] rect title`)].map((each) => each.textContent));
    """)
    analysis = convcost.analyze("mobilenet_v2", set={"alpha": "1/2", "r": 160, "classes": 10})
    for metric in ("macs", "params"):
        part = sum(getattr(layer, metric) for layer in analysis.layers if layer.path[:2] == ("stage_2", "residual_1.1"))
        assert f"stage_2/residual_1.1: {part:,} {metric}" in tips[0]
        part = sum(getattr(layer, metric) for layer in analysis.layers if layer.type == "linear")
        share = 100 * part / getattr(analysis.total, metric)
        assert f"linear: {part:,} {metric}, {f'{share:.1f}'.removesuffix('.0')} %" in tips[1] or share < 0.1
    alive = analysis.values("peak_memory")
    assert tips[2] == [f"{layer.name}: {value:,} bytes" for layer, value in zip(analysis.layers, alive, strict=True)]


def test_a_chart_for_other_layers_than_the_spec_has_is_hidden(opened, page_of):
    browser = opened(page_of("resnet50"))
    shown = browser.execute_script("""
      const { live } = document.querySelector("section.report");
      const { select } = live.choices.find(({ choice }) => choice.name === "n4");
      return ["5", "7"].map((count) => {
        select.value = count;
        live.update();
        const hidden = document.querySelector("figure[data-chart=cost]").classList.contains("other");
        return [live.figures[0].textContent, hidden];
      });
    """)
    params = [convcost.analyze("resnet50", set={"n4": count}).total.params for count in (5, 7)]
    assert shown == [[f"{short(params[0])}{params[0]:,}", False], [f"{short(params[1])}{params[1]:,}", True]]


@pytest.mark.parametrize("width", [360, 800])
def test_nothing_but_tables_is_wider_than_the_page(opened, page_of, width):
    browser = opened(page_of("mobilenet_v2"), width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") == width


HOSTILE = (
    "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">' onclick=x javascript:x"
)


def test_hostile_texts_run_nothing(opened, tmp_path):
    spec = tmp_path / "hostile.yaml"
    quoted = HOSTILE.replace("'", "''")
    spec.write_text(
        f"name: '{quoted}'\nsource: '{quoted}'\ninput: [3, r, r]\nsymbols: {{r: 8}}\nlayers:\n"
        f"- {{conv: {{out_channels: 4, kernel_size: 3}}, name: 'a-b'}}\n"
    )
    browser = opened(render(reports([str(spec)], {}, batch=1, fold=True, pages=PAGES), Page()))
    assert browser.title.endswith(" – convcost")
    assert browser.execute_script("return document.querySelector('h1').textContent") == HOSTILE
    assert browser.execute_script("return [document.images.length, document.scripts.length]") == [0, 2]


def test_the_policy_lets_no_other_script_run(opened, page_of):
    """Even where text became markup, its scripts would not run."""
    browser = opened(page_of("mobilenet_v1"))
    browser.execute_script("""
      const script = document.createElement("script");
      script.textContent = "document.title = 'run'";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\\"document.title = 'run'\\">");
    """)
    assert browser.title == "MobileNetV1 – convcost"
    refused = [entry["message"] for entry in browser.get_log("browser")]
    assert any("Content Security Policy" in message for message in refused)


def test_the_engine_refuses_what_the_page_does_not_know(page_of):
    """A value that breaks `multiple_of` is refused by both."""
    with pytest.raises(ConvcostError):
        convcost.load("mobilenet_v2", set={"r": 100})
