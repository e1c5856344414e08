"""Files at a commit: in real repositories, whatever their names, their layout and the environment."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from convcost.budget import committed, revisions
from convcost.budget.revisions import Revision
from convcost.errors import BaselineError
from convcost.spec.source import Source

WRITE_IT_WHOLE = "write it whole, such as refs/heads/NAME or refs/tags/NAME; of a hash more digits"


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Return a function that runs git, in an empty folder, with no configuration but its own."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")

    def git(*words, at=".", given=None, check=True):
        options = ["-c", "init.defaultBranch=main", "-c", "user.name=n", "-c", "user.email=n@example.org"]
        done = subprocess.run(
            ["git", *options, *words], cwd=at, input=given, capture_output=True, check=check, timeout=60
        )
        return os.fsdecode(done.stdout).strip()

    return git


@pytest.fixture
def commit(git):
    """Return a function that commits some texts, in a new repository, and gives the hash."""
    git("init")

    def commit(**texts):
        for name, text in texts.items():
            write(name.replace("__", "/") + ".yaml", text)
        git("add", "--all")
        git("commit", "--allow-empty", "--message", "changed")
        return git("rev-parse", "HEAD")

    return commit


@pytest.fixture
def upstream(git):
    r"""Return the address of a repository, and the hashes of its commits.

    ```
    m1 ── m2 ── m3      main, with the tag v1.0 at m2
      \            \
       f1 ── f2 ── merge
              feature
    ```
    """
    git("init", "--bare", "up.git")
    commits = [
        ("m1", "main", "", []),
        ("m2", "main", "m1", []),
        ("f1", "feature", "m1", []),
        ("f2", "feature", "f1", []),
        ("m3", "main", "m2", []),
        ("merge", "pull", "m3", ["f2"]),
    ]
    marks = {name: f":{number}" for number, (name, *_) in enumerate(commits, 1)}
    stream = "feature done\n"
    for name, branch, parent, others in commits:
        stream += f"commit refs/heads/{branch}\nmark {marks[name]}\n"
        stream += f"committer n <n@example.org> 1700000000 +0000\ndata {len(name)}\n{name}\n"
        stream += f"from {marks[parent]}\n" if parent else ""
        stream += "".join(f"merge {marks[other]}\n" for other in others)
        stream += f"M 100644 inline {branch}.yaml\ndata {len(name)}\n{name}\n"
    stream += f"reset refs/tags/v1.0\nfrom {marks['m2']}\n\ndone\n"
    git("fast-import", "--export-marks=marks", at="up.git", given=stream.encode())
    lines = dict(line.split() for line in Path("up.git/marks").read_text().splitlines())
    git("update-ref", "refs/pull/1/merge", "refs/heads/pull", at="up.git")
    git("update-ref", "-d", "refs/heads/pull", at="up.git")
    return Path("up.git").absolute().as_uri(), {name: lines[mark] for name, mark in marks.items()}


def write(name, text):
    """Write a file, in folders that are made."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)


def told(asked, folder="."):
    """Return what is wrong with a revision."""
    with pytest.raises(BaselineError) as caught:
        revisions.merge_base(asked, folder)
    return caught.value.text()


def texts(asked, *files):
    """Return the texts of files at a revision."""
    found = committed.read(revisions.merge_base(asked), files)
    assert list(found) == list(files)
    return [source and source.text for source in found.values()]


# revisions


def test_the_commit_is_where_head_and_a_branch_went_different_ways(git, upstream):
    url, hashes = upstream
    git("clone", "--branch", "feature", url, "clone")
    found = revisions.merge_base("origin/main", "clone")
    assert found == Revision("origin/main", hashes["m1"], str(Path("clone").resolve()), exact=False)
    assert str(found) == f"{hashes['m1'][:7]}, the merge base with origin/main"


@pytest.mark.parametrize("asked", ["HEAD", "@", "feature", "HEAD~1", "refs/heads/feature", "HEAD@{0}", "HEAD^{/f1}"])
def test_a_revision_that_head_comes_from_is_named_by_itself(asked, git, upstream):
    url, hashes = upstream
    git("clone", "--branch", "feature", url, "clone")
    found = revisions.merge_base(asked, "clone")
    commit = hashes["f1" if "1" in asked else "f2"]
    assert (found.commit, str(found)) == (commit, f"{commit[:7]} ({asked})")


