"""What `convcost analyze` costs in time and memory, as ratios to what no program could do without.

    python tests/benchmarks/analyze.py

Run it with the Python of an environment in which convcost is installed, its byte code compiled (unset
PYTHONDONTWRITEBYTECODE). Each ratio compares processes that take turns in this one run; the median is printed.

- start-up, piped: against a process that imports typer, rich's console and table, and yaml; at most 0.95 is the goal
- start-up, terminal: the same on a pseudo-terminal, the table folded to a screen; at most 1.3
- 10,000 layers, JSON, start-up apart: against `yaml.compose` with libyaml on the same file; at most 2
- 100,000 layers: time and peak memory against 10,000; at most 11
- 10,000 layers, table: against JSON; at most 1.5
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 7
SPEC = Path(__file__).parent.parent.parent / "specs" / "classification" / "mobilenet_v1.yaml"
CONVCOST = [sys.executable, "-m", "convcost"]
IMPORTS = [sys.executable, "-c", "import typer, rich.console, rich.table, yaml"]
COMPOSE = [
    sys.executable,
    "-c",
    """import sys, time, yaml
text = open(sys.argv[1]).read()
start = time.perf_counter()
yaml.compose(text, Loader=yaml.CLoader)
print(time.perf_counter() - start)""",
]


def piped(command: list[str]) -> float:
    """Return the seconds a command takes with its output piped."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def on_terminal(command: list[str]) -> float:
    """Return the seconds a command takes with its output on a terminal of 120 columns."""
    master, slave = os.openpty()
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm-256color"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=slave, env=environment)
    os.close(slave)
    try:
        while os.read(master, 65536):
            pass
    except OSError:  # the other end is closed
        pass
    process.wait()
    seconds = time.perf_counter() - start
    os.close(master)
    return seconds


def composed(path: Path) -> float:
    """Return the seconds `yaml.compose` takes, imports apart."""
    return float(subprocess.run([*COMPOSE, str(path)], check=True, capture_output=True, text=True).stdout)


def in_turn(*measures: Callable[[], float]) -> list[float]:
    """Return the median of each measure, all of them taking turns."""
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def write_spec(path: Path, layers: int) -> None:
    """Write a spec of so many convolutions that all differ."""
    lines = ["name: large", "input: [8, 32, 32]", "layers:"]
    for index in range(layers):
        fields = f"out_channels: {8 + index % 977}, kernel_size: {1 + 2 * (index % 3)}, padding: {index % 3}"
        lines.append(f"  - conv: {{{fields}, bias: {'true' if index % 2 else 'false'}}}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def peak(command: list[str]) -> int:
    """Return the peak memory of a command in KiB, measured in a process of its own."""
    program = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(subprocess.run([sys.executable, "-c", program, *command], check=True, capture_output=True).stdout)


def main() -> None:
    """Measure and print."""
    analyze = [*CONVCOST, "analyze", str(SPEC)]
    imports, started, drawn = in_turn(lambda: piped(IMPORTS), lambda: piped(analyze), lambda: on_terminal(analyze))
    print(f"start-up, piped:     {started / imports:.2f} × importing typer, rich and yaml")
    print(f"start-up, terminal:  {drawn / imports:.2f} ×")
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.yaml", Path(folder) / "large.yaml"
        write_spec(small, 10_000)
        write_spec(large, 100_000)
        tiny = Path(folder) / "tiny.yaml"
        write_spec(tiny, 1)

        def run(path: Path, *options: str) -> list[str]:
            return [*CONVCOST, "analyze", str(path), "--max-bytes", "64Mi", *options]

        base, json, table, compose = in_turn(
            lambda: piped(run(tiny, "--format", "json")),
            lambda: piped(run(small, "--format", "json")),
            lambda: piped(run(small, "--format", "table")),
            lambda: composed(small),
        )
        print(f"10,000 layers, JSON: {(json - base) / compose:.2f} × yaml.compose")
        print(f"10,000 layers, table: {table / json:.2f} × JSON")
        ten_times = piped(run(large, "--format", "json"))
        print(f"100,000 layers:      {ten_times / json:.1f} × the time of 10,000")
        memory = [peak(run(path, "--format", "json")) for path in (tiny, small, large)]
        print(f"                     {(memory[2] - memory[0]) / (memory[1] - memory[0]):.1f} × the memory of 10,000")


if __name__ == "__main__":
    main()
