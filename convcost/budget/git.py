"""Git, run so that nothing in a repository can make it run anything else; the only place that starts it.

A folder that anyone can commit may look like a repository of its own, whose configuration names programs. Therefore
git starts at the top of the repository that holds the working directory and nowhere else: where an entry `.git` is,
which git refuses to commit. Even a hostile `.git/config` there starts nothing: monitors of the file system, hooks,
pagers, external programs for differences and the fetching of what is missing are off, and the commands that are used
read committed objects and the index, never files, so that no filter has anything to do.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from convcost.errors import BaselineError, ErrorDetail

REPORT = "or give a report made earlier: --baseline REPORT.json"

_OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    "-c", "safe.bareRepository=explicit",
    "-c", "core.fsmonitor=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.warnAmbiguousRefs=true",
)  # fmt: skip
_ENVIRONMENT = {
    "LC_ALL": "C",  # messages in English
    "GIT_ALLOW_PROTOCOL": "",  # nothing is fetched, by gits that do not know the next one, too
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_OF_HOOKS = frozenset(
    f"GIT_{name}"
    for name in (
        "ALTERNATE_OBJECT_DIRECTORIES",
        "COMMON_DIR",
        "DIR",
        "GRAFT_FILE",
        "IMPLICIT_WORK_TREE",
        "INDEX_FILE",
        "OBJECT_DIRECTORY",
        "PREFIX",
        "SHALLOW_FILE",
        "WORK_TREE",
    )
)
"""What git tells its hooks of the repository that they run for (`git rev-parse --local-env-vars`)."""

_SECONDS = 60  # that a command may take
_BLOB_SECONDS = 600  # that the contents of a large object may take
_WRONG_USAGE = 129  # the status of a git that does not know an option


class Done(Struct, frozen=True):
    """What git did: its exit status, its output, and its messages."""

    status: int
    out: bytes
    messages: str

    @property
    def text(self) -> str:
        """The output, without the end of its last line."""
        return os.fsdecode(self.out.removesuffix(b"\n"))

    @property
    def lines(self) -> list[str]:
        """The lines of the output."""
        return self.text.split("\n") if self.out else []


def run(top: str, *words: str, given: bytes = b"") -> Done:
    """Run a git command in a repository.

    Args:
        top: The top folder of the repository, from `top`.
        words: The command.
        given: Its standard input.

    Raises:
        BaselineError: Git cannot be run, does not end in time, or does not know what it is asked.
    """
    import subprocess  # where growth is measured against a revision only

    command = ["git", "-C", top, *_OPTIONS, *words]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(top),
            start_new_session=True,  # so that it can be ended with all that it started, and finds no terminal
        )
    except OSError as error:
        found = "" if isinstance(error, FileNotFoundError) else error.strerror or ""
        help = f"install git, {REPORT}"
        raise BaselineError(
            ErrorDetail("a revision is read by git, which cannot be run", found=found, help=help)
        ) from None
    try:
        out, messages = process.communicate(given, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        found = f"`git {words[0]}` did not end within {_SECONDS} seconds"
        raise BaselineError(ErrorDetail("git does not answer", found=found, help=f"run it by hand, {REPORT}")) from None
    finally:
        if process.returncode is None:
            _end(process.pid)
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
    if process.returncode == _WRONG_USAGE:
        help = f"use git 2.31 or later, {REPORT}"
        raise BaselineError(ErrorDetail("git is too old", found=f"it does not know `git {' '.join(words)}`", help=help))
    return Done(process.returncode, out, messages.decode("utf-8", "replace"))


def blob(top: str, name: str) -> Generator[bytes, None, None]:
    """Yield the contents of an object in parts, which need not fit into the memory.

    Args:
        top: The top folder of the repository, from `top`.
        name: The object.

    Raises:
        BaselineError: Git cannot be run, or does not give it in time.
    """
    import subprocess
    from time import monotonic

    command = ["git", "-C", top, *_OPTIONS, "cat-file", "blob", name]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(top),
        start_new_session=True,
    )
    end = monotonic() + _BLOB_SECONDS
    try:
        assert process.stdout is not None
        while part := process.stdout.read(1 << 20):
            yield part
            if monotonic() > end:
                found = f"`git cat-file` did not end within {_BLOB_SECONDS} seconds"
                raise BaselineError(ErrorDetail("git does not answer", found=found, help=f"run it by hand, {REPORT}"))
        if process.wait(_SECONDS):
            raise BaselineError(ErrorDetail("git cannot read an object", found=name, help=f"git fsck, {REPORT}"))
    finally:
        if process.poll() is None:
            _end(process.pid)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def top(folder: str = ".") -> str:
    """Return the top folder of the repository that holds a folder.

    Raises:
        BaselineError: There is none, or git does not take it for one.
    """
    if _is_named_by_environment():
        found = os.path.realpath(folder)
    elif not (found := _above(folder)):
        help = f"run it in a clone of the repository, {REPORT}"
        if "GIT_DIR" in os.environ:
            help = "set GIT_WORK_TREE beside GIT_DIR"
        found = f"{os.path.realpath(folder)} is in none"
        raise BaselineError(ErrorDetail("there is no git repository", found=found, help=help))
    done = run(found, "rev-parse", "--show-toplevel")
    if done.status:
        raise BaselineError(refusal(done))
    if not done.text:
        raise BaselineError(unexpected("rev-parse --show-toplevel", done))
    if not _is_named_by_environment() and os.path.realpath(done.text) != found:
        help = f"unset core.worktree, {REPORT}"
        raise BaselineError(
            ErrorDetail(f"the files of the repository {found} are elsewhere", found=done.text, help=help)
        )
    return done.text


def has_repository(folder: str) -> bool:
    """Return whether a folder is in a repository."""
    return _is_named_by_environment() or bool(_above(folder))


def embedded(top: str, path: str) -> str:
    """Return the folder that is a repository of its own, or looks like one, inside of which a path lies; else nothing.

    Args:
        top: The top folder of the repository.
        path: The path, from there.
    """
    for parent in reversed(Path(path).parents):
        folder = Path(top, parent)
        looks_bare = (folder / "HEAD").exists() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
        if parent.name and (os.path.lexists(folder / ".git") or looks_bare):
            return parent.as_posix()
    return ""


def refusal(done: Done) -> ErrorDetail:
    """Return the error that git tells, and the command that it says would help."""
    lines = done.messages.splitlines()
    words = next((line for line in lines if line.startswith(("fatal: ", "error: "))), done.messages.strip())
    commands = [line.strip() for line in lines if line.startswith("\tgit ")]
    if not words:
        how = f"signal {-done.status}" if done.status < 0 else f"status {done.status}"
        return ErrorDetail(f"git ended with {how}, without a message", help=f"run it by hand, {REPORT}")
    return ErrorDetail(f"git refuses: {words.partition(': ')[2] or words}", help=" && ".join(commands))


def unexpected(command: str, done: Done) -> ErrorDetail:
    """Return the error of an answer that git does not give."""
    found = (done.lines or ["nothing"])[0]
    return ErrorDetail(
        f"git answers `git {command}` with something else", found=found, help=f"run it by hand, {REPORT}"
    )


def _above(folder: str) -> str:
    """Return the nearest folder, this or above, in which an entry `.git` is; nothing if there is none."""
    here = Path(os.path.realpath(folder))
    return next((str(each) for each in (here, *here.parents) if os.path.lexists(each / ".git")), "")


def _is_named_by_environment() -> bool:
    """Return whether the environment names the repository and its top.

    `GIT_DIR` alone, as hooks have it, does not: every folder would seem to be the top.
    """
    return "GIT_DIR" in os.environ and "GIT_WORK_TREE" in os.environ


def _environment(top: str) -> dict[str, str]:
    environment = {
        name: value for name, value in os.environ.items() if _is_named_by_environment() or name not in _OF_HOOKS
    }
    # a `.git` that is no repository must not let git look further up
    return environment | _ENVIRONMENT | {"GIT_CEILING_DIRECTORIES": os.path.dirname(top)}  # noqa: PTH120


def _end(process: int) -> None:
    """End a process and all that it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process, signal.SIGKILL)
        else:
            os.kill(process, signal.SIGTERM)
