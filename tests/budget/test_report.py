"""The report of a check: whole reports of a check that is worked by hand."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

import convcost
from convcost.budget import checking, configuration
from convcost.budget.baselines import Lacking, Past
from convcost.budget.report import CheckReport
from convcost.budget.verdicts import Base, Check
from convcost.cost.analysis import Analysis
from convcost.documents import as_dict
from convcost.errors import Place
from convcost.reports import formats
from convcost.reports.table import Finding, Page

NET = """\
name: Net
symbols: {n: 1}
input: [4, 8, 8]
layers:
  - conv: {out_channels: 8, kernel_size: 1, bias: false}
    name: stem
  - conv: {out_channels: 8, kernel_size: 3, bias: false}
    name: wide
  - conv: {out_channels: 4 * n, kernel_size: 1, bias: false}
    name: head
    repeat: 2
"""
NEW = "input: [3]\nlayers: [{linear: {out_features: 2, bias: false}}]\n"  # 3 · 2 = 6 params and mults
CONFIG = """\
models: [net.yaml, new.yaml]
budgets:
  - {metric: mults, max: 20k, models: net.yaml, message: "Phone target"}
  - {metric: params, max: 680, warn: 95%, models: net.yaml}
  - metric: mults
    growth: 2%
  - metric: mults
    scope: each
    max: 5k
    models: net.yaml
  - {metric: params, max: 656, set: {n: [1, 1/2]}, models: net.yaml}
"""
# stem: 8 · 4 = 32 params at 8 · 8 places: 2,048 mults
# wide: 8 · 8 · 9 = 576 at 6 · 6: 20,736; as a separable convolution 8 · 9 + 8 · 8 = 136 at 36: 4,896
# head.1: 4 · 8 = 32 at 36: 1,152; head.2, which the baseline lacks: 4 · 4 = 16 at 36: 576
# with n = 1/2 2 · 8 = 16 and 2 · 2 = 4 params
#
# mults: 2,048 + 20,736 + 1,152 + 576 = 24,512, 122.56 % of 20,000; at the baseline 24,512 − 576 = 23,936
#   rewritten 24,512 − 20,736 + 4,896 = 8,672
#   20,736 / 24,512 = 84.6 %, 2,048 / 24,512 = 8.36 %, 1,152 / 24,512 = 4.70 %, 576 / 24,512 = 2.35 %
# params: 32 + 576 + 32 + 16 = 656, 96.47 % of 680; warned of from 95 % · 680 = 646; at the baseline 640
#   576 / 656 = 87.80 %, 32 / 656 = 4.88 %, 16 / 656 = 2.44 %
# growth: 1.02 · 23,936 = 24,414.72, so 478 are allowed; 576 / 23,936 = 2.41 %, 576 / 478 = 120.50 %
# each: 20,736 / 5,000 = 414.72 %, 2,048 / 5,000 = 40.96 %
# n = 1/2: 32 + 576 + 16 + 4 = 628, 95.73 % of 656; at the baseline 624
TOP = """\
Exceeded: 3 of 10 limits
budgets of convcost.yaml · growth against 1a2b3c4, the merge base with main

"""
LIMITS = """\
Budget                                       Limit  Baseline  Actual     Left  Used            %  Verdict
────────────────────────────────────────────────────────────────────────────────────────────────────────────
net.yaml
  mults                                     20,000    23,936  24,512   −4,512  ██████████  122.6  ✗ exceeded
  params                                       680       640     656       24  █████████▋   96.5  ! warning
  mults, growth 2%                          24,414    23,936  24,512      −98  ██████████   +2.4  ✗ exceeded
  mults of each layer
    wide                                     5,000    20,736  20,736  −15,736  ██████████  414.7  ✗ exceeded
    stem and 2 others                        5,000     2,048   2,048    2,952  ████▏        41.0  ✓ within
  params, n = 1                                656       640     656        0  ██████████  100.0  ✓ within
  params, n = 1/2                              656       624     628       28  █████████▋   95.7  ✓ within
new.yaml
  mults, growth 2%                                                 6                              – skipped
────────────────────────────────────────────────────────────────────────────────────────────────────────────
3 exceeded, 1 warning, 5 within, 1 skipped

"""
NARROW = """\
Budget                                       Limit  Actual      %  Verdict
─────────────────────────────────────────────────────────────────────────────
net.yaml
  mults                                     20,000  24,512  122.6  ✗ exceeded
  params                                       680     656   96.5  ! warning
  mults, growth 2%                          24,414  24,512   +2.4  ✗ exceeded
  mults of each layer
    wide                                     5,000  20,736  414.7  ✗ exceeded
    stem and 2 others                        5,000   2,048   41.0  ✓ within
  params, n = 1                                656     656  100.0  ✓ within
  params, n = 1/2                              656     628   95.7  ✓ within
new.yaml
  mults, growth 2%                                       6         – skipped
─────────────────────────────────────────────────────────────────────────────
3 exceeded, 1 warning, 5 within, 1 skipped

"""
BELOW = """\
Skipped: new.yaml is new: it is not in 1a2b3c4.
Something was done.

"""
MORE = """\
Exceeded: net.yaml: mults: 24,512, which is 4,512 above the limit of 20,000 (122.6 %)
 --> convcost.yaml:3:26, budgets[0]
  |
3 |   - {metric: mults, max: 20k, models: net.yaml, message: "Phone target"}
  |                          ^ the limit; 24,512 is 122.6 %

Costs most  Type   Mults      %  Since the baseline  Where
─────────────────────────────────────────────────────────────────
wide        conv  20,736   84.6                   0  net.yaml:7:5
stem        conv   2,048    8.4                   0  net.yaml:5:5
head.1      conv   1,152    4.7                   0  net.yaml:9:5
head.2      conv     576    2.3                +576  net.yaml:9:5
─────────────────────────────────────────────────────────────────
4 layers          24,512  100.0                +576

Phone target
What helps: separable for wide brings it to 8,672, within the limit.
convcost rewrite net.yaml --to separable -o net-rewritten.yaml

