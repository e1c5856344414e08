"""Budgets as a test: the networks that convcost.yaml names keep their limits."""

import convcost


def test_budgets() -> None:
    """Every limit is kept; what is not is said in full."""
    result = convcost.check()
    assert result.ok, str(result)
