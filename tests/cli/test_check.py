"""`convcost check`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

CONFIG = """\
models: net.yaml
budgets:
  - metric: mults
    max: 1M
    message: "Phone target"
  - metric: params
    max: 20k
    warn: 95%
"""
# net.yaml: 256 · 75 = 19,200 params at 8 · 8 places: 1,228,800 mults. As a separable convolution it has
# 3 · 25 + 256 · 3 = 843 params, (3 · 25 + 256 · 3) · 64 = 53,952 mults
SCREEN = """\
Exceeded: 1 of 2 limits
budgets of convcost.yaml

Budget                     Limit     Actual      Left  Used            %  Verdict
────────────────────────────────────────────────────────────────────
net.yaml
  mults                1,000,000  1,228,800  −228,800  ██████████  122.9  ✗ exceeded
  params                  20,000     19,200       800  █████████▋   96.0  ! warning
────────────────────────────────────────────────────────────────────
1 exceeded, 1 warning

Exceeded: net.yaml: mults: 1,228,800, which is 228,800 above the limit of 1,000,000 (122.9 %)
 --> convcost.yaml:4:10, budgets[0]
  |
4 |     max: 1M
  |          ^ the limit; 1,228,800 is 122.9 %

Costs most  Type      Mults      %  Where
──────────────────────────────────────────────
conv_1      conv  1,228,800  100.0  net.yaml:4:5
──────────────────────────────────────────────
1 layer           1,228,800  100.0

Phone target
The first and the last layer with weights are spared; with them rewritten the limit can be kept.
convcost suggest net.yaml --max mults=1000000 --ends

Warning: net.yaml: params: 19,200 of 20,000 (96.0 %), above warn: 95%
 --> convcost.yaml:7:10, budgets[1]
  |
7 |     max: 20k
  |          ^ the limit; 19,200 is 96.0 %, above warn: 95%

Costs most  Type  Params      %  Where
────────────────────────────────────────────
conv_1      conv  19,200  100.0  net.yaml:4:5
────────────────────────────────────────────
1 layer           19,200  100.0