Warning: net.yaml: params: 656 of 680 (96.5 %), above warn: 95%
 --> convcost.yaml:4:27, budgets[1]
  |
4 |   - {metric: params, max: 680, warn: 95%, models: net.yaml}
  |                           ^ the limit; 656 is 96.5 %, above warn: 95%

Costs most  Type  Params      %  Since the baseline  Where
─────────────────────────────────────────────────────────────────
wide        conv     576   87.8                   0  net.yaml:7:5
stem        conv      32    4.9                   0  net.yaml:5:5
head.1      conv      32    4.9                   0  net.yaml:9:5
head.2      conv      16    2.4                 +16  net.yaml:9:5
─────────────────────────────────────────────────────────────────
4 layers             656  100.0                 +16

Exceeded: net.yaml: mults, growth 2%: 24,512, grown by 2.4 % from 23,936, by 576 where 478 is allowed
 --> convcost.yaml:6:13, budgets[2]
  |
6 |     growth: 2%
  |             ^ what it may grow by; it has grown by 576, +2.4 %

Grew most  Type  Mults    %  Since the baseline  Where
─────────────────────────────────────────────────────────────
head.2     conv    576  2.3                +576  net.yaml:9:5
─────────────────────────────────────────────────────────────
1 layer            576  2.3                +576

What helps: separable for wide brings it to 8,672, within the limit.
convcost rewrite net.yaml --to separable -o net-rewritten.yaml

Exceeded: net.yaml, wide: mults of each layer: 20,736, which is 15,736 above the limit of 5,000 (414.7 %)
 --> convcost.yaml:9:10, budgets[3]
  |
9 |     max: 5k
  |          ^ the limit; 20,736 is 414.7 %

Costs most  Type   Mults      %  Since the baseline  Where
─────────────────────────────────────────────────────────────────
wide        conv  20,736  100.0                   0  net.yaml:7:5
─────────────────────────────────────────────────────────────────
1 layer           20,736  100.0                   0

What helps: separable for wide brings it to 4,896, within the limit.
convcost rewrite net.yaml --to separable -o net-rewritten.yaml
"""
MARKDOWN = """\
<!-- convcost check -->
### Exceeded: 3 of 10 limits

budgets of convcost.yaml · growth against 1a2b3c4, the merge base with main\x20\x20

| Budget | Limit | Baseline | Actual | Left | % | Verdict |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| `net.yaml` |  |  |  |  |  |  |
| &emsp;`mults` | 20,000 | 23,936 | 24,512 | −4,512 | 122.6 | ✗ exceeded |
| &emsp;`params` | 680 | 640 | 656 | 24 | 96.5 | ! warning |
| &emsp;`mults, growth 2%` | 24,414 | 23,936 | 24,512 | −98 | +2.4 | ✗ exceeded |
| &emsp;`mults of each layer` |  |  |  |  |  |  |
| &emsp;&emsp;`wide` | 5,000 | 20,736 | 20,736 | −15,736 | 414.7 | ✗ exceeded |
| &emsp;&emsp;`stem and 2 others` | 5,000 | 2,048 | 2,048 | 2,952 | 41.0 | ✓ within |
| &emsp;`params, n = 1` | 656 | 640 | 656 | 0 | 100.0 | ✓ within |
| &emsp;`params, n = 1/2` | 656 | 624 | 628 | 28 | 95.7 | ✓ within |
| `new.yaml` |  |  |  |  |  |  |
| &emsp;`mults, growth 2%` |  |  | 6 |  |  | – skipped |
| **3 exceeded, 1 warning, 5 within, 1 skipped** |  |  |  |  |  |  |

Skipped: new.yaml is new: it is not in 1a2b3c4.

Something was done.

### Exceeded: net.yaml: mults: 24,512, which is 4,512 above the limit of 20,000 (122.6 %)


<details><summary>Layers and remedy</summary>

```text
 --> convcost.yaml:3:26, budgets[0]
  |
3 |   - {metric: mults, max: 20k, models: net.yaml, message: "Phone target"}
  |                          ^ the limit; 24,512 is 122.6 %
```

| Costs most | Type | Mults | % | Since the baseline | Where |
| --- | --- | ---: | ---: | ---: | --- |
| `wide` | conv | 20,736 | 84.6 | 0 | net.yaml:7:5 |
| `stem` | conv | 2,048 | 8.4 | 0 | net.yaml:5:5 |
| `head.1` | conv | 1,152 | 4.7 | 0 | net.yaml:9:5 |
| `head.2` | conv | 576 | 2.3 | +576 | net.yaml:9:5 |
| **4 layers** |  | **24,512** | **100.0** | **+576** |  |

Phone target

What helps: separable for wide brings it to 8,672, within the limit.

```text
convcost rewrite net.yaml --to separable -o net-rewritten.yaml
```

</details>

### Warning: net.yaml: params: 656 of 680 (96.5 %), above warn: 95%


<details><summary>Layers and remedy</summary>

```text
 --> convcost.yaml:4:27, budgets[1]
  |
4 |   - {metric: params, max: 680, warn: 95%, models: net.yaml}
  |                           ^ the limit; 656 is 96.5 %, above warn: 95%
```

| Costs most | Type | Params | % | Since the baseline | Where |
| --- | --- | ---: | ---: | ---: | --- |
| `wide` | conv | 576 | 87.8 | 0 | net.yaml:7:5 |
| `stem` | conv | 32 | 4.9 | 0 | net.yaml:5:5 |
| `head.1` | conv | 32 | 4.9 | 0 | net.yaml:9:5 |
| `head.2` | conv | 16 | 2.4 | +16 | net.yaml:9:5 |
| **4 layers** |  | **656** | **100.0** | **+16** |  |

</details>

### Exceeded: net.yaml: mults, growth 2%: 24,512, grown by 2.4 % from 23,936, by 576 where 478 is allowed


<details><summary>Layers and remedy</summary>

```text
 --> convcost.yaml:6:13, budgets[2]
  |
6 |     growth: 2%
  |             ^ what it may grow by; it has grown by 576, +2.4 %
```

