"""Hostile specs, configurations, baselines and options, thrown at the command line.

    python tests/fuzz/run.py --count 200000

Each input is a command and the files that it meets, made from its number alone: `--only NUMBER` runs one again and prints
it whole. A command must end with 0, 1 or 2 within 5 seconds and 500 MB, print nothing on standard output where it ends
with 2, show no control character, no bidirectional or zero-width character and no command to GitHub's log, read and
write nothing outside its folder, and never call itself a bug.

The commands run in this process's children, some hundred inputs each; one that takes too long is killed with its child.
Left out is what only asks for more: `--full`, `--max-…`, `--jobs`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import resource
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
import unicodedata
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from inputs import Input, made, prepare

SECONDS = 5
MEGABYTES = 500
MEMORY = "/dev/shm"  # files in memory, where there are some
CHUNK = 250  # inputs that a child runs
SECRET = "hunter2-correct-horse"  # in files outside, which links lead to
COMMANDS = re.compile(r"^\s*::(?!(error|warning|notice) (file|title)=)|##\[", re.MULTILINE)
HIDDEN = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u2028\u2029")


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str
    seconds: float
    megabytes: float


def run(given: Input, folder: Path) -> Ended:
    """Run a command in this process, in a folder that holds its files and is emptied before."""
    from convcost import cli

    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    (work / ".git").mkdir(parents=True)
    (folder / "secret").write_text(SECRET)
    os.chdir(work)
    for name, content in given.files.items():
        path = work / name
        with suppress(OSError, ValueError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.symlink_to(content)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    before = sys.argv, sys.stdout, sys.stderr, sys.stdin
    sys.argv = ["convcost", *given.words]
    sys.stdout, sys.stderr = out, err
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.stdin))
    start, held = time.process_time(), _peak(reset=True)
    try:
        cli.main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        traceback.print_exc(file=err)
        status = -1
    finally:
        seconds = time.process_time() - start  # of work, whatever else the machine does
        sys.argv, sys.stdout, sys.stderr, sys.stdin = before
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
    return Ended(status, *texts, seconds, _peak() - held)


def _peak(*, reset: bool = False) -> float:
    """Return the most memory that this process had, in megabytes, since that was reset; what it has now where it is."""
    if reset:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def wrong(given: Input, ended: Ended, folder: Path) -> str:
    """Return what a command did that it must not; nothing if all is well."""
    told = ended.out + ended.err
    if ended.status not in (0, 1, 2):
        return f"status {ended.status}"
    if "Traceback" in ended.err or "is a bug" in ended.err:
        return "a traceback"
    if "not enough memory" in ended.err:
        return "memory"
    if ended.status == 2 and ended.out:
        return "output in spite of an error"
    if ended.status == 2 and not ended.err:
        return "an error without a word"
    if hidden := {char for char in told.replace("\r\n", "\n") if char != "\n" and _is_hidden(char)}:
        return f"shown raw: {sorted(map(ascii, hidden))}"
    if found := COMMANDS.search(told):
        return f"a command to a log: {found[0]!r}"
    if SECRET in told:
        return "a file outside is shown"
    if (folder / "secret").read_text() != SECRET or len(list(folder.iterdir())) != 2:
        return "a file outside is changed"
    if ended.seconds > SECONDS:
        return "time"
    return "memory" if ended.megabytes > MEGABYTES else ""


def _is_hidden(char: str) -> bool:
    return char in HIDDEN or unicodedata.category(char) in ("Cc", "Cf", "Cs")


class Child:
    """A process that runs some inputs and says how each ended."""

    def __init__(self, seed: int, numbers: range) -> None:
        self.seed = seed
        self.left = numbers
        self.number = self.finished = -1
        self.started = time.monotonic()
        self._text = b""
        self.folder = Path(tempfile.mkdtemp(prefix="convcost-fuzz-", dir=MEMORY if Path(MEMORY).is_dir() else None))
        self.reading, writing = os.pipe()
        self.process = os.fork()
        if not self.process:
            os.close(self.reading)
            try:
                self._work(writing)
            except BaseException:
                Path(self.folder.parent / "convcost-fuzz-failure").write_text(traceback.format_exc())
            finally:
                os._exit(0)
        os.close(writing)

    def _work(self, writing: int) -> None:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
        if pages:  # more than is allowed, so that who takes more is caught by the measure
            most = pages * resource.getpagesize() + (MEGABYTES + 300) * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        for number in self.left:
            given = made(self.seed, number)
            os.write(writing, json.dumps({"number": number}).encode() + b"\n")
            folder = self.folder / "input"
            folder.mkdir(exist_ok=True)
            ended = run(given, folder)
            line = {
                "number": number, "kind": given.kind, "status": ended.status, "seconds": ended.seconds,
                "megabytes": ended.megabytes, "wrong": wrong(given, ended, folder),
            }  # fmt: skip
            os.write(writing, json.dumps(line).encode() + b"\n")

    def lines(self) -> list[dict[str, Any]] | None:
        """Return what the child has said by now; None at its end."""
        part = os.read(self.reading, 65_536)
        *lines, self._text = (self._text + part).split(b"\n")
        found = [json.loads(line) for line in lines]
        for line in found:
            self.number = line["number"]
            self.finished = line["number"] if "kind" in line else self.finished
            self.started = time.monotonic()
        return found if part else None

    def end(self) -> None:
        """End the process and remove its files."""
        with suppress(OSError):
            os.killpg(self.process, signal.SIGKILL)
        with suppress(OSError):
            os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.reading)
        shutil.rmtree(self.folder, ignore_errors=True)


class Totals:
    """How the inputs ended."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: dict[int, str] = {}
        self.slowest: list[tuple[float, int]] = []
        self.largest: list[tuple[float, int]] = []

    def add(self, line: dict[str, Any]) -> None:
        """Count an input."""
        self.kinds[line["kind"]] += 1
        self.statuses[line["status"]] += 1
        if line["wrong"]:
            self.wrong[line["number"]] = line["wrong"]
            print(f"{line['number']}: {line['wrong']}", flush=True)
        for name, kept in ("seconds", self.slowest), ("megabytes", self.largest):
            kept.append((line[name], line["number"]))
            kept.sort(reverse=True)
            del kept[5:]

    def __str__(self) -> str:
        return "\n".join([
            f"{sum(self.kinds.values()):,} inputs: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(self.kinds.items())),
            "status: " + ", ".join(f"{status}: {n:,}" for status, n in sorted(self.statuses.items())),
            "slowest: " + ", ".join(f"{seconds:.2f} s ({number})" for seconds, number in self.slowest),
            "largest: " + ", ".join(f"{size:.0f} MB ({number})" for size, number in self.largest),
            f"wrong: {len(self.wrong)}",
        ])  # fmt: skip


