"""What the tests of the analysis share."""

from __future__ import annotations

import pytest

import convcost


@pytest.fixture(scope="session")
def analyze():
    """Return a function that analyses a network of these layers."""

    def analyze(input, *layers, batch=1, fold=True, **rest):
        return convcost.analyze({**rest, "input": input, "layers": list(layers)}, batch=batch, fold=fold)

    return analyze