| Grew most | Type | Mults | % | Since the baseline | Where |
| --- | --- | ---: | ---: | ---: | --- |
| `head.2` | conv | 576 | 2.3 | +576 | net.yaml:9:5 |
| **1 layer** |  | **576** | **2.3** | **+576** |  |

What helps: separable for wide brings it to 8,672, within the limit.

```text
convcost rewrite net.yaml --to separable -o net-rewritten.yaml
```

</details>

### Exceeded: net.yaml, wide: mults of each layer: 20,736, which is 15,736 above the limit of 5,000 (414.7 %)


<details><summary>Layers and remedy</summary>

```text
 --> convcost.yaml:9:10, budgets[3]
  |
9 |     max: 5k
  |          ^ the limit; 20,736 is 414.7 %
```

| Costs most | Type | Mults | % | Since the baseline | Where |
| --- | --- | ---: | ---: | ---: | --- |
| `wide` | conv | 20,736 | 100.0 | 0 | net.yaml:7:5 |
| **1 layer** |  | **20,736** | **100.0** | **0** |  |

What helps: separable for wide brings it to 4,896, within the limit.

```text
convcost rewrite net.yaml --to separable -o net-rewritten.yaml
```

</details>
"""
LAST = """
Exceeded: 3 of 10 limits
"""
BASE = Base("1a2b3c4, the merge base with main", "main", "1a2b3c4" + "0" * 33)


class Before:
    """A baseline at which `head` was not repeated and `new.yaml` was not there."""

    base = BASE

    def past(self, spec, network, settings, dtype=()):
        if spec == "new.yaml":
            return Lacking("new.yaml is new: it is not in 1a2b3c4")
        before = Analysis.of(convcost.load("before.yaml", set=settings).network)
        return Past("1a2b3c4:net.yaml", before.layers, before)


@pytest.fixture
def report(tmp_path, monkeypatch):
    """Return a function that checks `net.yaml` and `new.yaml` and returns the report."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    Path("before.yaml").write_text(NET.replace("    repeat: 2\n", ""))
    Path("new.yaml").write_text(NEW)

    def report(config=CONFIG, *specs, baseline=None, **told):
        Path("convcost.yaml").write_text(config)
        verdicts = checking.check(specs, configuration.read("convcost.yaml"), baseline=baseline)
        return CheckReport(Check(verdicts, "convcost.yaml", baseline and baseline.base, **told))

    return report


@pytest.fixture
def worked(report):
    """Return the report of the check that is worked by hand."""
    return report(baseline=Before(), notes=("Something was done.",))


def rows(report):
    """Return the rows of a report's first table, without their bars."""
    table = report.table()
    kept = [index for index, column in enumerate(table.columns) if column.role != "bar"]
    return [[row.cells[index] for index in kept] for row in table.rows]


def widths(table):
    """Return how many cells the rows of a table have."""
    return {len(cells) for cells in (table.total, *(row.cells for row in table.rows))}


def test_the_table(worked):
    assert formats.render("table", [worked], Page()) == TOP + LIMITS + BELOW + MORE + LAST


def test_the_table_on_a_narrow_page(worked):
    text = formats.render("table", [worked], Page(width=80))
    hidden = "3 columns hidden: Baseline, Left, Used; COLUMNS=108 shows them.\n"
    whole = f"{TOP}{NARROW}{BELOW[:-1]}{hidden}\n{MORE}{LAST}"
    for line in whole.splitlines():  # what is too long goes on in the next line
        if len(line) > 80:
            head, tail = line[: line.rindex(" ", 0, 81)], line[line.rindex(" ", 0, 81) + 1 :]
            whole = whole.replace(line, f"{head}\n{tail}")
    assert text == whole


def test_what_a_narrow_page_leaves_out(worked):
    def headings(start):
        heads = []
        for width in range(120, 40, -1):
            lines = formats.render("table", [worked], Page(width=width)).splitlines()
            head = next(line for line in lines if line.startswith(start)).split("  ")
            heads.append([title.strip() for title in head if title])
        return list(dict.fromkeys(map(tuple, heads)))

    assert headings("Budget ") == [
        ("Budget", "Limit", "Baseline", "Actual", "Left", "Used", "%", "Verdict"),
        ("Budget", "Limit", "Baseline", "Actual", "Used", "%", "Verdict"),
        ("Budget", "Limit", "Actual", "Used", "%", "Verdict"),
        ("Budget", "Limit", "Actual", "%", "Verdict"),
    ]
    assert headings("Costs most") == [
        ("Costs most", "Type", "Mults", "%", "Since the baseline", "Where"),
        ("Costs most", "Mults", "%", "Since the baseline", "Where"),
        ("Costs most", "Mults", "%", "Since the baseline"),
        ("Costs most", "Mults", "Since the baseline"),
    ]


def test_every_row_has_a_cell_for_each_column_and_tells_how_bad_it_is(worked, report):
    each = report("models: net.yaml\nbudgets: [{metric: mults, scope: each, max: 5k}]\n").table()
    for table in (worked.table(), *worked.table().more, each, *each.more):
        assert widths(table) == {len(table.columns)}
        assert {column.role for column in table.columns if column.right} == {"number"}
        assert table.columns[0].role == "name"
    weights = [row.weight for row in worked.table().rows]
    assert weights == [
        "heading",
        "wrong",
        "warned",
        "wrong",
        "heading",
        "wrong",
        "ordinary",
        "ordinary",
        "ordinary",
        "heading",
        "quiet",
    ]


def test_the_table_in_markdown(worked):
    assert formats.render("markdown", [worked], Page()) == MARKDOWN


KEYS = (
    "spec,network,symbols,metric,layers,scope,layer,kind,written,limit,warn_above,actual,delta,used,base,verdict,reason,"
    "message,file,line,column,accepted,grown,dtype"
)