Exceeded: 1 of 2 limits
"""


@pytest.fixture
def config(folder):
    """Return a function that writes `convcost.yaml`."""

    def config(text=CONFIG):
        (folder / "convcost.yaml").write_text(text, encoding="utf-8")
        return text

    return config


def lines(text):
    """Return lines with the length of rules left out, which follows from the longest cell."""
    return ["─" if set(line) == {"─"} else line for line in text.splitlines()]


def test_the_report(config, convcost):
    config()
    status, out, err = convcost("check")
    assert (status, err) == (1, "")
    assert lines(out) == lines(SCREEN)
    assert convcost("check", "-o", "text").out == out
    assert convcost("check", "-f", "table").out == out


@pytest.mark.parametrize(
    ("most", "arguments", "status"),
    [
        ("1228800", [], 0),
        ("1228799", [], 1),
        ("1228799", ["--exit-zero"], 0),
        ("1228801, warn: 1228799", [], 0),
        ("1228801, warn: 1228799", ["--strict"], 1),
        ("1228801, warn: 1228799", ["--strict", "--exit-zero"], 0),
        ("1228801, warn: 1228800", ["--strict"], 0),
        ("many", ["--exit-zero"], 2),
    ],
)
def test_the_status(most, arguments, status, config, convcost):
    config(f"models: net.yaml\nbudgets: [{{metric: mults, max: {most}}}]\n")
    assert convcost("check", *arguments).status == status


def test_two_numbers_never_print_alike(config, convcost):
    config("models: net.yaml\nbudgets:\n  - {metric: mults, max: 1_228_799}\n  - {metric: mults, max: 1_228_801}\n")
    rows = [line.split() for line in convcost("check").out.splitlines() if line.startswith("  mults")]
    # 1 ∓ 1/1,228,800: 0.00008 % beside the whole
    assert [row[-3] for row in rows] == ["100.0001", "99.9999"]
    config("models: net.yaml\nbudgets: [{metric: mults, max: 1_228_900, warn: 1_228_799}]\n")
    (row,) = [line.split() for line in convcost("check").out.splitlines() if line.startswith("  mults")]
    # 1,228,799 / 1,228,900 = 99.99178 %, 1,228,800 / 1,228,900 = 99.99186 %
    assert row[-3] == "99.9919"


def test_a_specs_own_budget(folder, convcost):
    (folder / "net.yaml").write_text((folder / "net.yaml").read_text() + "budget: {params: 19_199}\n")
    status, out, _ = convcost("check", "net.yaml")
    assert status == 1
    assert " --> net.yaml:5:18, budget\n" in out
    assert "budgets of" not in out
    assert "5 | budget: {params: 19_199}\n" in out


def test_the_configuration_above_is_used(folder, config, convcost, monkeypatch):
    config()
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")
    status, out, _ = convcost("check")
    assert status == 1
    assert "budgets of ../convcost.yaml" in out
    assert "\n../net.yaml\n" in out
    assert " --> ../convcost.yaml:4:10, budgets[0]" in out


def test_without_a_configuration_there_is_nothing_to_check(folder, convcost):
    status, out, err = convcost("check")
    assert (status, out) == (2, "")
    assert err.startswith("error: there is nothing to check\n = found: no SPEC, and no convcost.yaml here or above\n")


def test_another_configuration(folder, config, convcost):
    config()
    (folder / "loose.yaml").write_text("models: net.yaml\nbudgets: [{metric: mults, max: 2M}]\n")
    assert convcost("check", "--config", "loose.yaml").status == 0


def test_standard_input_and_shipped_specs(folder, config, convcost):
    config("budgets: [{metric: params, max: 5M}]\n")
    status, out, _ = convcost("check", "-", "mobilenet_v1", stdin=(folder / "net.yaml").read_bytes())
    assert status == 0
    assert "4,231,976" in out
    assert "19,200" in out


def test_what_is_on_standard_input_has_no_place_in_a_file(folder, config, convcost):
    config("budgets: [{metric: mults, max: 1M}]\n")
    data = (folder / "net.yaml").read_bytes() + b"budget: {params: 1}\n"
    out = convcost("check", "-", "-o", "gitlab", stdin=data).out
    assert [entry["location"]["path"] for entry in json.loads(out)] == ["-", "convcost.yaml"]
    out = convcost("check", "-", "-o", "sarif", stdin=data).out
    first, second = json.loads(out)["runs"][0]["results"]
    assert "locations" not in first
    assert "relatedLocations" not in first
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "convcost.yaml"
    out = convcost("check", "-", "-o", "github", stdin=data).out
    assert [line.partition("title=")[0] for line in out.splitlines()] == [
        "::error ",
        "::error file=convcost.yaml,line=1,col=32,",
    ]


def test_a_spec_that_is_named_twice_is_told_twice(config, convcost):
    config()
    out = convcost("check", "net.yaml", "net.yaml").out
    assert out.startswith("Exceeded: 2 of 4 limits\n")
    assert [line.split()[0] for line in out.splitlines()[6:10]] == ["mults", "params", "mults", "params"]


def test_values_of_symbols(config, convcost):
    config("budgets: [{metric: macs, max: 149_497_088}]\n")
    assert convcost("check", "mobilenet_v1").status == 1
    assert convcost("check", "mobilenet_v1", "--set", "alpha=1/2").status == 0


def test_json(config, convcost):
    config()
    data = json.loads(convcost("check", "-o", "json").out)
    assert (data["ok"], data["strict"], data["config"], data["base"]) == (False, False, "convcost.yaml", None)
    assert data["counts"] == {"within": 0, "warning": 1, "exceeded": 1, "skipped": 0}
    first = data["verdicts"][0]
    assert first == {
        "spec": "net.yaml",
        "network": "net",
        "symbols": {},
        "metric": "mults",
        "layers": None,
        "scope": "sum",
        "layer": None,
        "kind": "max",
        "written": "1M",
        "limit": 1_000_000,
        "warn_above": None,
        "actual": 1_228_800,
        "delta": 228_800,
        "used": 1.2288,
        "base": None,
        "verdict": "exceeded",
        "reason": None,
        "message": "Phone target",
        "file": "convcost.yaml",
        "line": 4,
        "column": 10,
        "accepted": None,
        "grown": None,
        "costliest": [
            {"name": "conv_1", "type": "conv", "actual": 1_228_800, "base": None, "file": "net.yaml", "line": 4}
        ],
        "remedy": {
            "rewrites": [],
            "layers": [],
            "reached": False,
            "value": 1_228_800,
            "renamed": False,
            "command": None,
            "reached_with_ends": True,
            "suggestion": "convcost suggest net.yaml --max mults=1000000 --ends",
        },
    }
    assert data["verdicts"][1]["warn_above"] == 19_000
    (network,) = data["networks"]
    assert network["total"]["mults"] == sum(layer["mults"] for layer in network["layers"]) == 1_228_800


def test_csv_has_a_row_for_each_limit(config, convcost):
    config()
    rows = list(csv.DictReader(io.StringIO(convcost("check", "-o", "csv").out)))
    assert [(row["metric"], row["limit"], row["actual"], row["delta"], row["verdict"]) for row in rows] == [
        ("mults", "1000000", "1228800", "228800", "exceeded"),
        ("params", "20000", "19200", "-800", "warning"),
    ]


def test_markdown_is_a_comment(config, convcost):
    config()
    out = convcost("check", "-o", "markdown").out
    assert out.startswith("<!-- convcost check -->\n")
    assert "Exceeded: 1 of 2 limits" in out
    assert out.count("<details>") == out.count("</details>") == 2


def test_several_outputs_in_one_run(folder, config, convcost):
    config()
    names = ["json", "csv", "markdown", "github", "junit", "sarif", "gitlab"]
    status, out, _ = convcost("check", "-o", "text", *[part for name in names for part in ("-o", f"{name}:{name}.out")])
    assert status == 1
    assert lines(out) == lines(SCREEN)
    for name in names:
        assert (folder / f"{name}.out").read_text(encoding="utf-8") == convcost("check", "-o", name).out


def test_a_github_job_gets_a_summary(folder, config, convcost, monkeypatch):
    config()
    summary = folder / "summary.md"
    summary.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    convcost("check", "-o", "text")
    assert summary.read_text() == "# before\n"
    status, out, _ = convcost("check", "-o", "github")
    assert status == 1
    assert [line[:8] for line in out.splitlines() if line.startswith("::")] == ["::error ", "::warnin"]
    assert summary.read_text(encoding="utf-8") == "# before\n" + convcost("check", "-o", "markdown").out
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "nowhere" / "summary.md"))
    assert convcost("check", "-o", "github").status == 2


# limits without a file


def test_limits_without_a_file(folder, config, convcost):
    config()  # which is not read
    assert convcost("check", "--max", "mults=1_228_800", "--max", "params=20k", "net.yaml").status == 0
    status, out, err = convcost("check", "net.yaml", "--max", "mults=1228799")
    assert (status, err) == (1, "")
    assert "Exceeded: net.yaml: mults: 1,228,800, which is 1 above the limit of 1,228,799" in out
    assert "budgets of" not in out
    (folder / "net.yaml").write_text((folder / "net.yaml").read_text() + "budget: {params: 1}\n")
    assert convcost("check", "--max", "mults=2M", "net.yaml").status == 1  # its own budget holds, too
    assert convcost("check", "--max", "mults=2M", "mobilenet_v1").status == 1
    out = convcost("check", "--max", "mults=2M", "--config", "convcost.yaml", "net.yaml").out
    assert "Exceeded: 2 of 4 limits\n" in out  # 1M mults there, and 1 parameter


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max", "mults", "net.yaml"], "--max takes METRIC=LIMIT\n = found: --max mults\n"),
        (["--max", "mult=3", "net.yaml"], "there is no total 'mult'\n"),
        (["--max", "mults=many", "net.yaml"], "the limit of mults is a whole number\n = found: many\n"),
        (["--max", "mults=3"], "there is nothing to check\n = found: --max without a SPEC\n"),
        (["--max", "mults=3", "net.yaml", "--accept"], "--accept changes limits in files\n"),
    ],
)
def test_limits_without_a_file_that_are_wrong(arguments, message, config, convcost):
    text = config()
    status, out, err = convcost("check", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert Path("convcost.yaml").read_text() == text


# accepting


def test_what_is_exceeded_is_accepted(folder, config, convcost):
    text = config()
    status, out, err = convcost("check", "--accept")
    assert (status, err) == (0, "")
    assert (folder / "convcost.yaml").read_text() == text.replace("max: 1M", "max: 1.2288M")
    assert "Within budget, with 1 warning: 2 limits" in out
    assert "Accepted: mults max: 1M is now 1.2288M, in convcost.yaml:4:10." in out
    assert "Nothing is exceeded: no limit was changed." in convcost("check", "--accept").out


def test_standard_input_is_not_accepted(folder, config, convcost):
    text = config()
    status, out, err = convcost("check", "-", "--accept", stdin=(folder / "net.yaml").read_bytes())
    assert (status, out) == (2, "")
    assert err == "error: --accept reads each spec twice\n = found: standard input\n = help: give it as a file\n"
    assert (folder / "convcost.yaml").read_text() == text


def test_nothing_is_accepted_of_what_cannot_be_read(folder, config, convcost):
    text = config(CONFIG + "  - {metric: paramz, max: 1}\n")
    assert convcost("check", "--accept").status == 2
    assert (folder / "convcost.yaml").read_text() == text


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_is_read_only(folder, config, convcost):
    text = config()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        status, out, err = convcost("check", "--accept")
    finally:
        folder.chmod(stat.S_IRWXU)
    assert (status, out) == (2, "")
    assert "an output cannot be written" in err
    assert (folder / "convcost.yaml").read_text() == text


def test_a_file_that_is_read_only(folder, config, convcost):
    text = config()
    (folder / "convcost.yaml").chmod(0o444)
    if os.access(folder / "convcost.yaml", os.W_OK):  # as root
        assert convcost("check", "--accept").status == 0
        return
    status, out, err = convcost("check", "--accept")
    assert (status, out) == (2, "")
    assert err == "error: an output cannot be written: it is read-only\n = found: convcost.yaml\n"
    assert (folder / "convcost.yaml").read_text() == text


# growth


@pytest.fixture
def repository(folder, config, monkeypatch):
    """Work in a repository whose main branch has `net.yaml` and a configuration."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def git(*words):
        options = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *options, *words], cwd=folder, check=True, capture_output=True, timeout=60)

    git("init")
    config("models: '*net.yaml'\nbudgets: [{metric: mults, max: 2M, growth: 10%}]\n")
    git("add", ".")
    git("commit", "-m", "one")
    git("branch", "wider")
    net = (folder / "net.yaml").read_text()
    (folder / "net.yaml").write_text(net.replace("256", "999"))  # what came after the branch is none of its growth
    git("commit", "-am", "two")
    git("checkout", "wider")
    assert (folder / "net.yaml").read_text() == net
    return git


