"""`convcost diff`: what it prints of files since a revision, in real repositories, and of two specs."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

WIDER = """\
name: net
input: [3, 12, 12]
layers:
  - conv: {out_channels: 256, kernel_size: 5, bias: false}
  - conv: {out_channels: 16, kernel_size: 1, bias: false}
"""
# conv_1: 256 · 3 · 25 = 19,200 weights at 8 · 8 places: 1,228,800; conv_2: 16 · 256 = 4,096 at 64: 262,144

WITH_SYMBOL = """\
symbols: {n: 1}
input: [3, 12, 12]
layers:
  - conv: {out_channels: 4 * n, kernel_size: 5, bias: false}
"""


@pytest.fixture
def git(folder, monkeypatch):
    """Return a function that runs git in a new repository, with no configuration but its own."""
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

    git("init")
    return git


@pytest.fixture
def commit(git):
    """Return a function that commits all files and returns the first digits of the commit."""

    def commit():
        git("add", "--all")
        git("commit", "--message", "changed")
        return git("rev-parse", "HEAD")[:7]

    return commit


def write(name, text):
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_file_since_the_last_commit(commit, convcost):
    # 4,096 of 19,200 and 262,144 of 1,228,800 are 21.33… %; 16 · 64 = 1,024 of 256 · 64 values are 6.25 %
    before = commit()
    write("net.yaml", WIDER)
    told = dedent(
        f"""\
        net (net.yaml) since {before} (HEAD)
        19.2 k → 23.3 k params (+21.3 %) · 1.229 M → 1.491 M macs (+21.3 %)
        Layers: 1 added; 1 is the same.
        Before: input 3×12×12 · 1 layer
        After: input 3×12×12 · 2 layers

        Total               Before      After         ±         %
        ─────────────────────────────────────────────────────────
        params              19,200     23,296    +4,096   +21.3 %
        buffers                  0          0         0       0 %
        mults            1,228,800  1,490,944  +262,144   +21.3 %
        adds             1,228,800  1,490,944  +262,144   +21.3 %
        macs             1,228,800  1,490,944  +262,144   +21.3 %
        flops            2,457,600  2,981,888  +524,288   +21.3 %
        useful mults     1,228,800  1,490,944  +262,144   +21.3 %
        output values       16,384     17,408    +1,024    +6.2 %
        activations         16,384     17,408    +1,024    +6.2 %
        deployed params     19,200     23,296    +4,096   +21.3 %
        ─────────────────────────────────────────────────────────
        layers                   1          2        +1  +100.0 %

        Counted for one input at inference.

        Layer by layer

        Layer           Type     Params before  Params after  Params ±  Mults before  Mults after   Mults ±  What changed
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
          … 1 the same                  19,200        19,200               1,228,800    1,228,800
        + conv_2        conv                           4,096    +4,096                    262,144  +262,144  output 16×8×8
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        Total           1 added         19,200        23,296    +4,096     1,228,800    1,490,944  +262,144

        + added, − removed, ~ changed.
        19.2 k → 23.3 k params (+21.3 %) · 1.229 M → 1.491 M macs (+21.3 %)
        """  # noqa: E501
    )
    assert convcost("diff", "net.yaml") == (0, told, "")


def test_nothing_changed_since_the_last_commit(commit, convcost):
    commit()
    out = convcost("diff", "net.yaml").out
    assert out.splitlines()[1] == "Nothing changed: 1 layer, all the same."


def test_since_the_merge_base_with_a_branch(git, commit, convcost):
    """What the branch did since is not of interest."""
    base = commit()
    git("checkout", "-b", "topic")
    write("net.yaml", WIDER)
    commit()
    git("checkout", "main")
    write("net.yaml", WIDER.replace("256", "8"))
    commit()
    git("checkout", "topic")
    out = convcost("diff", "--base", "main", "net.yaml").out
    assert out.splitlines()[:3] == [
        f"net (net.yaml) since {base}, the merge base with main",
        "19.2 k → 23.3 k params (+21.3 %) · 1.229 M → 1.491 M macs (+21.3 %)",
        "Layers: 1 added; 1 is the same.",
    ]
    data = json.loads(convcost("diff", "--base", "main", "net.yaml", "-f", "json").out)
    assert data["before"]["file"] == f"{base}:net.yaml"
    assert data["base"]["name"] == f"{base}, the merge base with main"
    assert data["base"]["revision"] == "main"
    assert data["base"]["commit"].startswith(base)
    assert (data["totals"]["before"]["mults"], data["totals"]["after"]["mults"]) == (1_228_800, 1_490_944)


def test_several_files(commit, convcost):
    write("nets/a.yaml", WIDER)
    commit()
    write("nets/a.yaml", WIDER.replace("name: net", "name: a"))
    write("net.yaml", WIDER)
    out = convcost("diff", "--base", "HEAD", "net.yaml", "nets/a.yaml", "net.yaml").out
    changed = "19.2 k → 23.3 k params (+21.3 %) · 1.229 M → 1.491 M macs (+21.3 %)"
    assert [line for line in out.splitlines() if " since " in line or "→" in line] == [
        out.splitlines()[0],
        changed,
        changed,
        f"net at {out.split()[3]} (HEAD) → a (nets/a.yaml)",
    ]
    assert "\nNothing changed: 2 layers, all the same.\n" in out
    rows = list(csv.DictReader(io.StringIO(convcost("diff", "--base", "HEAD", "net.yaml", "nets/a.yaml", "-fcsv").out)))
    assert [(row["network"], row["kind"]) for row in rows] == [
        ("net", "same"),
        ("net", "added"),
        ("a", "same"),
        ("a", "same"),
    ]
    shown = convcost("diff", "--base", "HEAD", "net.yaml", "nets/a.yaml", "-f", "markdown").out
    assert shown.startswith("<!-- convcost diff -->\n### net (net.yaml) since ")
    assert shown.count("<!--") == 1


def test_a_file_that_is_new(commit, convcost):
    before = commit()
    write("new.yaml", WIDER)
    out = convcost("diff", "new.yaml").out
    assert out.splitlines()[:5] == [
        f"net (new.yaml), new since {before} (HEAD)",
        "0 → 23.3 k params (from 0) · 0 → 1.491 M macs (from 0)",
        "Layers: 2 added; none is the same.",
        f"There is no such file at {before} (HEAD).",
        "After: input 3×12×12 · 2 layers",
    ]


def test_a_file_of_another_folder_and_repository(commit, convcost, tmp_path_factory, monkeypatch):
    commit()
    write("net.yaml", WIDER)
    path = str(Path("net.yaml").resolve())
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "Layers: 1 added; 1 is the same." in convcost("diff", path).out


def test_a_spec_with_faults_at_the_base(commit, convcost):
    write("net.yaml", WIDER.replace("kernel_size: 5", "kernel: 5"))
    before = commit()
    write("net.yaml", WIDER)
    status, out, err = convcost("diff", "net.yaml")
    assert (status, out) == (2, "")
    assert err == dedent(
        f"""\
        error: net.yaml has errors at {before} (HEAD)
         = help: compare it with a revision at which it has none

        error: conv has no field 'kernel'
         --> {before}:net.yaml:4:31, layers[0]
          |
        4 |   - conv: {{out_channels: 256, kernel: 5, bias: false}}
          |                               ^
          = help: write `kernel_size`, the 'kernel' of many papers
        """
    )


def test_a_file_that_was_no_text_at_the_base(commit, convcost):
    Path("net.yaml").write_bytes(b"name: \xff\n")
    before = commit()
    write("net.yaml", WIDER)
    status, out, err = convcost("diff", "net.yaml")
    assert (status, out) == (2, "")
    assert f"--> {before}:net.yaml:1:7\n" in err


def test_the_faults_of_all_files_are_told(commit, convcost):
    write("old.yaml", "input: [3]\n")
    commit()
    write("old.yaml", WIDER)
    write("net.yaml", "input: [3]\n")
    status, out, err = convcost("diff", "--base", "HEAD", "old.yaml", "net.yaml", "none.yaml")
    assert (status, out) == (2, "")
    assert [line for line in err.splitlines() if line.startswith("error: ")] == [
        "error: a spec needs layers",
        "error: there is no file and no shipped spec 'none.yaml'",
        f"error: old.yaml has errors at {err.partition('old.yaml has errors at ')[2].split()[0]} (HEAD)",
        "error: a spec needs layers",
    ]


def test_values_of_symbols(commit, convcost):
    write("n.yaml", WITH_SYMBOL)
    commit()
    totals = []
    for options in ["--set", "n=2"], ["--set-other", "n=2"], ["--set", "n=2", "--set-other", "n=3"]:
        data = json.loads(convcost("diff", "n.yaml", *options, "-f", "json").out)
        totals.append(tuple(data["totals"][side]["params"] for side in ("before", "after")))
    # 4 · 3 · 25 = 300 params for each n
    assert totals == [(600, 600), (300, 600), (600, 900)]


def test_a_symbol_that_is_new(commit, convcost):
    before = commit()
    write("net.yaml", WITH_SYMBOL)
    told = [
        f"error: --set: {before}:net.yaml has no symbol 'n'",
        f" = note: net.yaml as it was at {before} (HEAD); --set-other gives values to what it is now only",
        " = help: it declares no symbols",
    ]
    status, out, err = convcost("diff", "net.yaml", "--set", "n=2")
    assert (status, out, err.splitlines()) == (2, "", told)
    assert convcost("diff", "net.yaml", "--set-other", "n=2").status == 0


def test_options(commit, convcost):
    commit()
    write("net.yaml", WIDER)
    data = json.loads(convcost("diff", "net.yaml", "--batch", "2", "--no-fold", "-f", "json").out)
    assert data["totals"]["change"]["mults"]["delta"] == 2 * 262_144
    assert (data["convention"]["batch"], data["convention"]["fold"]) == (2, False)
    assert "Counted for 2 inputs at inference." in convcost("diff", "net.yaml", "--batch", "2").out


def test_outputs_of_several_formats(commit, convcost):
    commit()
    write("net.yaml", WIDER)
    status, out, _ = convcost("diff", "net.yaml", "-o", "markdown:diff.md", "-o", "json")
    assert status == 0
    assert json.loads(out)["totals"]["change"]["params"]["delta"] == 4096
    assert Path("diff.md").read_text(encoding="utf-8").startswith("<!-- convcost diff -->\n")


def test_two_specs_are_told_as_compare_tells_them(folder, convcost):
    write("other.yaml", WIDER)
    told = convcost("diff", "net.yaml", "other.yaml")
    assert told == convcost("compare", "net.yaml", "other.yaml")
    assert told.out.splitlines()[:3] == [
        "net: net.yaml → other.yaml",
        "19.2 k → 23.3 k params (+21.3 %) · 1.229 M → 1.491 M macs (+21.3 %)",
        "Layers: 1 added; 1 is the same.",
    ]
    shown = convcost("diff", "net.yaml", "-", "-f", "csv", stdin=WIDER.encode()).out
    assert [row["kind"] for row in csv.DictReader(io.StringIO(shown))] == ["same", "added"]
    totals = json.loads(convcost("diff", "mobilenet_v1", "mobilenet_v1", "--set-other", "alpha=1/2", "-fjson").out)
    assert totals["totals"]["after"]["macs"] == 149_497_088


WITHOUT_GIT = " = help: convcost diff OLD NEW compares two files without git"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["a", "b", "c"],
            [
                "error: without --base, two specs are compared",
                " = found: 3 specs",
                " = help: --base HEAD compares each with the last commit",
            ],
        ),
        (["-"], ["error: standard input has no revisions", WITHOUT_GIT]),
        (["net.yaml", "-", "--base", "HEAD"], ["error: standard input has no revisions", WITHOUT_GIT]),
        (["-", "-"], ["error: standard input is one spec", " = found: - twice"]),
        (["resnet18"], ["error: resnet18 is shipped with convcost and has no revisions", WITHOUT_GIT]),
        (
            ["none.yaml"],
            [
                "error: there is no file and no shipped spec 'none.yaml'",
                " = help: `convcost specs` lists the shipped ones",
            ],
        ),
    ],
)
def test_wrong_input(arguments, told, folder, convcost):
    status, out, err = convcost("diff", *arguments)
    assert (status, out, err.splitlines()) == (2, "", told)


def test_no_repository(folder, convcost, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_CEILING_DIRECTORIES"]:
        monkeypatch.delenv(name)
    status, out, err = convcost("diff", "net.yaml")
    assert (status, out) == (2, "")
    assert err.startswith("error: there is no git repository\n")
    assert err.endswith(f"{WITHOUT_GIT}\n")


def test_a_revision_that_is_not_there(commit, convcost):
    commit()
    status, out, err = convcost("diff", "--base", "nope", "net.yaml")
    assert (status, out) == (2, "")
    assert err.startswith("error: there is no revision 'nope'\n")
    assert "--baseline" not in err


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_a_terminal_of_any_width_shows_whole_numbers(width, folder, terminal):
    write("other.yaml", WIDER)
    out = terminal("diff", "net.yaml", "other.yaml", width=width, env={"NO_COLOR": "1"}).out
    assert all(len(line) <= width for line in out.splitlines())
    assert out.count("+262,144") >= 5  # mults, adds, macs, useful mults; the layer


def test_git_is_asked_only_where_a_revision_is(folder, command):
    """What runs it is not even imported."""
    write("other.yaml", WIDER)
    code = "import sys; from convcost import cli; sys.argv = ['convcost', *sys.argv[1:]]\ntry: cli.main()\n"
    code += "finally: print('convcost.budget.revisions' in sys.modules, file=sys.stderr)"
    arguments = [command[0], "-c", code, "diff", "net.yaml", "other.yaml"]
    done = subprocess.run(arguments, capture_output=True, check=False, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "False\n")


def test_an_empty_revision_is_none(folder, commit, convcost):
    """As an empty variable of a service gives it."""
    commit()
    status, out, err = convcost("diff", "--base", "", "net.yaml")
    assert (status, out) == (2, "")
    assert err.startswith("error: ")


# the models of a configuration, and what did not change


@pytest.fixture
def models(commit, folder):
    """Work in a repository whose `convcost.yaml` names `net.yaml`, `nets/other.yaml` and a shipped spec."""
    write("nets/other.yaml", WIDER)
    write("convcost.yaml", "models: [net.yaml, nets/*.yaml, mobilenet_v1]\nbudgets: [{metric: params, max: 5M}]\n")
    commit()
    return folder


@pytest.mark.parametrize("base", [[], ["--base", "main"]])
def test_without_files_the_models_of_the_configuration_are_compared(base, models, convcost, monkeypatch):
    write("net.yaml", WIDER)
    reports = json.loads(convcost("diff", *base, "-f", "json").out)
    assert [(each["after"]["file"], len(each["layers"])) for each in reports] == [
        ("net.yaml", 2),
        ("nets/other.yaml", 2),
    ]
    monkeypatch.chdir("nets")
    reports = json.loads(convcost("diff", *base, "-f", "json").out)
    assert [each["after"]["file"] for each in reports] == ["../net.yaml", "../nets/other.yaml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is nothing to compare\n = found: no SPEC, and no convcost.yaml here or above\n"),
        (
            "models: mobilenet_v1\nbudgets: [{metric: params, max: 5M}]\n",
            "there is nothing to compare\n = found: convcost.yaml names no files\n",
        ),
        ("models: [\n", "error: this is not YAML\n --> convcost.yaml:1:10\n"),
    ],
)
def test_without_files_and_models_there_is_nothing_to_compare(text, message, commit, convcost):
    if text is not None:
        write("convcost.yaml", text)
    commit()
    status, out, err = convcost("diff", "--base", "main")
    assert (status, out) == (2, "")
    assert message in err


def test_only_what_changed_is_told(models, convcost):
    write("net.yaml", WIDER)
    out = convcost("diff", "--only-changed").out
    assert out.startswith("net (net.yaml) since ")
    assert "other.yaml" not in out
    (report,) = [json.loads(convcost("diff", "--only-changed", "-f", "json").out)]
    assert report["after"]["file"] == "net.yaml"


def test_where_nothing_changed_outputs_are_empty(models, convcost):
    write("net.yaml", Path("net.yaml").read_text() + "# the same\n")
    outputs = ["-o", "markdown:comment.md", "-o", "json:diff.json"]
    assert convcost("diff", "--only-changed", *outputs) == (0, "", "")
    assert (Path("comment.md").read_bytes(), Path("diff.json").read_text()) == (b"", "[]\n")
    assert convcost("diff", "--only-changed").out == "Nothing has changed.\n"
    assert convcost("diff", "--only-changed", "-f", "markdown") == (0, "", "")
    assert convcost("diff", "-f", "markdown").out.startswith("<!-- convcost diff -->\n")  # as before


@pytest.mark.parametrize(
    "change",
    [
        ("bias: false}", "bias: false}\n    name: a"),
        ("bias: false}", "bias: false}\n  - identity"),
        ("[3, 12", "[3, 13"),
    ],
)
def test_a_name_a_layer_and_an_input_are_changes(change, models, convcost):
    write("net.yaml", Path("net.yaml").read_text().replace(*change))
    assert convcost("diff", "--only-changed").out.startswith("net (net.yaml) since ")
