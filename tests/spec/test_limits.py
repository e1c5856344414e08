"""What is too much is told at once: layers, repetitions of nothing, sizes, nesting, length."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

import convcost
from convcost.network import Network, NetworkBuilder
from convcost.spec.limits import limited, notify

Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]

BEYOND = "the network unrolls beyond 100,000 layers"
DOUBLING = "".join(f"  b{n}: {{layers: [b{n + 1}, b{n + 1}]}}\n" for n in range(48))


@pytest.mark.parametrize(
    "text",
    [
        "layers: [{relu: , repeat: 100001}]",
        "symbols: {n: 400}\nlayers: [{residual: [relu, tanh], repeat: n ** 2}]",
        "symbols: {n: 400}\nblocks: {b: {params: {m: 1}, layers: [{relu: , repeat: n}]}}\nlayers: [{b: , repeat: n}]",
        "layers: [{relu: , repeat: 1e80}]",
        "layers: [{relu: , repeat: 2 ** 400}]",
        "blocks: {b: {layers: [relu]}}\nlayers: [{b: , repeat: 10**12}]",
    ],
)
def test_a_network_of_too_many_layers_is_told_at_once(text: str, errors: ErrorCollector) -> None:
    told = errors("input: [3, 8, 8]\n" + text)
    assert [message for message, _, _ in told] == [BEYOND]


@pytest.mark.parametrize(
    "text",
    [
        "blocks: {b: {layers: []}}\nlayers: [{b: , repeat: 10**6}]",
        "blocks: {b: {layers: [{relu: , if: false}]}}\nlayers: [{b: , repeat: 10**6}]",
        "blocks: {b: {layers: [{c: , repeat: 9}]}, c: {layers: [{relu: , if: 1 > 2}]}}\nlayers: [{b: , repeat: 10**6}]",
        f"blocks:\n{DOUBLING}  b48: {{layers: []}}\nlayers: [b0]",
        "layers:\n  - {residual: [], repeat: 0}\n" + "  - {relu: , if: 1 > 2}\n" * 1000,
        "layers: [{dropout: , repeat: 0}, {relu: , if: 9 < 8, repeat: 1e80}]",
    ],
    ids=["empty block", "left out", "nested", "doubling", "many", "left out before it is counted"],
)
def test_what_unrolls_to_nothing_is_answered_at_once(text: str, load: Load) -> None:
    try:
        assert load("input: [3, 8, 8]\n" + text).layers == ()
    except convcost.SpecError as error:
        (detail,) = error.details
        assert "unrolls" in detail.message


@pytest.mark.parametrize(
    ("blocks", "items"),
    [
        ("", "{relu: , repeat: N}"),
        ("b: {layers: [relu, relu, relu, relu]}", "{b: , repeat: N // 4}"),
        ("b: {layers: [{c: , repeat: 10}]}, c: {layers: [relu, tanh]}", "{b: , repeat: N // 20}"),
        ("", "{conv: {out_channels: 3, kernel_size: 1, norm: batch_norm, activation: relu}, repeat: N // 3 + 1}"),
        ("", "{separable_conv: {out_channels: 3, kernel_size: 1}, repeat: N // 2}"),
        ("", "{residual: [relu], repeat: N // 2}"),
        ("", "{multiply: [[relu], [tanh], [relu]], repeat: N // 4}, {relu: , repeat: 0}"),
    ],
)
def test_every_layer_counts_for_the_limit(blocks: str, items: str, load: Load, errors: ErrorCollector) -> None:
    text = f"symbols: {{N: 1000}}\ninput: [3, 8, 8]\nblocks: {{{blocks}}}\nlayers: [{items}]\n"
    with limited(1000):
        if "// 3 + 1" in items:  # 334 · 3 = 1002
            assert beyond(errors(text))
            assert len(load(text, N=996).layers) == 999
        else:
            assert len(load(text).layers) == 1000
            assert beyond(errors(text, N=1020))


def beyond(told: list[tuple[str, int, int]]) -> bool:
    ((message, _, _),) = told
    return message.startswith("the network unrolls beyond")


GROWING = "a size is at most 10**15"


@pytest.mark.parametrize(
    "item",
    [
        "concat: [[], []]",
        "depthwise_conv: {kernel_size: 1, depth_multiplier: 1e15}",
        "transposed_conv: {out_channels: 1, kernel_size: 1, stride: 1e15}",
        "pad: {padding: 1e15}",
        "separable_conv: {out_channels: 1, kernel_size: 1, depth_multiplier: 1e15}",
    ],
)
def test_shapes_do_not_grow_beyond_bounds(item: str, errors: ErrorCollector) -> None:
    text = f"input: [3, 8, 8]\nlayers:\n  - {{{item}, repeat: 20000}}\n"
    text += "  - conv: {out_channels: 7, kernel_size: 1, groups: 3}\n"
    assert (GROWING, 3, 6) in errors(text)


@pytest.mark.parametrize(
    "item",
    ["conv: {out_channels: 2.5, kernel_size: 1}", "pad: {padding: 1e15}", "max_pool: {kernel_size: 9}", "b: {n: }"],
)
def test_a_fault_in_a_repetition_ends_it(item: str, errors: ErrorCollector) -> None:
    text = "input: [3, 8, 8]\nblocks: {b: {params: {n: 0}, layers: [{conv: {out_channels: n, kernel_size: 1}}]}}\n"
    assert len(errors(text + f"layers:\n  - {{{item}, repeat: 100000}}\n")) == 1


@pytest.mark.parametrize(
    "item",
    [
        "conv: {out_channels: 1e15, kernel_size: 1e15, padding: 1e15}",
        "conv: {out_channels: 1e15, kernel_size: 1, groups: 999999999999999}",
        "conv: {out_channels: 3, kernel_size: 1e15, stride: 1e15, dilation: 1e15, padding: same}",
        "transposed_conv: {out_channels: 3, kernel_size: 3, padding: 1e15}",
        "max_pool: {kernel_size: 1e15, padding: 5e14}",
        "upsample: {scale_factor: 1e20}",
        "upsample: {scale_factor: 1e-20}",
        "upsample: {size: 1e15}",
        "adaptive_avg_pool: {output_size: 1e15}",
        "pixel_shuffle: {upscale_factor: 1e15}",
        "channel_shuffle: {groups: 1e15}",
        "crop: {cropping: 1e15}",
        "slice: {start: 1e14, end: 1e15}",
        "group_norm: {num_groups: 1e15}",
        "local_response_norm: {size: 1e15}",
        "prelu: {num_parameters: 1e15}",
        "batch_norm: {eps: 1e80}",
        "flatten",
    ],
)
@pytest.mark.parametrize("size", ["8", "1e15"])
def test_huge_numbers_everywhere_are_counted_or_told(item: str, size: str, load: Load) -> None:
    text = f"input: [3, {size}, {size}]\nlayers:\n  - {item}\n  - {item}\n"
    try:
        str(convcost.Model(load(text)).analyze().to_dict())
    except convcost.SpecError as error:
        told = str(error)
        assert all(place in ("3", "4") for place in re.findall(r"--> net.yaml:(\d+):", told))
        assert "--> net.yaml:" in told
        assert len(told) < 3_000


def test_a_wide_file_is_read(load: Load) -> None:
    text = "input: [3, 8, 8]\nlayers: [" + ", ".join(["relu"] * 20_000) + "]\n"
    assert len(load(text).layers) == 20_000


def test_long_texts_are_cut_where_they_are_shown() -> None:
    long = "x" * 100_000
    for spec in (
        {"convcost": long, "input": [3], "layers": ["relu"]},
        {"input": [3], "layers": [long]},
        {"input": [3], "layers": [{"relu": None, "name": long, "from": "y" * 10_000}]},
        {"input": ["9" * 5_000], "layers": ["relu"]},
        {"input": [3], "layers": ["relu"], "budget": {"params": "9" * 5_000}},
        {"input": [3], "layers": ["relu"], long: 1},
    ):
        with pytest.raises(convcost.SpecError) as caught:
            convcost.load(spec)
        assert len(str(caught.value)) < 3_000


def test_an_integer_of_five_thousand_digits_is_told(errors: ErrorCollector) -> None:
    for place in ("input: [{}, 8, 8]", "input: [3, 8, 8] # {}", "input: [3, 8, 8]\nsymbols: {{n: {}}}"):
        text = place.format("9" * 5_000) + "\nlayers: [relu]\n"
        if "#" in text:
            continue
        ((message, _, _),) = errors(text)
        assert "astronomically" in message


def test_nested_repetitions_are_told_where_they_stand(errors: ErrorCollector) -> None:
    """1000 · 1000 · 1000 layers: no need to unroll any of them first."""
    text = """\
        input: [3, 8, 8]
        blocks:
          a: {layers: [{relu: , repeat: 1000}]}
          b: {layers: [{a: , repeat: 1000}]}
        layers:
          - relu
          - {b: , repeat: 1000}
        """
    assert errors(text) == [(BEYOND, 7, 19)]  # 18 characters stand before it


MANY = {"input": [3, 2, 2], "symbols": {"n": 2}, "layers": [{"relu": None, "repeat": "100_000 + n"}]}
TOO_MANY = """\
error: the network unrolls beyond 100,000 layers
 --> <mapping>:6:13, layers[0]
  |
