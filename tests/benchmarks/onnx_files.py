"""What a large ONNX file costs in time and memory, as ratios to its spec and to programs that load it.

    python tests/benchmarks/onnx_files.py [--peers PYTHON]

Run it with the Python of an environment in which convcost is installed, its byte code compiled (unset
PYTHONDONTWRITEBYTECODE); `PYTHON` is one in which `onnx` is installed, and `onnx_tool` and `onnxsim` where they are to
be compared. Files of 100 MB and 1 GB are written, of equal blocks of convolutions. The processes take turns in this one
run; the median is printed.

- file to graph against `onnx.load`; at least 5 times faster is the goal
- `analyze FILE` against `analyze SPEC`, the spec being what `convcost import` writes; at most 1.5 times the time
- `analyze FILE`: peak memory at most 60 MB; of 1 GB the same, but for the index
- `analyze FILE` against the peers' whole commands
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "importers"))

import onnx_writer as w

ROUNDS = 7
CHANNELS = 512
CONVCOST = [sys.executable, "-m", "convcost", "analyze"]
READ = """import mmap, sys, time
from convcost.importers.onnx import reader
start = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    reader.read(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), sys.argv[1])
print(time.perf_counter() - start)"""
LOAD = """import sys, time, onnx
start = time.perf_counter()
onnx.load(sys.argv[1])
print(time.perf_counter() - start)"""
PEERS = {
    "onnx_tool": "import sys, onnx_tool; onnx_tool.model_profile(sys.argv[1])",
    "onnxsim": "import sys, onnx, onnxsim; onnxsim.model_info.print_simplifying_info(*[onnx.load(sys.argv[1])] * 2)",
}


def write(path: Path, megabytes: int) -> None:
    """Write a model of 3×3 convolutions of 512 channels with their biases, of so many megabytes."""
    weights = os.urandom(1 << 20) * 9  # 512·512·9 numbers of four bytes
    number = max(1, megabytes // 9)
    nodes, tensors = [], []
    for index in range(number):
        nodes.append(
            w.node("Conv", f"v{index} k{index}.weight k{index}.bias", f"c{index}", f"/k{index}/Conv", pads=[1] * 4)
        )
        nodes.append(w.node("Relu", f"c{index}", f"v{index + 1}", f"/r{index}/Relu"))
        dims = b"".join(w.whole(1, size) for size in (CHANNELS, CHANNELS, 3, 3))
        tensors.append(dims + w.whole(2, w.FLOAT) + w.data(8, f"k{index}.weight") + w.data(9, weights))
        tensors.append(w.tensor(f"k{index}.bias", [CHANNELS], [0.5] * CHANNELS))
    path.write_bytes(w.model(nodes, {"v0": [1, CHANNELS, 14, 14]}, f"v{number}", tensors))


def seconds(command: list[str]) -> float:
    """Return the seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def printed(command: list[str]) -> float:
    """Return the seconds that a command prints."""
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory(command: list[str]) -> float:
    """Return the peak memory of a command in MB."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=-3, stderr=-3); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    return float(subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True).stdout) / 1024


def in_turn(*measures: Callable[[], float]) -> list[float]:
    """Return the median of each measure, all of them taking turns."""
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def has(peers: str, module: str) -> bool:
    """Return whether a Python has a module."""
    return not subprocess.run([peers, "-c", f"import {module}"], capture_output=True).returncode


def main(peers: str) -> None:
    """Write the files, and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in (100, 1000):
            file, spec = Path(folder, f"{megabytes}.onnx"), Path(folder, f"{megabytes}.yaml")
            write(file, megabytes)
            subprocess.run([*CONVCOST[:-1], "import", str(file), "-o", str(spec)], check=True)
            of_file, of_spec = ([*CONVCOST, str(path)] for path in (file, spec))
            ours, theirs = in_turn(partial(seconds, of_file), partial(seconds, of_spec))
            print(f"{megabytes} MB: analyze FILE / analyze SPEC: {ours / theirs:.2f} ({ours:.2f} s)")
            print(f"{megabytes} MB: peak memory: {memory(of_file):.0f} MB, of SPEC {memory(of_spec):.0f} MB")
            if peers and megabytes == 100:
                against(peers, file, of_file)


def against(peers: str, file: Path, of_file: list[str]) -> None:
    """Print the ratios to other programs."""
    ours, theirs = in_turn(
        lambda: printed([sys.executable, "-c", READ, str(file)]), lambda: printed([peers, "-c", LOAD, str(file)])
    )
    print(f"onnx.load / file to graph: {theirs / ours:.1f} ({1000 * ours:.0f} ms)")
    for module, code in PEERS.items():
        if has(peers, module):
            command = [peers, "-c", code, str(file)]
            ours, theirs = in_turn(partial(seconds, of_file), partial(seconds, command))
            print(f"{module} / analyze: {theirs / ours:.1f} in time, {memory(command) / memory(of_file):.1f} in memory")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="", help="a Python in which onnx is installed")
    main(parser.parse_args().peers)
