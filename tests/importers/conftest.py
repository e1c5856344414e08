"""What the tests of the importers share."""

from __future__ import annotations

import pytest

import convcost
from convcost.importers import IMPORTERS, import_model

collect_ignore = ["record_loops.py"]  # needs TensorFlow


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a model file and returns its path."""

    def write(content, name="net.onnx"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def text():
    """Return a function that returns the layers of a model's spec, as text."""

    def text(content, *, flat=False):
        found = import_model(IMPORTERS["onnx"], content, "net.onnx", flat=flat).text
        return found.partition("layers:\n")[2]

    return text


@pytest.fixture
def refused():
    """Return a function that returns why a model is refused, without the file's place."""

    def refused(content):
        with pytest.raises(convcost.SpecError) as caught:
            import_model(IMPORTERS["onnx"], content, "net.onnx")
        return caught.value.text()

    return refused


@pytest.fixture
def items():
    """Return a function that returns the items of a model, each as its type, its fields and its inputs' shapes."""

    def items(content):
        model = import_model(IMPORTERS["onnx"], content, "net.onnx", flat=True).model
        return [(item.type, item.fields, [tensor.shape for tensor in item.inputs]) for item in model.items]

    return items
