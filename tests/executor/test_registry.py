"""Layer types find their executors, and what does not belong together is refused."""

from __future__ import annotations

import pytest

from convcost.executor import Array, execute, executes, run, weights
from convcost.layers import REGISTRY, LayerError
from convcost.registry import DuplicateError


def test_a_second_executor_for_a_type_is_an_error_that_names_both_places():
    with pytest.raises(DuplicateError, match=r"'conv' is defined twice: in .*convolution\.py:\d+ and .*try\.py:\d+$"):

        @executes("conv")
        def again(job, x):
            return x


def test_an_unknown_type_is_an_error():
    with pytest.raises(ValueError, match="no executor for 'convolution'"):
        execute("convolution", {}, [(1, 2)])


def test_a_field_the_type_does_not_have_is_an_error():
    with pytest.raises(TypeError, match="slope"):
        execute("relu", {"slope": 1}, [(1, 2)])


def test_weights_that_are_missing_or_of_another_shape_are_errors():
    given = {"out_features": 2, "bias": False}
    with pytest.raises(ValueError, match=r"needs a weight of shape \(2, 3\)"):
        run("linear", given, [Array((3,), [1, 2, 3])])
    with pytest.raises(ValueError, match=r"\(2, 3\), not \(3, 2\)"):
        run("linear", given, [Array((3,), [1, 2, 3])], {"weight": Array((3, 2), [0] * 6)})


@pytest.mark.parametrize(
    ("type", "fields", "shapes"),
    [
        ("group_norm", {"num_groups": 3, "affine": True, "eps": 0}, [(4, 2)]),
        ("channel_shuffle", {"groups": 3}, [(4, 2)]),
        ("pixel_shuffle", {"upscale_factor": 2}, [(6, 2, 2)]),
        ("slice", {"start": 1, "end": 5}, [(4, 2)]),
        ("crop", {"cropping": ((1, 1),)}, [(4, 2)]),
        ("add", {}, [(4, 2), (4, 3)]),
        ("concat", {}, [(4, 2), (4, 3)]),
        (
            "max_pool",
            {"kernel_size": (3,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,), "ceil_mode": False},
            [(1, 2)],
        ),
        ("pointwise_conv", {"out_channels": 4, "stride": (1,), "groups": 3, "bias": False}, [(4, 2)]),
        ("upsample", {"scale_factor": None, "size": None, "mode": "nearest", "align_corners": False}, [(1, 2)]),
    ],
)
def test_shapes_that_do_not_fit_the_fields_are_errors(type, fields, shapes):
    with pytest.raises(ValueError):  # noqa: PT011 - a message each
        execute(type, fields, shapes)


def test_a_tensor_holds_as_many_numbers_as_its_shape_says():
    with pytest.raises(ValueError, match="does not hold 5"):
        Array((2, 3), [0] * 5)


def test_the_same_seed_draws_the_same_values():
    given = {"out_features": 2, "bias": True}
    assert execute("linear", given, [(3,)], seed=1) == execute("linear", given, [(3,)], seed=1)


def test_numbers_are_drawn_a_part_at_a_time(monkeypatch):
    """No random number has more bytes than a machine's int counts bits: drawn in parts, there are as many."""
    monkeypatch.setattr(weights, "_MOST_BYTES", 8)
    drawn = weights.DrawnWeights(0).values(27)
    assert len(drawn) == 27
    assert set(drawn) <= {-3, -2, -1, 1, 2, 3}
    assert drawn[:8] == weights.DrawnWeights(0).values(8)


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("max_pool", {"kernel_size": (3,), "stride": (1,), "padding": ((2, 0),), "dilation": (1,), "ceil_mode": False}),
        ("avg_pool", {"kernel_size": (3,), "stride": (1,), "padding": ((0, 2),), "ceil_mode": False,
                      "count_include_pad": True}),
        ("transposed_conv", {"out_channels": 1, "kernel_size": (3,), "stride": (2,), "padding": ((0, 0),),
                             "output_padding": (2,), "dilation": (1,), "groups": 1, "bias": False}),
        ("upsample", {"scale_factor": (2,), "size": (9,), "mode": "nearest", "align_corners": False}),
        ("upsample", {"scale_factor": (2,), "size": None, "mode": "bilinear", "align_corners": False}),
    ],
)  # fmt: skip
def test_what_no_layer_can_be_is_refused(type, fields):
    """Each is one more than is allowed, and the type's formulas refuse it on their own."""
    with pytest.raises(ValueError):  # noqa: PT011 - a message each
        execute(type, fields, [(1, 9)])
    with pytest.raises(LayerError):
        REGISTRY[type](fields).output_shape((1, 9))
