"""What `convcost check` costs in time, as ratios to one `convcost analyze`.

    python tests/benchmarks/check.py

Run it with the Python of an environment in which convcost is installed, its byte code compiled (unset
PYTHONDONTWRITEBYTECODE). Each ratio compares processes that take turns in this one run; the median is printed.

- `check` of one small spec: against `analyze` of it
- `check` of 50 small specs in one process: what each adds to the start-up; at most 10 ms is the goal
- the same with every limit exceeded, so that rewrites are computed for each
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

ROUNDS = 9
SPECS = 50
CONVCOST = [sys.executable, "-m", "convcost"]
SHIPPED = Path(__file__).parent.parent.parent / "specs" / "classification" / "mobilenet_v2.yaml"


def timed(command: list[str]) -> float:
    """Return the seconds a command takes with its output piped."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def in_turn(*measures: Callable[[], float]) -> list[float]:
    """Return the median of each measure, all of them taking turns."""
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("nets").mkdir()
        for number in range(SPECS):
            Path(f"nets/net_{number}.yaml").write_bytes(SHIPPED.read_bytes())
        for name, most in ("within", "10G"), ("beyond", "200M"):
            budgets = f"  - {{metric: mults, max: {most}}}\n  - {{metric: params, max: 100M}}\n"
            Path(f"{name}.yaml").write_text(f"models: nets/*.yaml\nbudgets:\n{budgets}")
        check = [*CONVCOST, "check", "--exit-zero", "--config"]
        analyze, one, many, beyond = in_turn(
            lambda: timed([*CONVCOST, "analyze", "nets/net_0.yaml"]),
            lambda: timed([*check, "within.yaml", "nets/net_0.yaml"]),
            lambda: timed([*check, "within.yaml"]),
            lambda: timed([*check, "beyond.yaml"]),
        )
    print(f"check of one spec:              {one / analyze:.2f} × analyze")
    for what, seconds in ("within budget", many), ("all exceeded", beyond):
        each = (seconds - one) / (SPECS - 1)
        print(f"check of {SPECS}, {what}:  {seconds / analyze:.2f} × analyze, {1000 * each:.1f} ms for each more")


if __name__ == "__main__":
    main()