def test_a_tag_with_a_message_is_the_commit_that_it_tells_of(git, commit):
    first = commit(net="a")
    git("tag", "--annotate", "--message", "one", "v1")
    commit(net="b")
    assert revisions.merge_base("v1").commit == first


@pytest.mark.parametrize("branch", ["it's", "a;b", "ü/ö", "$(id)", "a b".replace(" ", "\u00a0"), "x'\"y"])
def test_any_name_of_a_branch_is_just_a_name(branch, git, commit):
    first = commit(net="a")
    git("branch", branch)
    commit(net="b")
    assert revisions.merge_base(branch).commit == first


def test_the_folder_may_lie_deep_in_the_repository(commit, tmp_path):
    commit(deep__er__net="a")
    assert revisions.merge_base("HEAD", "deep/er").root == str(tmp_path.resolve() / "w")


@pytest.mark.parametrize("asked", ["-x", "--output=x", "", "ma\0in", "ma\ud800in"])
def test_what_cannot_be_a_revision(asked, commit):
    assert told(asked) == (f"error: this is not a revision\n = found: {asked!r}\n = help: such as --base origin/main")
    assert not Path("x").exists()


def test_a_revision_that_nobody_knows(git, commit):
    commit(net="a")
    git("tag", "v1.0")
    lists = "`git branch --all` and `git tag` list what there is"
    for asked, help in [
        ("mian", "did you mean 'main'?"),
        ("v1.1", "did you mean 'v1.0'?"),
        ("master~2", lists),
        ("deadbeef", lists),
        ("0" * 40, lists),
        ("no such thing", lists),
        ("main~3", "git log main shows its commits"),
        ("@~1", "git log @ shows its commits"),
        ("~1", "git log HEAD shows its commits"),
    ]:
        assert told(asked) == f"error: there is no revision '{asked}'\n = help: {help}"


def test_a_name_that_is_a_branch_and_a_tag(git, commit):
    commit(net="a")
    git("tag", "v1")
    commit(net="b")
    git("branch", "v1")
    git("config", "core.warnAmbiguousRefs", "false")
    for asked in "v1", "v1~0":
        assert told(asked) == f"error: '{asked}' means more than one revision\n = help: {WRITE_IT_WHOLE}"
    assert revisions.merge_base("refs/heads/v1").commit == git("rev-parse", "HEAD")


def test_digits_that_two_commits_begin_with(git):
    """Of 600 commits some begin alike: there are 16⁴ = 65,536 beginnings for 600 · 599 / 2 = 179,700 pairs."""
    git("init")
    commits = [f"commit refs/heads/main\ncommitter n <e> {1_700_000_000 + i} +0000\ndata 0\n\n" for i in range(600)]
    git("fast-import", "--quiet", given="".join(commits).encode())
    hashes = sorted(git("rev-list", "main").split())
    alike = next(one[:4] for one, other in pairwise(hashes) if one[:4] == other[:4])
    assert told(alike) == f"error: '{alike}' means more than one revision\n = help: {WRITE_IT_WHOLE}"


def test_histories_that_never_meet(git, commit):
    commit(net="a")
    git("checkout", "--orphan", "lone")
    commit(net="b")
    assert told("main") == (
        "error: HEAD and 'main' have no common ancestor\n"
        " = help: name a revision that HEAD comes from, such as --base HEAD~1"
    )


def test_a_repository_without_commits(commit, git):
    message = (
        "error: there is nothing to compare with: HEAD has no commit yet\n"
        f" = found: {Path.cwd()}\n"
        " = help: commit once; until then a limit is `max`, not `growth`"
    )
    assert told("HEAD") == told("main") == message
    commit(net="a")
    git("checkout", "--orphan", "lone")
    assert told("HEAD") == told("main") == message


# no repository


