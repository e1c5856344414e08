"""`budget`: limits in amounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convcost.network import Limit, Network

Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]


@pytest.mark.parametrize(
    ("amount", "limit"),
    [
        ("4_300_000", 4_300_000),
        ("4.3M", 4_300_000),
        ("570M", 570_000_000),
        ("1k", 1_000),
        ("1.5G", 1_500_000_000),
        ("2T", 2_000_000_000_000),
        ("1e6", 1_000_000),
        ("0.5k", 500),
        ("0", 0),
        ("'4.3M'", 4_300_000),
        ("2 ** 20", 1_048_576),
        ("3Ki", 3_072),  # 3 · 1024
        ("1.5Mi", 1_572_864),  # 1.5 · 1024²
        ("2 Gi", 2_147_483_648),  # 2 · 1024³
    ],
)
def test_a_limit_is_an_amount(amount: str, limit: int, load: Load) -> None:
    assert load(f"input: [3]\nlayers: [relu]\nbudget: {{params: {amount}}}\n").limits == (
        Limit("params", limit, amount.strip("'"), 3, 18),
    )


@pytest.mark.parametrize(
    "amount",
    [
        *("-1", "1.5", "0.0001k", "4.3K", "4.3m", "4.3MM", "M", "k", "", "~", "[1]", "{a: 1}", "1:30", "012", "true"),
        *("5_000 + 1k", "2**2k", "1k + 5"),  # a unit belongs to a number, not to a sum
        *("relu", "n", "9**9**9", "1/0", "9" * 5_000, "１k"),
    ],
)
def test_what_is_no_amount_is_told(amount: str, errors: ErrorCollector) -> None:
    text = f"symbols: {{n: 1}}\ninput: [3]\nlayers: [relu]\nbudget: {{params: {amount}}}\n"
    assert [(message, line) for message, line, _ in errors(text)] == [("the limit of params is a whole number", 4)]


def test_every_total_may_be_limited(load: Load) -> None:
    metrics = ["params", "buffers", "mults", "adds", "macs", "flops", "useful_mults", "activations", "ops_cmp"]
    text = "input: [3]\nlayers: [relu]\nbudget: {" + ", ".join(f"{metric}: 1k" for metric in metrics) + "}\n"
    assert {limit.metric: limit.max for limit in load(text).limits} == dict.fromkeys(metrics, 1000)
