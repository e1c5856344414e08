"""What plugs convcost into other tools: the steps of the GitHub action, and the hook of pre-commit, run by hand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
INSTALL, CHECK = ACTION["runs"]["steps"]
INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")

NET = "input: [3, 12, 12]\nlayers:\n  - conv: {out_channels: 256, kernel_size: 5}\n"  # 256 · 75 + 256 = 19,456 params
CONFIG = "models: '*net.yaml'\nbudgets: [{metric: params, max: 19_455}]\n"


@pytest.fixture
def step(tmp_path, monkeypatch):
    """Return a function that runs the step that checks, as a runner does, in a folder with a network and a budget."""
    work, temporary = tmp_path / "work", tmp_path / "runner"
    program = temporary / "convcost" / "bin" / "convcost"
    program.parent.mkdir(parents=True)
    work.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m convcost "$@"\n')
    program.chmod(0o755)
    (work / "net.yaml").write_text(NET)
    (work / "convcost.yaml").write_text(CONFIG)

    def step(**inputs):
        values = {
            name: inputs.pop(name.replace("-", "_"), given["default"]) for name, given in ACTION["inputs"].items()
        }
        assert not inputs
        env = {name: INPUT.sub(lambda found: values[found[1]], text) for name, text in CHECK["env"].items()}
        env |= {"RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
        folder = work / INPUT.sub(lambda found: values[found[1]], CHECK["working-directory"])
        # as documented of `shell: bash`
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", CHECK["run"]]
        return subprocess.run(
            shell, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=60
        )

    monkeypatch.chdir(work)
    return step


def test_the_action_annotates_summarises_and_fails(step, tmp_path):
    done = step()
    assert done.returncode == 1
    (annotation,) = done.stdout.splitlines()
    assert annotation.startswith("::error file=net.yaml,line=3,col=5,title=")
    assert "19,456, which is 1 above the limit of 19,455" in annotation
    assert done.stderr.startswith("Exceeded: 1 of 1 limit\n")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("<!-- convcost check -->\n")


def test_the_actions_inputs(step):
    Path("other.yaml").write_text(NET)
    Path("loose.yaml").write_text("budgets: [{metric: params, max: 20k, warn: 19k}]\n")
    given = {"config": "loose.yaml", "specs": "net.yaml\nother.yaml", "outputs": "json:cost.json\ncsv:cost.csv"}
    assert step(**given).returncode == 0
    assert Path("cost.json").exists()
    assert Path("cost.csv").read_text().count("\n") == 3  # the heading, and a limit for each spec
    assert step(**given, strict="true").returncode == 1
    assert step(baseline="cost.json").returncode == 1
    assert step(baseline="none.json").returncode == 2
    assert step(working_directory="..", specs="work/net.yaml", config="work/loose.yaml").returncode == 0


def test_the_actions_inputs_are_no_shell(step):
    done = step(specs="$(touch pwned) `touch pwned`; touch pwned", config="loose.yaml' touch pwned")
    assert done.returncode == 2
    assert not Path("pwned").exists()
    scripts = INSTALL["run"] + CHECK["run"]
    assert "${{" not in scripts  # all that is given comes by the environment


def test_every_input_of_the_action_is_used():
    used = set(INPUT.findall(str(ACTION["runs"])))
    assert used == set(ACTION["inputs"])
    assert "token" not in str(ACTION["inputs"]).lower()


def test_the_hook_checks_what_the_configuration_names(step):
    (hook,) = HOOKS
    assert hook["entry"].split()[0] == "convcost"
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    words = [sys.executable, "-m", *hook["entry"].split()]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stdout.startswith("Exceeded: 1 of 1 limit\n")


def test_the_action_imports_nothing_of_the_checkout(tmp_path):
    """The steps run in it, and Python looks for modules in the working directory first."""
    for name in "venv", "pip", "convcost", "yaml", "msgspec", "sitecustomize", "signal", "ensurepip":
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')\nraise SystemExit(0)\n")
    (tmp_path / "runner").mkdir()
    (tmp_path / "fake").mkdir()  # instead of pip, which would need the network
    script = INSTALL["run"].replace('"$RUNNER_TEMP/convcost/bin/pip"', ":")
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    env = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "RUNNER_TEMP": str(tmp_path / "runner")}
    subprocess.run(shell, cwd=tmp_path, env=env, check=True, timeout=60)
    assert (tmp_path / "runner/convcost/bin/python").exists()
    (tmp_path / "net.yaml").write_text(NET)
    program = tmp_path / "runner/convcost/bin/convcost"  # as pip writes it
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom convcost.__main__ import main\nsys.exit(main())\n")
    program.chmod(0o755)
    env |= {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path and Path(path) != tmp_path)}
    done = subprocess.run(
        [program, "analyze", "net.yaml"], cwd=tmp_path, env=env, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (tmp_path / "pwned").exists()


# recipes: files to be copied as they are, run as far as no network is needed

README = (ROOT / "convcost" / "budget" / "README.md").read_text(encoding="utf-8")
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


def recipe(name):
    """Return what `convcost init --recipe` prints."""
    words = [sys.executable, "-m", "convcost", "init", "--recipe", name]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Work in a repository whose branch `change` makes the network of `main` larger than its budget allows."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    programs, work = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    for name, script in {
        "convcost": f'exec {shlex.quote(sys.executable)} -m convcost "$@"',
        "pip": 'echo "pip $*" >> "$LOG"',
        "gh": 'case "$*" in *--edit-last*) exit 1 ;; esac; echo "gh $*" >> "$LOG"; cat comment.md >> "$LOG"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.chdir(work)

    def git(*words):
        options = ["-c", "init.defaultBranch=main", "-c", "user.name=n", "-c", "user.email=n@example.org"]
        done = subprocess.run(["git", *options, *words], check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    git("init")
    (work / "net.yaml").write_text(NET)
    (work / "convcost.yaml").write_text(CONFIG.replace("19_455", "19_456"))
    git("add", ".")
    git("commit", "-m", "one")
    git("update-ref", "refs/remotes/origin/main", "HEAD")  # as a clone has it
    git("checkout", "-b", "change")
    return git


def run(script, **env):
    """Run a script as a job does, and return how it ended."""
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(shell, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=60)


def grow():
    Path("net.yaml").write_text(NET.replace("256", "257"))


@pytest.mark.parametrize("name", ["github", "gitlab", "pre-commit", "pytest"])
def test_a_recipe_has_nothing_to_guess_and_stands_in_the_readme(name):
    text = recipe(name)
    assert not re.search(r"\b(OWNER|HOST|REV)\b", text)
    assert f"\n{text}```\n" in README
    assert not re.search(r"\b(OWNER|HOST|REV)\b", README)


def test_a_recipe_that_is_not_there():
    done = run(f"{shlex.quote(sys.executable)} -m convcost init --recipe gitlib")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is no recipe 'gitlib'\n = help: did you mean 'gitlab'?\n"


def test_the_github_workflow(repository, tmp_path):
    workflow = yaml.safe_load(recipe("github"))
    assert workflow[True] == "pull_request"  # `on`, as YAML 1.1 reads it
    values = {"github.base_ref": "main", "github.token": "t", "github.event.pull_request.number": "7"}

    def filled(mapping):
        return {key: EXPRESSION.sub(lambda found: values[found[1]], value) for key, value in mapping.items()}

    env = filled(workflow["env"])
    install, check, comment = [step for step in workflow["jobs"]["budgets"]["steps"] if "run" in step]
    assert run(install["run"], **env).returncode == 0
    assert (tmp_path / "log").read_text() == "pip install convcost\n"
    assert run(check["run"], **env).returncode == 0
    assert run(comment["run"], **env, **filled(comment["env"])).returncode == 0
    assert (tmp_path / "log").read_text() == "pip install convcost\n"  # no comment of what did not change
    grow()
    done = run(check["run"], **env)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=net.yaml,line=3,col=5,title=")
    assert done.stderr.endswith("\nExceeded: 1 of 1 limit\n")
    assert run(comment["run"], **env, **filled(comment["env"])).returncode == 0
    posted = (tmp_path / "log").read_text().split("\n", 2)
    assert posted[1] == "gh pr comment 7 --body-file comment.md"
    assert posted[2].startswith("<!-- convcost diff -->\n")


def test_the_gitlab_job(repository, tmp_path):
    job = yaml.safe_load(recipe("gitlab"))["convcost"]
    env = {**job["variables"], "CI_MERGE_REQUEST_DIFF_BASE_SHA": repository("rev-parse", "main")}
    grow()
    install, check = job["script"]
    assert run(install, **env).returncode == 0
    assert (tmp_path / "log").read_text() == "pip install convcost\n"
    done = run(check, **env)
    assert done.returncode == 1
    assert done.stdout.startswith("Exceeded: 1 of 1 limit\n")
    for path in job["artifacts"]["reports"].values():
        assert Path(path).stat().st_size > 0


def test_the_pre_commit_hook(repository):
    ((hook,),) = [repo["hooks"] for repo in yaml.safe_load(recipe("pre-commit"))["repos"]]
    assert (hook["language"], hook["pass_filenames"]) == ("system", False)
    assert hook["files"] == HOOKS[0]["files"]
    names = ["net.yaml", "a/net.yml", "net.onnx", "net.tflite", "net.keras", "net.h5", "net.hdf5", "net.pt2"]
    assert [name for name in [*names, "net.py", "yaml", "net.onnx.txt"] if re.search(hook["files"], name)] == names
    assert run(hook["entry"]).returncode == 0
    grow()
    assert run(hook["entry"]).returncode == 1


def test_the_pytest_file(repository):
    Path("test_budgets.py").write_text(recipe("pytest"))
    command = f"{shlex.quote(sys.executable)} -m pytest -q -p no:cacheprovider test_budgets.py"
    assert run(command).returncode == 0
    grow()
    done = run(command)
    assert done.returncode == 1
    assert "AssertionError: Exceeded: 1 of 1 limit" in done.stdout
