"""A repository of a stranger starts no program, and a folder in it that looks like a repository is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convcost.budget import committed, revisions
from convcost.budget import git as git_of
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
        return subprocess.run(
            ["git", *options, *words], capture_output=True, check=check, text=True, timeout=60
        ).stdout.strip()

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
    subprocess.run(["git", "-C", "models", "status"], capture_output=True, check=False, timeout=60)
    assert marker.exists()


@pytest.mark.parametrize("options", [git_of._OPTIONS, []])
def test_git_starts_at_the_top_alone(options, embedded, marker, monkeypatch):
    """Whatever options it knows: it was 2.38 that learnt of the danger."""
    monkeypatch.setattr(git_of, "_OPTIONS", options)
    write("net.yaml", NET.format(10))
    top = str(Path.cwd())
    monkeypatch.chdir("models")
    revision = revisions.merge_base("HEAD~1", committed.place(["../net.yaml"]))
    assert revision.root == top
    assert committed.read(revision, ["../net.yaml"]) == {"../net.yaml": None}
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
    found = committed.read(revision, ["net.yaml", "new.yaml"])
    assert found == {
        "net.yaml": Source(f"{revision.short}:net.yaml", NET.format(10)),
        "new.yaml": Source(f"{revision.short}:moved.yaml", NET.format(20)),
    }
    with pytest.raises(BaselineError):
        revisions.merge_base("nope")
    with pytest.raises(BaselineError, match="the clone lacks what files were at"):
        committed.read(revision, ["gone.yaml"])
    assert not marker.exists()


# a git that is none


@pytest.fixture
def program(git, tmp_path, monkeypatch):
    """Return a function that puts a script in the place of git."""
    write("net.yaml", NET.format(10))
    git("add", ".")
    git("commit", "--message", "one")
    folder = tmp_path / "programs"
    real = shutil.which("git")

    def program(script):
        write(folder / "git", f"#!/bin/sh\n{script.format(git=real)}\n")
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return program


def told():
    """Return what is wrong with a baseline."""
    with pytest.raises(BaselineError) as caught:
        committed.read(revisions.merge_base("HEAD"), ["net.yaml", "new.yaml"])
    return caught.value.text()


REPORT = "or give a report made earlier: --baseline REPORT.json"
ANSWERS = {
    "rev-parse --show-toplevel": "rev-parse --show-toplevel",
    "rev-parse --verify": "rev-parse --verify",
    "merge-base": "merge-base",
    "cat-file --batch-check": "cat-file --batch-check",
}


@pytest.mark.parametrize("command", ANSWERS)
def test_a_git_that_says_nothing(command, program):
    program(f'case "$*" in *"{command}"*) exit 0 ;; esac\nexec {{git}} "$@"')
    assert told() == (
        f"error: git answers `git {command}` with something else\n = found: nothing\n = help: run it by hand, {REPORT}"
    )


@pytest.mark.parametrize("command", [*ANSWERS, "cat-file --batch"])
@pytest.mark.parametrize(("how", "said"), [("exit 3", "status 3"), ("kill -9 $$", "signal 9")])
def test_a_git_that_fails_without_a_word(how, said, command, program):
    program(f'case "$* " in *"{command} "*) {how} ;; esac\nexec {{git}} "$@"')
    assert told() == f"error: git ended with {said}, without a message\n = help: run it by hand, {REPORT}"


@pytest.mark.parametrize("command", [*ANSWERS, "cat-file --batch"])
def test_a_git_that_says_something_else(command, program):
    program(f'case "$* " in *"{command} "*) echo "hello there"; exit 0 ;; esac\nexec {{git}} "$@"')
    if command == "rev-parse --show-toplevel":
        assert told().startswith("error: the files of the repository ")
        return
    assert told() == (
        f"error: git answers `git {command}` with something else\n"
        f" = found: hello there\n = help: run it by hand, {REPORT}"
    )


def test_a_git_that_hangs_is_ended_with_all_that_it_started(program, monkeypatch, tmp_path):
    monkeypatch.setattr(git_of, "_SECONDS", 0.5)
    program(f"(sleep 20; touch {tmp_path}/late) & wait")
    start = time.monotonic()
    assert told() == (
        "error: git does not answer\n = found: `git rev-parse` did not end within 0.5 seconds\n"
        f" = help: run it by hand, {REPORT}"
    )
    assert time.monotonic() - start < 5
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert not [line for line in found.splitlines() if f"{tmp_path}/programs/git" in line]


def test_a_git_that_does_not_know_an_option(program):
    program('case "$*" in *cat-file*) echo "error: unknown option" >&2; exit 129 ;; esac\nexec {git} "$@"')
    assert told() == (
        "error: git is too old\n"
        " = found: it does not know `git cat-file --batch-check --follow-symlinks`\n"
        f" = help: use git 2.31 or later, {REPORT}"
    )


def test_files_at_a_revision_are_limited_like_others(git):
    """A file of zeros is small in a repository."""
    write("large.yaml", "\n" * (4 * 2**20 + 1))
    write("fits.yaml", "\n" * 4 * 2**20)
    for number in range(16):
        write(f"many{number}.yaml", f"{number}\n".ljust(4 * 2**20, "\n"))
    git("add", ".")
    git("commit", "--message", "one")
    revision = revisions.merge_base("HEAD")
    found = committed.read_each(revision, ["large.yaml", "fits.yaml"])
    assert str(found["large.yaml"]) == (
        f"error: it is larger than 4 MiB\n --> {revision.short}:large.yaml\n  = found: 4,194,305 bytes"
    )
    assert len(found["fits.yaml"].text) == 4 * 2**20
    found = committed.read_each(revision, [f"many{number}.yaml" for number in range(16)] + ["fits.yaml"])
    *most, last = found.values()
    assert all(len(source.text) == 4 * 2**20 for source in most)
    assert str(last) == (
        "error: the specs up to it are larger than 64 MiB\n"
        f" --> {revision.short}:fits.yaml\n  = found: 71,303,168 bytes"
    )
