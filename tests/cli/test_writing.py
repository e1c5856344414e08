"""Files are written whole or not at all, whoever writes there at the same time, and nowhere that a link leads to."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
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


def test_two_processes_that_write_one_file_leave_one_of_their_texts_whole(tmp_path, started):
    """Longer than any buffer, and of different lengths; read all the time."""
    path = tmp_path / "report.json"
    texts = {"a" * 100_000, "b" * 250_000}
    path.write_text("a" * 100_000, encoding="utf-8")
    first, second = ([sys.executable, "-c", WRITER, path, text[0], str(len(text)), "200"] for text in texts)
    with started(first) as one, started(second) as other:
        writers = [one, other]
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
        done = subprocess.run(
            [sys.executable, "-c", script.format(where=where, then=then), path], check=False, timeout=60
        )
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


# who else is at work there

ONE = "  - conv: {{out_channels: {0}, kernel_size: 1, bias: false}}\n"  # at 3 channels 3 · out_channels params


@pytest.fixture
def at_once(started):
    """Return a function that runs commands at once and returns how they end: status, output, errors."""

    def at_once(commands):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with ExitStack() as stack:
            words = [[sys.executable, "-m", "convcost", *command] for command in commands]
            processes = [stack.enter_context(started(command, text=True, **pipes)) for command in words]
            texts = [process.communicate(timeout=60) for process in processes]
        return [(process.returncode, *pair) for process, pair in zip(processes, texts, strict=True)]

    return at_once


def test_all_runs_that_accept_at_once_succeed_and_every_limit_is_right(folder, at_once):
    for number in range(8):
        text = f"input: [3, 4, 4]\nlayers:\n{ONE.format(number + 2)}"
        Path(f"net{number}.yaml").write_text(text)
    limits = "".join(f"  - {{metric: params, max: 1, models: net{number}.yaml}}\n" for number in range(8))
    Path("convcost.yaml").write_text(f"models: net*.yaml\nbudgets:\n{limits}")
    specs = [[], [], [], [], *[[f"net{number}.yaml"] for number in range(4)]]
    found = at_once(["check", "--accept", *some] for some in specs)
    assert [status for status, _, _ in found] == [0] * 8, [errors for _, _, errors in found]
    right = "".join(f"  - {{metric: params, max: {3 * (n + 2)}, models: net{n}.yaml}}\n" for n in range(8))
    assert Path("convcost.yaml").read_text() == f"models: net*.yaml\nbudgets:\n{right}"
    assert not [name for name in names(folder) if name.startswith(".")]


def test_of_many_runs_that_write_a_new_file_at_once_one_succeeds(folder, at_once):
    found = at_once([["init", "net.yaml"]] * 8)
    assert sorted(status for status, _, _ in found) == [0, *[2] * 7]
    assert {errors for _, _, errors in found} == {
        "",
        "error: 'convcost.yaml' exists\n = help: --force writes over it\n",
    }
    Path("convcost.yaml").unlink()
    found = at_once([["rewrite", "net.yaml", "--to", "separable", "-o", "new.yaml"]] * 8)
    assert sorted(status for status, _, _ in found) == [0, *[2] * 7]
    found = at_once([["init", "net.yaml", "--force"]] * 8)
    assert [status for status, _, _ in found] == [0] * 8
    assert sorted(names(folder)) == ["convcost.yaml", "net.yaml", "new.yaml"]


def test_a_file_system_without_links_still_has_new_files_and_backups(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(writing.os, "link", refused)
    write(tmp_path / "a", "new", new=True)
    with pytest.raises(OutputError, match="exists"):
        write(tmp_path / "a", "newer", new=True)
    with pytest.raises(ZeroDivisionError), writing.written([File(str(tmp_path / "a"), "newest")]):
        raise ZeroDivisionError
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path) == ["a"]


def test_an_edit_that_is_saved_meanwhile_is_not_lost(repository, convcost, monkeypatch):
    """Between reading the limits and renaming, as an editor saves: by a rename, and in place."""
    staged = writing._staged
    for save in (lambda: write("convcost.yaml", f"# mine\n{CONFIG}"), lambda: _append("convcost.yaml", "# mine\n")):
        Path("convcost.yaml").write_text(CONFIG)

        def meanwhile(file, cleanup, save=save):
            ready = staged(file, cleanup)
            monkeypatch.setattr(writing, "_staged", staged)
            save()
            return ready

        monkeypatch.setattr(writing, "_staged", meanwhile)
        done = convcost("check", "--accept")
        assert (done.status, done.out) == (2, "")
        assert done.err == (
            "error: an output cannot be written: something else has changed it meanwhile\n"
            " = found: convcost.yaml\n = help: run this again\n"
        )
        assert "# mine" in Path("convcost.yaml").read_text()
        assert "max: 139}" in Path("convcost.yaml").read_text()
    assert convcost("check", "--accept").status == 0
    assert Path("convcost.yaml").read_text() == f"{CONFIG.replace('139', '140')}# mine\n"


def _append(path, text):
    with Path(path).open("a") as file:
        file.write(text)


# locks


def test_a_lock_that_is_held_is_waited_for_and_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(writing, "_PATIENCE", 0.1)
    monkeypatch.setattr(writing, "_LONGEST_WAIT", 0.4)
    path = str(tmp_path / "a")
    holder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputError) as error, writing.locked([path]):
            pass
    finally:
        os.close(holder)
    assert str(error.value) == (
        "error: another program locks the folder\n"
        f" = found: {tmp_path}, for 0.4 seconds\n = help: end the other run, or run this again later"
    )
    assert capsys.readouterr().err == f"warning: waiting for another program that locks {tmp_path}\n"
    with writing.locked([path]):
        pass
    assert capsys.readouterr().err == ""


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, capsys):
    def refused(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with writing.locked([str(tmp_path / "a")]):
        write(tmp_path / "a", "new")
    assert capsys.readouterr().err == (
        f"warning: {tmp_path} cannot be locked (No locks available): "
        "another run that changes files there at the same time may be refused\n"
    )
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_folder_that_nobody_may_list_and_files_of_others(tmp_path):
    """As another user: a folder without permission to read cannot be locked; an owner cannot be kept."""
    work = Path(tempfile.mkdtemp())
    work.chmod(0o777)
    (work / "a").write_text("old")
    (work / "a").chmod(0o666)
    script = "import os, sys; from convcost.cli import writing\n"
    script += "os.setgroups([]); os.setgid(12345); os.setuid(12345); os.chdir(sys.argv[1])\n"
    script += "with writing.locked(['a']): writing.write([writing.File('a', 'new')])\n"
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, work], capture_output=True, check=True, text=True, timeout=60
        )
        assert done.stderr == "warning: a was another user's and is yours now\n"
        status = (work / "a").stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 12345, 0o666)
        work.chmod(0o733)
        done = subprocess.run(
            [sys.executable, "-c", script, work], capture_output=True, check=True, text=True, timeout=60
        )
        assert done.stderr.startswith(f"warning: {work} cannot be locked (Permission denied): ")
    finally:
        shutil.rmtree(work)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give files away")
def test_the_owner_and_the_group_are_kept(tmp_path):
    path = tmp_path / "a"
    for mode in 0o640, 0o600, 0o604:
        path.write_text("old")
        os.chown(path, 12345, 23456)
        path.chmod(mode)
        write(path, "new")
        status = path.stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 23456, mode)


def test_where_the_group_cannot_be_kept_another_one_may_do_no_more_than_everybody(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o664)
    real = os.fstat

    def fstat(descriptor):
        found = real(descriptor)
        return os.stat_result([*found[:5], found[5] + 1, *found[6:10]])

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(writing, "_is_same", lambda *_: True)
    monkeypatch.setattr(writing.os, "fstat", fstat)
    monkeypatch.setattr(writing.os, "fchown", refused)
    write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_secret_file_is_never_readable_by_others(tmp_path, monkeypatch):
    """Seen at each step: when it is made, when it is written, when it is in its place."""
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    seen = []
    for name in ("_keep_owner", "_sync", "_put"):
        real = getattr(writing, name)

        def step(*words, real=real):
            seen.extend(stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir())
            return real(*words)

        monkeypatch.setattr(writing, name, step)
    write(path, "new")
    assert set(seen) == {0o600}
    assert len(seen) == 6


def test_a_file_is_on_the_disk_before_it_is_renamed_and_its_folder_after(tmp_path, monkeypatch):
    done = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append("sync") or fsync(descriptor))
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: done.append("rename") or replace(self, target))
    write(tmp_path / "a", "new")
    assert done == ["sync", "rename", "sync"]


# kills, and a disk that is full


def test_a_kill_at_any_time_leaves_every_file_old_or_new(tmp_path, started):
    script = "import sys; from convcost.cli.writing import File, write\nwhile True:\n"
    script += "  for letter in 'xy': write([File(name, letter * 100_000) for name in sys.argv[1:]])\n"
    paths = [tmp_path / name for name in ("a", "b")]
    texts = {"x" * 100_000, "y" * 100_000}
    for path in paths:
        path.write_text("x" * 100_000)
    for number in range(15):
        with started([sys.executable, "-c", script, *paths]) as process:
            time.sleep(0.15 + 0.011 * number)
            process.kill()
        assert {path.read_text() for path in paths} <= texts
    write(tmp_path / "c", "")
    assert sorted(names(tmp_path)) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["_created", "_sync", "_put", "_backup", "_keep_owner", "_sweep"])
def test_what_fails_at_any_step_leaves_everything_as_it_was(name, tmp_path, monkeypatch):
    """At the second of two files, of which the first is in its place already."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("old")
    second.write_text("old")
    real, count = getattr(writing, name), []

    def step(*words):
        count.append(1)
        if len(count) == 2:
            raise OSError(28, "No space left on device")
        return real(*words)

    monkeypatch.setattr(writing, name, step)
    with pytest.raises(OutputError) as error:
        writing.write([File(str(first), "new"), File(str(second), "new")])
    assert str(error.value) == f"error: an output cannot be written: No space left on device\n = found: {second}"
    assert (first.read_text(), second.read_text()) == ("old", "old")
    assert sorted(names(tmp_path)) == ["a", "b"]


def test_a_full_disk_is_an_error_and_leaves_the_old_file(folder):
    """As a limit of the size of files has it, which the system keeps."""
    Path("a.json").write_text("old")
    script = "import resource, sys; from convcost import cli\n"
    script += "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); sys.argv[0] = 'convcost'; cli.main()"
    words = [sys.executable, "-c", script, "analyze", "mobilenet_v1", "-o", "json:a.json"]
    done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: an output cannot be written: File too large\n = found: a.json\n"
    assert Path("a.json").read_text() == "old"
    assert sorted(names(folder)) == ["a.json", "net.yaml"]
