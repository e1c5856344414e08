"""ATen's operators, family by family."""

from convcost.importers.pytorch.aten import (  # noqa: F401 -- add the functions
    activations,
    arithmetic,
    attention,
    convolutions,
    creation,
    movements,
    norms,
    pools,
    quantised,
    recurrent,
    sizes,
)