def test_a_folder_in_no_repository(git, monkeypatch):
    message = f"error: there is no git repository\n = found: {Path.cwd()} is in none\n = help: "
    report = "or give a report made earlier: --baseline REPORT.json"
    assert told("main") == f"{message}run it in a clone of the repository, {report}"
    git("init", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(Path("elsewhere/.git").absolute()))
    assert told("main") == f"{message}set GIT_WORK_TREE beside GIT_DIR"


def test_a_repository_without_files(git):
    git("init", "--bare", "bare")
    here = Path.cwd() / "bare"
    assert told("main", "bare").startswith(f"error: there is no git repository\n = found: {here} is in none\n")


def test_git_is_not_installed(commit, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    help = " = help: install git, or give a report made earlier: --baseline REPORT.json"
    assert told("main") == f"error: a revision is read by git, which cannot be run\n{help}"
    (tmp_path / "git").write_text("no program")
    (tmp_path / "git").chmod(0o644)
    found = " = found: Permission denied"
    assert told("main") == f"error: a revision is read by git, which cannot be run\n{found}\n{help}"


def test_what_git_refuses_is_told_in_its_own_words_with_its_remedy(commit, monkeypatch):
    commit(net="a")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # as git's own tests have it
    here = Path.cwd()
    assert told("main") == (
        f"error: git refuses: detected dubious ownership in repository at '{here}'\n"
        f" = help: git config --global --add safe.directory {here}"
    )
    for name, value in {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": str(here)}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert revisions.merge_base("main")


def test_git_speaks_english_whatever_else_speaks(git, monkeypatch, tmp_path):
    (tmp_path / "git").write_text('#!/bin/sh\necho "fatal: $LC_ALL" >&2\nexit 128\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    write(".git/HEAD", "")
    assert told("main") == "error: git refuses: C"


# shallow clones


def clone(git, url, kind):
    """Make a clone as people and services make them."""
    if kind == "pull request":  # as actions/checkout does: https://github.com/actions/checkout
        git("init", "clone")
        git("remote", "add", "origin", url, at="clone")
        ref = "refs/remotes/pull/1/merge"
        git("fetch", "--no-tags", "--depth=1", "origin", "+refs/pull/1/merge:" + ref, at="clone")
        git("checkout", "--force", ref, at="clone")
    elif kind == "pipeline":  # as GitLab's runner does, with fewer commits
        git("init", "clone")
        git("remote", "add", "origin", url, at="clone")
        branch = "+refs/heads/feature:refs/remotes/origin/feature"
        git("fetch", "--no-tags", "--depth=1", "origin", branch, at="clone")
        git("checkout", "--force", "--detach", "origin/feature", at="clone")
    else:
        git("clone", *kind.split(), "--branch", "feature", url, "clone")


FETCH = "git fetch --tags origin '+refs/heads/*:refs/remotes/origin/*'"
DEEP = FETCH.replace("fetch", "fetch --unshallow")
ALL, ONE, FULL = "--depth 1 --no-single-branch", "--depth 1", "--single-branch"


@pytest.mark.parametrize(
    ("kind", "asked", "base"),
    [
        (ONE, "origin/main", "m1"),
        (ONE, "origin/main~1", "m1"),
        (ONE, "main", "m1"),
        (ONE, "v1.0", "m1"),
        (ONE, "{m3}", "m1"),
        (ONE, "{f1:.9}", "f1"),
        (ONE, "HEAD~1", "f1"),
        (ONE, "feature^", "f1"),
        (f"{ONE} --origin there", "there/main", "m1"),
        (ALL, "origin/main~1", "m1"),
        ("pull request", "origin/main", "m3"),
        ("pull request", "main", "m3"),
        ("pull request", "{m2}", "m2"),
        ("pull request", "HEAD^2", "f2"),
        ("pipeline", "origin/main", "m1"),
        ("pipeline", "{m1}", "m1"),
        (FULL, "origin/main", "m1"),
        (FULL, "main", "m1"),
        (FULL, "v1.0", "m1"),
        (FULL, "{m3:.9}", "m1"),
    ],
)
def test_what_a_clone_lacks_is_brought_by_the_command_of_the_help(kind, asked, base, git, upstream):
    url, hashes = upstream
    clone(git, url, kind)
    asked = asked.format(**hashes)
    found = "" if kind == FULL else " = found: this clone is shallow\n"
    command = (FETCH if kind == FULL else DEEP).replace("origin", asked.split("/")[0] if "there" in kind else "origin")
    assert told(asked, "clone") == f"error: there is no revision '{asked}'\n{found} = help: {command}"
    subprocess.run(shlex.split(command), cwd="clone", check=True, capture_output=True, timeout=60)
    if asked == "main":
        assert told(asked, "clone") == "error: there is no revision 'main'\n = help: did you mean 'origin/main'?"
        asked = "origin/main"
    assert revisions.merge_base(asked, "clone").commit == hashes[base]


@pytest.mark.parametrize("asked", ["origin/main", "v1.0", "{m3}"])
def test_a_history_that_ends_before_the_merge_base_is_fetched_by_the_command_of_the_help(asked, git, upstream):
    url, hashes = upstream
    clone(git, url, ALL)
    asked = asked.format(**hashes)
    message = (
        f"error: HEAD and '{asked}' have no common ancestor in this clone\n"
        " = found: it is shallow: its history ends before they meet\n = help: "
    )
    assert told(asked, "clone") == message + DEEP
    git("remote", "rename", "origin", "here", at="clone")
    git("update-ref", "refs/remotes/origin/main", "refs/remotes/here/main", at="clone")
    assert told(asked, "clone") == message + DEEP.replace("origin", "here")
    git("remote", "remove", "here", at="clone")
    assert told("{m3}".format(**hashes), "clone").endswith("\n = help: clone the repository without --depth")
    git("remote", "add", "origin", url, at="clone")
    subprocess.run(shlex.split(DEEP), cwd="clone", check=True, capture_output=True, timeout=60)
    assert revisions.merge_base(asked, "clone").commit == hashes["m1"]


def test_a_branch_that_only_the_remote_repository_has(git, upstream):
    url, _ = upstream
    git("clone", "--branch", "feature", url, "clone")
    git("remote", "add", "a-fork", url, at="clone")
    for asked, help in [
        ("main", "did you mean 'origin/main'?"),
        ("main~1", "did you mean 'origin/main'?"),
        ("origin/maim", f"did you mean 'origin/main'? Or: {FETCH}"),
        ("featrue", f"did you mean 'feature'? Or: {FETCH}"),
        ("origin/new", FETCH),
        ("a-fork/new", FETCH.replace("origin", "a-fork")),
    ]:
        assert told(asked, "clone") == f"error: there is no revision '{asked}'\n = help: {help}"


# files


def test_the_text_is_what_was_committed(git, commit):
    commit(nets__a="one", nets__b="two")
    first = revisions.merge_base("HEAD")
    commit(nets__a="three")
    write("nets/b.yaml", "changed")
    git("add", ".")
    write("nets/b.yaml", "changed again")
    short = first.commit[:7]
    assert committed.read(first, ["nets/b.yaml", "nets/new.yaml", "./nets/../nets/a.yaml"]) == {
        "nets/b.yaml": Source(f"{short}:nets/b.yaml", "two"),
        "nets/new.yaml": None,
        "./nets/../nets/a.yaml": Source(f"{short}:nets/a.yaml", "one"),
    }
    assert committed.read(first, []) == {}


def test_files_from_another_folder_than_the_current_one(commit, monkeypatch):
    commit(nets__deep__a="one", other__b="two", c="three")
    absolute = str(Path("nets/deep/a.yaml").absolute())
    monkeypatch.chdir("nets/deep")
    assert texts("HEAD", "a.yaml", "../../other/b.yaml", "../../c.yaml", absolute) == ["one", "two", "three", "one"]


NAMES = [
    "a b.yaml", " .yaml ", "it's \"quoted\".yaml", "two\nlines.yaml", "tab\t.yaml", "ü/ö 網.yaml", "-rf.yaml",
    "--help/-.yaml", "a:b.yaml", ":(top)a.yaml", "[a]*?.yaml", "back\\slash.yaml", "HEAD", "x missing", "\\n.yaml",
    "$(touch x);.yaml", "!a.yaml", "..a.yaml", "{b}@{u}.yaml", "^a~1.yaml", os.fsdecode(b"caf\xe9.yaml"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_just_a_name(name, commit):
    write(name, "the text\n")
    write("other.yaml", "another text\n")
    commit()
    assert texts("HEAD", "other.yaml", f"{name}.new", name, "new\nlines") == [
        "another text\n",
        None,
        "the text\n",
        None,
    ]


def test_bytes_stay_as_they_are(commit):
    commit(
        crlf="a: 1\r\nb: 2\r\n",
        mark="\ufeffa: 1\n",
        cut="a: 1",
        empty="",
        blank="\n\n",
        odd="\x00\x85\u2028\n missing\n",
    )
    files = [f"{name}.yaml" for name in ("crlf", "mark", "cut", "empty", "blank", "odd")]
    assert texts("HEAD", *files) == ["a: 1\r\nb: 2\r\n", "a: 1\n", "a: 1", "", "\n\n", "\x00\x85\u2028\n missing\n"]


def test_line_ends_that_git_changes_at_the_checkout_are_those_of_the_commit(git, commit):
    git("config", "core.autocrlf", "true")
    commit(net="a: 1\r\n")
    git("rm", "--cached", "net.yaml")
    git("checkout", "HEAD", "--", "net.yaml")
    assert Path("net.yaml").read_bytes() == b"a: 1\r\n"
    assert texts("HEAD", "net.yaml") == ["a: 1\n"]


def test_what_holds_no_text_is_told(commit):
    write("a.yaml", b"name: a\nsource: caf\xe9\n")
    write("b.yaml", b"\x89PNG\r\n")
    commit(c="fine")
    revision = revisions.merge_base("HEAD")
    files = ["a.yaml", "b.yaml", "c.yaml"]
    with pytest.raises(BaselineError) as caught:
        committed.read(revision, files)
    assert caught.value.text() == (
        f"error: it is not UTF-8\n --> {revision.short}:a.yaml:2:12\n  = found: byte 0xe9\n\n"
        f"error: it is not UTF-8\n --> {revision.short}:b.yaml:1:1\n  = found: byte 0x89"
    )
    each = committed.read_each(revision, files)
    assert [str(each[file]) for file in files[:2]] == caught.value.text().split("\n\n")
    assert each["c.yaml"] == Source(f"{revision.short}:c.yaml", "fine")


def test_two_processes_read_all_files(commit, monkeypatch):
    """One asks how large they are, one reads what is not too large."""
    commit(**{f"net_{number}": str(number) for number in range(50)})
    revision = revisions.merge_base("HEAD")
    start, commands = subprocess.Popen, []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **more: commands.append(command) or start(command, **more))
    files = [f"net_{number}.yaml" for number in range(50)]
    assert [source.text for source in committed.read(revision, files).values()] == [str(number) for number in range(50)]
    assert [command[command.index("cat-file") + 1] for command in commands] == ["--batch-check", "--batch"]


def test_a_text_of_many_megabytes_comes_whole(commit):
    text = "# a comment\n" * 300_000  # 3.6 MB
    commit(a=text, b="b")
    assert texts("HEAD", "a.yaml", "b.yaml") == [text, "b"]


# renamed files


def test_a_file_is_found_under_the_name_that_it_had(git, commit):
    text = "".join(f"line {number}\n" for number in range(20))
    commit(a=text, b=text.replace("line", "row"), same="x")
    base = revisions.merge_base("HEAD")
    git("config", "diff.renames", "false")
    git("config", "diff.renameLimit", "1")
    Path("nets").mkdir()
    git("mv", "a.yaml", "nets/new name.yaml")
    commit(new="nothing like it")
    git("mv", "b.yaml", "c.yaml")  # neither committed, nor all as it was
    write("c.yaml", text.replace("line", "row").replace("row 7\n", "row 7 is new\n"))
    short = base.short
    assert committed.read(base, ["same.yaml", "new.yaml", "nets/new name.yaml", "c.yaml"]) == {
        "same.yaml": Source(f"{short}:same.yaml", "x"),
        "new.yaml": None,
        "nets/new name.yaml": Source(f"{short}:a.yaml", text),
        "c.yaml": Source(f"{short}:b.yaml", text.replace("line", "row")),
    }


def test_a_copy_of_a_file_that_stays_is_new(git, commit):
    commit(a="some text\n" * 20)
    base = revisions.merge_base("HEAD")
    commit(b="some text\n" * 20)
    assert committed.read(base, ["b.yaml"]) == {"b.yaml": None}


# links and folders


def test_a_link_is_the_file_that_it_led_to(commit):
    write("nets/a.yaml", "a")
    write("nets/b.yaml", "b")
    Path("link.yaml").symlink_to("nets/a.yaml")
    Path("folder").symlink_to("nets")
    Path("gone.yaml").symlink_to("none.yaml")
    Path("round.yaml").symlink_to("round.yaml")
    Path("out.yaml").symlink_to("/etc/hostname")
    commit()
    revision = revisions.merge_base("HEAD")
    Path("link.yaml").unlink()
    Path("link.yaml").symlink_to("nets/b.yaml")
    files = ["link.yaml", "folder/b.yaml"]
    assert [source.text for source in committed.read(revision, files).values()] == ["a", "b"]
    files = ["gone.yaml", "round.yaml", "out.yaml"]
    assert {file: str(error) for file, error in committed.read_each(revision, files).items()} == {
        file: f"error: it is a link that leads to no file of the repository\n --> {revision.short}:{file}"
        for file in files
    }


def test_a_file_that_was_a_link_or_a_folder_or_in_a_file(commit):
    write("real.yaml", "real")
    Path("link.yaml").symlink_to("real.yaml")
    write("folder.yaml/x", "x")
    write("file", "x")
    commit()
    revision = revisions.merge_base("HEAD")
    Path("link.yaml").unlink()
    write("link.yaml", "now")
    Path("folder.yaml/x").unlink()
    Path("folder.yaml").rmdir()
    write("folder.yaml", "now")
    Path("file").unlink()
    write("file/a.yaml", "now")
    found = committed.read(revision, ["link.yaml", "folder.yaml", "file/a.yaml"])
    assert [source and source.text for source in found.values()] == ["real", None, None]


def test_a_repository_that_is_reached_by_a_link(commit, tmp_path):
    commit(nets__a="a")
    (tmp_path / "link").symlink_to(tmp_path / "w")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "w/nets/a.yaml")
    found = committed.read(revisions.merge_base("HEAD", str(tmp_path / "link/nets")), [
        str(tmp_path / "link/nets/a.yaml"), str(tmp_path / "link.yaml")
    ])  # fmt: skip
    assert [source.text for source in found.values()] == ["a", "a"]


def test_files_of_no_repository_or_of_another_one(git, commit, tmp_path):
    commit(a="a")
    git("init", "nested")
    write("nested/deep/b.yaml", "b")
    write("../c.yaml", "c")
    revision = revisions.merge_base("HEAD")
    with pytest.raises(BaselineError) as caught:
        committed.read(revision, ["a.yaml", "nested/deep/b.yaml", "../c.yaml"])
    assert caught.value.text() == (
        f"error: nested/deep/b.yaml is not part of the repository {revision.root}\n"
        " = found: nested is a repository of its own, or looks like one\n"
        " = help: run it in that repository, or give a report made earlier: --baseline REPORT.json\n\n"
        "error: ../c.yaml is not in the repository, so that it has no past there\n"
        f" = found: {revision.root}\n"
        " = help: run it in the repository that the file is in, or give a report made earlier: --baseline REPORT.json"
    )


# where git is told where to look


def test_a_worktree_beside_the_repository(git, commit, tmp_path, monkeypatch):
    first = commit(a="one")
    git("worktree", "add", "-b", "other", str(tmp_path / "other"))
    commit(a="two")
    monkeypatch.chdir(tmp_path / "other")
    write("a.yaml", "three")
    git("commit", "--all", "--message", "three")
    found = revisions.merge_base("main")
    assert (found.commit, found.root) == (first, str(tmp_path.resolve() / "other"))
    assert texts("main", "a.yaml") == ["one"]


@pytest.mark.parametrize("folder", [".", "nets"])
def test_a_hooks_environment_leads_nowhere_else(folder, git, commit, tmp_path, monkeypatch):
    commit(nets__a="one")
    git("init", str(tmp_path / "elsewhere"))
    away = str(tmp_path / "elsewhere/.git")
    for name, value in {"DIR": away, "INDEX_FILE": f"{away}/index", "PREFIX": "x/", "OBJECT_DIRECTORY": away}.items():
        monkeypatch.setenv(f"GIT_{name}", value)
    path = str(Path("nets/a.yaml").absolute())
    monkeypatch.chdir(folder)
    assert revisions.merge_base("HEAD").root == str(tmp_path.resolve() / "w")
    assert texts("HEAD", path) == ["one"]


def test_who_says_where_the_repository_is_gets_that_one(git, commit, tmp_path, monkeypatch):
    commit(nets__a="one")
    Path(".git").rename(tmp_path / "elsewhere.git")
    assert told("HEAD").startswith("error: there is no git repository\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "w"))
    assert texts("HEAD", "nets/a.yaml") == ["one"]


@pytest.mark.parametrize("where", ["w", "linked"])
@pytest.mark.parametrize("words", [["--all"], ["nets/b.yaml"], []])
def test_in_a_hook_of_git_itself(where, words, git, commit, tmp_path, monkeypatch):
    """The hook of a commit that renames a file sees what was committed, in the repository and in a worktree of it."""
    text = "some text\n" * 20
    commit(nets__a=text)
    git("worktree", "add", "-b", "other", str(tmp_path / "linked"))
    script = "import sys; from convcost.budget import committed, revisions; found = revisions.merge_base('HEAD')\n"
    script += "texts = committed.read(found, sys.argv[1:]).values()\n"
    script += "print(found.root, *[each and each.file for each in texts], sep='|', file=open('said', 'w'))\n"
    hook = Path(".git/hooks/pre-commit")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ncd nets && exec {shlex.join([sys.executable, '-c', script, 'b.yaml', 'c.yaml'])}\n")
    hook.chmod(0o755)
    monkeypatch.chdir(tmp_path / where)
    git("mv", "nets/a.yaml", "nets/b.yaml")
    git("commit", "--message", "renamed", *words)
    short = git("rev-parse", "--short=7", "HEAD~1")
    assert Path("nets/said").read_text() == f"{tmp_path.resolve() / where}|{short}:nets/a.yaml|None\n"


def test_a_clone_without_contents_gets_them_by_the_command_that_is_told(git, commit):
    """They would be fetched from an address, and by a program, that the clone's configuration names."""
    commit(a="one", b="two")
    commit(a="three", b="four")
    git("config", "uploadpack.allowFilter", "true")
    git("clone", "--filter=blob:none", Path.cwd().as_uri(), "clone")
    revision = revisions.merge_base("HEAD~1", "clone")
    with pytest.raises(BaselineError) as caught:
        committed.read(revision, ["clone/a.yaml", "clone/b.yaml"])
    command = f"git diff --stat {revision.short} HEAD"
    assert caught.value.text() == (
        f"error: the clone lacks what files were at {revision.short}\n"
        " = found: this is a partial clone, and convcost fetches nothing\n"
        f" = help: `{command}` fetches it; or clone without --filter"
    )
    git(*command.split()[1:], at="clone")
    found = committed.read(revision, ["clone/a.yaml", "clone/b.yaml"])
    assert [source.text for source in found.values()] == ["one", "two"]


def test_no_process_is_started_before_a_revision_is_asked_for():
    script = "import sys; before = {*sys.modules}; import convcost.budget.baselines, convcost.budget.committed\n"
    script += "print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)
    assert "convcost.budget.revisions" in done.stdout.split()
    assert not {"subprocess", "difflib"} & {*done.stdout.split()}
