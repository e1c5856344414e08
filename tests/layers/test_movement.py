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


@given(channels=st.integers(1, 4), r=st.integers(1, 3), spatial=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_pixel_shuffle_keeps_every_value(channels, r, spatial, run):
    shape = (channels * r ** len(spatial), *spatial)
    output = run("pixel_shuffle", shape, upscale_factor=r).output
    assert output == (channels, *(size * r for size in spatial))
    assert run("flatten", output).output == run("flatten", shape).output