def test_growth_against_a_revision(folder, repository, convcost):
    net = folder / "net.yaml"
    assert convcost("check", "--base", "main").status == 0
    # 281 · 75 · 64 = 1,348,800, 9.77 % more; 282 · 4,800 = 1,353,600, 10.16 % more than 1,228,800
    net.write_text(net.read_text().replace("256", "281"))
    assert convcost("check", "--base", "main").status == 0
    net.write_text(net.read_text().replace("281", "282"))
    status, out, _ = convcost("check", "--base", "main")
    assert status == 1
    # 10 % of 1,228,800 is 122,880; 124,800 are 10.16 %
    assert "mults, growth 10%: 1,353,600, grown by 10.2 % from 1,228,800, by 124,800 where 122,880 is allowed" in out
    assert "+124,800" in out
    assert "the merge base with main" in out
    data = json.loads(convcost("check", "--base", "main", "-o", "json").out)
    assert (data["base"]["revision"], len(data["base"]["commit"]), data["base"]["file"]) == ("main", 40, None)
    assert [(each["kind"], each["base"]) for each in data["verdicts"]] == [("max", 1_228_800), ("growth", 1_228_800)]


def test_a_new_file_has_no_growth_and_keeps_its_limits(folder, repository, convcost):
    (folder / "new-net.yaml").write_text((folder / "net.yaml").read_text().replace("256", "500"))  # 2,400,000 mults
    status, out, _ = convcost("check", "--base", "main")
    assert status == 1
    assert "Skipped: new-net.yaml is new" in out
    assert "2,400,000, which is 400,000 above the limit of 2,000,000" in out


