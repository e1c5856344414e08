"""A repository of a stranger starts no program, and a folder in it that looks like a repository is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convcost.budget import git as git_of
from convcost.budget import revisions
from convcost.errors import BaselineError
from convcost.spec.source import Source

NET = "name: net\ninput: [3, 8, 8]\nlayers:\n  - conv: {{out_channels: {}, kernel_size: 1, bias: false}}\n"
# 3 · out_channels params, at 64 places


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Return a function that runs git, in a new repository, with no configuration but its own."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")

    def git(*words, check=True):
        options = ["-c", "init.defaultBranch=main", "-c", "user.name=n", "-c", "user.email=n@example.org"]
        return subprocess.run(["git", *options, *words], capture_output=True, check=check, text=True).stdout.strip()

    git("init")
    return git


@pytest.fixture
def marker(tmp_path):
    """Return a file that comes into being when a program is started that no one asked for."""
    return tmp_path / "started"


@pytest.fixture
def embedded(git, marker):
    """Make a repository with a folder `models` that looks like one itself, and whose configuration names a program.

    A network had 30 params and has 300; by the commits of the folder it had 300 always.
    """
    models = Path("models")
    models.mkdir()
    write("models/net.yaml", NET.format(10))
    git("add", ".")
    git("commit", "--message", "one")
    write("models/net.yaml", NET.format(100))
    inner = ["--git-dir=models/inner", "--work-tree=models"]
    git(*inner, "init")
    for message in "forged", "again":
        git(*inner, "add", "net.yaml")
        git(*inner, "commit", "--allow-empty", "--message", message)
    write("models/new.yaml", NET.format(100))  # only for one that is missing at the base are renames looked for
    for path in Path("models/inner").iterdir():
        shutil.move(path, models / path.name)
    Path("models/inner").rmdir()
    config = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
    write("models/config", f'{config}\tfsmonitor = "touch {marker}; false"\n')
    git("add", ".")
    git("commit", "--message", "two")
    return models


def write(name, text):
    """Write a file."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def run(*arguments, at="."):
    """Run the command line in a process of its own."""
    words = [sys.executable, "-m", "convcost", *arguments]
    return subprocess.run(words, capture_output=True, check=False, text=True, cwd=at, timeout=60)


@pytest.mark.parametrize("at", [".", "models"])
@pytest.mark.parametrize("file", ["net.yaml", "new.yaml"])
@pytest.mark.parametrize(
    ("words", "help"),
    [
        (["diff", "--base", "HEAD~1"], "convcost diff OLD NEW compares two files without git"),
        (
            ["check", "-o", "github", "--base=HEAD~1", "--"],
            "run it in that repository, or give a report made earlier: --baseline REPORT.json",
        ),
    ],
)
def test_a_folder_that_looks_like_a_repository_is_refused(words, help, at, file, embedded, marker):
    top = Path.cwd()
    path = file if at == "models" else f"models/{file}"
    write("convcost.yaml", "models: models/*.yaml\nbudgets: [{metric: params, growth: 0%}]\n")
    done = run(*words, path, at=at)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {path} is not part of the repository {top}\n"
        " = found: models is a repository of its own, or looks like one\n"
        f" = help: {help}\n"
    )
    assert not marker.exists()


def test_the_attack_is_one(embedded, marker):
    """Plain git, started in the folder, takes it for a repository and starts the program."""
    subprocess.run(["git", "-C", "models", "status"], capture_output=True, check=False)
    assert marker.exists()


@pytest.mark.parametrize("options", [git_of._OPTIONS, []])
def test_git_starts_at_the_top_alone(options, embedded, marker, monkeypatch):
    """Whatever options it knows: it was 2.38 that learnt of the danger."""
    monkeypatch.setattr(git_of, "_OPTIONS", options)
    write("net.yaml", NET.format(10))
    top = str(Path.cwd())
    monkeypatch.chdir("models")
    revision = revisions.merge_base("HEAD~1", revisions.place(["../net.yaml"]))
    assert revision.root == top
    assert revisions.read(revision, ["../net.yaml"]) == {"../net.yaml": None}
    assert not marker.exists()


