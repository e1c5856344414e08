"""Files as they were at a commit of their repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from convcost import files
from convcost.budget import git
from convcost.budget.git import Done
from convcost.budget.revisions import Revision
from convcost.errors import BaselineError, ErrorDetail, Place, SpecError
from convcost.spec import limits
from convcost.spec.source import POINTER, Source, is_model, model_source

if TYPE_CHECKING:
    from mmap import mmap

_MOST_RENAMES = 1_000  # files that are compared to find those that were renamed; git's own default
_MANY = 500  # paths that one command is given
_LONGEST_HEAD = 200  # bytes before the contents of an object


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
            if size > limits.max_bytes():
                found[path] = _large(revision, id, shown, size)
                continue
            total += size
            if total > files.SPECS_BYTES:
                reason = f"the specs up to it are larger than {files.SPECS_BYTES // files.MIB} MiB"
                found[path] = BaselineError(ErrorDetail(reason, Place(shown), found=f"{total:,} bytes"))
            else:
                blobs[path] = id
    texts = _blobs(revision, {*blobs.values()})
    return found | {path: _text(texts[id], f"{revision.short}:{path}") for path, id in blobs.items()}


def _objects(revision: Revision, paths: Sequence[str]) -> Iterator[tuple[str, str, str, int]]:
    """Yield each path that exists at a commit, with the kind, the name and the size of its object.

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


def _large(revision: Revision, id: str, shown: str, size: int) -> Source | BaselineError:
    """Return a file that is larger than a spec may be: a model file."""
    try:
        with closing(git.blob(revision.root, id)) as parts:
            data = files.streamed(parts, limits.max_bytes(), is_model)
        return _text(data, shown)
    except files.RefusedFile as refused:
        return BaselineError(ErrorDetail(refused.reason, Place(shown), found=f"{size:,} bytes"))


def _text(data: bytes | mmap, file: str) -> Source | BaselineError:
    try:
        if (model := model_source(data, file)) is not None:
            return model
    except SpecError as error:
        return BaselineError(error.details)
    data = bytes(data)
    if data.startswith(POINTER):
        return BaselineError(ErrorDetail("it is a pointer of Git LFS, which keeps the file elsewhere", Place(file)))
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
