"""Files as they were at a commit of their repository."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from convcost import files
from convcost.budget import git
from convcost.budget.git import Done
from convcost.errors import BaselineError, ErrorDetail, Place, SpecError
from convcost.spec import limits
from convcost.spec.source import Source, model_source

_SHORT = 7  # digits of a commit that are shown
_MOST_RENAMES = 1_000  # files that are compared to find those that were renamed; git's own default
_MANY = 500  # paths that one command is given
_LONGEST_HEAD = 200  # bytes before the contents of an object
_FEW = 6  # branches and tags that are listed
_HASH = re.compile(r"[0-9a-f]{7,64}")
_WHOLE_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"(?:(?!@\{)[^~^:])*")  # what stands before ~3, ^2, @{upstream} or :path


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
        raise BaselineError(ErrorDetail("this is not a revision", found=repr(asked), help=help))
    root = git.top(folder)
    commit = _commit(root, asked)
    done = git.run(root, "merge-base", "HEAD", commit)
    if done.status:
        _check_head(root)
        raise BaselineError(git.refusal(done) if done.messages or done.status != 1 else _apart(root, asked))
    base = (done.lines or [""])[0]
    if not _WHOLE_HASH.fullmatch(base):
        raise BaselineError(git.unexpected("merge-base", done))
    return Revision(asked, base, root, base == commit)


def place(named: Sequence[str]) -> str:
    """Return the folder whose repository files are compared in.

    It is the working directory, so that no file leads into a repository that somebody put beside it; the folder of the
    first file where that is in none.
    """
    return "." if not named or git.has_repository(".") else os.path.dirname(named[0]) or "."  # noqa: PTH120


def read(revision: Revision, named: Sequence[str]) -> dict[str, Source | None]:
    """Return the text of files at a commit; None where a file is not there.

    A file that was renamed since is found under the name that it had. A file that is a link is the file that it led to.

    Args:
        revision: The commit.
        named: Their paths now, from the current folder.

    Raises:
        BaselineError: A file lies outside the repository or holds no text, or git cannot read it.
    """
    found: dict[str, Source | None] = {}
    errors: list[ErrorDetail] = []
    for file, source in read_each(revision, named).items():
        if isinstance(source, BaselineError):
            errors += source.details
        else:
            found[file] = source
    if errors:
        raise BaselineError(errors)
    return found


def read_each(revision: Revision, named: Sequence[str]) -> dict[str, Source | BaselineError | None]:
    """Return the texts of files as `read` does, with an error for each file that is there but holds no text.

    Raises:
        BaselineError: A file lies outside the repository, or git cannot read it.
    """
    paths = {file: _inside(revision.root, file) for file in named}
    wrong = [path for path in paths.values() if isinstance(path, ErrorDetail)]
    if wrong:
        raise BaselineError(wrong)
    wanted = {file: path for file, path in paths.items() if isinstance(path, str)}
    found = _contents(revision, [*wanted.values()])
    missing = [path for path, content in found.items() if content is None]
    if missing:
        former = _renamed(revision)
        names = {path: former[path] for path in missing if path in former}
        older = _contents(revision, [*names.values()])
        found |= {path: older[name] for path, name in names.items()}
    return {file: found[path] for file, path in wanted.items()}


def _is_argument(text: str) -> bool:
    """Return whether a program can be given a text as an argument."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _commit(root: str, asked: str) -> str:
    """Return the hash of the commit that a revision means."""
    done = git.run(root, "rev-parse", "--verify", f"{asked}^{{commit}}")  # it does not begin with a dash
    if "is ambiguous" in done.messages:
        raise BaselineError(_ambiguous(root, asked))
    if done.status and not done.messages:
        raise BaselineError(git.refusal(done))
    if done.status or done.text.startswith("^"):
        _check_head(root)
        raise BaselineError(_unknown(root, asked))
    if not _WHOLE_HASH.fullmatch(done.text):
        raise BaselineError(git.unexpected("rev-parse --verify", done))
    return done.text


def _check_head(root: str) -> None:
    if git.run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").status:
        help = "commit once; until then a limit is `max`, not `growth`"
        raise BaselineError(
            ErrorDetail("there is nothing to compare with: HEAD has no commit yet", found=root, help=help)
        )


def _ambiguous(root: str, asked: str) -> ErrorDetail:
    name = _name(asked)
    refs = git.run(root, "for-each-ref", "--format=%(refname)").lines
    meant = [ref for ref in refs if ref in (f"refs/{name}", *(f"refs/{kind}/{name}" for kind in _KINDS))]
    help = "write it whole: " + " or ".join(meant) if meant else "write more of its digits"
    return ErrorDetail(f"{asked!r} means more than one revision", help=help)


