"""Files that are written part by part: a folder beside the output holds the parts until all are there.

`points.csv.parts` has `manifest.json`, which says what the parts belong to, `done.jsonl`, a line for each part that is
whole, and the parts. A part is written under another name and renamed, so that whatever ends the program, what is
there under a part's name is whole. When all are there, they are joined in the folder, and the whole is renamed to the
output: it exists only when it is complete.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import msgspec
from msgspec import Struct

from convcost.cli import writing
from convcost.design_space.part_texts import PartText
from convcost.design_space.parts import GridPart
from convcost.errors import ErrorDetail, OutputError
from convcost.files import check_link

_MANIFEST, _DONE, _WHOLE = "manifest.json", "done.jsonl", "whole.tmp"
_LARGEST_MANIFEST = 16 << 20  # bytes that are read of what an earlier run left
_LARGEST_DONE = 1 << 30


class DonePart(Struct, frozen=True):
    """A part that is whole."""

    start: int
    end: int
    bytes: int
    rows: int
    invalid: dict[str, int] = {}


class PartFiles:
    """The parts of an output.

    Args:
        path: The output.
        manifest: What the parts belong to, as data of JSON: another run with the same may go on.
    """

    def __init__(self, path: str, manifest: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest = msgspec.to_builtins(manifest)
        self.target = Path(os.path.realpath(path))
        self.folder = self.target.with_name(self.target.name + ".parts")
        self.shown_folder = f"{path}.parts"
        self.done: dict[GridPart, DonePart] = {}

    @contextmanager
    def opened(self, *, resume: bool, force: bool) -> Iterator[None]:
        """Hold the folder of the parts, new or as an earlier run left it.

        Args:
            resume: Whether to go on with what an earlier run did.
            force: Whether to write over an output, and over parts of an earlier run.

        Raises:
            OutputError: The output exists, or parts of it, or they belong to something else; or it cannot be written.
        """
        writing.check_place(self.path)
        if self.target.exists() and not self.target.is_file():
            raise OutputError(ErrorDetail("a stream goes to a file", found=self.path, help="such as points.csv"))
        if self.target.exists() and not force:
            raise OutputError(ErrorDetail(f"{self.path!r} exists", help="--force writes over it"))
        with writing.reported(self.shown_folder):
            check_link(self.shown_folder)
            if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
            begun = self.folder.is_dir()
            if not begun:
                self.folder.mkdir()
        with writing.locked([str(self.folder / _MANIFEST)]):
            with writing.reported(self.shown_folder):
                if begun and not force:
                    self._go_on(resume)
                else:
                    self._remove_parts()
                    self._replace(_MANIFEST, msgspec.json.format(msgspec.json.encode(self.manifest)))
            yield

    def add(self, part: GridPart, text: PartText) -> None:
        """Store a part.

        Raises:
            OutputError: It cannot be written.
        """
        done = DonePart(part.start, part.end, len(text.data), text.rows, dict(text.invalid))
        with writing.reported(self.shown_folder):
            self._replace(_name(part), text.data)
            with (self.folder / _DONE).open("ab") as file:
                file.write(msgspec.json.encode(done) + b"\n")
        self.done[part] = done

    def join(self, header: bytes, *, parquet: bool) -> None:
        """Make the output of all parts, and remove them.

        Raises:
            OutputError: It cannot be written.
        """
        parts = [self.folder / _name(part) for part in sorted(self.done)]
        whole = self.folder / _WHOLE
        with writing.reported(self.path):
            if parquet:
                _join_parquet(parts, whole)
            else:
                _join_texts(header, parts, whole)
            whole.replace(self.target)
        self.discard()

    def discard(self) -> None:
        """Remove the parts."""
        with writing.reported(self.shown_folder):
            self._remove_parts()
            self.folder.rmdir()

    def counts(self) -> tuple[int, int, Counter[str]]:
        """Return the numbers of points done and of rows written, and the reasons why points have no cost."""
        invalid: Counter[str] = Counter()
        for each in self.done.values():
            invalid.update(each.invalid)
        done = self.done.values()
        return sum(each.end - each.start for each in done), sum(each.rows for each in done), invalid

    def _go_on(self, resume: bool) -> None:
        """Read what an earlier run did.

        Raises:
            OutputError: Nobody asked to go on, or the parts belong to something else.
        """
        if not resume:
            found = f"parts of it in {self.shown_folder}"
            help = "--resume goes on with them, --force begins again"
            raise OutputError(ErrorDetail(f"{self.path!r} was begun", found=found, help=help))
        old = self._read_manifest()
        differing = [key for key, value in self.manifest.items() if old.get(key) != value]
        if differing:
            found = f"another {', another '.join(differing)} than in {self.shown_folder}"
            message = f"{self.path!r} was begun by another command"
            raise OutputError(ErrorDetail(message, found=found, help="--force begins again"))
        try:
            with (self.folder / _DONE).open("rb") as file:
                lines = file.read(_LARGEST_DONE).splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                done = msgspec.json.decode(line, type=DonePart)
            except msgspec.MsgspecError:  # the line that was being written when the program was ended
                continue
            part = GridPart(done.start, done.end)
            file_of_part = self.folder / _name(part)
            if file_of_part.is_file() and file_of_part.stat().st_size == done.bytes:
                self.done[part] = done

    def _read_manifest(self) -> dict[str, Any]:
        try:
            with (self.folder / _MANIFEST).open("rb") as file:
                return msgspec.json.decode(file.read(_LARGEST_MANIFEST), type=dict[str, Any])
        except (FileNotFoundError, msgspec.MsgspecError):
            message = f"{self.shown_folder} has no manifest of parts"
            raise OutputError(ErrorDetail(message, help="--force begins again, another path leaves it")) from None

    def _replace(self, name: str, data: bytes) -> None:
        beside = self.folder / f"{name}.tmp"
        beside.write_bytes(data)
        beside.replace(self.folder / name)

    def _remove_parts(self) -> None:
        """Remove what runs of this program wrote in the folder, and nothing else."""
        for entry in self.folder.iterdir():
            name = entry.name.removesuffix(".tmp")
            if name in (_MANIFEST, _DONE, _WHOLE.removesuffix(".tmp")) or _is_part(name):
                entry.unlink()


def _name(part: GridPart) -> str:
    return f"part-{part.start}-{part.end}"


def _is_part(name: str) -> bool:
    word, _, numbers = name.partition("-")
    return word == "part" and all(each.isdecimal() for each in numbers.split("-"))


def _join_texts(header: bytes, parts: list[Path], whole: Path) -> None:
    with whole.open("wb") as out:
        out.write(header)
        for part in parts:
            with part.open("rb") as file:
                copyfileobj(file, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())


def _join_parquet(parts: list[Path], whole: Path) -> None:
    """Make one file of many, each a group of rows of it."""
    parquet = import_module("pyarrow.parquet")
    with parquet.ParquetWriter(whole, parquet.read_schema(parts[0])) as out:
        for part in parts:
            out.write_table(parquet.read_table(part))
