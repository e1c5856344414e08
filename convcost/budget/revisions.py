"""Files as they were at a commit of their repository; the only place that runs git."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from convcost.errors import BaselineError, Fault, Place
from convcost.spec.source import Source

_HOOKS = frozenset(
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

_SHORT = 7  # digits of a commit that are shown
_MOST_RENAMES = 1_000  # files that are compared to find those that were renamed; git's own default
_FEW = 6  # branches and tags that are listed
_HASH = re.compile(r"[0-9a-f]{7,64}")
_WHOLE_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"(?:(?!@\{)[^~^:])*")  # what stands before ~3, ^2, @{upstream} or :path

REPORT = "or give a report made earlier: --baseline REPORT.json"


class Revision(Struct, frozen=True):
    """A commit to compare with.

    Attributes:
        asked: What was asked for, such as `origin/main`.
        commit: The full hash of the merge base of `HEAD` and that.
        root: The top folder of the repository.
        exact: Whether `asked` names this very commit.
    """

    asked: str
    commit: str
    root: str
    exact: bool = False

    def __str__(self) -> str:
        return f"{self.short} ({self.asked})" if self.exact else f"{self.short}, the merge base with {self.asked}"

    @property
    def short(self) -> str:
        """The first digits of the hash."""
        return self.commit[:_SHORT]


class _Done(Struct, frozen=True):
    """What git did: its exit status, its output, and what it said."""

    status: int
    out: bytes
    said: str

    @property
    def text(self) -> str:
        return os.fsdecode(self.out.removesuffix(b"\n"))

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n") if self.out else []


def merge_base(asked: str, folder: str = ".") -> Revision:
    """Return the commit from which `HEAD` and a revision went different ways.

    Args:
        asked: The revision: a branch, a tag, a commit.
        folder: A folder of the repository.

    Raises:
        BaselineError: There is no such revision, no such commit, no repository or no git; with the remedy.
    """
    if not asked or asked.startswith("-") or not _is_argument(asked):
        help = "such as --base origin/main"
        raise BaselineError(Fault("this is not a revision", found=repr(asked), help=help))
    root = _root(folder)
    commit = _commit(root, asked)
    done = _git(root, "merge-base", "HEAD", commit)
    if done.status:
        _check_head(root)
        raise BaselineError(_refused(done) if done.said else _apart(root, asked))
    base = done.lines[0]
    return Revision(asked, base, root, base == commit)


def read(revision: Revision, files: Sequence[str]) -> dict[str, Source | None]:
    """Return the text of files at a commit; None where a file is not there.

    A file that was renamed since is found under the name that it had. A file that is a link is the file that it led to.

    Args:
        revision: The commit.
        files: Their paths now, from the current folder.

    Raises:
        BaselineError: A file lies outside the repository or holds no text, or git cannot read it.
    """
    found: dict[str, Source | None] = {}
    faults: list[Fault] = []
    for file, source in read_each(revision, files).items():
        if isinstance(source, BaselineError):
            faults += source.faults
        else:
            found[file] = source
    if faults:
        raise BaselineError(faults)
    return found


def read_each(revision: Revision, files: Sequence[str]) -> dict[str, Source | BaselineError | None]:
    """Return what `read` does, with an error in the place of each file that is there but holds no text.

    Raises:
        BaselineError: A file lies outside the repository, or git cannot read it.
    """
    paths = {file: _inside(revision.root, file) for file in files}
    outside = [file for file, path in paths.items() if path is None]
    if outside:
        raise BaselineError([_outside(file, revision.root) for file in outside])
    wanted = {file: path for file, path in paths.items() if path is not None}
    found = _contents(revision, wanted.values())
    missing = [path for path, content in found.items() if content is None]
    if missing:
        former = _renamed(revision)
        names = {path: former[path] for path in missing if path in former}
        older = _contents(revision, names.values())
        found |= {path: older[name] for path, name in names.items()}
    return {file: found[path] for file, path in wanted.items()}


def _git(folder: str, *words: str, given: bytes = b"") -> _Done:
    """Run git in a folder, for the repository that the folder belongs to, with messages in English.

    What a hook is told of its repository is for git commands on that: with `GIT_DIR` alone every folder seems to be the
    top one. Only where `GIT_WORK_TREE` is set beside it somebody says where the repository is.
    """
    import subprocess  # where growth is measured against a revision only

    told = "GIT_DIR" in os.environ and "GIT_WORK_TREE" in os.environ
    env = {name: value for name, value in os.environ.items() if told or name not in _HOOKS} | {"LC_ALL": "C"}
    command = ["git", "-C", folder, "-c", "core.warnAmbiguousRefs=true", *words]
    try:
        done = subprocess.run(command, input=given, capture_output=True, env=env, check=False)
    except OSError as error:
        found = "" if isinstance(error, FileNotFoundError) else error.strerror or ""
        help = f"install git, {REPORT}"
        raise BaselineError(Fault("a revision is read by git, which cannot be run", found=found, help=help)) from None
    return _Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def _is_argument(text: str) -> bool:
    """Return whether a program can be given a text as an argument."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _root(folder: str) -> str:
    done = _git(folder, "rev-parse", "--show-toplevel")
    if not done.status:
        return done.text
    if "not a git repository" not in done.said:
        raise BaselineError(_refused(done))
    found, help = f"{Path(folder).resolve()} is in none", f"run it in a clone of the repository, {REPORT}"
    if "GIT_DIR" in os.environ and "GIT_WORK_TREE" not in os.environ:
        help = "set GIT_WORK_TREE beside GIT_DIR"
    raise BaselineError(Fault("there is no git repository", found=found, help=help))


