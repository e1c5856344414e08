"""The executor computes what PyTorch computes, for every layer type and a wide spread of hyper-parameters."""

from __future__ import annotations

import json
from fractions import Fraction
from math import isclose
from pathlib import Path

import pytest

from convcost.executor import Tensor, run, types

DATA = Path(__file__).parent / "data"
CASES = [case for name in ("torch.json", "operations.json") for case in json.loads((DATA / name).read_text())]
RANKS = {"linear": {0}, "roi_align": {2}}


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
    return Tensor(tuple(shape), values)


@pytest.mark.parametrize("engine", ["plain", "auto"])
@pytest.mark.parametrize("type", types())
def test_outputs_agree_with_pytorch(type, engine):
    cases = [case for case in CASES if case["type"] == type]
    for case in cases:
        weights = {name: tensor(stored) for name, stored in case["weights"].items()}
        expected = tensor(case["output"])
        output, execution = run(
            type, normalised(case["fields"]), list(map(tensor, case["inputs"])), weights, engine=engine
        )
        assert output.shape == expected.shape == execution.output_shape, case
        for found, right in zip(output.values, expected.values, strict=True):
            if isinstance(found, int):
                assert found == right, case
            assert isclose(found, right, rel_tol=1e-12, abs_tol=1e-12), case


@pytest.mark.parametrize("type", types())
def test_every_type_was_recorded_in_every_rank_it_has(type):
    ranks = {len(stored[0]) - 1 for case in CASES if case["type"] == type for stored in case["inputs"]}
    assert ranks >= RANKS.get(type, {1, 2, 3})