def test_a_report_is_a_baseline(folder, config, convcost):
    config("models: net.yaml\nbudgets: [{metric: mults, growth: 0}]\n")
    convcost("analyze", "net.yaml", "-f", "json", "-o", "json:analyze.json")
    assert convcost("check", "--baseline", "analyze.json", "-o", "json:check.json").status == 0
    (folder / "net.yaml").write_text((folder / "net.yaml").read_text().replace("256", "257"))
    for name in "analyze.json", "check.json":
        status, out, _ = convcost("check", "--baseline", name)
        assert status == 1
        assert "1,233,600, grown by 0.4 % from 1,228,800, by 4,800 where 0 is allowed" in out  # 75 · 64
        assert f"growth against {name}" in out


def test_an_accepted_growth_is_for_this_change_only(folder, repository, convcost):
    """A change that was accepted, merged, and followed by another one that grows as much."""
    net, config = folder / "net.yaml", folder / "convcost.yaml"
    limit = "growth: 10%"
    net.write_text(net.read_text().replace("256", "320"))  # 320 · 4,800 = 1,536,000, 25 % more than 1,228,800
    status, out, err = convcost("check", "--base", "main", "--accept")
    assert (status, err) == (0, "")
    entry = "{model: net.yaml, from: 1_228_800, to: 1_536_000}"
    text = f"models: '*net.yaml'\nbudgets: [{{metric: mults, max: 2M, {limit}, accepted: [{entry}]}}]\n"
    assert config.read_text() == text
    assert out.endswith(
        "Accepted: mults of net.yaml, 1,228,800 to 1,536,000; growth: 10% stays, in convcost.yaml:2:44.\n"
        "Mults of net.yaml are measured from 1,536,000, which was accepted, instead of 1,228,800 at the baseline.\n"
        "\nWithin budget: 2 limits\n"
    )
    assert convcost("check", "--base", "main").status == 0
    repository("commit", "-am", "wider")
    assert convcost("check", "--base", "main").status == 0
    repository("branch", "merged")
    net.write_text(net.read_text().replace("320", "400"))  # 25 % more again
    status, out, _ = convcost("check", "--base", "merged")
    assert status == 1
    assert "mults, growth 10%: 1,920,000, grown by 25.0 % from 1,536,000, by 384,000 where 153,600 is allowed" in out
    assert convcost("check", "--base", "merged", "--accept").status == 0
    assert config.read_text() == text.replace("from: 1_228_800, to: 1_536_000", "from: 1_536_000, to: 1_920_000")