def test_the_rows_of_csv(worked):
    net, new = "net.yaml,Net,", "new.yaml,,"
    assert formats.render("csv", [worked], Page()).splitlines() == [
        KEYS,
        f"{net},mults,,sum,,max,20k,20000,,24512,4512,1.2256,23936,exceeded,,Phone target,convcost.yaml,3,26,,,",
        f"{net},params,,sum,,max,680,680,646,656,-24,{656 / 680},640,warning,,,convcost.yaml,4,27,,,",
        f"{net},mults,,sum,,growth,2%,24414,,24512,98,{576 / 478},23936,exceeded,,,convcost.yaml,6,13,,{576 / 23_936},",
        f"{net},mults,,each,stem,max,5k,5000,,2048,-2952,0.4096,2048,within,,,convcost.yaml,9,10,,,",
        f"{net},mults,,each,wide,max,5k,5000,,20736,15736,4.1472,20736,exceeded,,,convcost.yaml,9,10,,,",
        f"{net},mults,,each,head.1,max,5k,5000,,1152,-3848,0.2304,1152,within,,,convcost.yaml,9,10,,,",
        f"{net},mults,,each,head.2,max,5k,5000,,576,-4424,0.1152,,within,,,convcost.yaml,9,10,,,",
        f"{net}n = 1,params,,sum,,max,656,656,,656,0,1.0,640,within,,,convcost.yaml,11,27,,,",
        f"{net}n = 1/2,params,,sum,,max,656,656,,628,-28,{628 / 656},624,within,,,convcost.yaml,11,27,,,",
        f"{new},mults,,sum,,growth,2%,,,6,,,,skipped,new.yaml is new: it is not in 1a2b3c4,,convcost.yaml,6,13,,,",
    ]


COMMAND = "convcost rewrite net.yaml --to separable -o net-rewritten.yaml"
WITHIN = "The mults are within their limit."


def in_config(line, column):
    return Place("convcost.yaml", line, column)


def test_the_findings(worked):
    exceeded, warning, growth, stem, wide, _, _, _, half, new = worked.findings()
    assert replace(exceeded, fingerprint="") == Finding(
        level="error",
        rule="mults-max",
        about=WITHIN,
        subject="net.yaml",
        title="mults: 24,512, which is 4,512 above the limit of 20,000 (122.6 %)",
        message=(
            "net.yaml: mults: 24,512, which is 4,512 above the limit of 20,000 (122.6 %). "
            "The limit, max: 20k, stands in convcost.yaml:3:26. At the baseline it was 23,936. "
            "Most of it: wide 20,736 (±0), stem 2,048 (±0), head.1 1,152 (±0), head.2 576 (+576). "
            f"Phone target. What helps: separable for wide brings it to 8,672, within the limit. {COMMAND}"
        ),
        place=Place("net.yaml", 7, 5),
        related=(
            (in_config(3, 26), "max: 20k"),
            (Place("net.yaml", 5, 5), "stem: 2,048"),
            (Place("net.yaml", 9, 5), "head.1: 1,152"),
            (Place("net.yaml", 9, 5), "head.2: 576"),
        ),
        fingerprint="",
        weight=Fraction(24_512, 20_000),
    )
    assert replace(warning, fingerprint="", related=warning.related[:1]) == Finding(
        level="warning",
        rule="params-max",
        about="The params are within their limit.",
        subject="net.yaml",
        title="params: 656 of 680 (96.5 %), above warn: 95%",
        message=(
            "net.yaml: params: 656 of 680 (96.5 %), above warn: 95%. "
            "The limit, max: 680, stands in convcost.yaml:4:27. "
            "At the baseline it was 640. Most of it: wide 576 (±0), stem 32 (±0), head.1 32 (±0), head.2 16 (+16)."
        ),
        place=Place("net.yaml", 7, 5),
        related=((in_config(4, 27), "max: 680"),),
        fingerprint="",
        weight=Fraction(656, 680),
    )
    assert replace(growth, fingerprint="") == Finding(
        level="error",
        rule="mults-growth",
        about="The mults grow no more than allowed.",
        subject="net.yaml",
        title="mults, growth 2%: 24,512, grown by 2.4 % from 23,936, by 576 where 478 is allowed",
        message=(
            "net.yaml: mults, growth 2%: 24,512, grown by 2.4 % from 23,936, by 576 where 478 is allowed. "
            "The limit, growth: 2%, stands in convcost.yaml:6:13. Grew most: head.2 576 (+576). "
            f"What helps: separable for wide brings it to 8,672, within the limit. {COMMAND}"
        ),
        place=Place("net.yaml", 9, 5),
        related=((in_config(6, 13), "growth: 2%"),),
        fingerprint="",
        weight=Fraction(576, 478),
    )
    assert replace(stem, fingerprint="") == Finding(
        level="pass",
        rule="mults-max",
        about=WITHIN,
        subject="net.yaml, stem",
        title="mults of each layer: 2,048 of 5,000 (41.0 %)",
        message=(
            "net.yaml, stem: mults of each layer: 2,048 of 5,000 (41.0 %). "
            "The limit, max: 5k, stands in convcost.yaml:9:10. At the baseline it was 2,048."
        ),
        place=None,
        related=((in_config(9, 10), "max: 5k"),),
        fingerprint="",
        weight=Fraction(2048, 5000),
    )
    assert (wide.level, wide.subject, wide.place) == ("error", "net.yaml, wide", Place("net.yaml", 7, 5))
    assert (half.level, half.subject) == ("pass", "net.yaml, n = 1/2")
    assert replace(new, fingerprint="", weight=Fraction(0)) == Finding(
        level="skipped",
        rule="mults-growth",
        about="The mults grow no more than allowed.",
        subject="new.yaml",
        title="mults, growth 2%: new.yaml is new: it is not in 1a2b3c4",
        message=(
            "new.yaml: mults, growth 2%: new.yaml is new: it is not in 1a2b3c4. "
            "The limit, growth: 2%, stands in convcost.yaml:6:13."
        ),
        place=None,
        related=((in_config(6, 13), "growth: 2%"),),
        fingerprint="",
        weight=Fraction(0),
    )


