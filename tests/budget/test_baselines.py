"""What networks cost at the baseline: read at a commit and counted again, or told by an earlier report."""

from __future__ import annotations

import json
import os
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

import convcost
from convcost.budget import baselines
from convcost.budget.baselines import Lacking, Past
from convcost.budget.report import CheckReport
from convcost.budget.verdicts import Check
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis
from convcost.cost.report import AnalysisReport
from convcost.errors import BaselineError
from convcost.metrics import METRICS
from convcost.network import Network, Tensor
from convcost.ops import Cost, Ledger
from convcost.reports import formats
from convcost.reports.table import Page
from convcost.spec import Spec, tree
from convcost.spec.source import read


def past(baseline, spec, **settings):
    """Return what a spec cost at a baseline."""
    return baseline.past(spec, network(spec, **settings), settings)


def network(spec, **settings):
    """Return the network that a spec describes now."""
    return Spec(read(spec)).network(settings)


def told(call, *arguments):
    """Return what is wrong with a baseline."""
    with pytest.raises(BaselineError) as caught:
        call(*arguments)
    return caught.value.text()


# at a revision


@pytest.fixture
def commit(folder, monkeypatch):
    """Return a function that commits all files, in a new repository, and gives the first digits of the hash."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def git(*words):
        options = ["-c", "init.defaultBranch=main", "-c", "user.name=n", "-c", "user.email=n@example.org"]
        done = subprocess.run(
            ["git", *options, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    def commit():
        git("add", "--all")
        git("commit", "--allow-empty", "--message", "changed")
        return git("rev-parse", "HEAD")[:7]

    git("init")
    return commit


def rewrite(old, new, name="net.yaml"):
    """Change the text of a file."""
    text = Path(name).read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new))


def test_a_spec_is_counted_as_it_was(commit):
    base = commit()
    rewrite("out_channels: 8", "out_channels: 80")
    baseline = baselines.from_revision("HEAD", ["net.yaml"])
    found = past(baseline, "net.yaml")
    # as beside the spec; 8 · 16 + 4 · 16 + 4 · 16 + 4 · 16 values
    assert found.total == Cost(params=336, ops=Ledger(mul=5376, add=5376, cmp=64), macs=5376, useful_mults=5376)
    assert found.numbers.value("output_values") == 320
    assert [(layer.name, layer.cost.params, layer.cost.mults, layer.line) for layer in found.layers] == [
        ("first", 288, 4608, 6),
        ("second.1", 32, 512, 8),
        ("second.2", 16, 256, 8),
        ("relu_1", 0, 0, 11),
    ]
    assert (found.name, found.whole, found.numbers.network.file) == (f"{base}:net.yaml", True, f"{base}:net.yaml")
    commit = baseline.base.commit
    assert (baseline.base, commit[:7]) == (Base(f"{base} (HEAD)", "HEAD", commit), base)
    assert len(commit) == 40


def test_a_spec_is_counted_at_the_values_that_are_asked_for_and_read_once(commit, monkeypatch):
    commit()
    baseline = baselines.from_revision("HEAD", ["net.yaml"])
    networks = {value: network("net.yaml", n=value) for value in (1, 2, 3)}
    parse, parsed = tree.parse, []
    monkeypatch.setattr(tree, "parse", lambda errors: parsed.append(errors.source.file) or parse(errors))
    # 288 + 8 · 2n + 2n · 2n
    params = [baseline.past("net.yaml", each, {"n": value}).total.params for value, each in networks.items()]
    assert params == [288 + 16 + 4, 288 + 32 + 16, 288 + 48 + 36]
    assert len(parsed) == 1


def test_a_renamed_spec_is_counted_under_its_old_name(commit):
    base = commit()
    Path("net.yaml").rename("other.yaml")
    commit()
    found = past(baselines.from_revision("HEAD~1", ["other.yaml"]), "other.yaml")
    assert (found.name, found.total.params) == (f"{base}:net.yaml", 336)


def test_a_spec_in_another_folder_than_the_current_one(commit, folder, monkeypatch, tmp_path_factory):
    commit()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    spec = str(folder / "net.yaml")
    assert past(baselines.from_revision("HEAD", [spec]), spec).total.params == 336


def test_a_new_spec_has_no_past(commit):
    base = commit()
    Path("a\x1bb\n.yaml").write_text(Path("net.yaml").read_text())
    Path("new.yaml").write_text(Path("net.yaml").read_text())
    baseline = baselines.from_revision("HEAD", ["new.yaml", "net.yaml", "a\x1bb\n.yaml"])
    assert past(baseline, "new.yaml") == Lacking(f"new.yaml is new: it is not in {base} (HEAD)")
    assert past(baseline, "a\x1bb\n.yaml") == Lacking(f"a\\x1bb\\n.yaml is new: it is not in {base} (HEAD)")
    assert isinstance(past(baseline, "net.yaml"), Past)


@pytest.mark.parametrize(
    ("before", "errors", "message", "place"),
    [
        ("input: [3]\nlayers:\n  - linear: {}\n  - linear: {}\n", "2 errors", "linear needs out_features", "3:5"),
        ("input: [3]\nlayers: [relu, a, b]\n", "2 errors", "there is no layer type or block 'a'", "2:16"),
        (
            f"layers: [{', '.join(map('x{}'.format, range(200)))}]\n",
            "100 or more errors",
            "a spec needs an input",
            "1:1",
        ),
        (f"input: [3]\nlayers: [{'n' * 300}]\n", "an error", f"there is no layer type or block '{'n' * 166}…", "2:10"),
        ("", "an error", "the spec is empty", "1:1"),
        ("a: [\n", "an error", "this is not YAML", "1:5"),
        (b"name: caf\xe9\n", "an error", "it is not UTF-8", "1:10"),
        (b"\x89PNG\r\n", "an error", "it is not UTF-8", "1:1"),
    ],
)
def test_a_spec_with_faults_at_the_baseline_has_no_past(before, errors, message, place, commit):
    now = Path("net.yaml").read_text()
    Path("net.yaml").write_bytes(before if isinstance(before, bytes) else before.encode())
    base = commit()
    Path("net.yaml").write_text(now)
    found = past(baselines.from_revision("HEAD", ["net.yaml"]), "net.yaml")
    first = "" if errors == "an error" else ", the first"
    assert found == Lacking(f"net.yaml has {errors} in {base} (HEAD){first}: {message} ({base}:net.yaml:{place})")


@pytest.mark.parametrize(
    ("before", "settings", "reason"),
    [
        ("  m: 2\n", {"n": 4}, "{base}:net.yaml has no symbol 'n'"),
        ("  n: {value: 3, multiple_of: 3}\n", {"n": 4}, "n must be a multiple of 3 (n=4)"),
        ("  n: {value: 4, multiple_of: 1/2}\n", {"n": "9/4"}, "n must be a multiple of 0.5 (n=9/4)"),
    ],
)
def test_values_that_a_spec_did_not_take_at_the_baseline(before, settings, reason, commit):
    now = Path("net.yaml").read_text().replace("2 * n", "4 * n")
    Path("net.yaml").write_text(now.replace("  n: 2\n", before).replace("4 * n", "4"))
    base = commit()
    Path("net.yaml").write_text(now)
    found = past(baselines.from_revision("HEAD", ["net.yaml"]), "net.yaml", **settings)
    assert found == Lacking(f"net.yaml takes no such values in {base} (HEAD): {reason.format(base=base)}")


def test_a_symbol_that_had_no_value(commit):
    rewrite("n: 2", "n:")
    base = commit()
    rewrite("n:\n", "n: 2\n")
    baseline = baselines.from_revision("HEAD", ["net.yaml"])
    assert past(baseline, "net.yaml") == Lacking(
        f"net.yaml has an error in {base} (HEAD): the symbol 'n' has no value ({base}:net.yaml:3:3)"
    )
    assert past(baseline, "net.yaml", n=1).total.params == 308


def test_what_is_no_file_of_the_repository_has_no_past_in_it(commit, monkeypatch):
    commit()
    report = "or give a report made earlier: --baseline REPORT.json"
    help = f" = help: give the path of a file in the repository, {report}"
    some = baselines.from_revision("HEAD", ["net.yaml", "-", "mobilenet_v1"])
    for spec, whose in ("-", "standard input"), ("mobilenet_v1", "mobilenet_v1, which convcost ships,"):
        assert told(some.past, spec, network("net.yaml"), {}) == f"error: {whose} has no past in a repository\n{help}"
    Path("mobilenet_v1").write_text(Path("net.yaml").read_text())  # a file of that name is one
    assert past(baselines.from_revision("HEAD", ["mobilenet_v1"]), "mobilenet_v1").reason.startswith(
        "mobilenet_v1 is new"
    )
    baseline = baselines.from_revision("HEAD", ["net.yaml"])
    assert told(baseline.past, "<mapping>", network("net.yaml"), {}) == (
        f"error: a mapping has no past in a repository\n{help}"
    )


def test_a_spec_that_is_missing_is_told_where_it_is_read(commit):
    commit()
    baselines.from_revision("HEAD", ["nowhere/none.yaml", "none.yaml"])
    with pytest.raises(convcost.SpecError, match=r"there is no file and no shipped spec 'none\.yaml'"):
        convcost.check("none.yaml", max={"params": 1}, base="HEAD")


def test_growth_against_a_revision_in_a_program(commit):
    base = commit()
    rewrite("n: 2", "n: 3")  # 372 params instead of 336
    Path("convcost.yaml").write_text(
        "models: net.yaml\nbudgets: [{metric: params, growth: 36}, {metric: params, growth: 35}]\n"
    )
    checked = convcost.check(base="HEAD")
    assert [(each.base, each.limit, each.actual, each.status) for each in checked.verdicts] == [
        (336, 372, 372, "within"),
        (336, 371, 372, "exceeded"),
    ]
    assert checked.base.name == f"{base} (HEAD)"


# of a report


TINY = "input: [3]\nlayers:\n  - linear: {out_features: 2}\n    name: head\n"
# 3 · 2 + 2 = 8 params, 6 multiplications, 6 additions, 2 values


def tiny(**changes):
    """Return what a report says of the tiny network, other at places like `total__params`: `...` is nothing there."""
    numbers = {"activations": 2, "params": 8, "buffers": 0, "mults": 6, "adds": 6, "macs": 6, "flops": 12}
    numbers |= {"useful_mults": 6, "ops": {"mul": 6, "add": 6}}
    report = {
        "schema_version": 1,
        "network": {"name": None, "file": "tiny.yaml", "source": None, "symbols": {}, "input_shape": [3]},
        "convention": {"batch": 1, "fold": True},
        "layers": [
            {"name": "head", "type": "linear", "file": "tiny.yaml", "line": 3, "input_shape": [3], "output_shape": [2]}
            | numbers
        ],
        "total": dict(numbers, ops=dict(numbers["ops"])),
    }
    for path, value in changes.items():
        *parents, key = [int(part) if part.isdecimal() else part for part in path.split("__")]
        place = report
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[key]
        else:
            place[key] = value
    return report


@pytest.fixture
def report(folder):
    """Return a function that writes a report and gives the baseline that it is."""
    Path("tiny.yaml").write_text(TINY)

    def report(*entries, name="cost.json"):
        text = entries[0] if len(entries) == 1 and isinstance(entries[0], str) else None
        data = entries[0] if len(entries) == 1 else entries
        Path(name).write_text(json.dumps(data) if text is None else text)
        return baselines.from_report(name)

    return report


def analysed(*specs, **options):
    """Return the JSON report of networks at some values."""
    reports = [AnalysisReport.of(Analysis.of(network(spec, **settings)), **options) for spec, settings in specs]
    return formats.render("json", reports, Page())


def test_a_report_tells_what_a_network_cost(report):
    found = past(report(tiny()), "tiny.yaml")
    assert (found.name, found.whole) == ("cost.json: tiny.yaml", True)
    assert found.total == Cost(params=8, ops=Ledger(mul=6, add=6), macs=6, useful_mults=6)
    (layer,) = found.layers
    assert (layer.name, layer.path, layer.type, layer.line) == ("head", ("head",), "linear", 3)
    assert (layer.input_shapes, layer.output_shape) == (((3,),), (2,))
    assert (layer.output_values, layer.cost, layer.ratio, layer.notes) == (2, found.total, None, ())
    assert report(tiny()).base == Base("cost.json", file="cost.json")


@pytest.mark.parametrize("spec", ["net.yaml", "mobilenet_v3_large", "densenet121", "examples/worked_standard"])
def test_what_analyze_wrote_is_read_again(spec, report):
    """Every number of every layer, and what it is recognised by."""
    now = Analysis.of(network(spec))
    for text in analysed((spec, {})), analysed((spec, {}), ("tiny.yaml", {})), analysed((spec, {}), sort="name"):
        found = past(report(text), spec)
        assert (found.total, found.whole) == (now.total, True)
        layers = {layer.name: layer for layer in found.layers}
        for metric in [
            name for name in METRICS if METRICS[name].standard or name.startswith("ops_")
        ]:  # which reports tell where they are asked for
            assert found.numbers.value(metric) == now.value(metric)
            before, after = dict(zip(layers, found.numbers.values(metric), strict=True)), now.values(metric)
            assert [before[layer.name] for layer in now.layers] == after
        for layer in now.layers:
            before = layers.pop(layer.name)
            for name in "path", "type", "line", "input_shapes", "output_shape":
                assert getattr(before, name) == getattr(layer, name)
        assert not layers


def test_what_check_wrote_is_read_again(report):
    checked = convcost.check("net.yaml", "tiny.yaml", max={"params": "1k"})
    text = formats.render("json", [CheckReport(Check(checked.verdicts))], Page())
    baseline = report(text)
    assert [past(baseline, spec).total.params for spec in ("net.yaml", "tiny.yaml")] == [336, 8]


@pytest.mark.parametrize("options", [{"depth": 1}, {"top": 1}, {"top": 1, "depth": 1}])
def test_rows_of_several_layers_serve_totals_only(options, report):
    block = "blocks: {b: {layers: [relu, relu]}}\ninput: [3]\nlayers: [b, b]\n"
    Path("two.yaml").write_text(block)
    found = past(report(analysed(("two.yaml", {}), **options)), "two.yaml")
    assert (found.whole, found.numbers.value("output_values"), found.total.ops) == (False, 12, Ledger(cmp=12))


def test_keys_that_are_not_needed_may_be_missing_and_others_may_be_there(report):
    entry = tiny(network__source=..., network__input_shape=..., layers__0__file=..., extra=1, layers__0__new=[{}])
    assert past(report(entry), "tiny.yaml").total.params == 8


def test_numbers_beyond_64_bits_are_exact(report):
    many = 2**64 + 1
    changes = {f"{place}__{key}": many for place in ("layers__0", "total") for key in ("mults", "ops__mul", "macs")}
    flops = {f"{place}__flops": many + 6 for place in ("layers__0", "total")}
    found = past(report(tiny(**changes, **flops)), "tiny.yaml")
    assert (found.total.mults, found.total.macs, found.layers[0].cost.flops) == (many, many, many + 6)


# which network of a report it is


def test_a_network_is_found_by_its_file(report, folder, monkeypatch):
    entries = [tiny(), tiny(network__file="nets/a.yaml", network__name="a"), tiny(network__file="nets/b.yaml")]
    baseline = report(*entries)
    Path("nets").mkdir()
    for name in "a.yaml", "b.yaml":
        Path("nets", name).write_text(f"name: tiny\n{TINY}")
    for spec in "nets/a.yaml", "./nets/a.yaml", "nets/../nets/a.yaml", str(folder / "nets/a.yaml"):
        assert past(baseline, spec).name == "cost.json: nets/a.yaml"
    assert past(baseline, "nets/b.yaml").name == "cost.json: nets/b.yaml"
    assert past(report(tiny(network__file=str(folder / "tiny.yaml"))), "tiny.yaml").total.params == 8


def test_a_network_that_is_not_in_the_report_is_new(report):
    Path("new\n.yaml").write_text(TINY)
    assert past(report(tiny()), "new\n.yaml") == Lacking("new\\n.yaml is new: it is not in cost.json")


def test_a_network_is_found_by_its_name_where_no_file_says_more(report):
    Path("a.yaml").write_text(f"name: net of mine\n{TINY}")
    named = {"network__name": "net of mine"}
    new = Lacking("a.yaml is new: it is not in cost.json")
    for entries, name in [
        ([tiny(**named, network__file=None)], "net of mine"),
        ([tiny(**named, network__file="<stdin>")], "<stdin>"),
        ([tiny(**named, network__file="gone.yaml"), tiny()], "gone.yaml"),  # renamed, or from another folder
        ([tiny(**named), tiny(network__file="a.yaml")], "a.yaml"),
    ]:
        assert past(report(*entries), "a.yaml").name == f"cost.json: {name}"
    assert past(report(tiny(**named)), "a.yaml") == new  # tiny.yaml is another file, and still there
    assert past(report(tiny(**named, network__file="x.yaml"), tiny(**named, network__file="y.yaml")), "a.yaml") == new


def test_a_network_that_is_from_no_file(report):
    named = Network("net of mine", "<stdin>", "", {}, (Tensor((3,)),), ())
    unnamed = Network("", "<mapping>", "", {}, (Tensor((3,)),), ())
    entries = [tiny(network__name="net of mine"), tiny(network__file="<mapping>"), tiny(network__file=None)]
    baseline = report(*entries)
    assert baseline.past("-", named, {}).name == "cost.json: tiny.yaml"
    assert baseline.past("<mapping>", unnamed, {}).name == "cost.json: <mapping>"
    assert report(tiny()).past("<mapping>", unnamed, {}) == Lacking("<mapping> is new: it is not in cost.json")


def test_a_shipped_network_of_another_installation(report):
    now = network("mobilenet_v1")
    text = analysed(("mobilenet_v1", {})).replace(json.dumps(now.file), '"/elsewhere/specs/mobilenet_v1.yaml"')
    assert past(report(text), "mobilenet_v1").total.params == Analysis.of(now).total.params


# at which values


def test_a_network_is_found_at_its_values(report):
    """288 + 8 · 2n + 2n · 2n params."""
    values = [1, "3/2", 2]
    baseline = report(analysed(*(("net.yaml", {"n": value}) for value in values)))
    assert [past(baseline, "net.yaml", n=value).total.params for value in values] == [308, 288 + 24 + 9, 336]
    assert past(baseline, "net.yaml").total.params == 336  # the default
    assert past(baseline, "net.yaml", n=Fraction(3, 2)).total.params == 321


def test_a_network_at_values_that_are_not_in_the_report(report):
    baseline = report(analysed(("net.yaml", {"n": 1}), ("net.yaml", {"n": "3/2"})), name="a b.json")
    assert told(past, baseline, "net.yaml") == (
        "error: the report does not tell of net.yaml at n = 2\n"
        " --> a b.json\n"
        "  = found: it does at n = 1 or n = 3/2\n"
        "  = help: convcost check --base HEAD -o json:'a b.json' tells all values that budgets set"
    )
    Path("net.yaml").write_text(Path("net.yaml").read_text().replace("  n: 2\n", "  n: 2\n  r: 6\n"))
    baseline = report(analysed(*(("net.yaml", {"n": value}) for value in (1, 3, 4, 5))))
    assert told(past, baseline, "net.yaml") == (
        "error: the report does not tell of net.yaml at n = 2\n"
        " --> cost.json\n"
        "  = found: it does at n = 1 or n = 3 or n = 4 or others\n"
        "  = help: convcost check --base HEAD -o json:cost.json tells all values that budgets set"
    )


def test_symbols_that_came_or_went(report):
    text = analysed(("net.yaml", {"n": 2}))
    now = Path("net.yaml").read_text()
    Path("net.yaml").write_text(now.replace("  n: 2\n", "  n: 2\n  m: 1\n"))
    baseline = report(text)
    assert past(baseline, "net.yaml").total.params == 336
    assert past(baseline, "net.yaml", m=1) == Lacking("net.yaml has no symbol 'm' in cost.json")
    baseline = report(analysed(("net.yaml", {"n": 2})))
    Path("net.yaml").write_text(now)
    assert past(baseline, "net.yaml").total.params == 336
    other = {f"{place}__params": 9 for place in ("layers__0", "total")}
    assert past(report(tiny(network__symbols={"m": 1}, **other), tiny()), "tiny.yaml").total.params == 8


def test_the_same_network_twice(report):
    assert past(report(tiny(), tiny()), "tiny.yaml").total.params == 8
    other = {f"{place}__params": 9 for place in ("layers__0", "total")}
    assert told(past, report(tiny(), tiny(**other)), "tiny.yaml") == (
        "error: the report tells of tiny.yaml more than once, with different numbers\n"
        " --> cost.json\n  = help: convcost analyze SPEC… -f json > cost.json, at the state to compare with"
    )


# what is no such report


HELP = "convcost analyze SPEC… -f json > cost.json, at the state to compare with"


def wrong(message, path="", found="", place="cost.json", help=HELP):
    """Return what is told of a report."""
    lines = [f"error: {message}", f" --> {place}" + (f", {path}" if path else "")]
    return "\n".join([*lines, *([f"  = found: {found}"] if found else []), f"  = help: {help}"])


def wrong_json(at, line, mark):
    """Return what is told of a text that is not JSON."""
    number = at.split(":")[0]
    return f"error: the report is not JSON\n --> cost.json:{at}\n  |\n{number} | {line}\n  | {mark}\n  = help: {HELP}"


NO_REPORT = "this is no report of convcost analyze or convcost check"
AGAINST = "the report contradicts itself"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{}], wrong(NO_REPORT, found="`schema_version` is missing")),
        ([5], wrong(NO_REPORT, found="it is no object")),
        ([[]], wrong(NO_REPORT, found="it tells of no network")),
        ([{"schema_version": 1, "networks": []}], wrong(NO_REPORT, found="it tells of no network")),
        ([{"schema_version": 1}], wrong(NO_REPORT, found="Object missing required field `network`")),
        ([tiny(), []], wrong(NO_REPORT, "[1]", "it is no object")),
        ([tiny(total=...)], wrong(NO_REPORT, found="Object missing required field `total`")),
        ([tiny(layers__0__macs=...)], wrong(NO_REPORT, "layers[0]", "Object missing required field `macs`")),
        ([tiny(), tiny(layers={})], wrong(NO_REPORT, "[1].layers", "Expected `array`, got `object`")),
        ([tiny(layers__0__params=0.5)], wrong(NO_REPORT, "layers[0].params", "Expected `int | null`, got `float`")),
        ([tiny(layers__0__params=True)], wrong(NO_REPORT, "layers[0].params", "Expected `int | null`, got `bool`")),
        ([tiny(layers__0__params=-1)], wrong(NO_REPORT, "layers[0].params", "Expected `int` >= 0")),
        ([tiny(layers__0__params=-(2**70))], wrong(NO_REPORT, "layers[0].params", "Expected `int` >= 0")),
        ([tiny(total__ops__mul=-6)], wrong(NO_REPORT, "total.ops[...]", "Expected `int` >= 0")),
        ([tiny(layers__0__input_shape=["a"])],
            wrong(NO_REPORT, "layers[0].input_shape[0]", "Expected `int | array`, got `str`")),
        ([{"schema_version": 1, "networks": [tiny(), 5]}],
            wrong(NO_REPORT, "networks[1]", "Expected `object`, got `int`")),
        ([[{"schema_version": 1, "networks": [tiny(layers__0__name=5)]}]],
            wrong(NO_REPORT, "[0].networks[0].layers[0].name", "Expected `str`, got `int`")),
        ([tiny(schema_version=3)],
            wrong("the report is of another version", found="schema_version 3; this convcost knows 1 and 2")),
        ([tiny(schema_version=True)],
            wrong("the report is of another version", found="schema_version True; this convcost knows 1 and 2")),
        ([tiny(), {"schema_version": "x\n"}],
            wrong("the report is of another version", "[1]", "schema_version x\\n; this convcost knows 1 and 2")),
        ([tiny(free={"alpha": {}}, total__params="8·alpha")],
            wrong("the report tells formulas", found="it was made with --free")),
        ([tiny(), tiny(convention__batch=8)],
            wrong("the report's numbers do not compare", "[1]", "it was made with --batch 8")),
        ([tiny(convention__fold=False)],
            wrong("the report's numbers do not compare", found="it was made with --no-fold")),
        ([tiny(total__params=9)],
            wrong(AGAINST, found="params of the layers add up to 8, but the total says 9")),
        ([tiny(total__activations=3)],
            wrong(AGAINST, found="output_values of the layers add up to 2, but the total says 3")),
        ([tiny(total__ops={"mul": 6, "add": 6, "cmp": 1})],
            wrong(AGAINST, found="ops.cmp of the layers add up to 0, but the total says 1")),
        ([tiny(layers__0__mults=7)],
            wrong(AGAINST, found="mults of head is 7, but 6 by its ops")),
        ([tiny(), tiny(total__flops=2**70)],
            wrong(AGAINST, "[1]", f"flops of the total is {2**70:,}, but 12 by its ops")),
        ([tiny(layers=[])],
            wrong(AGAINST, found="params of the layers add up to 0, but the total says 8")),
    ],
)  # fmt: skip
def test_what_is_no_report_that_can_be_compared(entries, message, report):
    assert told(report, *entries) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", wrong("the report is empty")),
        (" \n", wrong("the report is empty")),
        ("[" * 100_000, wrong(NO_REPORT, found="it nests too deep")),
        ('{"a": ' + "1" * 5000 + "}", wrong(NO_REPORT, found="Integer value out of range - at `$[...]`")),
        ('{\n  "ä": x\n}\n', wrong_json("2:8", '  "ä": x', "       ^")),
        ('{"a": [\n 1, 2\n', wrong_json("2:6", " 1, 2", "     ^ it ends here")),
        ("input: [3]\n", wrong_json("1:1", "input: [3]", "^")),
    ],
)
def test_what_is_not_json(text, message, report):
    assert told(report, text) == message


def test_a_report_serves_for_its_own_convention(folder):
    Path("tiny.yaml").write_text(TINY)
    Path("cost.json").write_text(json.dumps(tiny(convention__batch=8, convention__fold=False)))
    assert past(baselines.from_report("cost.json", batch=8, fold=False), "tiny.yaml").total.params == 8
    for batch, fold, made, options in [
        (1, False, "with --batch 8", " --no-fold"),
        (2, True, "with --batch 8", " --batch 2"),
        (8, True, "with --no-fold", " --batch 8"),
    ]:
        assert told(
            lambda path, of=(batch, fold): baselines.from_report(path, batch=of[0], fold=of[1]), "cost.json"
        ) == (
            f"error: the report's numbers do not compare\n --> cost.json\n  = found: it was made {made}\n"
            f"  = help: convcost analyze SPEC…{options} -f json > cost.json, at the state to compare with"
        )
    Path("cost.json").write_text(json.dumps(tiny()))
    with pytest.raises(BaselineError, match="it was made without --no-fold"):
        baselines.from_report("cost.json", fold=False)


def test_a_past_of_a_batch_and_of_norms_that_are_not_folded(commit):
    rewrite("  - relu\n", "  - batch_norm\n")
    commit()
    found = past(baselines.from_revision("HEAD", ["net.yaml"], batch=2, fold=False), "net.yaml")
    # 336 params beside the spec, and 2 · 4 of the norm, which multiplies each of its 4 · 16 values
    assert (found.total.params, found.total.mults) == (336 + 8, 2 * (5376 + 64))


def test_a_report_with_a_byte_order_mark(folder):
    Path("cost.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(tiny()).encode())
    Path("tiny.yaml").write_text(TINY)
    assert past(baselines.from_report("cost.json"), "tiny.yaml").total.params == 8


def test_a_report_in_another_encoding(folder):
    Path("it's.json").write_bytes(json.dumps(tiny()).encode("utf-16"))
    assert told(baselines.from_report, "it's.json") == wrong(
        "the report is not UTF-8",
        place="it's.json",
        found="byte 0xff",
        help="convcost analyze SPEC… -o json:PATH writes UTF-8, in every shell",
    )


def test_a_report_that_cannot_be_read(folder):
    assert told(baselines.from_report, "none.json") == (
        "error: there is no report 'none.json'\n"
        " = help: convcost analyze SPEC… -f json > none.json, at the state to compare with"
    )
    Path("folder.json").mkdir()
    Path("round.json").symlink_to("round.json")
    for name, found in {
        "folder.json": "Is a directory",
        "round.json": "Too many levels of symbolic links",
        "net.yaml/x.json": "Not a directory",
        "a\0b": "embedded null byte",
    }.items():
        file = "baseline.json" if "\0" in name else name  # nothing is written over what is no report
        help = f"convcost analyze SPEC… -f json > {file}, at the state to compare with"
        message = wrong("the report cannot be read", place=name, found=found, help=help)
        assert told(baselines.from_report, name) == message.replace("\0", "\\x00")


def test_growth_against_a_report_in_a_program(folder):
    Path("cost.json").write_text(analysed(("net.yaml", {})))
    Path("convcost.yaml").write_text(
        "models: net.yaml\nbudgets: [{metric: ops_cmp, growth: 0}, {metric: mults, layers: first, growth: 0}]\n"
    )
    assert convcost.check(baseline="cost.json").ok
    rewrite("kernel_size: 3", "kernel_size: 2")
    checked = convcost.check(baseline=Path("cost.json"))
    # 4 · 5 · 5 = 100 comparisons, 64 before; 8 · 4 · 4 · 25 = 3,200 multiplications, 4,608 before
    assert [(each.base, each.actual, each.status) for each in checked.verdicts] == [
        (64, 100, "exceeded"),
        (4608, 3200, "within"),
    ]


def test_a_report_is_read_from_another_folder(report, folder, monkeypatch):
    """What was made beside it is found from below, too."""
    report(tiny())
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")
    found = past(baselines.from_report("../cost.json"), "../tiny.yaml")
    assert found.total.params == 8


def test_a_report_of_another_clone_is_not_taken_for_one_without_the_network(report, folder):
    baseline = report(tiny(network__file="/elsewhere/nets/tiny.yaml"))
    assert told(past, baseline, "tiny.yaml") == (
        "error: the report may tell of tiny.yaml by another path\n"
        " --> cost.json\n"
        "  = found: it has /elsewhere/nets/tiny.yaml\n"
        "  = help: make the report, and check, from the same folder; or give the spec a name"
    )


OLD = """\
input: [2, 4, 4]
layers:
  - residual: [relu, {conv: {out_channels: 2, kernel_size: 1}}]
  - concat: [[tanh], [conv: {out_channels: 3, kernel_size: 1}]]
  - relu