def _unknown(root: str, asked: str) -> ErrorDetail:
    """Return the error of a revision that is not in a clone, with what brings it there."""
    from difflib import get_close_matches  # on the way to an error only

    message = f"there is no revision {asked!r}"
    name = _name(asked) or "HEAD"
    known = _known(root)
    shallow = _is_shallow(root)
    remotes = git.run(root, "remote").lines
    if name in known or name in ("HEAD", "@"):  # what is asked for lies further back
        if shallow:
            return ErrorDetail(message, found="this clone is shallow", help=_unshallow(remotes))
        return ErrorDetail(message, help=f"git log {shlex.quote(name)} tells its commits")
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
    return ErrorDetail(message, found=found, help=help)


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


def _apart(root: str, asked: str) -> ErrorDetail:
    """Return the error of a revision that `HEAD` has no common history with, as far as the clone knows."""
    message = f"HEAD and {asked!r} have no common ancestor"
    if not _is_shallow(root):
        return ErrorDetail(message, help="name a revision that HEAD comes from, such as --base HEAD~1")
    help = _unshallow(git.run(root, "remote").lines)
    return ErrorDetail(f"{message} in this clone", found="it is shallow: its history ends before they meet", help=help)


_KINDS = ("heads", "remotes", "tags")


def _known(root: str) -> list[str]:
    """Return the names of all branches and tags, as one types them."""
    places = [f"refs/{kind}/" for kind in _KINDS]
    refs = git.run(root, "for-each-ref", "--format=%(refname)", *places).lines
    return [ref.split("/", 2)[2] for ref in refs if not (ref.startswith("refs/remotes/") and ref.endswith("/HEAD"))]


def _name(asked: str) -> str:
    """Return the part of a revision that names a branch, a tag or a commit.

    >>> _name("origin/main~3"), _name("HEAD@{1}"), _name("v1@home^{commit}")
    ('origin/main', 'HEAD', 'v1@home')
    """
    match = _NAME.match(asked)
    return match[0] if match else ""


def _is_shallow(root: str) -> bool:
    return git.run(root, "rev-parse", "--is-shallow-repository").text == "true"


def _unshallow(remotes: Sequence[str]) -> str:
    """Return the command that brings all history into a clone."""
    return shlex.join(["git", "fetch", "--unshallow", _remote(remotes) if remotes else "URL"])


def _remote(remotes: Sequence[str]) -> str:
    """Return the remote that a clone most likely came from."""
    return "origin" if "origin" in remotes else remotes[0]


def _fetches_all(root: str, remote: str) -> bool:
    """Return whether `git fetch` brings every branch of a remote repository."""
    return any("refs/heads/*:" in each for each in git.run(root, "config", "--get-all", f"remote.{remote}.fetch").lines)


def _inside(root: str, file: str) -> str | ErrorDetail:
    """Return the path of a file from the top of its repository, or what is wrong with where it lies.

    The file itself may be a link: what it led to at the commit is what counts. One that lies elsewhere and leads into
    the repository is the file that it leads to.
    """
    top = os.path.realpath(root)
    folder, name = os.path.split(file)
    for path in (os.path.join(os.path.realpath(folder), name), os.path.realpath(file)):  # noqa: PTH118
        if Path(path).is_relative_to(top):
            inner = Path(path).relative_to(top).as_posix()
            if other := git.embedded(top, inner):
                found = f"{other} is a repository of its own, or looks like one"
                help = f"run it in that repository, {git.REPORT}"
                return ErrorDetail(f"{file} is not part of the repository {root}", found=found, help=help)
            return inner
    help = f"run it in the repository that the file is in, {git.REPORT}"
    return ErrorDetail(f"{file} is not in the repository, so that it has no past there", found=root, help=help)


def _contents(revision: Revision, paths: Sequence[str]) -> dict[str, Source | BaselineError | None]:
    """Return the contents of files at a commit, by their paths from the top of the repository."""
    found: dict[str, Source | BaselineError | None] = dict.fromkeys(paths)
    blobs: dict[str, str] = {}
    total = 0
    for path, kind, id, size in _objects(revision, paths):
        shown = f"{revision.short}:{path}"
        if kind in ("dangling", "loop", "symlink"):
            message = "it is a link that leads to no file of the repository"
            found[path] = BaselineError(ErrorDetail(message, Place(shown)))
        elif kind == "blob":
            total += size
            if size > limits.max_bytes():
                reason = f"it is larger than {files.in_words(limits.max_bytes())}"
                found[path] = BaselineError(ErrorDetail(reason, Place(shown), found=f"{size:,} bytes"))
            elif total > files.SPECS_BYTES:
                reason = f"the specs up to it are larger than {files.SPECS_BYTES // files.MIB} MiB"
                found[path] = BaselineError(ErrorDetail(reason, Place(shown), found=f"{total:,} bytes"))
            else:
                blobs[path] = id
    texts = _blobs(revision, {*blobs.values()})
    return found | {path: _text(texts[id], f"{revision.short}:{path}") for path, id in blobs.items()}


