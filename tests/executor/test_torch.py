"""The executor computes what PyTorch computes, for every layer type and a wide spread of hyper-parameters."""

from __future__ import annotations

import json
from fractions import Fraction
from math import isclose
from pathlib import Path

import pytest

from convcost.executor import Array, run, types

DATA = Path(__file__).parent / "data"
CASES = [
    case
    for name in ("torch", "torch_sequences", "torch_movement", "operations")
    for case in json.loads((DATA / f"{name}.json").read_text())
]
RANKS = {
    "embedding": {0},
    "fold": {1},
    "parameter": set(),
    "rearrange": {1, 2, 3},
    "attention_bias": {3, 2},
    "attention_context": {2, 3},
    "attention_scale": {2, 3},
    "attention_scores": {1, 2, 3},
    "gru": {1, 2},
    "linear": {0, 1, 2, 3},
    "lstm": {1, 2},
    "matmul": {1, 2, 3},
    "rnn": {1, 2},
    "roi_align": {2},
}
"""How many axes stand beside one of the inputs' axes, by type; all there are where nothing is said."""


def normalised(fields):
    """Recorded fields as a network holds them: tuples, and fractions for factors."""
    result = {}
    for name, value in fields.items():
        if name == "scale_factor" and value is not None:
            result[name] = tuple(map(Fraction, value))
        elif isinstance(value, list):
            result[name] = tuple(tuple(part) if isinstance(part, list) else part for part in value)
        else:
            result[name] = value
    return result


def tensor(stored):
    shape, values = stored
    return Array(tuple(shape), values)


@pytest.mark.parametrize("engine", ["plain", "auto"])
@pytest.mark.parametrize("type", types())
def test_outputs_agree_with_pytorch(type, engine):
    cases = [case for case in CASES if case["type"] == type]
    for case in cases:
        weights = {name: tensor(stored) for name, stored in case["weights"].items()}
        expected = list(map(tensor, case["outputs"] if "outputs" in case else [case["output"]]))
        given, execution = run(
            type, normalised(case["fields"]), list(map(tensor, case["inputs"])), weights, engine=engine
        )
        outputs = given if isinstance(given, tuple) else (given,)
        shapes = tuple(output.shape for output in outputs)
        assert shapes == tuple(output.shape for output in expected) == execution.output_shapes, case
        for output, wanted in zip(outputs, expected, strict=True):
            for found, right in zip(output.values, wanted.values, strict=True):
                if isinstance(found, int):
                    assert found == right, case
                assert isclose(found, right, rel_tol=1e-12, abs_tol=1e-12), case


@pytest.mark.parametrize("type", types())
def test_every_type_was_recorded_in_every_rank_it_has(type):
    ranks = {len(stored[0]) - 1 for case in CASES if case["type"] == type for stored in case["inputs"]}
    assert ranks >= RANKS.get(type, set() if type in ("each_slice", "each_stack") else {1, 2, 3})


@pytest.mark.parametrize("case", [case for case in CASES if "flops" in case], ids=lambda case: case["type"])
def test_products_are_those_that_pytorch_counts(case):
    """Each is two of PyTorch's flops."""
    weights = {name: tensor(stored) for name, stored in case["weights"].items()}
    _, execution = run(case["type"], normalised(case["fields"]), list(map(tensor, case["inputs"])), weights)
    assert 2 * execution.macs == case["flops"]
