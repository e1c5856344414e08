"""What the executor's tests share."""

from __future__ import annotations

import pytest

from convcost.executor import Array

collect_ignore = [  # need torch
    "record_torch.py",
    "record_torch_sequences.py",
    "record_torch_movement.py",
    "record_operations.py",
]


@pytest.fixture(scope="session")
def fields():
    """Return a function that makes a convolution's normalised fields, spreading numbers over the axes."""

    def fields(rank=2, **given):
        spread = {"kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1, **given}
        for name in ("kernel_size", "stride", "dilation", "output_padding"):
            if isinstance(spread.get(name), int):
                spread[name] = (spread[name],) * rank
        if isinstance(spread["padding"], int):
            spread["padding"] = ((spread["padding"],) * 2,) * rank
        return spread

    return fields


@pytest.fixture(scope="session")
def matrix():
    """Return a function that makes a one-channel image of rows."""

    def matrix(*rows):
        return Array((1, len(rows), len(rows[0])), [value for row in rows for value in row])

    return matrix