6 |     repeat: 100_000 + n
  |             ^ 100_000 + n = 100002
  = help: --max-layers N, or max_layers=N in Python, allows more, at most 1,000,000"""


@pytest.mark.parametrize(
    "ask",
    [
        convcost.load,
        convcost.analyze,
        convcost.compare,
        convcost.verify,
        lambda spec, **more: convcost.sweep(spec, set={"n": [2, 3]}, **more),
        lambda spec, **more: convcost.check(spec, max={"mults": 1}, **more),
    ],
)
def test_more_layers_are_allowed_where_they_are_asked_for(ask: Callable[..., object]) -> None:
    with pytest.raises(convcost.ConvcostError) as caught:
        ask(MANY)
    assert str(caught.value) == TOO_MANY
    with pytest.raises(convcost.ConvcostError, match="beyond 100,001 layers"):
        ask(MANY, max_layers=100_001)


def test_as_many_layers_as_are_allowed_are_analysed() -> None:
    few = {"input": [3, 2, 2], "symbols": {"n": 2}, "layers": [{"relu": None, "repeat": "10 + n"}]}
    assert len(convcost.load(few, max_layers=12).network.layers) == 12
    assert convcost.check(few, max={"mults": 1}, max_layers=12).ok
    with pytest.raises(convcost.SpecError, match="beyond 12 layers"):
        convcost.load(few, set={"n": 3}, max_layers=12)
    assert len(convcost.load(few, set={"n": 3}).network.layers) == 13  # the bound of one call is not that of the next


def test_other_processes_allow_as_many_layers() -> None:
    few = {"input": [3, 2, 2], "symbols": {"n": 2}, "layers": [{"relu": None, "repeat": "10 + n"}]}
    with ProcessPoolExecutor(1) as pool:
        found = convcost.sweep(few, set={"n": list(range(1, 600))}, max_layers=12, pool=pool)
    assert [row["n"] for row in found.rows() if row["error"] is None] == [1, 2]


@pytest.mark.parametrize("layers", [0, -1, 1_000_001, 2.5, "many", True])
def test_a_bound_is_a_whole_number_up_to_a_million(layers: object) -> None:
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(MANY, max_layers=layers)  # type: ignore[arg-type]
    assert str(caught.value) == (f"error: max_layers is a whole number from 1 to 1,000,000\n = found: {layers!r}")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{conv: {out_channels: 3, kernel_size: k}}", "the kernel must fit into its padded input"),
        ("{layer_norm: {affine: k}}", "affine must be true or false"),
        ("{relu: , if: k}", "if takes true or false"),  # the shape is known all the same
    ],
)
def test_an_error_in_a_repetition_ends_all_repetitions_around_it(
    item: str, message: str, errors: ErrorCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first of 100 · 100 turns: no more than its layers are placed."""
    placed = []
    place = NetworkBuilder.place
    monkeypatch.setattr(NetworkBuilder, "place", lambda *given: placed.append(1) or place(*given))
    text = f"""\
        input: [3, 8, 8]
        blocks:
          a: {{params: {{k: 9}}, layers: [relu, tanh, {item}, relu]}}
          b: {{layers: [{{a: , repeat: 100}}, sigmoid]}}
        layers:
          - {{b: , repeat: 100}}
          - relu
        """
    assert [told for told, _, _ in errors(text)] == [message]
    assert len(placed) < 10