def fuzz(seed: int, count: int, first: int, jobs: int, seconds: float) -> Totals:
    """Run many inputs in several processes; none is begun after so many seconds."""
    import convcost.cli.app  # noqa: F401 -- once, before the children are started

    prepare()

    totals = Totals()
    waiting = [range(start, min(start + CHUNK, first + count)) for start in range(first, first + count, CHUNK)][::-1]
    selector = selectors.DefaultSelector()
    start = shown = time.monotonic()
    while waiting or selector.get_map():
        if time.monotonic() - start > seconds:
            waiting.clear()
        while waiting and len(selector.get_map()) < jobs:
            child = Child(seed, waiting.pop())
            selector.register(child.reading, selectors.EVENT_READ, child)
        for key, _ in selector.select(0.2):
            lines = key.data.lines()
            for line in lines or ():
                if "kind" in line:
                    totals.add(line)
            if lines is None:
                _finish(selector, key.data, waiting, totals, "the process ended")
        for key in [*selector.get_map().values()]:
            if time.monotonic() - key.data.started > 6 * SECONDS:
                _finish(selector, key.data, waiting, totals, "time, and it was killed")
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"{sum(totals.kinds.values()):,} in {shown - start:.0f} s", file=sys.stderr, flush=True)
    print(f"{time.monotonic() - start:.0f} s")
    return totals


def _finish(selector: selectors.BaseSelector, child: Child, waiting: list[range], totals: Totals, reason: str) -> None:
    """Take leave of a child; where it has not run all of its inputs, another one runs the rest."""
    selector.unregister(child.reading)
    child.end()
    at = max(child.number, child.left[0])
    if child.finished < at:  # it did not get to the end of this one
        line = {"number": at, "kind": "killed", "status": -9, "seconds": 6.0 * SECONDS, "megabytes": 0.0}
        totals.add({**line, "wrong": reason})
    if at < child.left[-1]:
        waiting.append(range(at + 1, child.left[-1] + 1))


def main() -> None:
    """Run what the options ask for; the status is 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Begin nothing after so many.")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="Run one input, and print it and what it gives.")
    asked = parser.parse_args()
    if asked.only is not None:
        show(asked.seed, asked.only)
        return
    totals = fuzz(asked.seed, asked.count, asked.first, asked.jobs, asked.seconds)
    print(totals)
    sys.exit(bool(totals.wrong))


def show(seed: int, number: int) -> None:
    """Print an input and what it gives."""
    given = made(seed, number)
    print(given.kind, given.words)
    for name, content in given.files.items():
        print(f"--- {name}\n{content.decode('utf-8', 'replace') if isinstance(content, bytes) else f'-> {content}'}")
    with tempfile.TemporaryDirectory() as folder:
        ended = run(given, Path(folder))
        print(f"--- status {ended.status}, {ended.seconds:.2f} s, {ended.megabytes:.0f} MB")
        print(f"{ended.out[:5000]}\n--- errors\n{ended.err[:5000]}\n--- wrong: {wrong(given, ended, Path(folder))}")
        os.chdir("/")


if __name__ == "__main__":
    main()
