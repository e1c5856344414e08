"""The commit that growth is measured against."""

from __future__ import annotations

import os
import re
import shlex
from itertools import chain

from msgspec import Struct

from convcost.budget import git
from convcost.errors import BaselineError, ErrorDetail

_SHORT = 7  # digits of a commit that are shown
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
        raise BaselineError(_ambiguous(asked))
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


def _ambiguous(asked: str) -> ErrorDetail:
    help = "write it whole, such as refs/heads/NAME or refs/tags/NAME; of a hash more digits"
    return ErrorDetail(f"{asked!r} means more than one revision", help=help)


def _unknown(root: str, asked: str) -> ErrorDetail:
    """Return the error of a revision that is not in a clone, with what brings it there."""
    from difflib import get_close_matches  # on the way to an error only

    name = _NAME.match(asked)[0] or "HEAD"  # type: ignore[index]  # it matches any text
    remote, of_it = _remote(root, name)
    branch = name.removeprefix(f"{remote}/") if of_it else name
    known = _known(root, remote if of_it else "")
    close = get_close_matches(branch, known, n=1)
    meant = known[close[0]] if close else ""
    hints = [f"did you mean {meant!r}?"] if meant not in ("", name) else []
    shallow, fetch = _is_shallow(root), _fetch(root, remote)
    if name in ("HEAD", "@", meant):  # what is asked for lies further back
        hints.append(fetch if shallow else f"git log {shlex.quote(name)} shows its commits")
    elif branch not in close:
        hints.append(fetch)
    found = "this clone is shallow" if shallow else ""
    help = " Or: ".join(filter(None, hints)) or "`git branch --all` and `git tag` list what there is"
    return ErrorDetail(f"there is no revision {asked!r}", found=found, help=help)


def _apart(root: str, asked: str) -> ErrorDetail:
    """Return the error of a revision that `HEAD` has no common history with, as far as the clone knows."""
    message = f"HEAD and {asked!r} have no common ancestor"
    if not _is_shallow(root):
        return ErrorDetail(message, help="name a revision that HEAD comes from, such as --base HEAD~1")
    help = _fetch(root, _remote(root, asked)[0]) or "clone the repository without --depth"
    return ErrorDetail(f"{message} in this clone", found="it is shallow: its history ends before they meet", help=help)


def _remote(root: str, name: str) -> tuple[str, bool]:
    """Return the remote that a branch is of and True; or `origin`, another or none and False."""
    remotes = sorted(
        git.run(root, "remote").lines, key=lambda each: (not name.startswith(f"{each}/"), each != "origin")
    )
    return (remotes[0], name.startswith(f"{remotes[0]}/")) if remotes else ("", False)


def _known(root: str, remote: str = "") -> dict[str, str]:
    """Return the names of branches and tags, or of a remote's branches, by what follows the remote in them."""
    places = [f"refs/remotes/{remote}/"] if remote else ["refs/remotes/", "refs/tags/", "refs/heads/"]
    refs = [git.run(root, "for-each-ref", "--format=%(refname)", place).lines for place in places]
    known = {}
    for ref in chain(*refs):
        _, kind, name = ref.split("/", 2)
        known[name.partition("/")[2] if kind == "remotes" else name] = name
    known.pop("HEAD", None)
    return known


def _is_shallow(root: str) -> bool:
    return git.run(root, "rev-parse", "--is-shallow-repository").text == "true"


def _fetch(root: str, remote: str) -> str:
    """Return the command that brings all branches, tags and history of a remote; nothing if there is none."""
    words = ["git", "fetch", *(["--unshallow"] if _is_shallow(root) else []), "--tags", remote]
    return shlex.join([*words, f"+refs/heads/*:refs/remotes/{remote}/*"]) if remote else ""
