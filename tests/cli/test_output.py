"""Files are written whole or not at all, whoever writes there at the same time."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from convcost.cli import output
from convcost.errors import OptionError, OutputError


def names(folder):
    """Return the names of what is in a folder."""
    return [path.name for path in folder.iterdir()]


WRITER = """\
import sys
from convcost.cli.output import write_file
path, letter, length, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for _ in range(times):
    write_file(path, letter * length)
"""


def test_two_processes_that_write_one_file_leave_one_of_their_texts_whole(tmp_path, started):
    """Longer than any buffer, and of different lengths; read all the time."""
    path = tmp_path / "report.json"
    texts = {"a" * 100_000, "b" * 250_000}
    path.write_text("a" * 100_000, encoding="utf-8")
    commands = [[sys.executable, "-c", WRITER, path, text[0], str(len(text)), "200"] for text in texts]
    with started(commands[0]) as one, started(commands[1]) as other:
        writers = [one, other]
        while any(writer.poll() is None for writer in writers):
            assert path.read_text(encoding="utf-8") in texts
    assert [writer.returncode for writer in writers] == [0, 0]
    assert path.read_text(encoding="utf-8") in texts
    assert names(tmp_path) == ["report.json"]


def test_what_a_killed_process_left_behind_is_in_nobodys_way(tmp_path, monkeypatch):
    """Even one of the same id, which a container gives to every run."""
    beside = []

    def interrupted(self, target):
        beside.append(self.name)
        raise SystemExit

    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", interrupted)
        killed.setattr(Path, "unlink", lambda self: None)
        with pytest.raises(SystemExit):
            output.write_file(str(tmp_path / "a.json"), "old")
    assert names(tmp_path) == beside
    output.write_file(str(tmp_path / "a.json"), "new")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "new"


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    output.write_file(str(path), "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_one_file_that_cannot_be_written_leaves_the_others_as_they_were(tmp_path):
    (tmp_path / "a.json").write_text("old", encoding="utf-8")
    path = str(tmp_path / "nowhere" / "b.json")
    with pytest.raises(OutputError) as error:
        output.write_files([(str(tmp_path / "a.json"), "new"), (path, "new")])
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
        output.write_file(str(tmp_path / "a.json"), "new")
    assert str(error.value) == (
        f"error: an output cannot be written: Operation not permitted\n = found: {tmp_path.resolve() / 'a.json'}"
    )
    assert names(tmp_path) == []


@pytest.mark.parametrize(("ci", "format"), [(False, "table"), (True, "text")])
def test_the_format_where_none_is_asked_for(ci, format):
    assert output.outputs(None, [], ci=ci) == [output.Output(format)]


def test_a_format_for_findings_is_for_commands_that_have_some():
    asked = ["sarif:a.sarif", "junit:b.xml"]
    assert output.outputs("github", asked, ci=True) == [
        output.Output("github"),
        output.Output("sarif", "a.sarif"),
        output.Output("junit", "b.xml"),
    ]
    with pytest.raises(OptionError, match="sarif is a format for findings"):
        output.outputs(None, asked)


def test_analyze_has_no_findings(convcost):
    status, out, err = convcost("analyze", "net.yaml", "-o", "sarif:a.sarif")
    assert (status, out) == (2, "")
    assert err == (
        "error: sarif is a format for findings, which only `convcost check` has\n"
        " = help: convcost check SPEC -o sarif; here the formats are csv, json, markdown, table, text\n"
    )
