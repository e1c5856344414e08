"""Build both distributions, check them, and try each in a clean environment of every Python that there is.

    python tests/packaging/everywhere.py [PYTHON…]

Without arguments the Pythons from 3.11 on that are on the path, and those that lie beside the running one. It needs the
packages build and twine, which it installs into an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
OLDEST = 11
MACS = 568_740_352  # MobileNetV1, as Howard et al. 2017 count: 569 million


def run(*words: str | Path, folder: Path) -> str:
    """Run a command in a folder, without what the environment says of Python, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout


def version(python: str) -> tuple[int, ...] | None:
    """Return the version of a Python; None where it does not run."""
    code = "import sys; print(*sys.version_info[:3])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
    return None if done.returncode else tuple(map(int, done.stdout.split()))


def pythons() -> list[str]:
    """Return the Pythons that can be had here, each version once."""
    names = [f"python3.{minor}" for minor in range(OLDEST, OLDEST + 10)]
    places = [Path(place) for place in os.get_exec_path()]
    found = [str(place / name) for name in names for place in places if (place / name).exists()]
    found += [str(path) for path in Path(sys.base_prefix).parent.glob("*/bin/python3") if path.exists()]
    versions = {number: python for python in found if (number := version(python)) and number >= (3, OLDEST)}
    return [versions[number] for number in sorted(versions)]


def build(folder: Path) -> list[Path]:
    """Build both distributions from what git has, and check their metadata."""
    tools, source, built = folder / "tools", folder / "source", folder / "built"
    run(sys.executable, "-m", "venv", tools, folder=folder)
    run(tools / "bin/pip", "install", "--quiet", "build", "twine", folder=folder)
    run("git", "clone", "--quiet", ROOT, source, folder=folder)
    run(tools / "bin/python", "-m", "build", "--outdir", built, source, folder=folder)
    found = sorted(built.iterdir())
    run(tools / "bin/twine", "check", "--strict", *found, folder=folder)
    return found


def attempt(python: str, distribution: Path, folder: Path) -> None:
    """Install a distribution into a clean environment, and use it from another folder."""
    place = folder / "environment"
    run(python, "-m", "venv", place, folder=folder)
    run(place / "bin/pip", "install", "--quiet", distribution, folder=folder)
    convcost = place / "bin/convcost"
    report = json.loads(run(convcost, "analyze", "mobilenet_v1", "-f", "json", folder=folder))
    assert report["total"]["macs"] == MACS
    assert "mobilenet_v1" in run(convcost, "specs", folder=folder)
    assert "568,740,352" in run(convcost, "analyze", "mobilenet_v1", folder=folder)
    assert "all counts agree" in run(convcost, "verify", "mobilenet_v1", folder=folder)
    run(convcost, "specs", "--format", "html:zoo.html", folder=folder)  # reads what is no Python in the package
    assert "Howard et al. 2017" in (folder / "zoo.html").read_text(encoding="utf-8")
    assert "Examples:" in run(convcost, "analyze", "--help", folder=folder)
    code = f"import convcost; assert convcost.load('mobilenet_v1').memory().peak_memory; print({MACS})"
    assert run(place / "bin/python", "-W", "error", "-c", code, folder=folder) == f"{MACS}\n"
    shutil.rmtree(place)


def main(chosen: list[str]) -> None:
    """Build, check and try."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        distributions = build(folder)
        for python in chosen or pythons():
            for distribution in distributions:
                attempt(python, distribution, folder)
            print(
                f"Python {'.'.join(map(str, version(python) or ()))}: {', '.join(each.name for each in distributions)}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
