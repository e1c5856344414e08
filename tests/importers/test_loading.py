"""What reading a model file imports: the modules of its own format, and nothing that looks for other packages."""

import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
READERS = {
    "onnx": "convcost.importers.onnx.reader",
    "pytorch": "convcost.importers.pytorch.archive",
    "keras": "convcost.importers.keras.network",
    "tflite": "convcost.importers.tflite.reader",
}


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("small.onnx", "onnx"),
        ("pytorch/resnet18_torch24.pt2", "pytorch"),
        ("keras_latest.h5", "keras"),
        ("small.tflite", "tflite"),
    ],
)
def test_only_the_modules_of_its_format_are_imported(file, format):
    code = "import sys, convcost; convcost.load(sys.argv[1]).analyze(); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code, DATA / file], capture_output=True, text=True, check=True, timeout=60
    )
    imported = run.stdout.split()
    assert [name for name, reader in READERS.items() if reader in imported] == [format]
    assert "importlib.metadata" not in imported  # reads the entry points of all packages that are installed
