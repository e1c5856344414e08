"""What the tests of the rewrites share."""

from __future__ import annotations

from textwrap import dedent

import pytest

import convcost
from convcost import spec
from convcost.cost.analysis import Analysis
from convcost.network import Network
from convcost.rewriting.application import Rewritten, rewrite_all
from convcost.rewriting.rewrites import named
from convcost.rewriting.selection import select
from convcost.rewriting.text import Note, rewrite_text
from convcost.spec.source import Source


def _network(input, *layers, **rest) -> Network:
    return convcost.load({**rest, "input": list(input), "layers": list(layers)}).network


@pytest.fixture(scope="session")
def network():
    """Return a function that gives the network of an input and its layers."""
    return _network


@pytest.fixture(scope="session")
def rewritten():
    """Return a function that rewrites a network of these layers wherever a rewrite applies."""

    def rewritten(name, input, *layers, options=None, **rest) -> Rewritten:
        return rewrite_all(_network(input, *layers, **rest), named(name, **(options or {})))

    return rewritten


@pytest.fixture(scope="session")
def total():
    """Return a function that tells what a network costs."""
    return lambda network, **options: Analysis.of(network, **options).total


@pytest.fixture(scope="session")
def rewrite():
    """Return a function that rewrites a spec's text and gives the new text."""

    def rewrite(text, name, *patterns, options=None, settings=None) -> str:
        source = Source("net.yaml", dedent(text))
        network = spec.load(source, settings or {})
        chosen = named(name, **(options or {}))
        sites = select(network, chosen, patterns)
        from convcost.rewriting.application import apply

        expected = apply(network, sites).network
        note = Note(chosen.name, chosen.source)
        return rewrite_text(source, settings or {}, network, [(note, sites)], expected)

    return rewrite
