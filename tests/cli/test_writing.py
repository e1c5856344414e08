"""Files are written whole or not at all, whoever writes there at the same time, and nowhere that a link leads to."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from convcost.cli import writing
from convcost.cli.writing import File
from convcost.errors import OutputError


def write(path, text, **more):
    """Write one file."""
    writing.write([File(str(path), text, **more)])


def names(folder):
    """Return the names of what is in a folder."""
    return [path.name for path in folder.iterdir()]


WRITER = """\
import sys
from convcost.cli.writing import File, write
path, letter, length, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for _ in range(times):
    write([File(path, letter * length)])
"""


def test_two_processes_that_write_one_file_leave_one_of_their_texts_whole(tmp_path):
    """Longer than any buffer, and of different lengths; read all the time."""
    path = tmp_path / "report.json"
    texts = {"a" * 100_000, "b" * 250_000}
    path.write_text("a" * 100_000, encoding="utf-8")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, text[0], str(len(text)), "200"]) for text in texts]
    while any(writer.poll() is None for writer in writers):
        assert path.read_text(encoding="utf-8") in texts
    assert [writer.returncode for writer in writers] == [0, 0]
    assert path.read_text(encoding="utf-8") in texts
    assert names(tmp_path) == ["report.json"]


def test_what_a_killed_process_left_behind_is_removed_by_the_next(tmp_path):
    """Killed while it writes, and while it can still put the old file back; a process that goes on keeps its file."""
    script = "import os, signal, sys; from convcost.cli import writing\n"
    script += "def kill(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
    script += "{where}\nwith writing.written([writing.File(sys.argv[1], 'new')]): {then}\n"
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")
    for where, then, left, text in [
        ("writing._sync = kill", "pass", 1, "old"),
        ("writing._put = kill", "pass", 1, "old"),
        ("", "kill()", 1, "new"),
    ]:
        done = subprocess.run([sys.executable, "-c", script.format(where=where, then=then), path], check=False)
        assert done.returncode == -signal.SIGKILL
        assert len(names(tmp_path)) == 1 + left
        assert path.read_text(encoding="utf-8") == text
        with writing.written([File(str(tmp_path / "b.json"), "")]):
            assert sorted(names(tmp_path)) == ["a.json", "b.json"]
        (tmp_path / "b.json").unlink()
        path.write_text("old", encoding="utf-8")
    with writing.written([File(str(path), "new")]):
        (backup,) = [name for name in names(tmp_path) if name != "a.json"]
        write(tmp_path / "b.json", "")
        assert backup in names(tmp_path)


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_one_file_that_cannot_be_written_leaves_the_others_as_they_were(tmp_path):
    (tmp_path / "a.json").write_text("old", encoding="utf-8")
    path = str(tmp_path / "nowhere" / "b.json")
    with pytest.raises(OutputError) as error:
        writing.write([File(str(tmp_path / "a.json"), "new"), File(path, "new")])
    assert str(error.value) == (
        "error: an output cannot be written: No such file or directory\n"
        f" = found: {path}\n"
        f" = help: create the folder {str(tmp_path / 'nowhere')!r} first"
    )
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "old"


def test_a_rename_that_is_refused_is_an_error_of_output(tmp_path, monkeypatch):
    """As in a folder whose files only their owners may replace."""

    def refused(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OutputError) as error:
        write(tmp_path / "a.json", "new")
    assert str(error.value) == (
        f"error: an output cannot be written: Operation not permitted\n = found: {tmp_path / 'a.json'}"
    )
    assert names(tmp_path) == []


# links that lead out of a repository

NET = "input: [3, 4, 4]\nlayers:\n  - conv: {out_channels: 5, kernel_size: 3}\n"  # 5 · 27 + 5 = 140 params
CONFIG = "models: net.yaml\nbudgets: [{metric: params, max: 139}]\n"


@pytest.fixture
def repository(folder, tmp_path, monkeypatch):
    """Work in a repository that holds a network; beside it is a folder `home` with a file."""
    top = tmp_path / "w"
    (top / ".git").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/profile").write_text("mine", encoding="utf-8")
    monkeypatch.chdir(top)
    Path("net.yaml").write_text(NET, encoding="utf-8")
    Path("convcost.yaml").write_text(CONFIG, encoding="utf-8")
    return top


LINKS = {
    "a file": ("out", "../home/profile", "out"),
    "a file by its whole path": ("out", "{home}/profile", "out"),
    "nothing": ("out", "../home/new", "out"),
    "a folder": ("linked", "../home", "linked/profile"),
    "a folder, to nothing": ("linked", "../home", "linked/new"),
    "a folder and back": ("linked", "../home", "linked/../w/out"),
    "a link": ("out", "other", "out"),
    "git's own": ("out", ".git/config", "out"),
    "git's own, in capitals": ("out", ".GIT/config", "out"),
    "git's folder": ("linked", ".git", "linked/hook"),
}


@pytest.mark.parametrize("name", LINKS)
def test_no_output_leaves_the_repository_by_a_link(name, repository, convcost, tmp_path):
    link, target, path = LINKS[name]
    Path("other").symlink_to("../home/profile")
    Path(link).symlink_to(target.format(home=tmp_path / "home"))
    before = everything(tmp_path)
    leads = Path(tmp_path, "w", link).resolve()
    message = (
        "error: an output cannot be written: a link leads out of the repository\n"
        f" = found: {path}: {link} leads to {leads}\n"
        " = help: name what it leads to, or put a copy there\n"
    )
    for arguments in (
        ["check", "-o", f"text:{path}"],
        ["analyze", "net.yaml", "-o", f"json:{path}"],
        ["analyze", "net.yaml", "-o", "json:good.json", "-o", f"json:{path}"],
        ["rewrite", "net.yaml", "--to", "separable", "-o", path, "--force"],
    ):
        done = convcost(*arguments)
        assert (done.status, done.out) == (2, ""), arguments
        assert done.err == message
        assert everything(tmp_path) == before


def everything(folder):
    """Return what each file and link below a folder holds."""
    return {
        str(path): str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("arguments", [["init", "net.yaml", "--force"], ["check", "--accept"]])
def test_a_configuration_that_is_a_link_out_of_the_repository_is_not_written(arguments, repository, convcost, tmp_path):
    Path("convcost.yaml").rename("../home/convcost.yaml")
    Path("convcost.yaml").symlink_to("../home/convcost.yaml")
    before = everything(tmp_path)
    done = convcost(*arguments)
    assert (done.status, done.out) == (2, "")
    assert f"convcost.yaml leads to {tmp_path.resolve()}/home/convcost.yaml" in done.err
    assert everything(tmp_path) == before


def test_a_spec_that_is_a_link_out_of_the_repository_is_not_accepted(repository, convcost, tmp_path):
    Path("../home/net.yaml").write_text(f"{NET}budget: {{params: 139}}\n")
    Path("linked.yaml").symlink_to("../home/net.yaml")
    before = everything(tmp_path)
    done = convcost("check", "--accept", "linked.yaml")
    assert (done.status, done.out) == (2, "")
    assert everything(tmp_path) == before


def test_a_summary_that_is_a_link_is_no_way_out(repository, convcost, monkeypatch):
    Path("summary").symlink_to("../home/profile")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary")
    assert convcost("check", "-f", "github").status == 2
    assert Path("../home/profile").read_text() == "mine"


def test_links_that_stay_inside_and_paths_that_leave_without_one_are_written(repository, convcost, tmp_path):
    Path("sub").mkdir()
    Path("sub/real").write_text("old")
    Path("in").symlink_to("sub/real")
    Path("linked").symlink_to("sub")
    Path("new").symlink_to("sub/new")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for path in ("in", "linked/other", "new", "../home/out", f"{tmp_path}/home/out2", f"{tmp_path}/link/out3"):
        assert convcost("analyze", "net.yaml", "-o", f"csv:{path}").status == 0, path
        assert "conv_1" in Path(path).read_text()
    assert Path("in").is_symlink()
    assert sorted(names(Path("sub"))) == ["new", "other", "real"]
    assert sorted(names(tmp_path / "home")) == ["out", "out2", "out3", "profile"]


def test_without_a_repository_a_link_is_followed(repository, convcost):
    Path(".git").rmdir()
    Path("out").symlink_to("../home/profile")
    assert convcost("analyze", "net.yaml", "-o", "csv:out").status == 0
    assert "conv_1" in Path("../home/profile").read_text()


def test_a_file_inside_a_worktree_or_submodule_counts_as_that_ones(repository, convcost, tmp_path):
    """Their `.git` is a file."""
    Path("module").mkdir()
    Path("module/.git").write_text("gitdir: ../.git/modules/module\n")
    Path("module/out").symlink_to("../net.yaml")
    assert convcost("analyze", "net.yaml", "-o", "csv:module/out").status == 2
    assert Path("net.yaml").read_text() == NET