def test_a_forgotten_percent_is_warned_of(config, convcost):
    config("models: net.yaml\nbudgets: [{metric: mults, growth: 2}]\n")
    convcost("analyze", "net.yaml", "-o", "json:before.json")
    status, out, err = convcost("check", "--baseline", "before.json")
    line = "budgets: [{metric: mults, growth: 2}]"
    assert (status, err) == (
        0,
        f"""\
warning: growth: 2 allows 2 more mults
 --> convcost.yaml:2:35, budgets[0]
  |
2 | {line}
  | {"^":>{line.index("2") + 1}}
  = note: growth: 2% would allow 2 % (24,576) more
  = help: write 2% if that is meant, 2e0 if not
""",
    )  # 2 % of 1,228,800 are 24,576
    assert out.endswith("\n\nWithin budget: 1 limit\n")


def test_a_min_is_a_limit(config, convcost):
    config("models: net.yaml\nbudgets: [{metric: params, min: 20k}]\n")
    status, out, _ = convcost("check")
    assert status == 1
    assert "Exceeded: net.yaml: params, at least: 19,200, which is 800 below the smallest allowed, 20,000\n" in out
    assert convcost("check", "--accept").status == 0
    assert convcost("check", "--strict").status == 0


# wrong input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "none.yaml"], "there is no configuration 'none.yaml'"),
        (["none.yaml"], "there is no file and no shipped spec 'none.yaml'"),
        (["--base", "main", "--baseline", "a.json"], "growth has one baseline"),
        (["--base", "main"], "not a git repository|no git repository"),
        (["--baseline", "a.json"], "a.json"),
        (["--set", "alpha=1"], "--set: net.yaml has no symbol 'alpha'"),
        (["-o", "sariff"], "there is no format 'sariff'"),
        (["--baseline", "a.json", "-o", "json:a.json"], "the output would overwrite"),
        (["-o", "json:convcost.yaml"], "the output would overwrite"),
        (["-o", "json:net.yaml"], "the output would overwrite 'net.yaml', which is read"),
        (["-o", "text", "-o", "json"], "two outputs go to standard output"),
        (["-o", "json:none/a.json"], "an output cannot be written"),
    ],
)
def test_wrong_input(arguments, message, config, convcost, monkeypatch, folder):
    config()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    status, out, err = convcost("check", *arguments)
    assert (status, out) == (2, "")
    assert any(part in err for part in message.split("|"))