def _objects(revision: Revision, paths: Sequence[str]) -> Iterator[tuple[str, str, str, int]]:
    """Yield each path with the kind, the name and the size of what it is at a commit; nothing of what is not there.

    Source: the output of `--batch-check` with `--follow-symlinks`, https://git-scm.com/docs/git-cat-file
    """
    wanted = {path: os.fsencode(f"{revision.commit}:{path}") for path in paths}
    command = ["cat-file", "--batch-check", "--follow-symlinks"]
    end = b"\n"
    if any(b"\n" in name for name in wanted.values()):  # an option that older gits do not have
        command, end = [*command, "-z"], b"\0"
    done = _asked(revision, command, b"".join(name + end for name in wanted.values()))
    at = 0
    missing = []
    for path, name in wanted.items():
        absent = name + b" missing\n"
        if done.out.startswith(absent, at):
            at += len(absent)
            missing.append(path)
            continue
        line, _, _ = done.out[at:].partition(b"\n")
        at += len(line) + 1
        words = line.decode("utf-8", "replace").split()
        if len(words) < 2 or not words[-1].isdecimal():
            raise BaselineError(git.unexpected("cat-file --batch-check", done))
        if len(words) == 2:  # behind a link that leads nowhere stands where it leads
            at += int(words[1]) + 1
        yield path, words[-2], words[0], int(words[-1])
    _check_missing(revision, missing)


def _asked(revision: Revision, words: Sequence[str], given: bytes) -> Done:
    """Return the answer of git to a command that reads objects.

    Raises:
        BaselineError: It has none, or they are not in the clone.
    """
    done = git.run(revision.root, *words, given=given) if given else Done(0, b"", "")
    if "promisor" in done.messages:
        raise BaselineError(_not_fetched(revision))
    if done.status:
        raise BaselineError(git.refusal(done))
    return done


def _check_missing(revision: Revision, paths: Sequence[str]) -> None:
    """Check that files are not in a commit; later gits answer the same where only their contents were not fetched.

    Raises:
        BaselineError: They are.
    """
    names = [path for path in paths if "\0" not in path]
    for start in range(0, len(names), _MANY):
        done = git.run(
            revision.root, "ls-tree", "-z", "--full-tree", revision.commit, "--", *names[start : start + _MANY]
        )
        if any(b" blob " in line for line in done.out.split(b"\0")):
            raise BaselineError(_not_fetched(revision))


def _not_fetched(revision: Revision) -> ErrorDetail:
    found = "this is a partial clone, and convcost fetches nothing"
    help = f"`git diff --stat {revision.short} HEAD` fetches it; or clone without --filter"
    return ErrorDetail(f"the clone lacks what files were at {revision.short}", found=found, help=help)


def _blobs(revision: Revision, ids: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of files by their names as objects.

    Source: the output of `--batch`, https://git-scm.com/docs/git-cat-file
    """
    wanted = sorted(ids)
    done = _asked(revision, ["cat-file", "--batch"], b"".join(f"{id}\n".encode() for id in wanted))
    found = {}
    at = 0
    for id in wanted:
        head, _, _ = done.out[at : at + _LONGEST_HEAD].partition(b"\n")
        words = head.decode("utf-8", "replace").split()
        if words[:2] != [id, "blob"]:
            raise BaselineError(git.unexpected("cat-file --batch", done))
        start = at + len(head) + 1
        at = start + int(words[2]) + 1
        found[id] = done.out[start : at - 1]
    return found


def _text(data: bytes, file: str) -> Source | BaselineError:
    try:
        if (model := model_source(data, file)) is not None:
            return model
    except SpecError as error:
        return BaselineError(error.details)
    try:
        return Source(file, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode().split("\n")
        place = Place(file, len(before), len(before[-1]) + 1)
        return BaselineError(ErrorDetail("it is not UTF-8", place, found=f"byte 0x{data[error.start]:02x}"))


def _renamed(revision: Revision) -> dict[str, str]:
    """Return the former paths of the files that were renamed since a commit.

    What is committed, or staged for it, is compared; files are not read, lest a filter is run for them.
    """
    words = ["--cached", "-r", "-z", "-M", f"-l{_MOST_RENAMES}", "--diff-filter=R", "--name-status"]
    safe = ["--no-ext-diff", "--no-textconv", "--ignore-submodules=all"]
    done = _asked(revision, ["diff-index", *words, *safe, revision.commit], b"\n")
    parts = [os.fsdecode(part) for part in done.out.split(b"\0")]
    return dict(zip(parts[2::3], parts[1::3], strict=False))
