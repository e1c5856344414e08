"""`sweep --stream`: rows of any number of points, written part by part, whole or not there."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import pytest

import convcost as package
from convcost.cli import stream as module
from convcost.cli.part_files import PartFiles
from convcost.design_space import part_texts
from convcost.errors import ConvcostError, OptionError, OutputError

SPEC = """\
symbols: {n: 4, g: 2, r: 12, f: relu, w: true}
input: [4, r, r]
layers:
  - conv: {out_channels: 4 * n, kernel_size: 3, groups: g, bias: w, activation: f}
  - max_pool: {kernel_size: 2, stride: 2}
"""
VALUES = {"n": [1, 2, 3], "g": [1, 2, 3], "w": ["true", "false"], "f": ["relu", "hard_swish"], "r": [2, 4, 6, 9]}
SET = {name: ",".join(map(str, values)) for name, values in VALUES.items()}
POINTS = 144


@pytest.fixture
def net(folder):
    (folder / "net.yaml").write_text(SPEC)
    return folder


def streamed(path, settings=SET, **options):
    defaults = {
        "where": (),
        "join": None,
        "dtype": (),
        "batch": 1,
        "fold": True,
        "resume": False,
        "force": False,
        "pool": None,
    }
    return module.stream(path, "net.yaml", settings, **{**defaults, "part_size": 10, **options})


def analysed():
    """Return each point's values, and its totals or its error, by an analysis of its own."""
    for values in product(*VALUES.values()):
        point = dict(zip(VALUES, values, strict=True))
        try:
            total = package.analyze("net.yaml", set=point).total
            yield point, (total.params, total.mults), None
        except ConvcostError as error:
            yield point, (None, None), part_texts.reason_of(error)


def words(name, value):
    return value == "true" if name == "w" else value


def test_every_format_has_the_analysis_of_each_point(net):
    parquet = pytest.importorskip("pyarrow.parquet")
    for path in ("a.csv", "a.jsonl", "a.parquet"):
        assert streamed(path) == 0
    wanted = [
        {
            **{name: words(name, value) for name, value in point.items()},
            "params": params,
            "mults": mults,
            "error": error,
        }
        for point, (params, mults), error in analysed()
    ]
    assert len(wanted) == POINTS
    assert [json.loads(line) for line in (net / "a.jsonl").read_text().splitlines()] == wanted
    assert parquet.read_table("a.parquet").to_pylist() == wanted
    texts = [
        {k: "" if v is None else str(v).replace("True", "true").replace("False", "false") for k, v in row.items()}
        for row in wanted
    ]
    with (net / "a.csv").open() as file:
        assert [dict(row) for row in csv.DictReader(file)] == texts
    assert sorted(each.name for each in net.iterdir()) == ["a.csv", "a.jsonl", "a.parquet", "net.yaml"]


def test_rows_are_chosen_by_their_totals_and_counted(net, convcost):
    found = convcost(
        "sweep", "net.yaml", "--set", "n=1:100", "--set", "r=2,4", "--stream", "a.csv", "--where", "params > 1k"
    )
    # 4n · 2 · 9 weights in two groups and 4n biases: 76n > 1,000 from 14 on
    lines = ["a.csv: 87 rows of 200 points", "Not valid: 100: the kernel must fit into its padded input", ""]
    assert found == (0, "\n".join(lines), "")
    with (net / "a.csv").open() as file:
        assert [(row["n"], row["params"], row["error"]) for row in csv.DictReader(file)] == [
            (str(n), str(76 * n), "") for n in range(14, 101)
        ]


def interrupted(path, after, **options):
    """Stream until so many parts are done; return how many were worked on."""
    calls = []
    work = part_texts.TextWork.__call__

    def stop(self, packed, part):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(part)
        return work(self, packed, part)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_texts.TextWork, "__call__", stop)
        status = streamed(path, **options)
    return status, len(calls)


@pytest.mark.parametrize("path", ["a.csv", "a.jsonl", "a.parquet"])
def test_an_interrupted_stream_goes_on_and_gives_the_same_file(net, path, capsys):
    if path.endswith("parquet"):
        pytest.importorskip("pyarrow")
    assert interrupted(path, 6) == (130, 6)
    assert capsys.readouterr().err == (
        f"interrupted: 60 of 144 points are in {path}.parts; the same command with --resume goes on\n"
    )
    assert not (net / path).exists()
    assert interrupted(path, 99, resume=True) == (0, 15 - 6)
    assert not (net / f"{path}.parts").exists()
    resumed = (net / path).read_bytes()
    assert streamed(path, force=True) == 0
    assert (net / path).read_bytes() == resumed