def _commit(root: str, asked: str) -> str:
    """Return the hash of the commit that a revision means."""
    done = _git(root, "rev-parse", "--verify", "--end-of-options", f"{asked}^{{commit}}")
    if "is ambiguous" in done.said:
        raise BaselineError(_ambiguous(root, asked))
    if done.status:
        _check_head(root)
        raise BaselineError(_unknown(root, asked))
    return done.text


def _check_head(root: str) -> None:
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").status:
        help = "commit once; until then a limit is `max`, not `growth`"
        raise BaselineError(Fault("there is nothing to compare with: HEAD has no commit yet", found=root, help=help))


def _ambiguous(root: str, asked: str) -> Fault:
    name = _name(asked)
    refs = _git(root, "for-each-ref", "--format=%(refname)").lines
    meant = [ref for ref in refs if ref in (f"refs/{name}", *(f"refs/{kind}/{name}" for kind in _KINDS))]
    help = "write it whole: " + " or ".join(meant) if meant else "write more of its digits"
    return Fault(f"{asked!r} means more than one revision", help=help)


def _unknown(root: str, asked: str) -> Fault:
    """Return the fault of a revision that is not in a clone, with what brings it there."""
    from difflib import get_close_matches  # on the way to an error only

    message = f"there is no revision {asked!r}"
    name = _name(asked) or "HEAD"
    known = _known(root)
    shallow = _is_shallow(root)
    remotes = _git(root, "remote").lines
    if name in known or name in ("HEAD", "@"):  # what is asked for lies further back
        if shallow:
            return Fault(message, found="this clone is shallow", help=_unshallow(remotes))
        return Fault(message, help=f"git log {shlex.quote(name)} tells its commits")
    clone = "this shallow clone" if shallow else "this clone"
    found = f"{clone} has {', '.join(known) or 'no branches and no tags'}" if len(known) <= _FEW else ""
    owner = max((each for each in remotes if name.startswith(f"{each}/")), key=len, default="")
    branch = name.removeprefix(f"{owner}/")
    starts = [f"{remote}/" for remote in ([owner] if owner else remotes)]
    meant = {each.removeprefix(start): each for start in starts for each in known if each.startswith(start)}
    meant |= {} if owner else {each: each for each in known}
    close = get_close_matches(branch, meant, n=1)
    hints = [f"did you mean {meant[close[0]]!r}?"] if close else []
    if close != [branch] and remotes:
        hints += _fetch(root, owner, branch, owner or _remote(remotes), shallow=shallow)
    help = " Or: ".join(hints) or "`git branch --all` and `git tag` tell what there is"
    return Fault(message, found=found, help=help)


def _fetch(root: str, owner: str, branch: str, remote: str, *, shallow: bool) -> list[str]:
    """Return the command that brings a branch of a remote repository into a clone, where one is likely to."""
    words = ["git", "fetch", *(["--unshallow"] if shallow else []), remote]
    if _WHOLE_HASH.fullmatch(branch):
        return [shlex.join([*words, branch])]
    if _HASH.fullmatch(branch):
        return [shlex.join(words) if shallow else "write the whole hash: git can fetch only that"]
    if not shallow and _fetches_all(root, remote):
        return [shlex.join(words)] if owner else []
    command = shlex.join([*words, f"{branch}:refs/remotes/{remote}/{branch}"])
    return [command if owner else f"{command}, then --base {shlex.quote(f'{remote}/{branch}')}"]


def _apart(root: str, asked: str) -> Fault:
    """Return the fault of a revision that `HEAD` has no common history with, as far as the clone knows."""
    message = f"HEAD and {asked!r} have no common ancestor"
    if not _is_shallow(root):
        return Fault(message, help="name a revision that HEAD comes from, such as --base HEAD~1")
    help = _unshallow(_git(root, "remote").lines)
    return Fault(f"{message} in this clone", found="it is shallow: its history ends before they meet", help=help)


def _refused(done: _Done) -> Fault:
    """Return the fault that git tells, and the command that it says would help."""
    lines = done.said.splitlines()
    words = next((line for line in lines if line.startswith(("fatal: ", "error: "))), done.said.strip())
    commands = [line.strip() for line in lines if line.startswith("\tgit ")]
    return Fault(f"git refuses: {words.partition(': ')[2] or words}", help=" && ".join(commands))