def test_json(worked):
    data = json.loads(formats.render("json", [worked], Page()))
    assert {key: data[key] for key in ("ok", "strict", "config", "base", "counts", "notes")} == {
        "ok": False,
        "strict": False,
        "config": "convcost.yaml",
        "base": {"name": BASE.name, "revision": "main", "commit": BASE.commit, "file": None},
        "counts": {"within": 5, "warning": 1, "exceeded": 3, "skipped": 1},
        "notes": ["Something was done."],
    }
    verdicts = data["verdicts"]
    assert verdicts[2] == {
        "spec": "net.yaml",
        "network": "Net",
        "symbols": {},
        "metric": "mults",
        "layers": None,
        "scope": "sum",
        "layer": None,
        "kind": "growth",
        "written": "2%",
        "limit": 24_414,
        "warn_above": None,
        "actual": 24_512,
        "delta": 98,
        "used": 576 / 478,
        "base": 23_936,
        "verdict": "exceeded",
        "reason": None,
        "message": None,
        "file": "convcost.yaml",
        "line": 6,
        "column": 13,
        "accepted": None,
        "grown": 576 / 23_936,
        "costliest": [{"name": "head.2", "type": "conv", "actual": 576, "base": 0, "file": "net.yaml", "line": 9}],
        "remedy": {
            "rewrites": ["separable"],
            "layers": ["wide"],
            "reached": True,
            "value": 8_672,
            "renamed": False,
            "command": COMMAND,
            "reached_with_ends": True,
            "suggestion": None,
        },
    }
    assert [each["symbols"] for each in verdicts[-3:]] == [{"n": 1}, {"n": "1/2"}, {}]
    assert (verdicts[-1]["limit"], verdicts[-1]["used"], verdicts[-1]["remedy"]) == (None, None, None)
    totals = [
        (each["network"]["file"], each["network"]["symbols"], each["total"]["params"]) for each in data["networks"]
    ]
    assert totals == [  # once for each values, whatever number of budgets there are
        ("net.yaml", {"n": 1}, 656),
        ("net.yaml", {"n": 1}, 656),
        ("net.yaml", {"n": "1/2"}, 628),
        ("new.yaml", {}, 6),
    ]


# what is within, what is skipped, what is strict


def test_the_first_line(report):
    one = "models: net.yaml\nbudgets: [{metric: params, max: 656}]\n"
    two = "models: net.yaml\nbudgets: [{metric: params, max: 656}, {metric: params, max: 700, warn: 655}]\n"
    growth = "models: new.yaml\nbudgets: [{metric: params, growth: 0}, {metric: params, max: 6, warn: 5}]\n"
    heads = [
        (report(one), "Within budget: 1 limit"),
        (report(two), "Within budget, with 1 warning: 2 limits"),
        (report(two, strict=True), "Warnings, which fail: 1 of 2 limits"),
        (report(one, strict=True), "Within budget: 1 limit"),
        (report(two.replace("656", "655"), strict=True), "Exceeded: 1 of 2 limits"),
        (report(growth, baseline=Before()), "Within budget, with 1 warning: 1 limit; 1 skipped"),
    ]
    skipped = report("models: new.yaml\nbudgets: [{metric: params, growth: 0}]\n", baseline=Before())
    assert skipped.table().title == "Nothing could be compared: 1 limit skipped"
    assert skipped.check.ok
    for found, head in heads:
        table = found.table()
        assert table.title == head
        assert found.check.ok == head.startswith("Within")
        assert table.subtitle[0].startswith("budgets of convcost.yaml")


def test_a_limit_that_is_all_used_and_one_of_nothing(report):
    assert rows(report("models: new.yaml\nbudgets: [{metric: params, max: 6}, {metric: buffers, max: 0}]\n")) == [
        ["new.yaml", "", "", "", "", ""],
        ["  params", "6", "6", "0", "100.0", "✓ within"],
        ["  buffers", "0", "0", "0", "", "✓ within"],
    ]
    (row,) = rows(report("models: new.yaml\nbudgets: [{metric: params, max: 0}]\n"))[1:]
    assert row == ["  params", "0", "6", "−6", "", "✗ exceeded"]
    (row,) = rows(report("models: new.yaml\nbudgets: [{metric: params, max: 5}]\n"))[1:]
    assert row == ["  params", "5", "6", "−1", "120.0", "✗ exceeded"]
    (finding,) = report("models: new.yaml\nbudgets: [{metric: params, max: 0}]\n").findings()
    assert (finding.title, finding.weight) == ("params: 6, which is 6 above the limit of 0", 6)


@pytest.mark.parametrize(
    ("limit", "warn", "told"),
    [
        # 6 / 5 = 120 %, 6 / 7 = 85.71428… %, 6 / 8 = 75 %
        ("5", "", "120.0"),
        ("7", "", "85.7"),
        ("8", "", "75.0"),
        ("7", ", warn: 85.71428%", "85.71429"),
        ("8", ", warn: 75%", "75.0"),
        ("8", ", warn: 74.96%", "75.00"),  # 74.96
        ("6", "", "100.0"),
        ("6_000_001", "", "0.0"),
    ],
)
def test_a_share_has_the_decimals_that_tell_it_from_its_marks(limit, warn, told, report):
    row = rows(report(f"models: new.yaml\nbudgets: [{{metric: params, max: {limit}{warn}}}]\n"))[1]
    assert row[-2] == told


LAYER = (
    "  - conv: {out_channels: 1, kernel_size: 2, padding: 1, bias: false}\n"  # from n places n + 1: 2 · (n + 1) mults
)


@pytest.mark.parametrize(("number", "told", "left"), [(20, [*range(1, 21)], ""), (25, [*range(25, 5, -1)], "5")])
def test_of_many_layers_the_worst_twenty_are_told(number, told, left, report):
    Path("net.yaml").write_text("input: [1, 9]\nlayers:\n" + LAYER * number)
    found = report("models: net.yaml\nbudgets: [{metric: mults, scope: each, max: 1}]\n")
    (heading, *each) = rows(found)[1:]
    more = [[f"    … {left} more that are not within it", *[""] * 5]] if left else []
    assert heading == ["  mults of each layer", *[""] * 5]
    assert each == [
        *(
            [f"    conv_{k}", "1", str(2 * (9 + k)), f"−{2 * (9 + k) - 1}", f"{200 * (9 + k):,}.0", "✗ exceeded"]
            for k in told
        ),
        *more,
    ]
    assert widths(found.table()) == {7}
    (explained,) = found.table().more  # the worst
    assert [row.cells[0] for row in explained.rows] == [f"conv_{number}"]


