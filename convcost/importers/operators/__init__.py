"""The operators and the layer types that they are."""

from convcost.importers.operators import activations, convolutions, keras, merges, movements, norms, pools  # noqa: F401