def test_two_runs_that_accept_at_once_leave_a_whole_file(folder, config, command, started):
    config(CONFIG + "".join(f"  - {{metric: mults, max: {limit}k}}\n" for limit in range(1, 300)))
    with ExitStack() as stack:
        accept = [*command, "check", "--accept"]
        runs = [stack.enter_context(started(accept, stdout=subprocess.DEVNULL)) for _ in range(2)]
    assert {run.returncode for run in runs} <= {0, 2}  # one may say that the other was faster
    text = (folder / "convcost.yaml").read_text()
    assert text == CONFIG.replace("max: 1M", "max: 1.2288M") + "  - {metric: mults, max: 1228.8k}\n" * 299
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_reader_that_has_seen_enough(config, command):
    config()
    done = subprocess.run(
        ["/bin/sh", "-c", f"{' '.join(command)} check | head -1"],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("Exceeded: 1 of 2 limits\n", "")


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_of_any_width(width, config, terminal):
    config()
    out = terminal("check", width=width, env={"NO_COLOR": "1"}).out
    assert all(len(line) <= width for line in out.splitlines())
    assert "✗ exceeded" in out
    assert "1,228,800" in out


def test_git_and_the_rewrites_are_imported_only_where_they_are_needed(config, command):
    config("models: net.yaml\nbudgets: [{metric: mults, max: 2M}]\n")
    script = "import sys; from convcost.cli import main; sys.argv = ['convcost', 'check']\n"
    script += "try: main()\nexcept SystemExit: sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([command[0], "-c", script], capture_output=True, check=True, text=True, timeout=60)
    imported = set(done.stderr.split())
    assert "convcost.budget.checking" in imported
    assert not {"rich", "convcost.budget.baselines", "convcost.budget.remedies", "convcost.symbolic"} & imported


def test_the_help_names_every_option(convcost):
    out = convcost("check", "--help").out
    for option in ("--config", "--base", "--baseline", "--strict", "--exit-zero", "--accept", "--output"):
        assert option in out


def test_hostile_names_stay_text(folder, convcost):
    name = "::error::x\n%0A</details>`|$(id)\x1b[31m]]>"
    path = folder / "net.yaml"
    path.write_text(
        f"name: {json.dumps(name)}\ninput: [3, 12, 12]\nlayers:\n"
        f"  - conv: {{out_channels: 256, kernel_size: 5}}\n    name: {json.dumps(name)}\nbudget: {{params: 1}}\n"
    )
    for format in "text", "markdown", "github", "junit", "sarif", "gitlab", "csv", "json":
        status, out, _ = convcost("check", "net.yaml", "-o", format)
        assert status == 1
        assert "\x1b" not in out
        assert sum(line.startswith("::") for line in out.splitlines()) == (format == "github")


def test_files_of_any_name(folder, convcost):
    names = ["a b.yaml", "é.yaml", "it's.yaml", "%41.yaml", "-dash.yaml", "#1.yaml", "[x].yaml"]
    for name in names:
        Path(name).write_text((folder / "net.yaml").read_text() + "budget: {params: 1}\n")
    for format in "text", "markdown", "github", "junit", "sarif", "gitlab", "csv", "json":
        status, out, err = convcost("check", "-o", format, "--", *names)
        assert (status, err) == (1, "")
        assert out


def test_a_spec_that_no_budget_is_for_is_told(folder, config, convcost):
    (folder / "other.yaml").write_text((folder / "net.yaml").read_text())
    config("models: '*.yaml'\nbudgets: [{metric: params, max: 20k, models: net.yaml}]\n")
    status, out, _ = convcost("check")
    assert status == 0
    assert out.endswith("\nNo budget is for other.yaml.\n\nWithin budget: 1 limit\n")


# what went wrong once it was tried by others


def test_no_limit_is_raised_where_an_output_cannot_be_written(folder, config, convcost, monkeypatch):
    text = config()
    for outputs in (["-o", "json:none/a.json"], ["-o", f"json:{folder}"]):
        assert convcost("check", "--accept", *outputs).status == 2
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "none" / "summary.md"))
    status, out, _ = convcost("check", "--accept", "-o", "github", "-o", "json:a.json")
    assert (status, out) == (2, "")
    assert not (folder / "a.json").exists()
    assert (folder / "convcost.yaml").read_text() == text


