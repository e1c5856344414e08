"""What Windows does otherwise, by its parts: locks, files that are open, drives and the console's encoding."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

import convcost as api
from convcost.budget.initial import initial
from convcost.cli import writing
from convcost.cli.writing import File


@pytest.fixture
def msvcrt(monkeypatch):
    """Pretend that the system has `msvcrt` and no `fcntl`; return the files that are locked, by their numbers."""
    locked = set()

    def locking(descriptor, mode, count):
        """Lock, or refuse as the C library of Windows does."""
        assert (mode, count) == (2, 1)
        file = os.fstat(descriptor).st_ino
        if file in locked:
            raise OSError(errno.EACCES, "Permission denied")
        locked.add(file)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    return locked


def test_a_folder_is_locked_by_a_file_in_it(msvcrt, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_LONGEST_WAIT", 0.1)
    with writing.locked([str(tmp_path / "convcost.yaml")]):
        assert msvcrt == {(tmp_path / ".convcost.lock").stat().st_ino}
        again = writing.locked([str(tmp_path / "convcost.yaml")])
        with pytest.raises(api.ConvcostError, match="another program locks the folder"), again:
            pass
    assert list(tmp_path.iterdir()) == []


def test_what_msvcrt_refuses_otherwise_is_warned_of(tmp_path, monkeypatch, msvcrt, capsys):
    def locking(descriptor, mode, count):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    with writing.locked([str(tmp_path / "convcost.yaml")]):
        pass
    assert "cannot be locked (No locks available)" in capsys.readouterr().err


@pytest.mark.parametrize("fails", [False, True])
def test_no_file_is_open_when_it_is_renamed_or_removed(fails, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_RENAMES_OPEN_FILES", False)
    rename = Path.replace

    def replace(path, target):
        open_files = {os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()}
        assert not {os.path.realpath(path), os.path.realpath(target)} & open_files
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "a").write_text("old")
    files = writing.written([File(str(tmp_path / "a"), "new"), File(str(tmp_path / "b"), "new")])
    with pytest.raises(ValueError, match="failed") if fails else nullcontext(), files:
        assert (tmp_path / "a").read_text() == "new"
        _ = int("failed") if fails else 0
    assert (tmp_path / "a").read_text() == ("old" if fails else "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == (["a"] if fails else ["a", "b"])


def test_a_spec_on_another_drive_is_outside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text("input: [2]\nlayers: [relu]\n")
    analysis = api.analyze("net.yaml")

    def relpath(path, start=""):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", relpath)
    with pytest.raises(api.OptionError, match=r"convcost\.yaml cannot name this spec"):
        initial({str(tmp_path / "net.yaml"): analysis}, Fraction(0), "0%", {})


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_console_of_another_encoding(encoding, command, folder):
    (folder / "convcost.yaml").write_text("models: net.yaml\nbudgets: [{metric: mults, max: 1M}]\n")
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*command, "check"], capture_output=True, check=False, env=env, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.decode(encoding).startswith("Exceeded: 1 of 1 limit")