def test_of_many_layers_that_are_skipped_twenty_are_told(report):
    Path("new.yaml").write_text("input: [1, 9]\nlayers:\n" + LAYER * 25)
    found = report("models: new.yaml\nbudgets: [{metric: mults, scope: each, growth: 1}]\n", baseline=Before())
    assert [row[0] for row in rows(found)[2:]] == [
        *(f"    conv_{number}" for number in range(1, 21)),
        "    … 5 more that are not within it",
    ]
    assert found.table().rows[-1].weight == "quiet"


def test_growth_that_is_none(report):
    Path("before.yaml").write_text(NET)
    Path("net.yaml").write_text(NET.replace("    repeat: 2\n", ""))
    text = (
        "models: net.yaml\n"
        "budgets: [{metric: params, growth: 10%}, {metric: buffers, growth: 0}, {metric: buffers, growth: 5}]\n"
    )
    found = report(text, baseline=Before())
    # 656 − 16 = 640; 16 / 656 = 2.44 %
    assert rows(found)[1:] == [
        ["  params, growth 10%", "721", "656", "640", "81", "−2.4", "✓ within"],
        ["  buffers, growth 0", "0", "0", "0", "0", "", "✓ within"],
        ["  buffers, growth 5", "5", "0", "0", "5", "", "✓ within"],
    ]
    assert [finding.title for finding in found.findings()] == [
        "params, growth 10%: 640, shrunk by 2.4 % from 656, by 16",
        "buffers, growth 0: 0, as before, where 0 is allowed",
        "buffers, growth 5: 0, as before, where 5 is allowed",
    ]


def test_the_fullest_is_what_uses_most_of_its_growth(report):
    layers = "input: [10]\nlayers:\n  - {{linear: {{out_features: {}, bias: false}}, name: a}}\n"
    layers += "  - {{linear: {{out_features: {}, bias: false}}, name: b}}\n"
    Path("before.yaml").write_text(layers.format(10, 100))
    Path("net.yaml").write_text(layers.format(11, 100))
    found = report("models: net.yaml\nbudgets: [{metric: params, scope: each, growth: 20%}]\n", baseline=Before())
    # a: 100 became 110 and b 1,000, as 11 reach it, 1,100: each half of what is allowed; b is more
    assert [row[0] for row in rows(found)[2:]] == ["    b and 1 other"]
    found = report("models: net.yaml\nbudgets: [{metric: params, scope: each, growth: 105}]\n", baseline=Before())
    assert [row[0] for row in rows(found)[2:]] == ["    b and 1 other"]
    Path("net.yaml").write_text(layers.format(11, 91))  # 1,001: a thousandth more
    found = report("models: net.yaml\nbudgets: [{metric: params, scope: each, growth: 20%}]\n", baseline=Before())
    assert [row[0] for row in rows(found)[2:]] == ["    a and 1 other"]


def test_growth_and_what_is_allowed_never_print_alike(report):
    wide = "input: [10000]\nlayers: [{{linear: {{out_features: {}, bias: false}}}}]\n"
    Path("before.yaml").write_text(wide.format(1_000))
    Path("net.yaml").write_text(wide.format(1_001))
    # 10,010,000 of 10,000,000 is 0.1 %; 9,999 of 10,000,000 is 0.09999 %
    found = report("models: net.yaml\nbudgets: [{metric: params, growth: 9_999}]\n", baseline=Before())
    assert rows(found)[1:] == [
        ["  params, growth 9_999", "10,009,999", "10,000,000", "10,010,000", "−1", "+0.10000", "✗ exceeded"]
    ]
    assert found.findings()[0].title == (
        "params, growth 9_999: 10,010,000, grown by 0.10000 % from 10,000,000, by 10,000 where 9,999 is allowed"
    )


def test_growth_against_totals_only(report):
    class Totals(Before):
        def past(self, spec, network, settings, dtype=()):
            return replace(super().past(spec, network, settings), whole=False)

    found = report("models: net.yaml\nbudgets: [{metric: params, growth: 0}]\n", baseline=Totals())
    (table,) = found.table().more
    assert [column.title for column in table.columns] == ["Costs most", "Type", "Params", "%", "Where"]
    assert [row.cells[0] for row in table.rows] == ["wide", "stem", "head.1", "head.2"]
    assert table.code[-1].endswith("^ what it may grow by; it has grown by 16, +2.5 %")  # 656 of 640
    (finding,) = found.findings()
    assert "Most of it: wide 576, stem 32, head.1 32, head.2 16." in finding.message


def test_what_a_limit_is_for(report):
    budgets = [
        "{metric: ops_mul, max: 1M}",
        "{metric: mults, max: 1M, layers: head}",
        "{metric: useful_mults, max: 1M, layers: head, scope: each}",
        "{metric: mults, max: 1M, layers: stem, scope: each}",
        "{metric: mults, max: 1M, set: {n: 2}, layers: wide}",
        "{metric: mults, growth: 5M, layers: stem, scope: each}",
    ]
    text = "models: net.yaml\nbudgets:\n" + "".join(f"  - {budget}\n" for budget in budgets)
    found = report(text, baseline=Before())
    assert [record["layers"] for record in found.records()] == [None, "head", "head", "head", "stem", "wide", "stem"]
    assert [row[0] for row in rows(found)] == [
        "net.yaml",
        "  ops mul",
        "  mults of head",
        "  useful mults of each layer of head",
        "    head.1 and 1 other",
        "  mults of each layer of stem",
        "    stem",
        "  mults of wide, n = 2",
        "  mults of each layer of stem, growth 5M",
        "    stem",
    ]


