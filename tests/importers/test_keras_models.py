"""Models that Keras wrote: what it counts in them, and PyTorch, is what convcost counts."""

from __future__ import annotations

import json
import lzma
from functools import cache
from pathlib import Path

import pytest

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source

DATA = Path(__file__).parent / "data"


@cache
def recorded(name):
    return json.loads(lzma.decompress((DATA / f"{name}.json.xz").read_bytes()))


CASES = [(source, name) for source in ("keras", "tf_keras") for name in recorded(source)]


@pytest.mark.parametrize(("source", "name"), CASES, ids=[name for _, name in CASES])
def test_parameters_buffers_and_macs(source, name, write):
    case = recorded(source)[name]
    path = write(json.dumps(case["config"]).encode(), f"{name}.json")
    total = convcost.load(path).analyze().total
    assert (total.params, total.params + total.buffers, total.macs) == (case["params"], case["all"], case["macs"])


def test_all_of_keras_applications_are_recorded():
    """39 with PyTorch, and NASNetMobile with TensorFlow."""
    assert sum(name[0].isupper() for _, name in CASES) == 40


SMALL = [(source, name) for source, name in CASES if name[0].islower()]
MORE = [("keras", name) for name in ("MobileNet", "EfficientNetB0", "ConvNeXtTiny", "InceptionResNetV2")]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(("source", "name"), SMALL + MORE, ids=[name for _, name in SMALL + MORE])
def test_the_spec_gives_the_network(source, name, flat):
    data = json.dumps(recorded(source)[name]["config"]).encode()
    found = import_model(IMPORTERS["keras"], data, f"{name}.json", flat=flat)
    assert found.difference(load(Source(f"{name}.json", found.text), found.sizes)) == ""


def test_what_a_layer_does_is_performed_as_it_is_counted(write):
    for name in ("norms", "preprocessing", "recurrent", "attention_without_projections", "operations"):
        path = write(json.dumps(recorded("keras")[name]["config"]).encode(), f"{name}.json")
        assert convcost.load(path).verify().ok, name


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_a_file_of_hdf5(version):
    case = recorded("keras")["conv1d"]
    total = convcost.load(DATA / f"keras_{version}.h5").analyze().total
    assert (total.params, total.macs) == (case["params"], case["macs"])
