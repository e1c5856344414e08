"""What `convcost verify` costs in time and memory.

    python tests/benchmarks/verify.py

Run it with the Python of an environment in which convcost is installed, its byte code compiled (unset
PYTHONDONTWRITEBYTECODE). What is compared takes turns in this one run; the median is printed.

- MobileNetV1 shrunk, the whole process: against `convcost analyze` of it; at most 2
- MobileNetV1 at 224 × 224, the whole process: against the time that the bare loop `sum(map(mul, a, b))` on long lists,
  with the products in a list, would take for its 568,740,352 products; at least 5 times faster
- its peak memory: at most 100 MB
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from operator import mul

CONVCOST = [sys.executable, "-m", "convcost"]
PRODUCTS = 568_740_352  # Howard et al. 2017, arXiv:1704.04861, Table 4 rounds them to 569 million
ROUNDS = 7
LONG = 1_000_000


def seconds(*arguments: str) -> float:
    """Return the seconds a command takes with its output piped."""
    start = time.perf_counter()
    subprocess.run([*CONVCOST, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def bare() -> float:
    """Return the products a second of the bare loop."""
    a, b = [value % 7 - 3 for value in range(LONG)], [value % 5 - 2 for value in range(LONG)]
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        sum(list(map(mul, a, b)))
        rates.append(LONG / (time.perf_counter() - start))
    return statistics.median(rates)


def measured(*arguments: str) -> tuple[float, float, int]:
    """Return the seconds of a verification, its peak memory in MB and the multiplications it performed."""
    program = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "out = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True).stdout\n"
        "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, out)"
    )
    command = [sys.executable, "-c", program, *CONVCOST, "verify", *arguments, "--format", "json"]
    took, peak, out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(maxsplit=2)
    return float(took), int(peak) * 1024 / 1e6, json.loads(out)["performed_mults"]


def main() -> None:
    """Measure and print."""
    rounds = [(seconds("analyze", "mobilenet_v1"), seconds("verify", "mobilenet_v1")) for _ in range(ROUNDS)]
    analyze, verify = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"shrunk:        {verify / analyze:.2f} × analyze ({verify:.2f} s)")
    rate = bare()
    took, peak, performed = measured("mobilenet_v1", "--full")
    if performed != PRODUCTS:
        sys.exit(f"{performed:,} products were performed, not {PRODUCTS:,}")
    print(f"at 224 × 224:  {PRODUCTS:,} products in {took:.1f} s, {PRODUCTS / took / rate:.1f} × the bare loop")
    print(f"               {peak:.0f} MB at most")


if __name__ == "__main__":
    main()