def test_specs_of_one_name_have_rows_of_their_own():
    few, many = ({"input": [3], "layers": [{"linear": {"out_features": size, "bias": False}}]} for size in (1, 2))
    check = convcost.check(few, many, max={"params": 3})
    assert rows(CheckReport(check)) == [
        ["<mapping>", "", "", "", "", ""],
        ["  params", "3", "3", "0", "100.0", "✓ within"],
        ["  params", "3", "6", "−3", "200.0", "✗ exceeded"],
    ]
    assert [each["total"]["params"] for each in as_dict(CheckReport(check).data())["networks"]] == [3, 6]


def test_each_new_layer_is_skipped_in_a_row_and_a_reason_told_once(report):
    budgets = "[{metric: mults, scope: each, growth: 0}, {metric: params, scope: each, growth: 0}]"
    found = report(f"models: net.yaml\nbudgets: {budgets}\n", baseline=Before())
    assert [[row[0], row[-1]] for row in rows(found)[1:]] == [
        ["  mults of each layer, growth 0", ""],
        ["    head.2", "– skipped"],
        ["    wide and 2 others", "✓ within"],
        ["  params of each layer, growth 0", ""],
        ["    head.2", "– skipped"],
        ["    wide and 2 others", "✓ within"],
    ]
    assert found.table().footer == ("Skipped: the layer is new.",)


def test_truth_values_are_spelled_as_in_specs(report):
    Path("net.yaml").write_text("symbols: {b: true}\ninput: [3]\nlayers: [{linear: {out_features: 2, bias: b}}]\n")
    found = report("models: net.yaml\nbudgets: [{metric: params, max: 7, set: {b: [true, false]}}]\n")
    assert [row[0] for row in rows(found)[1:]] == ["  params, b = true", "  params, b = false"]
    assert [each["symbols"] for each in as_dict(found.data())["verdicts"]] == [{"b": True}, {"b": False}]
    assert [finding.subject for finding in found.findings()] == ["net.yaml, b = true", "net.yaml, b = false"]


# what would help


def test_what_helps_most_and_what_nothing_helps(report):
    most = "models: [net.yaml, new.yaml]\nbudgets: [{metric: params, max: 5}]\n"
    found = report(most)
    net, new = found.table().more
    remedy = found.check.verdicts[0].remedy
    names, value = " and ".join(remedy.rewrites), remedy.value
    assert not remedy.reached
    layers = ", ".join(remedy.layers)
    assert "stem" not in layers  # which is the first
    left = f"{value:,}, still {value - 5:,} above the limit"
    assert net.footer == (f"What helps most: {names} for {layers} brings it to {left}.",)
    assert new.footer == ("No rewrite that convcost tries makes this less; the first and the last layer are spared.",)
    (_, each) = (
        report("models: [net.yaml, new.yaml]\nbudgets: [{metric: params, max: 5, scope: each}]\n").table().more[-2:]
    )
    assert each.footer == ()
    (_, warned) = report("models: [net.yaml, new.yaml]\nbudgets: [{metric: params, max: 6, warn: 1}]\n").table().more
    assert warned.footer == ()


def test_what_helps_names_three_layers(report):
    items = [f"  - conv: {{out_channels: 8, kernel_size: 3, bias: false}}\n    name: m{k}\n" for k in range(6)]
    Path("net.yaml").write_text("input: [8, 32, 32]\nlayers:\n" + "".join(items))
    # 576 products at 30², 28², …, 20² places in all; separable 8 · 9 + 8 · 8 = 136
    sizes = [side * side for side in range(30, 19, -2)]
    told = {1: "m1", 2: "m1, m2", 3: "m1, m2, m3", 4: "m1, m2, m3 and 1 more"}
    for number, names in told.items():
        left = 576 * sum(sizes) - 440 * sum(sizes[1 : 1 + number])
        (table,) = report(f"models: net.yaml\nbudgets: [{{metric: mults, max: {left}}}]\n").table().more
        assert table.footer == (f"What helps: separable for {names} brings it to {left:,}, within the limit.",)


def test_a_pattern_that_must_follow_its_layers(report):
    Path("net.yaml").write_text("input: [8, 9, 9]\nlayers:\n" + "  - conv: {out_channels: 8, kernel_size: 3}\n" * 3)
    text = "models: net.yaml\nbudgets: [{metric: mults, max: 10k, layers: conv_2}]\n"
    (table,) = report(text).table().more
    assert table.footer[1:] == ("Layers get other names by that: 'conv_2' must follow them.",)


def test_a_long_command_is_told_in_json_only(report):
    found = report("models: net.yaml\nbudgets: [{metric: mults, max: 20k}]\n")
    (verdict,) = found.check.verdicts
    for length in 1_000, 1_001:
        told = replace(verdict, remedy=replace(verdict.remedy, command="x" * length))
        long = CheckReport(Check((told,)))
        (table,) = long.table().more
        assert table.commands == (("x" * length,) if length == 1_000 else ())
        assert table.footer[1:] == (() if length == 1_000 else ("The command is long: -o json tells it.",))
        assert long.findings()[0].message.endswith(" " + "x" * 1_000) == (length == 1_000)
        assert as_dict(long.data())["verdicts"][0]["remedy"]["command"] == "x" * length


def test_a_message_ends_as_a_sentence(report):
    for message, told in ("Too much", "Too much. No"), ("Too much!", "Too much! No"), ("Why?", "Why? No"):
        text = f'models: new.yaml\nbudgets: [{{metric: params, max: 5, message: "{message}"}}]\n'
        (finding,) = report(text).findings()
        assert finding.message.endswith(
            f"{told} rewrite that convcost tries makes this less; the first and the last layer are spared."
        )


# programs


def test_a_check_shows_itself(report):
    bad = report("models: new.yaml\nbudgets: [{metric: params, max: 5}, {metric: mults, max: 7, warn: 5}]\n").check
    shown = Check(bad.verdicts, bad.config)
    assert repr(shown) == (
        "<Check: Exceeded: 1 of 2 limits; new.yaml: params: 6, which is 1 above the limit of 5 (120.0 %); "
        "new.yaml: mults: 6 of 7 (85.7 %), above warn: 5>"
    )
    assert str(shown) == formats.render("table", [CheckReport(bad)], Page())