def test_many_runs_that_accept_at_once_lose_nothing(folder, config, command, started):
    net = (folder / "net.yaml").read_text()
    numbers = range(1, 9)
    for number in numbers:
        (folder / f"net{number}.yaml").write_text(net.replace("256", str(number)))  # 75 params each
    lines = [f"  - {{metric: params, max: 1, models: net{number}.yaml}}\n" for number in numbers]
    config("models: net?.yaml\nbudgets:\n" + "".join(lines))
    with ExitStack() as stack:
        commands = [[*command, "check", "--accept", f"net{number}.yaml"] for number in numbers]
        runs = [stack.enter_context(started(each)) for each in commands]
    assert [run.returncode for run in runs] == [0] * 8
    after = [line.replace("max: 1,", f"max: {75 * number},") for number, line in zip(numbers, lines, strict=True)]
    assert (folder / "convcost.yaml").read_text() == "models: net?.yaml\nbudgets:\n" + "".join(after)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_an_output_on_a_stream_does_not_replace_the_log_behind_it(stream, folder, config, command):
    config()
    log = folder / "log"
    log.write_text("earlier\n")
    script = f"({' '.join(command)} check -o github -o text:/dev/{stream}; echo later) >>log 2>&1"
    subprocess.run(["/bin/sh", "-c", script], check=True, timeout=60)
    text = log.read_text(encoding="utf-8")
    assert text.startswith("earlier\n")
    assert text.endswith("later\n")
    assert text.count("::error ") == 1
    assert text.count("Exceeded: 1 of 2 limits") == 2  # the first line and the last