_KINDS = ("heads", "remotes", "tags")


def _known(root: str) -> list[str]:
    """Return the names of all branches and tags, as one types them."""
    places = [f"refs/{kind}/" for kind in _KINDS]
    refs = _git(root, "for-each-ref", "--format=%(refname)", *places).lines
    return [ref.split("/", 2)[2] for ref in refs if not (ref.startswith("refs/remotes/") and ref.endswith("/HEAD"))]


def _name(asked: str) -> str:
    """Return the part of a revision that names a branch, a tag or a commit.

    >>> _name("origin/main~3"), _name("HEAD@{1}"), _name("v1@home^{commit}")
    ('origin/main', 'HEAD', 'v1@home')
    """
    match = _NAME.match(asked)
    return match[0] if match else ""


def _is_shallow(root: str) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").text == "true"


def _unshallow(remotes: Sequence[str]) -> str:
    """Return the command that brings all history into a clone."""
    return shlex.join(["git", "fetch", "--unshallow", _remote(remotes) if remotes else "URL"])


def _remote(remotes: Sequence[str]) -> str:
    """Return where a clone most likely came from."""
    return "origin" if "origin" in remotes else remotes[0]


def _fetches_all(root: str, remote: str) -> bool:
    """Return whether `git fetch` brings every branch of a remote repository."""
    return any("refs/heads/*:" in each for each in _git(root, "config", "--get-all", f"remote.{remote}.fetch").lines)


def _inside(root: str, file: str) -> str | None:
    """Return the path of a file from the top of its repository; None where it lies elsewhere.

    The file itself may be a link: what it led to at the commit is what counts. One that lies elsewhere and leads into
    the repository is the file that it leads to.
    """
    top = os.path.realpath(root)
    folder, name = os.path.split(file)
    for path in (os.path.join(os.path.realpath(folder), name), os.path.realpath(file)):  # noqa: PTH118
        if Path(path).is_relative_to(top):
            inner = Path(path).relative_to(top)
            nested = any(Path(top, parent, ".git").exists() for parent in inner.parents if parent.name)
            return None if nested else inner.as_posix()
    return None


def _outside(file: str, root: str) -> Fault:
    help = f"run it in the repository that the file is in, {REPORT}"
    return Fault(f"{file} is not in the repository, so that it has no past there", found=root, help=help)


def _contents(revision: Revision, paths: Iterable[str]) -> dict[str, Source | BaselineError | None]:
    """Return what files, named from the top of their repository, hold at a commit.

    Source: the output of `--batch` with `--follow-symlinks`, https://git-scm.com/docs/git-cat-file
    """
    wanted = {path: os.fsencode(f"{revision.commit}:{path}") for path in paths}
    if not wanted:
        return {}
    words = ["cat-file", "--batch", "--follow-symlinks"]
    end = b"\n"
    if any(b"\n" in name for name in wanted.values()):  # an option that older gits do not have
        words, end = [*words, "-z"], b"\0"
    done = _git(revision.root, *words, given=b"".join(name + end for name in wanted.values()))
    if done.status:
        raise BaselineError(_refused(done))
    return dict(_answers(revision, wanted, done.out))


def _answers(
    revision: Revision, wanted: dict[str, bytes], out: bytes
) -> Iterator[tuple[str, Source | BaselineError | None]]:
    at = 0
    for path, name in wanted.items():
        absent = name + b" missing\n"
        if out.startswith(absent, at):
            at += len(absent)
            yield path, None
            continue
        start = out.index(b"\n", at) + 1
        *_, kind, size = out[at : start - 1].decode().split()
        data = out[start : start + int(size)]
        at = start + int(size) + 1
        shown = f"{revision.short}:{path}"
        if kind == "blob":
            yield path, _text(data, shown)
        elif kind in ("dangling", "loop", "symlink"):
            message = "it is a link that leads to no file of the repository"
            yield path, BaselineError(Fault(message, Place(shown)))
        else:
            yield path, None  # a folder, or in what was a file


def _text(data: bytes, file: str) -> Source | BaselineError:
    try:
        return Source(file, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode().split("\n")
        place = Place(file, len(before), len(before[-1]) + 1)
        return BaselineError(Fault("it is not UTF-8", place, found=f"byte 0x{data[error.start]:02x}"))


def _renamed(revision: Revision) -> dict[str, str]:
    """Return what the files that were renamed since a commit were called there."""
    words = ["-z", "-M", f"-l{_MOST_RENAMES}", "--diff-filter=R", "--name-status", "--ignore-submodules"]
    done = _git(revision.root, "diff-index", *words, revision.commit)
    if done.status:
        raise BaselineError(_refused(done))
    parts = [os.fsdecode(part) for part in done.out.split(b"\0")]
    return dict(zip(parts[2::3], parts[1::3], strict=False))
