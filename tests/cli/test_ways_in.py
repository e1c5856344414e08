"""Ways in: a spec without a command, outputs by suffix, help with groups and examples, completion."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import nets
import pytest

import convcost as api
from convcost.cli import output
from convcost.cli.app import COMMANDS, GROUPS
from convcost.cli.examples import EXAMPLES
from convcost.errors import OptionError
from convcost.spec.source import shipped

# a spec in the place of a command


def test_sizes_of_inputs_are_for_the_model_files_among_specs(convcost, folder):
    """An import at these sizes and the file itself are the same network, whichever stands first."""
    (folder / "net.onnx").write_bytes(nets.resnet())
    assert convcost("import", "net.onnx", "--input", "1x3x32x32", "-o", "resnet.yaml").status == 0
    for files in (("net.onnx", "resnet.yaml"), ("resnet.yaml", "net.onnx")):
        found = convcost("diff", *files, "--input", "1x3x32x32", "--strict")
        assert (found.status, found.err) == (0, "")
        assert "Nothing changed: 43 layers, all the same.\ninput 3×32×32" in found.out
    refused = convcost("diff", "net.yaml", "resnet.yaml", "--input", "1x3x32x32")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("error: --input is for model files, and 'net.yaml' is a spec\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["net.yaml"], "convcost analyze net.yaml"),
        (["net.yaml", "--set", "alpha=1 / 2"], "convcost analyze net.yaml --set 'alpha=1 / 2'"),
        (["resnet18", "-f", "md"], "convcost analyze resnet18 -f md"),
        (["examples/one_5x5"], "convcost analyze examples/one_5x5"),
        (["missing.yml"], "convcost analyze missing.yml"),
    ],
)
def test_a_spec_without_a_command(words, line, convcost):
    assert convcost(*words) == (
        2,
        "",
        f"error: a command comes before the spec {words[0]!r}\n = help: {line}\n",
    )


def test_the_command_to_copy_runs(convcost):
    line = convcost("net.yaml", "--batch", "2").err.rpartition("help: ")[2]
    _, *words = shlex.split(line)
    assert "1,228,800" in convcost(*words[:-2]).out  # the worked example
    assert "2,457,600" in convcost(*words).out  # of two inputs


def test_a_command_to_copy_is_never_cut(convcost):
    assert convcost("net.yaml", "--set", "a=" + "1" * 300).err.endswith(" = help: convcost analyze net.yaml\n")


def test_another_word_is_no_spec(convcost):
    result = convcost("analyse", "net.yaml")
    assert (result.status, result.out) == (2, "")
    assert "No such command 'analyse'" in result.err


# formats


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("json", ("json", "-", False)),
        ("md", ("markdown", "-", False)),
        ("json:-", ("json", "-", True)),
        ("md:notes", ("markdown", "notes", False)),
        ("json:a.b/c.json", ("json", "a.b/c.json", False)),
        ("cost.json", ("json", "cost.json", False)),
        ("COST.JSON", ("json", "COST.JSON", False)),
        ("a.b/cost.csv", ("csv", "a.b/cost.csv", False)),
        ("./a:b.md", ("markdown", "./a:b.md", False)),
        ("cost.markdown", ("markdown", "cost.markdown", False)),
        ("cost.txt", ("table", "cost.txt", False)),
    ],
)
def test_the_format_that_an_output_asks_for(given, expected):
    assert output.outputs(None, [given]) == [output.Output(*expected)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("check.sarif", ("sarif", "check.sarif")),
        ("check.xml", ("junit", "check.xml")),
        ("check.txt", ("text", "check.txt")),
    ],
)
def test_the_suffixes_of_findings(given, expected):
    assert output.outputs(None, [given], ci=True) == [output.Output(*expected)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "cost.jsn",
            (
                "error: nothing says the format of an output\n = found: -o cost.jsn\n"
                " = help: -o FORMAT:PATH, or a path that ends in one of .csv, .html, .json, .md"
            ),
        ),
        ("jsn:cost.json", "error: there is no format 'jsn'\n = help: did you mean 'json'?"),
        ("jsn", "error: there is no format 'jsn'\n = help: did you mean 'json'?"),
        (
            "json:",
            (
                "error: -o takes FORMAT, PATH or FORMAT:PATH\n = found: -o json:\n"
                " = help: -o cost.json, or -o json:cost.json"
            ),
        ),
        (
            "cost.sarif",
            (
                "error: sarif is a format for findings, which only `convcost check` has\n"
                " = help: convcost check SPEC -o sarif; here the formats are csv, html, json, markdown, table, text"
            ),
        ),
    ],
)
def test_outputs_without_a_format(given, message):
    with pytest.raises(OptionError) as caught:
        output.outputs(None, [given])
    assert str(caught.value) == message


def test_a_file_gets_the_format_of_its_suffix(convcost, folder):
    assert convcost("analyze", "net.yaml", "-o", "cost.json", "-o", "cost.md") == (0, "", "")
    assert json.loads(Path("cost.json").read_text())["total"]["mults"] == 1_228_800
    assert Path("cost.md").read_text() == convcost("analyze", "net.yaml", "-f", "md").out


def test_a_spec_is_not_overwritten_by_its_suffix(convcost, folder):
    result = convcost("analyze", "net.yaml", "-o", "net.yaml")
    assert result.status == 2
    assert "1228800" not in Path("net.yaml").read_text()


# a large JSON, or a page, on a terminal


def test_a_page_is_written_to_a_file_not_onto_a_terminal(terminal, process, folder):
    text = process("analyze", "net.yaml", "-f", "html").out
    shown = terminal("analyze", "net.yaml", "-f", "html", width=80, env={"NO_COLOR": "1"})
    assert (shown.status, shown.out) == (
        2,
        (
            f"error: this is a lot for a terminal\n = found: {len(text):,} characters of HTML\n"
            " = help: -o cost.html writes it, | less pages it, -o html:- shows it here\n"
        ),
    )


def test_a_large_json_is_poured_onto_a_terminal_only_where_that_is_asked_for(terminal, process, folder):
    text = process("analyze", "resnet50", "-f", "json").out
    assert len(text) > output.MOST_ON_TERMINAL
    shown = terminal("analyze", "resnet50", "-f", "json", "-o", "csv:cost.csv", width=80, env={"NO_COLOR": "1"})
    assert (shown.status, shown.out) == (
        2,
        (
            f"error: this is a lot for a terminal\n = found: {len(text):,} characters of JSON\n"
            " = help: -o cost.json writes it, | less pages it, -o json:- shows it here\n"
        ),
    )
    assert not Path("cost.csv").exists()  # an error changes nothing
    assert terminal("analyze", "resnet50", "-o", "json:-", width=80).out == text
    assert json.loads(terminal("analyze", "net.yaml", "-f", "json", width=80).out)["total"]["mults"] == 1_228_800


# help


def test_every_command_is_in_a_group_and_help_shows_it(convcost):
    assert [name for names in GROUPS.values() for name in names] == list(COMMANDS.built_in())
    out = convcost("--help").out
    places = [out.index(f"─ {group} ─") for group in GROUPS]
    assert places == sorted(places)
    for group, names in GROUPS.items():
        after = out[out.index(f"─ {group} ─") :].partition("╰")[0]
        assert [line.split()[1] for line in after.splitlines()[1:] if line[2:3].strip()] == list(names)


@pytest.mark.parametrize("name", ["", *COMMANDS.built_in()])
def test_help_ends_with_examples(name, convcost):
    examples = EXAMPLES[name]
    assert name == "version" or 2 <= len(examples) <= 3
    result = convcost(*name.split(), "--help")
    assert (result.status, result.err) == (0, "")
    *_, shown = result.out.partition("\n Examples:\n")
    for line, about in examples:
        assert line.split()[0] == "convcost"
        assert name in ("", line.split()[1])
        assert any(each.startswith(f"   {line}") and each.endswith(about) for each in shown.splitlines())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.fixture
def project(folder, convcost):
    """Return a folder as the examples have it: two specs, a model file, the configuration, and two commits."""
    model = Path(__file__).parents[1] / "importers" / "data" / "small.onnx"
    (folder / "model.onnx").write_bytes(model.read_bytes())
    (folder / "old.yaml").write_text((folder / "net.yaml").read_text().replace("256", "128"))
    assert convcost("init", "net.yaml").status == 0
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "first"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run([*git, *words], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("line", list(dict.fromkeys(line for lines in EXAMPLES.values() for line, _ in lines)))
def test_every_example_runs(line, project, convcost, monkeypatch):
    monkeypatch.setattr("convcost.verification.formulas.types", lambda: ["conv", "relu"])  # all of them take long
    line, _, redirected = line.partition(" > ")
    _, *words = shlex.split(line)
    if words[0] == "init" and "--force" not in words:
        Path("convcost.yaml").unlink()
    result = convcost(*words)
    unguarded = "warning: no budget is for old.yaml\n"  # which stands beside the models
    assert result.status == 0
    assert result.err == "" or (words[0] == "check" and result.err.startswith(unguarded))
    assert redirected == "" or result.out


def test_the_version(convcost):
    assert convcost("version") == (0, f"convcost {api.__version__}\n", "")


# completion


@pytest.fixture
def program(tmp_path_factory):
    """Return a program that is called as installers call it."""
    path = tmp_path_factory.mktemp("bin") / "convcost"
    path.write_text(f"#!{sys.executable}\nfrom convcost.__main__ import main\nmain()\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def specs(folder):
    """Return a folder with a spec that has symbols, and another folder."""
    (folder / "swept.yaml").write_text("symbols: {alpha: 1/2, n: }\ninput: [n, 4, 4]\nlayers: [relu]\n")
    (folder / "nets").mkdir()
    for name in ("model.onnx", "model.TFLITE", "model.txt"):
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture
def completions(convcost, specs, monkeypatch):
    """Return a function that says what the program answers a bash that asks for the last word."""

    def run(*words):
        monkeypatch.setenv("_CONVCOST_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", shlex.join(["convcost", *words[:-1]]) + f" {words[-1]}")
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        result = convcost()
        assert (result.status, result.err) == (0, "")
        return result.out.split()

    return run


@pytest.fixture
def bash(program, specs):
    """Return a function that says what bash offers for the last word."""
    script = subprocess.run([program, "--show-completion"], capture_output=True, text=True, check=False, timeout=60)
    shown = program.parent / "completion.sh"
    env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    code = "from typer._completion_shared import get_completion_script as s;"
    code += "print(s(prog_name='convcost', complete_var='_CONVCOST_COMPLETE', shell='bash'))"
    shown.write_text(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    )
    assert script.returncode in (0, 1)  # there may be no shell around the tests

    def run(*words):
        lines = f"source {shown}; COMP_WORDS=({shlex.join(['convcost', *words])}); COMP_CWORD={len(words)}; "
        lines += '_convcost_completion convcost; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(
            ["bash", "-c", lines], cwd=specs, env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stderr == ""
        return done.stdout.split()

    return run


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ([""], list(COMMANDS.built_in())),
        (["so"], ["solve"]),
        (["analyze", "mobilenet_v3"], ["mobilenet_v3_large", "mobilenet_v3_small"]),
        (["analyze", "n"], ["net.yaml", "nets/"]),
        (["analyze", "net.yaml", "swe"], ["swept.yaml"]),
        (["analyze", "mod"], ["model.TFLITE", "model.onnx"]),
        (["analyze", "nets"], []),  # the shell knows folders better
        (["analyze", "net.yaml", "--strict", "--so"], ["--sort"]),
        (["analyze", "net.yaml", "--sort", "deployed"], ["deployed_params"]),
        (["analyze", "net.yaml", "--columns", "params,mac"], ["params,macs"]),
        (["analyze", "swept.yaml", "--set", ""], ["alpha=1/2", "n="]),
        (["analyze", "swept.yaml", "--free", ""], ["alpha", "n"]),
        (["analyze", "net.yaml", "swept.yaml", "--free", "a"], ["alpha"]),
        (["solve", "mobilenet_v1", "--for", "al"], ["alpha"]),
        (["solve", "mobilenet_v1", "--max", "useful"], ["useful_mults="]),
        (["check", "net.yaml", "-f", "s"], ["sarif"]),
        (["analyze", "net.yaml", "-f", "s"], []),
        (["rewrite", "net.yaml", "--to", "sep"], ["separable"]),
        (["suggest", "net.yaml", "--allow", "separable,gro"], ["separable,grouped"]),
        (["formulas", "transposed"], ["transposed_conv"]),
        (["specs", "vgg"], ["vgg16"]),
        (["plot", "net.yaml", "--chart", "s"], ["separable"]),
        (["plot", "net.yaml", "--metrics", "macs,pa"], ["macs,params"]),
        (["plot", "net.yaml", "--device", "rasp"], ["raspberry-pi-4"]),
        (["plot", "net.yaml", "-o", "s"], []),
        (["analyze", "missing.yaml", "--set", ""], []),
        (["analyze", "-", "--set", ""], []),  # standard input is the shell's
    ],
)
def test_what_is_completed(words, offered, completions):
    assert completions(*words) == offered


def test_bash_completes(bash):
    assert bash("so") == ["solve"]
    assert bash("analyze", "n") == ["net.yaml", "nets/"]
    assert bash("analyze", "swept.yaml", "--set", "") == ["alpha=1/2", "n="]


def test_every_shipped_spec_is_completed(completions):
    files = {"net.yaml", "swept.yaml", "model.onnx", "model.TFLITE", "nets/"}
    assert set(completions("analyze", "")) == {*shipped(), *files}


def test_a_command_imports_nothing_of_completion(folder, command):
    code = "import sys; sys.argv = ['program', 'analyze', 'net.yaml']\nfrom convcost.cli import main\n"
    code += "try: main()\nexcept SystemExit: sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stderr.split())
    assert "convcost.cli.analyze" in loaded
    assert loaded.isdisjoint({"convcost.cli.completion", "convcost.cli.examples", "rich"})