def test_what_was_being_written_when_the_program_was_killed_is_written_again(net):
    interrupted("a.csv", 6)
    parts = net / "a.csv.parts"
    (parts / "part-50-60").write_bytes((parts / "part-50-60").read_bytes()[:-9])  # cut
    (parts / "part-60-70.tmp").write_bytes(b"half")
    done = (parts / "done.jsonl").read_bytes()
    (parts / "done.jsonl").write_bytes(done + b'{"start":60,"end"')
    assert interrupted("a.csv", 99, resume=True) == (0, 15 - 5)
    resumed = (net / "a.csv").read_bytes()
    streamed("b.csv")
    assert (net / "b.csv").read_bytes() == resumed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {},
            (
                "error: 'a.csv' was begun\n = found: parts of it in a.csv.parts\n"
                " = help: --resume goes on with them, --force begins again"
            ),
        ),
        (
            {"resume": True, "batch": 2},
            (
                "error: 'a.csv' was begun by another command\n = found: another batch than in a.csv.parts\n"
                " = help: --force begins again"
            ),
        ),
        (
            {"resume": True, "settings": {**SET, "n": "1,2,4"}},
            (
                "error: 'a.csv' was begun by another command\n = found: another grid than in a.csv.parts\n"
                " = help: --force begins again"
            ),
        ),
    ],
)
def test_parts_of_another_run_are_left_alone(net, options, message):
    interrupted("a.csv", 3)
    with pytest.raises(OutputError) as caught:
        streamed("a.csv", **options)
    assert str(caught.value) == message
    assert interrupted("a.csv", 99, resume=True) == (0, 12)


def test_a_changed_spec_is_another_run(net):
    interrupted("a.csv", 3)
    (net / "net.yaml").write_text(SPEC.replace("kernel_size: 2", "kernel_size: 1"))
    with pytest.raises(OutputError, match="another spec than in"):
        streamed("a.csv", resume=True)
    assert streamed("a.csv", force=True) == 0


def test_a_file_that_exists_is_kept_until_the_new_one_is_whole(net):
    (net / "a.csv").write_text("old")
    for resume in (False, True):
        with pytest.raises(OutputError) as caught:
            streamed("a.csv", resume=resume)
        assert str(caught.value) == "error: 'a.csv' exists\n = help: --force writes over it"
    assert interrupted("a.csv", 3, force=True) == (130, 3)
    assert (net / "a.csv").read_text() == "old"
    assert streamed("a.csv", force=True) == 0
    assert (net / "a.csv").read_text().count("\n") == 145


def test_a_folder_of_somebody_else_is_not_touched(net):
    (net / "a.csv.parts").mkdir()
    (net / "a.csv.parts" / "thesis.tex").write_text("…")
    with pytest.raises(OutputError, match="has no manifest of parts"):
        streamed("a.csv", resume=True)
    with pytest.raises(OutputError, match="Directory not empty"):
        streamed("a.csv", force=True)
    assert (net / "a.csv.parts" / "thesis.tex").exists()


def test_a_grid_without_a_valid_point_is_an_error_and_leaves_nothing(net):
    with pytest.raises(OptionError) as caught:
        streamed("a.csv", {"g": "3", "n": "1:20"})
    assert str(caught.value).startswith("error: none of 20 points is a valid network\n = found: 20: ")
    assert sorted(each.name for each in net.iterdir()) == ["net.yaml"]


class _Killed(part_texts.TextWork, frozen=True):
    """Work that ends its process at the fourth part."""

    def __call__(self, packed, part):
        if part.start == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(packed, part)


