"""Damaged ONNX files: each ends with an error or a network, within seconds.

python tests/fuzz/onnx_files.py --count 100000
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "importers"))

from onnx_damage import damaged, outcome, seeds

GIGABYTES = 2


def main(count, seed):
    """Damage files, print those with a wrong outcome, and return how many these are."""
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))
    wrong = 0
    chance = random.Random(seed)
    contents = seeds()
    for number in range(count):
        content = damaged(chance.choice(contents), chance)
        found = outcome(content)
        if found not in ("network", "error"):
            wrong += 1
            print(f"{number}: {found}: {content.hex()}")
    print(f"{count} files, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.exit(main(given.count, given.seed) > 0)
