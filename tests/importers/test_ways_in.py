"""Model files of any size: from standard input, through a pipe, and out of a repository."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import threading
from io import BytesIO

import onnx_writer as w
import pytest

import convcost
from convcost import files

HELP = "--max-bytes N, or convcost.spec.limits.allow_bytes(N) in Python, allows more"
CHANNELS = 1024
PARAMS = CHANNELS * CHANNELS * 2


def large(channels=CHANNELS):
    """Return a model of more than 4 MiB: two 1×1 convolutions with weights that do not compress."""
    weights = [random.Random(number).randbytes(4 * channels * CHANNELS) for number in range(2)]
    tensors = [
        w.whole(1, channels) + w.whole(1, CHANNELS) + w.whole(1, 1) + w.whole(1, 1) + w.whole(2, w.FLOAT)
        + w.data(8, f"k{number}") + w.data(9, content)
        for number, content in enumerate(weights)
    ]  # fmt: skip
    nodes = [w.node("Conv", "x k0", "a"), w.node("Conv", "x k1", "b"), w.node("Add", "a b", "y")]
    return w.model(nodes, {"x": [1, CHANNELS, 1, 1]}, "y", tensors)


@pytest.fixture(scope="module")
def model():
    content = large()
    assert len(content) > 2 * files.SPEC_BYTES
    return content


def test_standard_input_may_be_large(model, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": BytesIO(model)})())
    assert convcost.load("-").analyze().total.params == PARAMS


def test_a_text_there_may_not(monkeypatch):
    text = b"# " + b"x" * files.SPEC_BYTES
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": BytesIO(text)})())
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load("-")
    assert str(caught.value) == f"error: '<stdin>' cannot be read: it is larger than 4 MiB\n = help: {HELP}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_that_is_named_may_be_large(model, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(model), daemon=True)
    writer.start()
    assert convcost.load(pipe).analyze().total.params == PARAMS
    writer.join(60)


def test_a_stream_has_a_bound(monkeypatch):
    monkeypatch.setattr(files, "STREAM_BYTES", 10_000)
    with pytest.raises(files.RefusedFile, match="larger than 10,000 bytes"):
        files.streamed(iter([b"x" * 5_000] * 3), 10**9, lambda head: True)


@pytest.fixture
def repository(tmp_path, monkeypatch, model):
    """Return a repository in which `net.onnx` is committed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").write_bytes(model)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path


def git(*words):
    """Run git."""
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True, timeout=60)


def test_a_large_model_has_a_past(repository):
    (repository / "net.onnx").write_bytes(large(CHANNELS // 2))
    checked = convcost.check("net.onnx", max={"params": PARAMS}, base="HEAD")
    assert checked.ok
    from convcost.budget import committed, revisions
    from convcost.spec import load

    revision = revisions.merge_base("HEAD")
    source = committed.read(revision, ["net.onnx"])["net.onnx"]
    assert sum(layer.cost().params for layer in load(source, {}).layers) == PARAMS


def test_a_large_text_has_none(repository):
    (repository / "net.onnx").write_bytes(b"#" * (files.SPEC_BYTES + 1))
    git("commit", "-qam", "second")
    from convcost.budget import committed, revisions

    revision = revisions.merge_base("HEAD")
    found = committed.read_each(revision, ["net.onnx"])["net.onnx"]
    assert str(found) == (
        f"error: it is larger than 4 MiB\n --> {revision.short}:net.onnx\n  = found: {files.SPEC_BYTES + 1:,} bytes"
    )


def test_a_configuration_names_models_beside_specs(repository):
    (repository / "convcost.yaml").write_text(
        f"models: ['*.onnx']\nbudgets: [{{metric: params, max: {PARAMS}}}]\n", encoding="utf-8"
    )
    assert convcost.check(config="convcost.yaml").ok


def test_a_pointer_of_git_lfs_says_so(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    assert str(caught.value) == (
        f"error: '{path}' cannot be read: it is a pointer of Git LFS\n = help: git lfs pull brings the file itself"
    )


def test_indices_in_another_file_that_is_not_there(tmp_path):
    shape = w.external("shape", [2], "net.bin", 0, 16, w.INT64)
    kernel = w.external("k", [4, 3, 1, 1], "weights.bin", 0, 48)
    nodes = [w.node("Conv", "x k", "a"), w.node("Reshape", "a shape", "y")]
    path = tmp_path / "net.onnx"
    path.write_bytes(w.model(nodes, {"x": [1, 3, 8, 8]}, "y", [kernel, shape]))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path)
    first, second = caught.value.details
    assert str(first) == (
        f"error: numbers that sizes may depend on are in 'net.bin'\n --> {path}\n  = found: it cannot be read\n"
        "  = help: put it into the folder of the model, and give the model by its path"
    )
    assert second.message == "the operator Reshape cannot be mapped: its shape depends on values that are not known"
    (tmp_path / "net.bin").write_bytes(struct.pack("<2q", 1, 256))
    assert convcost.load(path).network.outputs[0].shape == (256,)
