"""What the tests of the verification share."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcost

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="session")
def network():
    """Return a function that makes a network of an input and layers as a spec writes them."""

    def network(shape, *layers, **more):
        return convcost.load({"input": list(shape), "layers": list(layers), **more}).network

    return network


@pytest.fixture(scope="session")
def shipped():
    """Return a function that loads a shipped spec."""
    return lambda name: convcost.load(SPECS / f"{name}.yaml")
