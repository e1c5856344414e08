"""The registry of layer types, and what each of them says of itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from convcost.layers import REGISTRY, Activation, LayerType
from convcost.layers import activations as activations_file
from convcost.layers.families import FAMILIES

DESIGN = [
    "each_slice",
    "each_stack",
    "conv",
    "depthwise_conv",
    "pointwise_conv",
    "separable_conv",
    "transposed_conv",
    "linear",
    "max_pool",
    "avg_pool",
    "global_avg_pool",
    "adaptive_avg_pool",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "local_response_norm",
    "scale",
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "sigmoid",
    "tanh",
    "hard_sigmoid",
    "hard_swish",
    "silu",
    "gelu",
    "softmax",
    "log_softmax",
    "hard_tanh",
    "elu",
    "selu",
    "celu",
    "softplus",
    "softsign",
    "mish",
    "glu",
    "shift",
    "elementwise",
    "cross_correlation",
    "declared",
    "unknown",
    "deform_conv",
    "grid_sample",
    "roi_align",
    "subtract",
    "divide",
    "maximum",
    "minimum",
    "add",
    "multiply",
    "concat",
    "slice",
    "channel_shuffle",
    "pixel_shuffle",
    "upsample",
    "pad",
    "crop",
    "flatten",
    "dropout",
    "identity",
    "pixel_unshuffle",
    "lp_pool",
    "global_max_pool",
    "adaptive_max_pool",
    "max_unpool",
    "tokens",
    "feature_map",
    "rearrange",
    "permute",
    "reshape",
    "expand",
    "roll",
    "flip",
    "gather",
    "split",
    "unfold",
    "fold",
    "parameter",
    "embedding",
    "instance_norm",
    "rms_norm",
    "l2_normalize",
    "standardize",
    "matmul",
    "reduce",
    "attention",
    "attention_scores",
    "attention_scale",
    "attention_bias",
    "attention_context",
    "lstm",
    "gru",
    "rnn",
]


def test_the_registry_holds_the_types_of_the_language():
    assert sorted(REGISTRY) == sorted(DESIGN)


def test_a_type_defined_twice_is_an_error_that_names_both_places():
    with pytest.raises(TypeError) as error:

        class Again(Activation, type="relu"):
            """Not needed."""

    assert str(error.value) == f"layer type 'relu' is defined twice: in {activations_file.__file__} and {__file__}"
    assert REGISTRY["relu"].__module__ == "convcost.layers.activations"


@pytest.fixture
def registry(monkeypatch):
    """Let a test add types that are gone afterwards."""
    monkeypatch.setattr(REGISTRY, "_entries", dict(REGISTRY._entries))
    return REGISTRY


def test_a_type_is_added_by_defining_it(registry):
    from convcost.layers.fields import field, whole

    class Twice(LayerType, type="twice"):
        """Two of everything."""

        times: int = field(whole(1), 2)

        def output_shape(self, *inputs):
            return (self.times * inputs[0][0], *inputs[0][1:])

    assert registry["twice"] is Twice
    assert list(Twice.fields) == ["times"]
    assert Twice({"times": 2}).output_shape((3, 4)) == (6, 4)
    assert Twice({"times": 2}).cost(((3, 4),), (6, 4)).params == 0


@pytest.mark.parametrize("type", DESIGN)
def test_a_type_documents_its_arithmetic(type):
    assert REGISTRY[type].type == type
    assert REGISTRY[type].__doc__


def test_a_layer_is_frozen():
    relu = REGISTRY["relu"]({})
    with pytest.raises(AttributeError, match="a layer is frozen: slope cannot be set"):
        relu.slope = 1


def test_a_type_that_never_runs_says_no_cost():
    """`separable_conv` is written for two other layers, `attention` for up to nine."""
    assert {name for name, layer in REGISTRY.items() if layer.composite} == {"separable_conv", "attention"}


def test_the_parts_of_attention_are_marked_as_such():
    parts = {"attention_scores", "attention_scale", "attention_bias", "attention_context"}
    assert {name for name, layer in REGISTRY.items() if layer.internal} == parts


def test_batch_norms_fold_into_all_that_have_weights():
    convolutions = {"conv", "depthwise_conv", "pointwise_conv", "separable_conv", "transposed_conv", "deform_conv"}
    assert {name for name, layer in REGISTRY.items() if layer.weights} == convolutions | {"linear"}


def test_each_family_defines_its_types():
    defined = {module: [] for module in FAMILIES}
    for name, layer in REGISTRY.items():
        defined[layer.__module__.removeprefix("convcost.layers.")].append(name)

    assert defined == {module: types.split() for module, types in FAMILIES.items()}


def test_a_family_is_imported_when_one_of_its_names_is_read():
    code = (
        "import sys; from convcost.layers import REGISTRY; before = 'convcost.layers.recurrent' in sys.modules; "
        "print(before, 'lstm' in REGISTRY, REGISTRY['lstm'].__module__, 'convcost.layers.attention' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout == "False True convcost.layers.recurrent False\n"