def test_a_check_without_files_tells_none():
    conv = {"conv": {"out_channels": 8, "kernel_size": 3, "bias": False}}
    spec = {"input": [8, 8, 8], "layers": [conv, conv, conv]}
    found = CheckReport(convcost.check(spec, max={"ops_mul": 0, "params": 1728}))
    # 576 products at each of 6 · 6, 4 · 4 and 2 · 2 places
    head, params = found.findings()
    assert (head.place, head.related, head.rule) == (None, (), "ops-mul-max")
    assert head.about == "The ops mul are within their limit."
    assert head.message.startswith(
        "<mapping>: ops mul: 32,256, which is 32,256 above the limit of 0. "
        "Most of it: conv_1 20,736, conv_2 9,216, conv_3 2,304. What helps most: "
    )
    assert params.message == "<mapping>: params: 1,728 of 1,728 (100.0 %)."
    table = found.table()
    assert table.subtitle == ()
    (causes,) = table.more
    remedy = found.check.verdicts[0].remedy
    assert (causes.code, causes.commands) == ((), ())
    assert causes.footer[0].endswith(f"brings it to {remedy.value:,}, still {remedy.value:,} above the limit.")
    data = as_dict(found.data())
    assert data["notes"] == []
    assert (data["config"], data["base"], data["networks"][0]["network"]["name"]) == (None, None, None)
    verdict = data["verdicts"][0]
    nothing = ["network", "layers", "layer", "used", "base", "message", "reason", "file", "line", "column"]
    assert [verdict[name] for name in nothing] == [None] * len(nothing)
    assert verdict["remedy"]["command"] is None
    assert found.records()[0]["symbols"] is None


def test_warnings_say_above_what(report):
    text = "models: new.yaml\nbudgets: [{metric: params, max: 10, warn: 50%}, {metric: params, max: 10, warn: 60%}]\n"
    found = report(text)
    assert [finding.title for finding in found.findings()] == [
        "params: 6 of 10 (60.0 %), above warn: 50%",
        "params: 6 of 10 (60.0 %)",
    ]
    assert [finding.level for finding in report(text, strict=True).findings()] == ["error", "pass"]
    assert found.table().more[0].code[-1].endswith("^ the limit; 6 is 60.0 %, above warn: 50%")


def test_a_message_of_several_lines_has_as_many(report):
    text = 'models: new.yaml\nbudgets: [{metric: params, max: 5, message: "one\\n\\n \\ntwo"}]\n'
    (table,) = report(text).table().more
    assert table.footer[:2] == ("one", "two")


def test_a_limit_of_nothing_has_a_frame(report):
    (table,) = report("models: new.yaml\nbudgets: [{metric: params, max: 0}]\n").table().more
    assert table.code[-1].endswith("^ the limit")


def test_a_fingerprint_is_that_of_the_limit_and_its_subject(report):
    def prints(text, *specs):
        return [finding.fingerprint for finding in report(text, *specs).findings()]

    one = "{metric: mults, max: 20k}"
    others = [
        "{metric: mults, max: 20k}",  # told apart by the order only
        "{metric: adds, max: 20k}",
        "{metric: mults, max: 30k, layers: head}",
        "{metric: mults, max: 30k, layers: head, scope: each}",
        "{metric: mults, max: 30k, set: {n: [1, 2]}, models: net.yaml}",
    ]
    budgets = "models: [net.yaml, new.yaml]\nbudgets:\n  - {}\n".replace("{}", "\n  - ".join([one, *others]))
    found = prints(budgets, "net.yaml", "new.yaml")
    assert len(set(found)) == len(found)
    assert all(set(each) <= set("0123456789abcdef") for each in found)
    Path("net.yaml").write_text(NET + "budget: {mults: 1}\n")
    own, same, *_ = prints(budgets, "net.yaml", "new.yaml")
    assert own not in found
    assert same == found[0]
    changed = f"# a line\nbudgets: [{others[1]}, {one.replace('20k', '99k')}]\nmodels: net.yaml\n"
    Path("net.yaml").write_text("# a line\n" + NET.replace("4 * n", "6 * n"))
    assert prints(changed) == [found[2], found[0]]


# the smallest value allowed


def test_a_min_in_the_table(report):
    text = "models: net.yaml\nbudgets: [{metric: params, min: 657}, {metric: params, min: 656, max: 1k}]\n"
    found = report(text)
    assert rows(found)[1:] == [
        ["  params, at least", "657", "656", "−1", "", "✗ exceeded"],
        ["  params", "1,000", "656", "344", "65.6", "✓ within"],
        ["  params, at least", "656", "656", "0", "", "✓ within"],
    ]
    short, _, kept = found.findings()
    assert (short.rule, short.about) == ("params-min", "The params are no fewer than allowed.")
    assert short.title == "params, at least: 656, which is 1 below the smallest allowed, 657"
    assert kept.title == "params, at least: 656, which keeps the smallest allowed, 656"
    (table,) = found.table().more
    assert table.code == (
        " --> convcost.yaml:2:33, budgets[0]",
        "  |",
        "2 | budgets: [{metric: params, min: 657}, {metric: params, min: 656, max: 1k}]",
        "  |                                 ^ the smallest allowed; it is 656",
    )
    assert (table.footer, table.commands) == ((), ())  # no rewrite that saves something helps


# growth that was accepted


def test_accepted_growth_in_the_table(report):
    entry = "{model: net.yaml, from: 640, to: 650}"
    text = f"models: net.yaml\nbudgets: [{{metric: params, growth: 5, accepted: [{entry}]}}]\n"
    found = report(text, baseline=Before())
    # 650 + 5 = 655, and 656 are there; 6 / 650 = 0.92 %
    assert rows(found)[1:] == [
        ["  params, growth 5 over the accepted 650", "655", "640", "656", "−1", "+0.9", "✗ exceeded"]
    ]
    assert found.findings()[0].title == (
        "params, growth 5 over the accepted 650: 656, grown by 0.9 % from the accepted 650, by 6 where 5 is allowed"
    )
