"""Layers that move values, make some up or leave them alone."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.ops import Cost


@pytest.mark.parametrize(
    ("type", "shape", "given", "output"),
    [
        ("slice", (8, 4, 4), {"start": 2, "end": 5}, (3, 4, 4)),
        ("slice", (8, 4, 4), {"start": 3}, (5, 4, 4)),  # up to the last
        ("slice", (8,), {}, (8,)),
        ("channel_shuffle", (12, 5, 5), {"groups": 3}, (12, 5, 5)),
        ("channel_shuffle", (12,), {"groups": 4}, (12,)),
        ("pixel_shuffle", (12, 5), {"upscale_factor": 3}, (4, 15)),
        ("pixel_shuffle", (12, 5, 6), {"upscale_factor": 2}, (3, 10, 12)),
        ("pixel_shuffle", (16, 2, 3, 4), {"upscale_factor": 2}, (2, 4, 6, 8)),
        ("upsample", (3, 5, 6), {"scale_factor": 2}, (3, 10, 12)),
        ("upsample", (3, 5, 6), {"scale_factor": [1, Fraction(5, 2)]}, (3, 5, 15)),
        ("upsample", (3, 5, 7), {"scale_factor": Fraction(1, 2)}, (3, 2, 3)),  # floors
        ("upsample", (3, 5, 6), {"size": [7, 4]}, (3, 7, 4)),
        ("upsample", (3, 5), {"size": 9}, (3, 9)),
        ("pad", (3, 5, 6), {"padding": 2}, (3, 9, 10)),
        ("pad", (3, 5, 6), {"padding": [1, 0]}, (3, 7, 6)),
        ("pad", (3, 5, 6), {"padding": [[0, 1], [2, 3]]}, (3, 6, 11)),
        ("crop", (3, 5, 6), {"cropping": 1}, (3, 3, 4)),
        ("crop", (3, 5, 6), {"cropping": [[0, 1], [2, 3]]}, (3, 4, 1)),
        ("slice", (8, 4, 4), {"start": 1, "step": 3}, (3, 4, 4)),  # 1, 4, 7
        ("slice", (8, 5, 4), {"axis": 1, "start": 2, "end": 4}, (8, 2, 4)),
        ("slice", (8, 5, 4), {"axis": "width", "step": 4}, (8, 5, 1)),
        ("pad", (3, 5, 6), {"padding": [[1, 2]], "axis": -1}, (3, 5, 9)),
        ("pad", (3, 5, 6), {"padding": 1, "axis": ["channels", "width"]}, (5, 5, 8)),
        ("pad", (3, 5, 6), {"padding": 4, "mode": "reflect"}, (3, 13, 14)),
        ("pad", (3, 5, 6), {"padding": 5, "mode": "circular"}, (3, 15, 16)),
        ("pad", (3, 5, 6), {"padding": 9, "mode": "replicate"}, (3, 23, 24)),
        ("pad", (3, 5, 6), {"padding": 9, "mode": "constant", "value": Fraction(-1, 2)}, (3, 23, 24)),
        ("crop", (3, 5, 6), {"cropping": [[1, 2], 0], "axis": [1, 2]}, (3, 2, 6)),
        ("pixel_unshuffle", (3, 6), {"downscale_factor": 3}, (9, 2)),
        ("pixel_unshuffle", (3, 4, 6), {"downscale_factor": 2}, (12, 2, 3)),
        ("pixel_unshuffle", (1, 4, 6, 2), {"downscale_factor": 2}, (8, 2, 3, 1)),
        ("flatten", (3, 5, 6), {}, (90,)),
        ("flatten", (7,), {}, (7,)),
        ("dropout", (3, 5, 6), {"p": Fraction(1, 5)}, (3, 5, 6)),
        ("identity", (3, 5, 6), {}, (3, 5, 6)),
    ],
)
def test_values_are_moved_without_arithmetic(type, shape, given, output, run):
    ran = run(type, shape, **given)
    assert ran.output == output
    assert ran.cost == Cost()


@pytest.mark.parametrize(
    ("shape", "mode", "ops"),
    [
        ((2, 3), "linear", 24),  # 2 · 6 values, 2 neighbours
        ((2, 3, 3), "bilinear", 288),  # 2 · 36 values, 4 neighbours
        ((2, 3, 3, 3), "trilinear", 3_456),  # 2 · 216 values, 8 neighbours
        ((2, 3, 3), "bicubic", 1_152),  # 2 · 36 values, 16 neighbours
    ],
)
@pytest.mark.parametrize("align", [False, True])
def test_interpolation_weighs_all_neighbours_of_each_output_value(shape, mode, ops, align, run):
    ran = run("upsample", shape, scale_factor=2, mode=mode, align_corners=align)
    assert ran.ops == {"mul": ops, "add": ops}
    assert (ran.cost.useful_mults, ran.cost.macs, ran.cost.params) == (ops, 0, 0)


@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)), margin=st.integers(0, 4))
def test_a_crop_undoes_a_pad(shape, margin, run):
    padded = run("pad", shape, padding=[[margin, 1], [0, margin]]).output
    assert run("crop", padded, cropping=[[margin, 1], [0, margin]]).output == shape


def test_tokens_are_padded_before_the_channels(builder):
    x = builder.input([5, 6, 3], layout="tokens")
    padded = builder.add("pad", x, padding=[[0, 2], [0, 1]])
    assert (padded.shape, padded.layout) == ((7, 7, 3), "tokens")
    assert builder.add("crop", padded, cropping=[[0, 2], [0, 1]]).shape == (5, 6, 3)


@given(channels=st.integers(1, 4), r=st.integers(1, 3), spatial=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_pixel_unshuffle_undoes_a_pixel_shuffle(channels, r, spatial, run):
    shape = (channels * r ** len(spatial), *spatial)
    shuffled = run("pixel_shuffle", shape, upscale_factor=r).output
    assert run("pixel_unshuffle", shuffled, downscale_factor=r).output == shape


@given(channels=st.integers(1, 4), r=st.integers(1, 3), spatial=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_pixel_shuffle_keeps_every_value(channels, r, spatial, run):
    shape = (channels * r ** len(spatial), *spatial)
    output = run("pixel_shuffle", shape, upscale_factor=r).output
    assert output == (channels, *(size * r for size in spatial))
    assert run("flatten", output).output == run("flatten", shape).output