def test_annotations_point_from_the_top_of_the_repository(folder, config, convcost, monkeypatch):
    (folder / ".git").mkdir()
    (folder / "ml").mkdir()
    (folder / "net.yaml").rename(folder / "ml" / "net.yaml")
    monkeypatch.chdir(folder / "ml")
    (folder / "ml" / "convcost.yaml").write_text(CONFIG)
    assert "::error file=ml/net.yaml,line=4,col=5," in convcost("check", "-o", "github").out
    sarif = json.loads(convcost("check", "-o", "sarif").out)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "ml/net.yaml"
    assert {each["location"]["path"] for each in json.loads(convcost("check", "-o", "gitlab").out)} == {"ml/net.yaml"}


def test_a_file_name_that_is_not_unicode(folder, convcost):
    name = os.fsdecode(b"bad\xff.yaml")
    Path(name).write_text((folder / "net.yaml").read_text() + "budget: {params: 1}\n")
    for format in "text", "markdown", "github", "junit", "sarif", "gitlab", "csv", "json":
        done = convcost("check", name, "-o", format)
        assert (done.status, done.err) == (1, "")
        assert "19,200" in done.out or "19200" in done.out
        assert "\udcff" not in done.out


def test_strict_makes_errors_of_warnings(config, convcost):
    config("models: net.yaml\nbudgets: [{metric: params, max: 20k, warn: 95%}]\n")
    assert 'failures="0"' in convcost("check", "-o", "junit").out
    assert 'failures="1"' in convcost("check", "-o", "junit", "--strict").out
    assert convcost("check", "-o", "github").out.startswith("::warning ")
    assert convcost("check", "-o", "github", "--strict").out.startswith("::error ")


def test_a_baseline_matters_to_growth_only(folder, repository, convcost, config):
    config("models: [net.yaml, mobilenet_v1]\nbudgets:\n  - {metric: mults, max: 600M}\n")
    assert convcost("check", "--base", "main").status == 0
    config("models: [net.yaml, mobilenet_v1]\nbudgets:\n  - {metric: mults, growth: 2%}\n")
    status, out, err = convcost("check", "--base", "main")
    assert (status, out) == (2, "")
    assert err.startswith("error: mobilenet_v1, which convcost ships, has no past in a repository\n")


def test_many_layers_beyond_a_limit_are_told_in_few_lines(folder, config, convcost):
    layers = "".join("  - conv: {out_channels: 2, kernel_size: 1}\n" for _ in range(100))
    (folder / "net.yaml").write_text(f"input: [2, 3, 3]\nlayers:\n{layers}")
    config("models: net.yaml\nbudgets: [{metric: params, scope: each, max: 5}]\n")  # each has 2 · 2 + 2 = 6
    out = convcost("check").out
    assert out.count("✗ exceeded") == 20
    assert "… 80 more that are not within it" in out
    assert out.count("Costs most") == 1
    assert out.splitlines()[0] == "Exceeded: 100 of 100 limits"


def test_a_batch_and_norms_that_are_not_folded(convcost, folder):
    (folder / "normed.yaml").write_text(
        "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 64, kernel_size: 3, padding: 1}\n  - batch_norm\n"
    )
    most = 2 * (64 * 27 * 64 + 64 * 64)  # of the convolution and of the norm, for two inputs
    options = ("--batch", "2", "--no-fold")
    status, out, _ = convcost("check", "normed.yaml", "--max", f"mults={most}", *options)
    assert (status, out.splitlines()[1]) == (0, "batch 2")
    status, out, _ = convcost("check", "normed.yaml", "--max", f"mults={most - 1}", *options, "-f", "json")
    (entry,) = json.loads(out)["networks"]
    assert (status, entry["convention"]["batch"], entry["convention"]["fold"]) == (1, 2, False)