"""
OLD_NAMES = [
    "residual_1/relu_1", "residual_1/conv_1", "residual_1", "concat_1/branch_1/tanh_1", "concat_1/branch_2/conv_1",
    "concat_1", "relu_1",
]  # fmt: skip  # as version 0.1.0 wrote them
NEW_NAMES = ["relu_1", "conv_1", "residual_1", "branch_1/tanh_1", "branch_2/conv_1", "concat_1", "relu_2"]


@pytest.mark.parametrize("version", [1, 2])
def test_rows_of_version_1_have_the_names_that_their_layers_have_now(report, version):
    """Where `relu_1` is another layer's name by now; the names of version 2 are those of today."""
    Path("old.yaml").write_text(OLD)
    data = json.loads(analysed(("old.yaml", {})))
    data["schema_version"] = version
    for row, name in zip(data["layers"], OLD_NAMES if version == 1 else NEW_NAMES, strict=True):
        row["name"] = name
        if version == 1:
            row["activations"] = row.pop("output_values")
            del row["deployed_params"]
    if version == 1:
        data["total"]["activations"] = data["total"].pop("output_values")
        del data["total"]["deployed_params"]
    found = past(report(data), "old.yaml")
    assert [layer.name for layer in found.layers] == NEW_NAMES
    assert [layer.cost.params for layer in found.layers] == [0, 2 * 2 + 2, 0, 0, 2 * 3 + 3, 0, 0]
