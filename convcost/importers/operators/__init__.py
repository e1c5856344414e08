"""The operators and the layer types that they are."""

from convcost.importers.operators import (  # noqa: F401 -- each adds its operators
    activations,
    attention,
    choices,
    convolutions,
    einsum,
    foreign,
    keras,
    merges,
    movements,
    norms,
    pools,
    products,
    recurrent,
    sampling,
    selections,
)
