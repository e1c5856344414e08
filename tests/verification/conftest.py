"""What the tests of the verification share."""

from __future__ import annotations

import pytest

import convcost


@pytest.fixture(scope="session")
def network():
    """Return a function that makes a network of an input and layers as a spec writes them."""

    def network(shape, *layers, **more):
        return convcost.load({"input": list(shape), "layers": list(layers), **more}).network

    return network


@pytest.fixture(scope="session")
def shipped():
    """Return a function that loads a shipped spec."""
    return lambda name: convcost.load(name)