# a repository whose own configuration is hostile, as one has it that somebody unpacked

PARTIAL = '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = x\n[remote "x"]\n\tpromisor = true\n'
MISSING = ["cat-file", "-p", "HEAD~1:gone.yaml"]
HOSTILE = {
    "monitor": ('[core]\n\tfsmonitor = "{run}; false"\n', ["status"]),
    "included": ("[include]\n\tpath = ../hostile\n", ["status"]),
    "filter": ('[filter "x"]\n\tclean = "{run}; cat"\n\trequired = true\n', ["add", "--renormalize", "."]),
    "text": ('[diff "x"]\n\ttextconv = "{run}; cat"\n', ["diff", "HEAD~1"]),
    "difference": ('[diff "x"]\n\tcommand = {run}\n', ["diff", "HEAD~1", "--", "net.yaml"]),
    "differences": ("[diff]\n\texternal = {run}\n", ["diff", "HEAD~1", "--", "net.yaml"]),
    "alias": ("[alias]\n\tx = !{run}\n\tdiff-index = !{run}\n\tcat-file = !{run}\n", ["x"]),
    "hooks": ("[core]\n\thooksPath = hooks\n", ["tag", "x"]),
    "address": (
        f'{PARTIAL}\turl = "ext::{{run}}"\n[protocol "ext"]\n\tallow = always\n',
        MISSING,
    ),
    "helper": (f"{PARTIAL}\turl = y\n\tvcs = hostile\n", MISSING),
    "upload": (f'{PARTIAL}\turl = .\n\tuploadpack = "{{run}};"\n', MISSING),
}


@pytest.fixture
def hostile(git, marker, monkeypatch):
    """Return a function that makes the repository's configuration hostile; a content is missing, a file was moved."""
    write("hostile", f'[core]\n\tfsmonitor = "touch {marker}; false"\n')
    write("net.yaml", NET.format(10))
    write("moved.yaml", NET.format(20))
    write("gone.yaml", NET.format(30))
    for name in "hooks/pre-commit", "hooks/post-index-change", "hooks/reference-transaction", "bin/git-remote-hostile":
        write(name, f"#!/bin/sh\ntouch {marker}\n")
        Path(name).chmod(0o755)
    git("add", ".")
    git("commit", "--message", "one")
    gone = git("rev-parse", "HEAD:gone.yaml")
    write("net.yaml", NET.format(11))
    write("gone.yaml", "nothing alike\n")
    git("mv", "moved.yaml", "new.yaml")
    write(".gitattributes", "* filter=x diff=x\n")
    git("add", ".")
    git("commit", "--message", "two")
    Path(".git/objects", gone[:2], gone[2:]).unlink()
    monkeypatch.setenv("PATH", f"{Path('bin').absolute()}:{os.environ['PATH']}")

    def hostile(lines):
        with Path(".git/config").open("a") as file:
            file.write(lines.format(run=f"touch {marker}"))

    return hostile


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_configuration_starts_nothing(name, git, hostile, marker):
    lines, attack = HOSTILE[name]
    hostile(lines)
    write("net.yaml", NET.format(12))
    git(*attack, check=False)
    assert marker.exists()  # it is one
    marker.unlink()
    revision = revisions.merge_base("HEAD~1")
    found = revisions.read(revision, ["net.yaml", "new.yaml"])
    assert found == {
        "net.yaml": Source(f"{revision.short}:net.yaml", NET.format(10)),
        "new.yaml": Source(f"{revision.short}:moved.yaml", NET.format(20)),
    }
    with pytest.raises(BaselineError):
        revisions.merge_base("nope")
    with pytest.raises(BaselineError, match="the clone lacks what files were at"):
        revisions.read(revision, ["gone.yaml"])
    assert not marker.exists()