def test_what_only_unrolling_tells_is_bounded_too(load: Load, errors: ErrorCollector) -> None:
    """The parameter n hides the symbol: 9 layers, or 99."""
    text = """\
        symbols: {n: 1000}
        input: [3, 8, 8]
        blocks:
          b: {params: {n: }, layers: [{relu: , repeat: n}]}
        layers:
          - b: {n: 9}
        """
    with limited(9):
        assert len(load(text).layers) == 9
    with limited(8):
        assert errors(text) == [("the network unrolls beyond 8 layers", 4, 32)]


def test_who_asks_hears_how_many_layers_there_are(load: Load) -> None:
    heard: list[tuple[int, bool]] = []
    notify(lambda count, complete: heard.append((count, complete)))
    try:
        load("input: [3, 2, 2]\nlayers: [{relu: , repeat: 4500}]")
    finally:
        notify(None)
    assert heard == [(0, False), (2000, False), (4000, False), (4500, True)]


@pytest.mark.parametrize(("most", "fits"), [(9, True), (8, False)])
def test_the_layers_of_branches_are_counted_before_they_are_unrolled(most, fits, monkeypatch):
    """Three times two layers in branches and the merge are 9; what is refused is never unrolled."""
    net = {"input": [3, 2, 2], "layers": [{"concat": [["relu"], ["tanh"]], "repeat": 3}]}
    if fits:
        assert len(convcost.load(net, max_layers=most).network.layers) == 9
        return
    monkeypatch.setattr("convcost.spec.expand.Expander.run", None)
    with pytest.raises(convcost.SpecError, match=f"the network unrolls beyond {most} layers"):
        convcost.load(net, max_layers=most)
