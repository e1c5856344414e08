"""Files that are read: none that a link of a repository leads out to, none but regular ones, none that is too large."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import convcost
from convcost import files
from convcost.errors import BaselineError, ConfigError, SpecError

NET = "input: [3, 4, 4]\nlayers:\n  - conv: {out_channels: 5, kernel_size: 3}\n"  # 5 · 27 + 5 = 140 params
SECRET = "token: hunter2\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Work in a repository that holds a network; beside it is a folder `home` with a secret, and another in `.git`."""
    (tmp_path / "w/.git").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/secret").write_text(SECRET, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "w")
    Path(".git/config").write_text(SECRET, encoding="utf-8")
    Path("net.yaml").write_text(NET, encoding="utf-8")
    return tmp_path / "w"


TARGETS = ["../home/secret", "{home}/secret", "/proc/self/environ", "/dev/zero", ".git/config", "../home/none", "other"]


def check(words, error, of):
    """Check that every way to read a file refuses it, and shows nothing of it."""
    with pytest.raises(error) as caught:
        of(*words)
    (detail,) = caught.value.details
    assert "hunter2" not in str(caught.value)
    return detail


@pytest.mark.parametrize("target", TARGETS)
def test_no_file_is_read_that_a_link_of_the_repository_leads_out_to(target, repository, tmp_path):
    home = tmp_path / "home"
    Path("other").symlink_to("../home/secret")
    target = target.format(home=home)
    for name in "spec.yaml", "convcost.yaml", "report.json":
        Path(name).symlink_to(target)
    leads = os.path.realpath("spec.yaml")
    found = [f"{name} leads to {leads}" for name in ("spec.yaml", "convcost.yaml", "report.json")]
    message = "cannot be read: a link leads out of the repository"
    help = "name what it leads to, or put a copy there"
    detail = check(["spec.yaml"], SpecError, convcost.load)
    assert (detail.message, detail.found, detail.help) == (f"'spec.yaml' {message}", found[0], help)
    detail = check([], ConfigError, convcost.check)
    assert (detail.message, detail.found, detail.help) == (f"'convcost.yaml' {message}", found[1], help)
    Path("convcost.yaml").unlink()
    Path("convcost.yaml").write_text("budgets: [{metric: params, growth: 0}]\n")
    detail = check(["net.yaml"], BaselineError, lambda spec: convcost.check(spec, baseline="report.json"))
    assert (detail.message, detail.found, detail.help) == (f"the report {message}", found[2], help)


@pytest.mark.parametrize(
    ("pattern", "outside"),
    [
        ("spec.yaml", "spec.yaml"),
        ("*.yaml", "spec.yaml"),
        ("linked/secret", "linked"),
        ("linked/*", "linked"),
        (".git/config", ".git/config"),
        (".GIT/config", ".GIT/config"),
        (".g*/config", ".git"),
        ("inner.yaml", "inner.yaml"),
    ],
)
def test_the_configuration_names_nothing_outside(pattern, outside, repository):
    Path("spec.yaml").symlink_to("../home/secret")
    Path("inner.yaml").symlink_to(".git/config")
    Path("linked").symlink_to("../home")
    if pattern == "*.yaml":
        Path("inner.yaml").unlink()
    Path("convcost.yaml").write_text(f"models: '{pattern}'\nbudgets: [{{metric: params, max: 1}}]\n")
    detail = check([], ConfigError, convcost.check)
    assert detail.message == f"{outside!r} is outside the configuration's folder"


def test_links_that_stay_inside_and_paths_that_leave_without_one_are_read(repository, tmp_path):
    Path("sub").mkdir()
    Path("net.yaml").rename("sub/net.yaml")
    Path("net.yaml").symlink_to("sub/net.yaml")
    Path("linked").symlink_to("sub")
    (tmp_path / "home/net.yaml").write_text(NET)
    (tmp_path / "link").symlink_to(tmp_path / "home")
    (tmp_path / "into").symlink_to(repository)
    for path in (
        "net.yaml",
        "linked/net.yaml",
        "../home/net.yaml",
        f"{tmp_path}/link/net.yaml",
        f"{tmp_path}/into/net.yaml",
        f"{tmp_path}/into/linked/../net.yaml",
    ):
        assert convcost.analyze(path).total.params == 140, path


def test_without_a_repository_links_are_followed(repository, tmp_path):
    Path(".git/config").unlink()
    Path(".git").rmdir()
    (tmp_path / "home/net.yaml").write_text(NET)
    Path("linked.yaml").symlink_to("../home/net.yaml")
    assert convcost.analyze("linked.yaml").total.params == 140