def test_a_process_that_is_killed_loses_nothing(net, monkeypatch):
    with monkeypatch.context() as patch, ProcessPoolExecutor(1) as pool:
        patch.setattr(module, "TextWork", _Killed)
        with pytest.raises(OutputError) as caught:
            streamed("a.csv", pool=pool)
    assert str(caught.value).startswith("error: a process that worked on points is gone\n = found: ")
    assert streamed("a.csv", resume=True) == 0
    streamed("b.csv")
    assert (net / "a.csv").read_bytes() == (net / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stream", "a.txt"], "--stream takes a file of CSV, JSON lines or Parquet"),
        (["--stream", "a.csv", "--best", "mults"], "--best means nothing with --stream"),
        (["--stream", "a.csv", "-f", "json"], "--format means nothing with --stream"),
        (["--resume"], "--resume means nothing with a sweep without --stream"),
        (["--stream", "none/a.csv"], "an output cannot be written: No such file or directory"),
        (["--stream", "a.csv", "--where", "multz < 3"], "there is no total 'multz'"),
    ],
)
def test_what_cannot_be_streamed_is_an_error(net, convcost, words, message):
    found = convcost("sweep", "net.yaml", "--set", "n=1,2", *words)
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith(f"error: {message}")
    assert sorted(each.name for each in net.iterdir()) == ["net.yaml"]


def test_the_spec_is_not_written_over(net):
    (net / "net.csv").symlink_to(net / "net.yaml")
    with pytest.raises(OptionError, match="the output would overwrite"):
        streamed("net.csv", force=True)


def test_parquet_needs_a_package(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(OptionError) as caught:
        streamed("a.parquet")
    assert str(caught.value) == (
        "error: Parquet needs the package pyarrow\n"
        " = help: pip install 'convcost[data]', or a path that ends with .csv or .jsonl"
    )


def test_a_total_that_parquet_cannot_hold_is_an_error(net):
    pytest.importorskip("pyarrow")
    values = {"n": ",".join(map(str, [1, 10**8])), "r": "10**6,2 * 10**6", "g": "1"}  # 4n · 36 · 10¹² is above 2⁶³
    with pytest.raises(OptionError, match="Parquet holds whole numbers of 64 bits, and mults is another one"):
        streamed("a.parquet", values)
    assert not (net / "a.parquet").exists()


def test_fractions_stay_exact(net):
    (net / "net.yaml").write_text(
        "symbols: {a: 1}\ninput: [8, 4, 4]\nlayers:\n  - conv: {out_channels: 12 * a, kernel_size: 1}\n"
    )
    pyarrow = pytest.importorskip("pyarrow.parquet")
    for path in ("a.csv", "a.jsonl", "a.parquet"):
        streamed(path, {"a": "1/3,0.25,1"})
    assert [line.split(",")[0] for line in (net / "a.csv").read_text().splitlines()] == ["a", "1/3", "0.25", "1"]
    assert [json.loads(line)["a"] for line in (net / "a.jsonl").read_text().splitlines()] == ["1/3", "1/4", 1]
    assert pyarrow.read_table("a.parquet")["a"].to_pylist() == ["1/3", "0.25", "1"]
    streamed("b.parquet", {"a": "0.25,0.5,1"})
    assert pyarrow.read_table("b.parquet")["a"].to_pylist() == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_leaves_whole_parts(net, started, command, jobs):
    words = [*command, "sweep", "net.yaml", "--set", "n=1:100", "--set", "r=4:200", "--set", "g=1,2", "--jobs", jobs]
    words += ["--stream", "a.jsonl", "--where", "peak_memory < 1T"]  # which no formula gives
    with started(words, cwd=net, stderr=-1, stdout=-1) as process:
        while process.poll() is None and not list(net.glob("a.jsonl.parts/part-*00")):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err.decode().startswith("interrupted: ")
    assert err.count(b"\n") == 1
    files = PartFiles(str(net / "a.jsonl"), {})
    with files.opened(resume=True, force=False):
        done = dict(files.done)
    assert done
    for part in done:
        lines = (files.folder / f"part-{part.start}-{part.end}").read_text().splitlines()
        assert len([json.loads(line) for line in lines]) == 2_000


def test_the_progress_counts_all_points(net, monkeypatch):
    heard = []
    monkeypatch.setattr("convcost.cli.progress.Progress.advance", lambda self, done, total: heard.append((done, total)))
    interrupted("a.csv", 4)
    assert heard == [(10, 144)] * 4
    heard.clear()
    streamed("a.csv", resume=True)
    assert heard == [(10, 104)] * 10 + [(4, 104)]
