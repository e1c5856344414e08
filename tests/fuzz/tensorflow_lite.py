"""Reads changed TensorFlow Lite files for as long as one likes: `python tests/fuzz/tensorflow_lite.py 600` for ten minutes.

Every file is read, or is an error with a place; anything else is printed with the number that makes it again.
"""

from __future__ import annotations

import random
import struct
import sys
import time
from pathlib import Path

from convcost.errors import SpecError
from convcost.importers import IMPORTERS, import_model

DATA = Path(__file__).parent.parent / "importers" / "data"


def changed(content, seed):
    """Return bytes with some of them, or some whole numbers, changed; cut off at times."""
    chance = random.Random(seed)
    found = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        if chance.random() < 0.4:
            found[chance.randrange(len(found))] = chance.randrange(256)
        else:
            at = chance.randrange(0, len(found) - 4, 4)
            last = len(found)
            numbers = (0, 1, 2, 3, 127, 2**31 - 1, 2**31, 2**32 - 1, last, last - at, chance.randrange(last))
            struct.pack_into("<I", found, at, chance.choice(numbers))
    return bytes(found[: chance.randrange(8, len(found))] if chance.random() < 0.1 else found)


def main(seconds, contents):
    """Read changed files for some seconds, and print what went wrong and how many were read."""
    end, seed, read, slowest = time.monotonic() + seconds, 0, 0, 0.0
    while time.monotonic() < end:
        for number, content in enumerate(contents):
            before = time.monotonic()
            try:
                import_model(IMPORTERS["tflite"], changed(content, seed), "net.tflite")
                read += 1
            except SpecError:
                pass
            except Exception as error:
                print(f"file {number}, seed {seed}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.monotonic() - before)
        seed += 1
    print(f"{seed * len(contents)} files, {read} of them read; the slowest took {slowest:.2f} s")


if __name__ == "__main__":
    files = [Path(each) for each in sys.argv[2:]] or [DATA / "small.tflite"]
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60, [each.read_bytes() for each in files])