def test_a_path_of_many_links_ends(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("round").symlink_to("round")
    Path("a").symlink_to("b/b/b/b")
    Path("b").symlink_to("a/a/a/a")
    for path in "round", "a", "round/x", "b/b/../../a":
        with pytest.raises(SpecError):
            convcost.load(path)


# kinds and sizes


def told(path):
    """Return why a spec is not read."""
    with pytest.raises(SpecError) as caught:
        convcost.load(str(path))
    return str(caught.value)


def test_only_regular_files_are_read(tmp_path):
    assert told("/dev/zero") == "error: '/dev/zero' cannot be read: it is a device, not a file"
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert told(tmp_path / "zero") == f"error: '{tmp_path}/zero' cannot be read: it is a device, not a file"
    assert told(tmp_path) == f"error: '{tmp_path}' cannot be read: it is a directory\n = help: name a file in it"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert told(tmp_path / "socket").startswith(f"error: '{tmp_path}/socket' cannot be read: ")


MORE = "--max-bytes N, or convcost.spec.limits.allow_bytes(N) in Python, allows more"


@pytest.mark.parametrize(
    ("given", "status"), [("4194305", 0), ("4Mi", 2), ("5M", 0), ("0", 2), ("many", 2), ("2Gi", 2)]
)
def test_a_larger_file_is_read_where_that_is_allowed(given, status, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_bytes(NET.encode().ljust(4 * 2**20 + 1, b"\n"))
    command = [sys.executable, "-m", "convcost", "analyze", str(path), "--max-bytes", given, "-f", "csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status
    if given in ("0", "many", "2Gi"):
        assert done.stderr.startswith("error: max_bytes is a whole number from 1 to 1,073,741,824\n = found: ")


@pytest.mark.parametrize("size", [4 * 2**20 + 1, 20 * 10**9])
def test_a_large_file_is_refused_at_once(size, tmp_path, monkeypatch):
    """A file of holes takes no space on the disk, and would all of the memory."""
    path = tmp_path / "net.yaml"
    with path.open("wb") as file:
        file.truncate(size)
    start = time.monotonic()
    message = f"error: '{path}' cannot be read: it is larger than 4 MiB\n = found: {size:,} bytes\n = help: {MORE}"
    assert told(path) == message
    monkeypatch.chdir(tmp_path)
    Path("convcost.yaml").symlink_to("net.yaml")
    with pytest.raises(ConfigError, match="it is larger than 4 MiB"):
        convcost.check()
    Path("convcost.yaml").unlink()
    with path.open("wb") as file:
        file.truncate(max(size, 64 * 2**20 + 1))
    with pytest.raises(BaselineError, match="it is larger than 64 MiB"):
        convcost.check("mobilenet_v1", baseline=str(path))
    assert time.monotonic() - start < 2


def test_a_file_of_just_the_limit_is_read(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_bytes(NET.encode().ljust(4 * 2**20, b"\n"))
    assert convcost.analyze(path).total.params == 140


def test_a_file_that_grows_while_it_is_read_is_cut(tmp_path, monkeypatch):
    path = tmp_path / "net.yaml"
    path.write_bytes(b"x" * 100)
    assert files.read(path, 100) == b"x" * 100
    monkeypatch.setattr(os, "fstat", lambda descriptor, fstat=os.fstat: _smaller(fstat(descriptor)))
    with pytest.raises(files.RefusedFile, match="it is larger than 99 bytes"):
        files.read(path, 99)


def _smaller(status):
    return os.stat_result([*status[:6], 1, *status[7:10]])


def test_standard_input_is_limited():
    done = subprocess.run(
        [sys.executable, "-m", "convcost", "analyze", "-"],
        input=b"\n" * (4 * 2**20 + 1),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.decode() == f"error: '<stdin>' cannot be read: it is larger than 4 MiB\n = help: {MORE}\n"


# what somebody names on the command line may be a pipe


def run(script, **more):
    """Run a script of the shell."""
    words = ["bash", "-c", script.replace("convcost", f"{sys.executable} -m convcost")]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, **more)


@pytest.mark.parametrize(
    "script",
    [
        "convcost analyze <(cat net.yaml) -f csv",
        "convcost analyze <(sleep 1; cat net.yaml) -f csv",
        "convcost analyze /dev/stdin -f csv < net.yaml",
        "cat net.yaml | convcost analyze /dev/stdin -f csv",
        "(sleep 1; cat net.yaml) | convcost analyze - -f csv",
        "mkfifo pipe; cat net.yaml > pipe & sleep 0.2; convcost analyze pipe -f csv",
        "mkfifo pipe; (sleep 1; cat net.yaml > pipe) & sleep 0.2; convcost analyze pipe -f csv",
    ],
)
def test_a_pipe_is_read_where_somebody_names_it(script, tmp_path):
    (tmp_path / "net.yaml").write_text(NET)
    done = run(script, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert ",140," in done.stdout


def test_a_pipe_that_is_silent_is_waited_for_no_longer_than_a_limit(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "_SILENCE", 0.2)
    path = tmp_path / "pipe"
    assert told(path) == f"error: '{path}' cannot be read: nothing came through the pipe for 0.2 seconds"


def test_a_pipe_that_gives_too_much_is_left(tmp_path):
    done = run("convcost analyze <(yes)", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith(f"cannot be read: it is larger than 4 MiB\n = help: {MORE}\n")


def test_the_configuration_names_no_pipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("convcost.yaml").write_text("models: pipe\nbudgets: [{metric: params, max: 1}]\n")
    with pytest.raises(ConfigError, match="there is no spec 'pipe'"):
        convcost.check()
