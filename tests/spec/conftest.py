"""What the tests of the spec language share."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from convcost import spec
from convcost.cost.analysis import Analysis
from convcost.errors import SpecError
from convcost.network import Network
from convcost.ops import Cost
from convcost.spec.source import Source


def _load(text: str, **settings: Any) -> Network:
    return spec.load(Source("net.yaml", dedent(text)), settings)


@pytest.fixture(scope="session")
def load() -> Callable[..., Network]:
    """Return a function that reads a spec's text, with values for its symbols."""
    return _load


@pytest.fixture(scope="session")
def shapes() -> Callable[..., list[tuple[str, tuple[int, ...]]]]:
    """Return a function that tells each layer's name and output shape."""

    def shapes(text: str, **settings: Any) -> list[tuple[str, tuple[int, ...]]]:
        return [(layer.name, layer.output_shape) for layer in _load(text, **settings).layers]

    return shapes


@pytest.fixture(scope="session")
def edges() -> Callable[..., list[tuple[str, tuple[str, ...]]]]:
    """Return a function that tells each layer's name and the names of those it reads, `input` for the network's."""

    def edges(text: str, **settings: Any) -> list[tuple[str, tuple[str, ...]]]:
        layers = _load(text, **settings).layers
        names = [layer.name for layer in layers] + ["input"]  # the input's index is -1
        return [(layer.name, tuple(names[index] for index in layer.sources)) for layer in layers]

    return edges


@pytest.fixture(scope="session")
def total() -> Callable[..., Cost]:
    """Return a function that tells a network's whole cost, batch norms folded."""

    def total(text: str, **settings: Any) -> Cost:
        return Analysis.of(_load(text, **settings)).total

    return total


@pytest.fixture(scope="session")
def errors() -> Callable[..., list[tuple[str, int, int]]]:
    """Return a function that tells each error of a spec: its message, line and column."""

    def errors(text: str, **settings: Any) -> list[tuple[str, int, int]]:
        with pytest.raises(SpecError) as caught:
            _load(text, **settings)
        told = []
        for detail in caught.value.details:
            assert detail.place is not None
            told.append((detail.message, detail.place.line, detail.place.column))
        return told

    return errors
